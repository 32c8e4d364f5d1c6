"""Records of a DynamoDB stream: the events that were inserted."""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from shared.dead_letters import REASON, DeadLetter, dead_letter
from shared.events import Event, parse_stored
from shared.logs import logger
from shared.pages import Slot, slot_of

# SQS takes no other text than XML does; what JSON escapes by itself is not among it.
_NO_MESSAGE_TEXT = re.compile("[\ufffe\uffff\ud800-\udfff]")


class Inserted(NamedTuple):
    """An event that was inserted into the events table."""

    event: Event
    slot: Slot
    expires_at: int | None
    """Time of the event's deletion, in seconds since 1970; None if never."""
    record: Mapping[str, Any]

    @property
    def sequence_number(self) -> str:
        """The number of its record in the stream."""
        return str(self.record["dynamodb"].get("SequenceNumber"))

    def dead(self, reason: str) -> DeadLetter:
        """Return the record as it goes to the dead-letter queue."""
        return _dead(self.record, reason)


class Read(NamedTuple):
    """Contents of a batch of the stream."""

    inserted: list[Inserted]
    """In order, each event once."""
    unreadable: list[DeadLetter]
    """Records that hold no event as `ingest` stores it."""
    ignored: int
    """Records of changes and removals."""


def read(records: Iterable[Any]) -> Read:
    """Read the batch; an unreadable record never keeps the others from being counted."""
    inserted: dict[Slot, Inserted] = {}
    unreadable = []
    ignored = 0
    for record in records:
        change: Any = None
        try:
            if record["eventName"] in ("MODIFY", "REMOVE"):
                ignored += 1
                continue
            change = record["dynamodb"]
            entry = _inserted(record, change["NewImage"])
            inserted.setdefault(entry.slot, entry)
        except Exception as error:
            number = change.get("SequenceNumber") if isinstance(change, Mapping) else None
            reason = f"unreadable record: {type(error).__name__}: {error}"
            logger.error("unreadable record", extra={"sequenceNumber": number, "reason": reason})
            unreadable.append(_dead(record, reason))
    return Read(list(inserted.values()), unreadable, ignored)


def _inserted(record: Mapping[str, Any], image: Mapping[str, Any]) -> Inserted:
    event = parse_stored(image["event"]["S"])
    if image["event_key"]["S"] != event.key:
        raise ValueError(f"event_key {image['event_key']['S']!r} is not the key of its event, {event.key}")
    expires_at = int(image["expires_at"]["N"]) if "expires_at" in image else None
    return Inserted(event, slot_of(image), expires_at, record)


def _dead(record: Any, reason: str) -> DeadLetter:
    """Return a batch of this record alone, as an asynchronous call that failed, so that `estate redrive` replays it."""
    number = str(record.get("eventID", "")) if isinstance(record, Mapping) else ""
    body = json.dumps({"Records": [record], "replay": True}, ensure_ascii=False, default=str)
    body = _NO_MESSAGE_TEXT.sub(lambda found: f"\\u{ord(found[0]):04x}", body)
    attributes = {"RequestID": number or "record", "ErrorCode": "200", REASON: reason}
    return dead_letter(number, body, {}, **attributes)
