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

    from estate_tool.audit import model

_BY_HAND = "a resource of your own: docs/escape-hatch.md"
_DAY = 86_400
# Bounds of the catalog's validation (foundation/validation.py).
_MIN_RECEIVES, _MAX_RECEIVES, _MAX_DAYS = 5, 1000, 7
# Of a queue without redrive policy: its consumer was written for messages that come back for ever.
_RECEIVES = 10


def indexes(old: model.Table) -> list[str]:
    """Return the names of a table's secondary indexes, global and local."""
    kinds = (old.settings.get(f"{kind}SecondaryIndexes") or [] for kind in ("Global", "Local"))
    return [str(one["IndexName"]) for several in kinds for one in several]


def table_problem(old: model.Table) -> Note | None:
    """Return the reason why a table can't be declared at all."""
    keys = {key["AttributeName"] for key in old.settings["KeySchema"]}
    other = [
        f"{one['AttributeName']} ({one['AttributeType']})"
        for one in old.settings["AttributeDefinitions"]
        if one["AttributeName"] in keys and one["AttributeType"] != "S"
    ]
    if not other:
        return None
    return Note(
        "missing", old.name, "table", f"key {', '.join(other)}", "keys of the catalog's tables are strings", _BY_HAND
    )


def table(old: model.Table, name: str, notes: list[Note]) -> Table:
    """Return the declaration of a table; settings that it can't hold go to `notes`."""
    found = old.settings
    keys = {key["KeyType"]: str(key["AttributeName"]) for key in found["KeySchema"]}
    ttl = found.get("TimeToLiveDescription") or {}
    notes += _table_notes(old)
    return Table(
        name=name,
        hash_key=keys["HASH"],
        range_key=keys.get("RANGE"),
        stream=bool((found.get("StreamSpecification") or {}).get("StreamEnabled")),
        ttl_attribute=ttl.get("AttributeName") if ttl.get("TimeToLiveStatus") in ("ENABLED", "ENABLING") else None,
        read=_capacity(old, "read", notes),
        write=_capacity(old, "write", notes),
    )


def _capacity(old: model.Table, direction: str, notes: list[Note]) -> Capacity | None:
    one = next((one for one in old.capacities if one.direction == direction and not one.index), None)
    if one is None:
        return None
    if one.scaled and one.bounds and one.bounds[0] < one.bounds[1]:
        return Capacity(minimum=max(1, one.bounds[0]), maximum=one.bounds[1])
    # A fixed capacity becomes the maximum of scaling.
    most = max(one.units, 1)
    made = Capacity(minimum=max(1, min(most, int(one.needed or 1))), maximum=most)
    fixed = f"{counted(one.units, 'unit')}, fixed"
    instead = f"{made.minimum:,} to {most:,} units at {made.target_percent} % use"
    notes.append(Note("differs", old.name, f"{direction} capacity", fixed, "capacity scales", instead))
    return made


def _table_notes(old: model.Table) -> Iterator[Note]:
    found = old.settings
    view = (found.get("StreamSpecification") or {}).get("StreamViewType")
    key = (found.get("SSEDescription") or {}).get("KMSMasterKeyArn")
    for setting, value, reason in (
        ("secondary indexes", ", ".join(indexes(old)), "the catalog can't declare them"),
        ("replicas", ", ".join(one["RegionName"] for one in found.get("Replicas") or []), "tables have one region"),
        ("encryption", key or "", "tables are encrypted with the key that DynamoDB owns"),
    ):
        if value:
            yield Note("missing", old.name, setting, value, reason, _BY_HAND)
    if view and view != "NEW_IMAGE":
        instead = "read what was there before from the table"
        yield Note("differs", old.name, "stream", view, "streams hold new images", instead)


def queue_problem(old: model.Queue, consumers: Sequence[str], adopted: set[str]) -> Note | None:
    """Return the reason why a queue can't be declared at all, None for one with one adopted consumer."""
    found = f"consumed by {', '.join(consumers)}"
    if old.settings.get("FifoQueue") == "true":
        found, reason, instead = "a FIFO queue", "the catalog's queues are standard ones", _BY_HAND
    elif not consumers:
        found, reason, instead = "no function consumes it", "every queue of the catalog has one consumer", _BY_HAND
    elif len(consumers) > 1:
        reason = "every queue of the catalog has one consumer: two would each get a part of the messages"
        instead = "give each of them a queue of its own"
    elif consumers[0] not in adopted:
        reason = "every queue of the catalog is consumed by a function of it"
        instead = f"adopt that, too: estate adopt {consumers[0]} …"
    else:
        return None
    return Note("missing", old.name, "queue", found, reason, instead)


def queue(old: model.Queue, name: str, visibility_seconds: int, notes: list[Note]) -> Queue:
    """Return the declaration of a queue, whose messages will be invisible for so long; notes as of `table`."""
    kept = min(max(-(-old.retention_seconds // _DAY), 1), _MAX_DAYS)
    receives = min(max(_RECEIVES if old.max_receives is None else old.max_receives, _MIN_RECEIVES), _MAX_RECEIVES)
    was = "no redrive policy" if old.max_receives is None else counted(old.max_receives, "receive")
    for setting, changed, found, reason, instead in (
        (
            "retention", kept * _DAY != old.retention_seconds, f"{old.retention_seconds:,} s",
            f"queues keep messages 1 to {_MAX_DAYS} whole days, their dead letters 14", counted(kept, "day"),
        ),
        (
            "redrive", receives != old.max_receives, was,
            f"messages are received {_MIN_RECEIVES} to {_MAX_RECEIVES:,} times, then go to dlq-{name}",
            f"{receives:,} receives",
        ),
        (
            "visibility", visibility_seconds != old.visibility_seconds, f"{old.visibility_seconds:,} s",
            "six times the consumer's timeout, and its window", f"{visibility_seconds:,} s",
        ),
    ):  # fmt: skip
        if changed:
            notes.append(Note("differs", old.name, setting, found, reason, instead))
    notes += _queue_notes(old)
    return Queue(name=name, max_receive_count=receives, retention_days=kept)


def _queue_notes(old: model.Queue) -> Iterator[Note]:
    found = old.settings
    # Every queue of the catalog has a policy that denies calls without TLS.
    allows = any(one.get("Effect") == "Allow" for one in entries(json.loads(found.get("Policy") or "{}")))
    senders = "grants name the functions that may send; within the account, policies of others do"
    for setting, value, reason in (
        ("delay", f"{found['DelaySeconds']} s" if int(found.get("DelaySeconds", 0)) else "", "messages come at once"),
        ("encryption", found.get("KmsMasterKeyId", ""), "queues are encrypted with SQS's own keys"),
        ("policy", "a resource policy" if allows else "", senders),
    ):
        if value:
            yield Note("missing", old.name, setting, value, reason, _BY_HAND)
