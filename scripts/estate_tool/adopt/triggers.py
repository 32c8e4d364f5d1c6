"""Triggers and URLs of adopted functions, and notes on callers that the catalog can't declare."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from estate_tool.adopt import schedules
from estate_tool.adopt.model import Note
from estate_tool.adopt.services import template
from estate_tool.audit.access import is_of_url
from foundation.guardrails.documents import listed
from foundation.model import QueueTrigger, StreamTrigger, Trigger
from foundation.urls import FunctionUrl, problems

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from estate_tool.adopt.model import Declared, OldFunction
    from estate_tool.audit.model import EventSourceMapping

# Calls at once from a queue that sets no limit, for want of a metric of how many there were.
_CONCURRENCY = 10
_INSERTS = [{"eventName": ["INSERT"]}]
# "DynamoDB Streams": records are there for 24 hours.
_STREAM_SECONDS = 86_400
_ONE = ("a function has one trigger", "declare a second function with the same handler's package")
_BY_HAND = "docs/escape-hatch.md shows how a resource of your own stands beside the components"


def trigger(old: OldFunction, declared: Declared, notes: list[Note]) -> Trigger | None:
    """Return the function's trigger; all else that starts it goes to `notes`."""
    chosen: Trigger | None = None
    for mapping in sorted(old.mappings, key=lambda one: not one.enabled):
        made = None if chosen else _declared(old, mapping, declared)
        if made:
            chosen = made
            notes += _differences(old, mapping, made)
        else:
            reason, instead = _ONE if chosen else _reason(mapping)
            source = mapping.source or "a self-managed source"
            notes.append(Note("missing", old.name, "trigger", source, reason, instead))
    for schedule in old.schedules:
        if chosen:
            notes.append(Note("missing", old.name, "schedule", schedule.arn, *_ONE))
        else:
            chosen = schedules.declared(old, schedule, notes)
    notes += _callers(old)
    return chosen


def _reason(mapping: EventSourceMapping) -> tuple[str, str]:
    if ":sqs:" in mapping.source or ":dynamodb:" in mapping.source:
        return "its source is not declared, for the reason given there", "see there"
    return "the catalog can't declare this source", _BY_HAND


def _declared(
    old: OldFunction, mapping: EventSourceMapping, declared: Declared
) -> QueueTrigger | StreamTrigger | None:  # fmt: skip
    found = mapping.settings
    size, window = int(found.get("BatchSize") or 10), int(found.get("MaximumBatchingWindowInSeconds") or 0)
    if queue := declared.queues.get(mapping.source):
        measured = min(1000, 2 * old.peak) if old.peak else _CONCURRENCY
        most = int(_limit(mapping) or measured)
        limited = max(2, min(most, old.reserved or most))
        return QueueTrigger(queue=queue, batch_size=size, window_seconds=window, maximum_concurrency=limited)
    table = declared.tables.get(mapping.source.partition("/stream/")[0])
    if not table or "/stream/" not in mapping.source:
        return None
    # Without end, one bad record holds its shard up: the catalog's own bound instead.
    retries = {} if mapping.retries in (None, -1) else {"retries": mapping.retries}
    parallel = int(found.get("ParallelizationFactor") or 1)
    return StreamTrigger(table=table, batch_size=size, window_seconds=window, parallelization=parallel, **retries)


def _limit(mapping: EventSourceMapping) -> int | None:
    return (mapping.settings.get("ScalingConfig") or {}).get("MaximumConcurrency")


def _differences(old: OldFunction, mapping: EventSourceMapping, made: QueueTrigger | StreamTrigger) -> Iterator[Note]:
    found = mapping.settings
    filters = (found.get("FilterCriteria") or {}).get("Filters") or []
    patterns = [json.loads(one["Pattern"]) for one in filters]
    if not mapping.enabled:
        yield _note(old, "trigger", "disabled", "triggers are enabled", "leave it out until its events are wanted")
    if "ReportBatchItemFailures" not in (found.get("FunctionResponseTypes") or []):
        instead = "return nothing, or batchItemFailures with what failed; raise if all of it did"
        yield _note(old, "batch result", "a batch fails as a whole", "failures are reported by item", instead)
    if isinstance(made, StreamTrigger):
        yield from _of_stream(old, mapping, made, patterns)
        return
    if patterns:
        instead = "pass over those in the function"
        yield _note(old, "filter", json.dumps(patterns), "every message is delivered", instead)
    if not _limit(mapping):
        was = "no limit" if old.peak is None else f"no limit; at most {old.peak:,} at once"
        instead = f"{made.maximum_concurrency:,} calls at once"
        yield _note(old, "concurrency", was, "a queue starts a limited number of calls", instead)


def _note(old: OldFunction, setting: str, found: str, reason: str, instead: str) -> Note:
    return Note("differs", old.name, setting, found, reason, instead)


def _of_stream(
    old: OldFunction, mapping: EventSourceMapping, made: StreamTrigger, patterns: list[Any]
) -> Iterator[Note]:  # fmt: skip
    if patterns != _INSERTS:
        was = json.dumps(patterns) if patterns else "inserts, changes and removals"
        yield _note(old, "filter", was, "a stream's trigger delivers inserts alone", "find changes in another way")
    if mapping.retries in (None, -1):
        instead = f"{made.retries} retries; retries=-1 if the function disposes of bad records itself"
        yield _note(old, "retries", "without end", "one bad record would hold its shard up", instead)
    if 0 < (mapping.age_seconds or -1) < _STREAM_SECONDS:
        reason, instead = "records are tried for as long as the stream has them", "pass over what is too old"
        yield _note(old, "record age", f"{mapping.age_seconds:,} s", reason, instead)
    if window := mapping.settings.get("TumblingWindowInSeconds"):
        yield _note(old, "tumbling window", f"{window} s", "there are none", _BY_HAND)


def _callers(old: OldFunction) -> Iterator[Note]:
    """Yield services and accounts that the function's resource policy lets call it."""
    rules = {schedule.arn for schedule in old.schedules}
    for statement in old.policy:
        if rules.intersection(schedules.sources(statement)) or is_of_url(statement):
            continue
        for name in _principals(statement):
            text = f"{name} {', '.join(schedules.sources(statement))}".strip()
            yield Note("missing", old.name, "caller", text, "the catalog can't declare this caller", _BY_HAND)


def _principals(statement: Mapping[str, Any]) -> list[str]:
    principal = statement.get("Principal")
    groups = principal.values() if isinstance(principal, dict) else (principal,)
    return [name for group in groups for name in listed(group)]


def url(old: OldFunction, made: Trigger | None, notes: list[Note]) -> FunctionUrl | None:
    """Return the function's URL, for the roles and users that may call it now; one without IAM goes to `notes`."""
    if not old.urls:
        return None
    addresses = ", ".join(str(one.get("FunctionUrl")) for one in old.urls)
    invokers = (
        template(one, old) for statement in old.policy if is_of_url(statement) for one in _principals(statement)
    )
    found = FunctionUrl(invokers=tuple(dict.fromkeys(invokers)))
    reason = next((f"allowed: {one.allowed}" for one in problems("", found, triggered=made is not None)), "")
    if any(one.get("AuthType") != "AWS_IAM" for one in old.urls):
        reason = "addresses ask for IAM"
    if reason:
        instead = "docs/what-functions-need.md, or a gateway of your own"
        notes.append(Note("missing", old.name, "url", addresses, reason, instead))
        return None
    notes.append(_note(old, "url", addresses, "an address is made anew", "tell callers the new one"))
    return found
