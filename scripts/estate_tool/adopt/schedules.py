"""Schedules of adopted functions: those of EventBridge Scheduler, and rules of EventBridge with a schedule."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from estate_tool.adopt.model import Note
from estate_tool.audit import senders
from foundation.model import ScheduleTrigger
from foundation.problems import InvalidConfiguration
from foundation.schedules import declared_input, invalid_schedule

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from estate_tool.adopt.model import OldFunction
    from estate_tool.audit.collect import Collector

_BY_HAND = "docs/escape-hatch.md shows how a resource of your own stands beside the components"
_RULE = ":rule/"


@dataclass(frozen=True, kw_only=True)
class OldSchedule:
    """A schedule as GetSchedule has it, or a rule as DescribeRule has it together with its target of the function."""

    arn: str
    settings: Mapping[str, Any]
    target: Mapping[str, Any]


def read(collector: Collector, callers: Mapping[str, Sequence[Mapping[str, Any]]]) -> dict[str, list[OldSchedule]]:
    """Return the schedules of functions, by function; `callers` are the statements of their resource policies."""
    found: dict[str, list[OldSchedule]] = {name: [] for name in callers}
    for schedule in senders.schedules(
        collector,
        lambda one: OldSchedule(arn=one["Arn"], settings=one, target=one["Target"]),
        lambda listed: _function(listed["Target"]["Arn"]) in found,
    ):
        found[_function(schedule.target["Arn"])].append(schedule)
    rules = sorted({(name, arn) for name, several in callers.items() for one in several for arn in rule_arns(one)})
    for name, schedule in collector.each("rules", rules, lambda pair: (pair[0], _rule(collector, *pair))):
        found[name] += [schedule] if schedule else []
    return found


def rule_arns(statement: Mapping[str, Any]) -> list[str]:
    """Return the rules that a statement of a function's resource policy lets call it."""
    conditions = (statement.get("Condition") or {}).values()
    values = [value for keys in conditions for key, value in keys.items() if key.lower() == "aws:sourcearn"]
    several = [one for value in values for one in (value if isinstance(value, list) else [value])]
    # Only the default bus has rules with a schedule.
    return [arn for arn in several if arn.count(_RULE) == 1 and "/" not in arn.partition(_RULE)[2] and "*" not in arn]


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
    """Return the trigger; a schedule that can't be declared, and what works otherwise, goes to `notes`."""
    found, policy = schedule.settings, schedule.target.get("RetryPolicy") or {}
    plain = ScheduleTrigger(expression=str(found.get("ScheduleExpression")))
    trigger = replace(
        plain,
        timezone=found.get("ScheduleExpressionTimezone") or "UTC",
        retry_attempts=policy.get("MaximumRetryAttempts", plain.retry_attempts),
        maximum_event_age_seconds=policy.get("MaximumEventAgeInSeconds", plain.maximum_event_age_seconds),
        enabled=found.get("State") != "DISABLED",
    )
    given, text, own = {}, str(schedule.target.get("Input") or ""), None
    try:
        given = json.loads(text) if text else {}
        own = declared_input(given)
        given = given if own is None else own
        problems = [*invalid_schedule("schedule", replace(trigger, input=given))]
    except ValueError:
        problems = [*invalid_schedule("schedule", trigger)]
        text, given = text or "no JSON", None
    other = [one for one in problems if one.where != "schedule input"]
    if other:
        reason = str(InvalidConfiguration(other)).partition("\n")[2].strip(" -")
        notes.append(Note.missing(old.name, "schedule", f"{plain.expression} of {schedule.arn}", reason, _BY_HAND))
        return None
    if own is None:
        notes.append(_new_payload(old, text))
    notes += _differences(old, schedule, text, whole=not problems and given is not None)
    return replace(trigger, input=given) if given and not problems else trigger


def _new_payload(old: OldFunction, text: str) -> Note:
    reason = "a schedule hands its time over together with the input"
    event = "the input" if text else "the event of the schedule"
    instead = 'read event["input"] and event["scheduledTime"] (docs/schedules.md)'
    return Note.code(old.name, "schedule", event, reason, instead)


def _differences(old: OldFunction, schedule: OldSchedule, text: str, *, whole: bool) -> Iterator[Note]:
    if not whole:
        yield Note.missing(old.name, "schedule input", text, "inputs are JSON objects", "give it as a value of one")
    found = schedule.settings
    window = (found.get("FlexibleTimeWindow") or {}).get("MaximumWindowInMinutes")
    if window:
        yield Note.differs(old.name, "flexible window", f"{window} minutes", "schedules run on time", "none")
    for key in ("StartDate", "EndDate"):
        if found.get(key):
            yield Note.missing(old.name, key, str(found[key]), "schedules have none", "declare it while it is wanted")
    for key in ("InputPath", "InputTransformer"):
        if schedule.target.get(key):
            yield Note.missing(old.name, key, json.dumps(schedule.target[key]), "inputs are constant", _BY_HAND)
