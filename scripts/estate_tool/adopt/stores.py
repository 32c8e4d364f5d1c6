"""Declarations of adopted tables and queues."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from estate_tool.adopt.model import Note
from estate_tool.core.text import counted
from foundation.guardrails.documents import entries
from foundation.model import Capacity, Queue, Table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from estate_tool.adopt.model import OldQueue, OldTable

_BY_HAND = "a resource of your own: docs/escape-hatch.md"
_DAY = 86_400
# What the catalog's validation takes (foundation/validation.py).
_LEAST_RECEIVES, _MOST_RECEIVES, _MOST_DAYS = 5, 1000, 7
# Of a queue without redrive policy: its consumer was written for messages that come back for ever.
_RECEIVES = 10
_TARGET_PERCENT = 70


def table_problem(old: OldTable) -> Note | None:
    """Return the reason why a table can't be declared at all."""
    keys = {key["AttributeName"] for key in old.settings["KeySchema"]}
    other = [
        f"{one['AttributeName']} ({one['AttributeType']})"
        for one in old.settings["AttributeDefinitions"]
        if one["AttributeName"] in keys and one["AttributeType"] != "S"
    ]
    if not other:
        return None
    reason = "keys of the catalog's tables are strings"
    return Note.missing(old.name, "table", f"key {', '.join(other)}", reason, _BY_HAND)


def table(old: OldTable, name: str, notes: list[Note]) -> Table:
    """Return the declaration of a table; what it can't hold goes to `notes`."""
    found = old.settings
    keys = {key["KeyType"]: str(key["AttributeName"]) for key in found["KeySchema"]}
    stream = found.get("StreamSpecification") or {}
    notes += _table_notes(old)
    return Table(
        name=name,
        hash_key=keys["HASH"],
        range_key=keys.get("RANGE"),
        stream=bool(stream.get("StreamEnabled")),
        ttl_attribute=old.ttl_attribute,
        read=_capacity(old, "read", notes),
        write=_capacity(old, "write", notes),
    )


def _capacity(old: OldTable, direction: str, notes: list[Note]) -> Capacity | None:
    one = next((one for one in old.capacities if one.direction == direction and not one.index), None)
    if one is None:
        return None
    if one.scaled and one.bounds and one.bounds[0] < one.bounds[1]:
        return Capacity(minimum=max(1, one.bounds[0]), maximum=one.bounds[1])
    least = max(1, min(one.units, int(one.needed))) if one.needed is not None else 1
    # A fixed capacity becomes the most that scaling may go up to.
    most = max(one.units, least)
    instead = f"{least:,} to {most:,} units at {_TARGET_PERCENT} % use"
    notes.append(
        Note.differs(
            old.name, f"{direction} capacity", f"{counted(one.units, 'unit')}, fixed", "capacity scales", instead
        )
    )
    return Capacity(minimum=least, maximum=most)


def _table_notes(old: OldTable) -> Iterator[Note]:
    found = old.settings
    view = (found.get("StreamSpecification") or {}).get("StreamViewType")
    key = (found.get("SSEDescription") or {}).get("KMSMasterKeyArn")
    for setting, value, reason in (
        ("secondary indexes", ", ".join(old.indexes), "the catalog has no word for them"),
        ("replicas", ", ".join(one["RegionName"] for one in found.get("Replicas") or []), "tables have one region"),
        ("encryption", key or "", "tables are encrypted with the key that DynamoDB owns"),
    ):
        if value:
            yield Note.missing(old.name, setting, value, reason, _BY_HAND)
    if view and view != "NEW_IMAGE":
        instead = "read what was there before from the table"
        yield Note.differs(old.name, "stream", view, "streams hold new images", instead)


def queue_problem(old: OldQueue, consumers: Sequence[str], adopted: set[str]) -> Note | None:
    """Return the reason why a queue can't be declared at all, None for one with one adopted consumer."""

    def note(found: str, reason: str, instead: str) -> Note:
        return Note.missing(old.name, "queue", found, reason, instead)

    if old.settings.get("FifoQueue") == "true":
        return note("a FIFO queue", "the catalog's queues are standard ones", _BY_HAND)
    if not consumers:
        return note("no function consumes it", "every queue of the catalog has one consumer", _BY_HAND)
    if len(consumers) > 1:
        shared = "every queue of the catalog has one consumer: two would each get a part of the messages"
        return note(f"consumed by {', '.join(consumers)}", shared, "give each of them a queue of its own")
    if consumers[0] not in adopted:
        reason = "every queue of the catalog is consumed by a function of it"
        return note(f"consumed by {consumers[0]}", reason, f"adopt that, too: estate adopt {consumers[0]} …")
    return None


def queue(old: OldQueue, name: str, visibility_seconds: int, notes: list[Note]) -> Queue:
    """Return the declaration of a queue, whose messages will be invisible for so long; notes as of `table`."""
    found = old.found
    days = -(-found.retention_seconds // _DAY)
    kept = min(max(days, 1), _MOST_DAYS)
    receives = _RECEIVES if found.max_receives is None else found.max_receives
    bounded = min(max(receives, _LEAST_RECEIVES), _MOST_RECEIVES)

    if kept * _DAY != found.retention_seconds:
        reason = f"queues keep messages 1 to {_MOST_DAYS} whole days, their dead letters 14"
        notes.append(
            Note.differs(old.name, "retention", f"{found.retention_seconds:,} s", reason, counted(kept, "day"))
        )
    if bounded != found.max_receives:
        was = "no redrive policy" if found.max_receives is None else counted(found.max_receives, "receive")
        reason = f"messages are received {_LEAST_RECEIVES} to {_MOST_RECEIVES:,} times, then go to dlq-{name}"
        notes.append(Note.differs(old.name, "redrive", was, reason, f"{bounded:,} receives"))
    if visibility_seconds != found.visibility_seconds:
        reason = "six times the consumer's timeout, and its window"
        notes.append(
            Note.differs(old.name, "visibility", f"{found.visibility_seconds:,} s", reason, f"{visibility_seconds:,} s")
        )
    notes += _queue_notes(old)
    return Queue(name=name, max_receive_count=bounded, retention_days=kept)


def _lets_in(policy: str | None) -> bool:
    """True if a queue's policy allows anything; one that denies calls without TLS, every queue of the catalog has."""
    statements = entries(json.loads(policy)) if policy else []
    return any(one.get("Effect") == "Allow" for one in statements)


def _queue_notes(old: OldQueue) -> Iterator[Note]:
    found = old.settings
    who = "grants say which functions may send; within the account, policies of others do"
    for setting, value, reason in (
        ("delay", f"{found['DelaySeconds']} s" if int(found.get("DelaySeconds", 0)) else "", "messages come at once"),
        ("encryption", found.get("KmsMasterKeyId", ""), "queues are encrypted with SQS's own keys"),
        ("policy", "a resource policy" if _lets_in(found.get("Policy")) else "", who),
    ):
        if value:
            yield Note.missing(old.name, setting, value, reason, _BY_HAND)
