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
    unreadable: int
    """Records that hold no valid event."""
    ignored: int
    """Records of changes and removals."""


def read(records: Iterable[Any]) -> Read:
    """Read the batch; one unreadable record, whatever it is, never keeps the others from being counted."""
    inserted: dict[str, Inserted] = {}
    unreadable = ignored = 0
    for record in records:
        change: Any = None
        try:
            if record["eventName"] in ("MODIFY", "REMOVE"):
                ignored += 1
                continue
            change = record["dynamodb"]
            entry = _inserted(change)
            inserted.setdefault(entry.event.key, entry)
        except Exception as error:
            number = change.get("SequenceNumber") if isinstance(change, Mapping) else None
            reason = f"{type(error).__name__}: {error}"
            logger.error("unreadable record", extra={"sequenceNumber": number, "reason": reason})
            unreadable += 1
    return Read(list(inserted.values()), unreadable, ignored)


def _inserted(change: Mapping[str, Any]) -> Inserted:
    image = change["NewImage"]
    expires_at = int(image["expires_at"]["N"]) if "expires_at" in image else None
    return Inserted(parse(image["event"]["S"]), expires_at, change["SequenceNumber"])
