"""Schedules of adopted functions: those of EventBridge Scheduler, and rules of EventBridge with a schedule."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from estate_tool.adopt.model import Note, OldSchedule
from estate_tool.audit import senders
from foundation.guardrails.documents import listed
from foundation.model import ScheduleTrigger
from foundation.problems import InvalidConfiguration
from foundation.schedules import declared_input, invalid_schedule

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from estate_tool.adopt.model import OldFunction
    from estate_tool.audit.collect import Collector
    from estate_tool.audit.model import Function

_BY_HAND = "docs/escape-hatch.md shows how a resource of your own stands beside the components"
_RULE = ":rule/"


def read(collector: Collector, functions: Iterable[Function]) -> dict[str, list[OldSchedule]]:
    """Return the schedules of functions, by function; of rules, those that their resource policies name."""
    policies = {function.name: function.policy for function in functions}
    found: dict[str, list[OldSchedule]] = {name: [] for name in policies}
    for one in senders.schedules(collector, lambda one: _function(one["Target"]["Arn"]) in found):
        schedule = OldSchedule(arn=one["Arn"], settings=one, target=one["Target"])
        found[_function(schedule.target["Arn"])].append(schedule)
    rules = sorted({
        (name, arn) for name, policy in policies.items() for one in policy for arn in sources(one) if _is_rule(arn)
    })  # fmt: skip
    for name, schedule in collector.each("rules", rules, lambda pair: (pair[0], _rule(collector, *pair))):
        found[name] += [schedule] if schedule else []
    return found


def sources(statement: Mapping[str, Any]) -> list[str]:
    """Return the ARNs for which a statement of a function's resource policy lets a service call it."""
    conditions = (statement.get("Condition") or {}).values()
    return [
        arn for keys in conditions for key, value in keys.items() if key.lower() == "aws:sourcearn"
        for arn in listed(value)
    ]  # fmt: skip


def _is_rule(arn: str) -> bool:
    # Only the default bus has rules with a schedule.
    return arn.count(_RULE) == 1 and "/" not in arn.partition(_RULE)[2] and "*" not in arn


def _rule(collector: Collector, function: str, arn: str) -> OldSchedule | None:
    client, name = collector.reader.client("events"), arn.partition(_RULE)[2]
    settings = client.describe_rule(Name=name)
    targets = client.list_targets_by_rule(Rule=name)["Targets"] if settings.get("ScheduleExpression") else []
    target = next((one for one in targets if _function(one["Arn"]) == function), None)
    return OldSchedule(arn=arn, settings=settings, target=target) if target else None


def _function(arn: str) -> str:
    parts = arn.split(":")
    return parts[6] if len(parts) > 6 and parts[2] == "lambda" else ""


def declared(old: OldFunction, schedule: OldSchedule, notes: list[Note]) -> ScheduleTrigger | None:
    """Return the trigger; a schedule that can't be declared, and settings that differ, go to `notes`."""
    found, policy = schedule.settings, schedule.target.get("RetryPolicy") or {}
    plain = ScheduleTrigger(expression=str(found.get("ScheduleExpression")))
    trigger = replace(
        plain,
        timezone=found.get("ScheduleExpressionTimezone") or "UTC",
        retry_attempts=policy.get("MaximumRetryAttempts", plain.retry_attempts),
        maximum_event_age_seconds=policy.get("MaximumEventAgeInSeconds", plain.maximum_event_age_seconds),
        enabled=found.get("State") != "DISABLED",
    )
    if problems := list(invalid_schedule("schedule", trigger)):
        reason = str(InvalidConfiguration(problems)).partition("\n")[2].strip(" -")
        text = f"{plain.expression} of {schedule.arn}"
        notes.append(Note("missing", old.name, "schedule", text, reason, _BY_HAND))
        return None
    text = str(schedule.target.get("Input") or "")
    given, is_payload = _input(text)
    whole = replace(trigger, input=given)
    if not is_payload:
        notes.append(_new_payload(old, text))
    if any(invalid_schedule("schedule", whole)):
        notes.append(
            Note("missing", old.name, "schedule input", text, "inputs are JSON objects", "give it as a value of one")
        )
        whole = trigger
    notes += _differences(old, schedule)
    return whole


def _input(text: str) -> tuple[Any, bool]:
    """Return the input of a target's JSON, and whether it has it in the payload of this estate's schedules.

    The input is None for a text that is no JSON.
    """
    try:
        content = json.loads(text or "{}")
    except ValueError:
        return None, False
    own = declared_input(content)
    return (content, False) if own is None else (own, True)


def _new_payload(old: OldFunction, text: str) -> Note:
    return Note(
        "code", old.name, "schedule", "the input" if text else "the event of the schedule",
        "a schedule hands its time over together with the input",
        'read event["input"] and event["scheduledTime"] (docs/schedules.md)',
    )  # fmt: skip


def _differences(old: OldFunction, schedule: OldSchedule) -> Iterator[Note]:
    found = schedule.settings
    if window := (found.get("FlexibleTimeWindow") or {}).get("MaximumWindowInMinutes"):
        yield Note("differs", old.name, "flexible window", f"{window} minutes", "schedules run on time", "none")
    for key in ("StartDate", "EndDate"):
        if found.get(key):
            instead = "declare it while it is wanted"
            yield Note("missing", old.name, key, str(found[key]), "schedules have none", instead)
    for key in ("InputPath", "InputTransformer"):
        if schedule.target.get(key):
            text = json.dumps(schedule.target[key])
            yield Note("missing", old.name, key, text, "inputs are constant", _BY_HAND)
