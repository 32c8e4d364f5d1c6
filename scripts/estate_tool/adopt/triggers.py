"""Triggers of adopted functions: event source mappings as the catalog declares them, callers it has no word for."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Any

from estate_tool.adopt import schedules
from estate_tool.adopt.model import Note
from estate_tool.audit.access import is_of_url
from foundation.guardrails.documents import listed
from foundation.model import QueueTrigger, StreamTrigger, Trigger

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from estate_tool.adopt.model import OldFunction

# Calls at once from a queue that set no limit, for want of a metric that shows how many there were.
_CONCURRENCY = 10
_INSERTS = {"eventName": ["INSERT"]}
# "DynamoDB Streams": records are there for 24 hours.
_STREAM_SECONDS = 86_400
_BY_HAND = "docs/escape-hatch.md shows how a resource of your own stands beside the components"


def trigger(
    old: OldFunction, queues: Mapping[str, str], tables: Mapping[str, str], notes: list[Note]
) -> Trigger | None:
    """Return the function's trigger; `queues` and `tables` are logical names by ARN. The rest goes to `notes`."""
    chosen: Trigger | None = None
    for mapping in sorted(old.mappings, key=lambda one: one.get("State") in ("Disabled", "Disabling")):
        made = _declared(old, mapping, queues, tables) if chosen is None else None
        if made is None:
            notes.append(_not_declared(old, mapping, chosen))
        else:
            chosen = made
            notes += _differences(old, mapping, made)
    for schedule in old.schedules:
        if chosen is None:
            chosen = schedules.declared(old, schedule, notes)
        else:
            instead = "declare a second function with the same handler's package"
            notes.append(Note.missing(old.name, "schedule", schedule.arn, "a function has one trigger", instead))
    notes += _callers(old)
    return chosen


def _source(mapping: Mapping[str, Any]) -> str:
    return str(mapping.get("EventSourceArn") or "a self-managed source")


def _declared(
    old: OldFunction, mapping: Mapping[str, Any], queues: Mapping[str, str], tables: Mapping[str, str]
) -> QueueTrigger | StreamTrigger | None:
    source = _source(mapping)
    table = tables.get(source.partition("/stream/")[0])
    size, window = int(mapping.get("BatchSize") or 10), int(mapping.get("MaximumBatchingWindowInSeconds") or 0)
    if source in queues:
        most = (mapping.get("ScalingConfig") or {}).get("MaximumConcurrency") or _concurrency(old)
        limited = min(int(most), old.found.reserved) if old.found.reserved else int(most)
        return QueueTrigger(
            queue=queues[source], batch_size=size, window_seconds=window, maximum_concurrency=max(2, limited)
        )
    if "/stream/" in source and table:
        retries = mapping.get("MaximumRetryAttempts")
        return StreamTrigger(
            table=table, batch_size=size, window_seconds=window,
            parallelization=int(mapping.get("ParallelizationFactor") or 1),
            # Without end, one bad record holds its shard up: the catalog's own bound instead.
            retries=StreamTrigger(table=table).retries if retries in (None, -1) else int(retries),
        )  # fmt: skip
    return None


def _concurrency(old: OldFunction) -> int:
    return min(1000, 2 * old.peak) if old.peak else _CONCURRENCY


def _not_declared(old: OldFunction, mapping: Mapping[str, Any], chosen: Trigger | None) -> Note:
    source = _source(mapping)
    if chosen is not None:
        reason, instead = "a function has one trigger", "declare a second function with the same handler's package"
    elif ":sqs:" in source or ":dynamodb:" in source:
        reason, instead = "its source is not declared, for the reason given there", "see there"
    else:
        reason, instead = "the catalog has no word for this source", _BY_HAND
    return Note.missing(old.name, "trigger", source, reason, instead)


def _differences(old: OldFunction, mapping: Mapping[str, Any], made: QueueTrigger | StreamTrigger) -> Iterator[Note]:
    note = partial(Note.differs, old.name)
    if mapping.get("State") in ("Disabled", "Disabling"):
        yield note("trigger", "disabled", "triggers are enabled", "leave it out until its events are wanted")
    if "ReportBatchItemFailures" not in (mapping.get("FunctionResponseTypes") or []):
        instead = "return nothing, or batchItemFailures with what failed; raise if all of it did"
        yield note("batch result", "a batch fails as a whole", "failures are reported by item", instead)
    patterns = [json.loads(one["Pattern"]) for one in (mapping.get("FilterCriteria") or {}).get("Filters") or []]
    if isinstance(made, StreamTrigger):
        yield from _of_stream(old, mapping, made, patterns)
        return
    if patterns:
        yield note("filter", json.dumps(patterns), "every message is delivered", "pass over those in the function")
    if not (mapping.get("ScalingConfig") or {}).get("MaximumConcurrency"):
        was = "no limit" if old.peak is None else f"no limit; at most {old.peak:,} at once"
        most = f"{made.maximum_concurrency:,} calls at once"
        yield note("concurrency", was, "a queue starts a limited number of calls", most)


def _of_stream(
    old: OldFunction, mapping: Mapping[str, Any], made: StreamTrigger, patterns: list[Any]
) -> Iterator[Note]:
    note = partial(Note.differs, old.name)
    if patterns != [_INSERTS]:
        was = json.dumps(patterns) if patterns else "inserts, changes and removals"
        yield note("filter", was, "a stream's trigger delivers inserts alone", "find changes in another way")
    if mapping.get("MaximumRetryAttempts") in (None, -1):
        yield note("retries", "without end", "one bad record would hold its shard up", f"{made.retries} retries")
    age = int(mapping.get("MaximumRecordAgeInSeconds") or -1)
    if 0 < age < _STREAM_SECONDS:
        reason, instead = "records are tried for as long as the stream has them", "pass over what is too old"
        yield note("record age", f"{age:,} s", reason, instead)
    if mapping.get("TumblingWindowInSeconds"):
        yield note("tumbling window", f"{mapping['TumblingWindowInSeconds']} s", "there are none", _BY_HAND)


def _callers(old: OldFunction) -> Iterator[Note]:
    """Yield services and accounts that the function's resource policy lets call it."""
    rules = {schedule.arn for schedule in old.schedules}
    for statement in old.callers:
        if rules.intersection(schedules.rule_arns(statement)) or is_of_url(statement):
            continue
        principal = statement.get("Principal")
        names = [name for one in principal.values() for name in listed(one)] if isinstance(principal, dict) else []
        source = _condition(statement, "aws:sourcearn")
        for name in names or listed(principal):
            text = f"{name} {source}".strip()
            yield Note.missing(old.name, "caller", text, "the catalog has no word for this caller", _BY_HAND)


def _condition(statement: Mapping[str, Any], wanted: str) -> str:
    for keys in (statement.get("Condition") or {}).values():
        for key, values in keys.items():
            if key.lower() == wanted:
                return ", ".join(listed(values))
    return ""
