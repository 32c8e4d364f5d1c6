"""Records of a DynamoDB stream: the events that were inserted."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from shared.events import Event, parse
from shared.logs import logger


class Inserted(NamedTuple):
    """An event that was inserted into the events table."""

    event: Event
    expires_at: int | None
    """When the event is deleted, in seconds since 1970; None if never."""
    sequence_number: str


class Read(NamedTuple):
    """What a batch of the stream holds."""

    inserted: list[Inserted]
    """In order, each event once."""
    unreadable: list[str]
    """Sequence numbers of records that hold no valid event."""
    ignored: int
    """Records that are no inserts."""


def read(records: Iterable[Mapping[str, Any]]) -> Read:
    """Read the batch; one unreadable record never keeps the others from being counted."""
    inserted: dict[str, Inserted] = {}
    result = Read([], [], 0)
    ignored = 0
    for record in records:
        if record.get("eventName") != "INSERT":
            ignored += 1
            continue
        change = record["dynamodb"]
        try:
            entry = _inserted(change)
            inserted.setdefault(entry.event.key, entry)
        except Exception as error:
            reason = f"{type(error).__name__}: {error}"
            logger.error("unreadable record", extra={"sequenceNumber": change["SequenceNumber"], "reason": reason})
            result.unreadable.append(change["SequenceNumber"])
    return Read(list(inserted.values()), result.unreadable, ignored)


def _inserted(change: Mapping[str, Any]) -> Inserted:
    image = change["NewImage"]
    expires_at = int(image["expires_at"]["N"]) if "expires_at" in image else None
    return Inserted(parse(image["event"]["S"]), expires_at, change["SequenceNumber"])
