"""Messages of an SQS batch: sorted into events and those that can never be stored, and delayed if they come again."""

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from shared.aws import AwsError, Caller
from shared.batches import BATCH_MESSAGES, BadBatch
from shared.dead_letters import REASON, SOURCE_ID, DeadLetter, dead_letter
from shared.deadline import Deadline
from shared.events import Event, InvalidEvent, parse
from shared.logs import logger
from shared.text import shown

FIRST_DELAY_SECONDS, LONGEST_DELAY_SECONDS = 60, 900
"""Before the second further delivery (the first has the queue's visibility timeout), doubled from one to the next."""
_FIELDS = ("messageId", "receiptHandle", "body")


class Message(NamedTuple):
    """One message of the batch."""

    id: str
    receipt: str
    body: str
    receives: int
    """Number of its deliveries, this one included."""
    attributes: Mapping[str, Any]
    """Attributes that its sender gave it, as SQS takes them."""

    @classmethod
    def from_record(cls, record: object) -> "Message":
        """Read a record as Lambda hands it over; raise BadBatch if it is none of a queue: it could not be named."""
        fields = [record.get(key) for key in _FIELDS] if isinstance(record, Mapping) else []
        texts = [field for field in fields if isinstance(field, str)]
        if len(texts) != len(_FIELDS) or not isinstance(record, Mapping):
            raise BadBatch(f"a record of a queue has {', '.join(_FIELDS)}, all strings; this one is {shown(record)}")
        message_id, receipt, body = texts
        return cls(
            message_id, receipt, body, _receives(record.get("attributes")), _attributes(record.get("messageAttributes"))
        )

    def dead(self, reason: str) -> DeadLetter:
        """Return the message as it goes to the dead-letter queue."""
        return dead_letter(self.id, self.body, self.attributes, **{REASON: reason, SOURCE_ID: self.id})


class Sorted(NamedTuple):
    """Messages of a batch by their content."""

    events: dict[str, Event]
    """Event key → the event of the first message with that key."""
    messages: dict[str, list[Message]]
    """Event key → all messages with that event; they share its outcome."""
    hopeless: list[DeadLetter]
    """Messages without a valid event, and those whose parsing failed by an error of ours."""


def sort(records: Iterable[object]) -> Sorted:
    """Parse the messages; a message at fault never keeps the others from being stored. Raises BadBatch."""
    result = Sorted({}, {}, [])
    for message in map(Message.from_record, records):
        try:
            event = parse(message.body)
            key = event.key
        except InvalidEvent as error:
            logger.warning("invalid event", extra={"messageId": message.id, "reason": str(error)})
            result.hopeless.append(message.dead(str(error)))
        except Exception as error:
            logger.exception("event could not be parsed", extra={"messageId": message.id, "body": shown(message.body)})
            reason = f"an error of ours, {type(error).__name__}: {error}; replay it when it is fixed"
            result.hopeless.append(message.dead(reason))
        else:
            result.events.setdefault(key, event)
            result.messages.setdefault(key, []).append(message)
    return result


class Delays:
    """Grows the time before a message that could not be stored is delivered again."""

    def __init__(self, client: Callable[[], Caller], queue_url: str) -> None:
        self._client = client
        self._queue_url = queue_url

    def delay(self, messages: Sequence[Message], deadline: Deadline) -> None:
        """Hide messages that have failed before for longer; a failure to do so is logged, and costs receives only."""
        late = [message for message in messages if message.receives > 1]
        for start in range(0, len(late), BATCH_MESSAGES):
            entries = [
                {"Id": str(number), "ReceiptHandle": message.receipt, "VisibilityTimeout": _seconds(message.receives)}
                for number, message in enumerate(late[start : start + BATCH_MESSAGES])
            ]
            request = {"QueueUrl": self._queue_url, "Entries": entries}
            try:
                self._client().call("ChangeMessageVisibilityBatch", request, deadline)
            except AwsError as error:
                logger.warning("messages come again after the visibility timeout", extra={"reason": str(error)})
                return


def _seconds(receives: int) -> int:
    """Return the delay after so many deliveries, with a jitter of a quarter, so that batches do not come back whole."""
    longest = min(LONGEST_DELAY_SECONDS, FIRST_DELAY_SECONDS * 2 ** min(receives - 1, 10))
    return round(longest * random.uniform(0.75, 1.0))


def _receives(system: object) -> int:
    count = system.get("ApproximateReceiveCount") if isinstance(system, Mapping) else None
    return int(count) if isinstance(count, str) and count.isascii() and count.isdigit() else 1


def _attributes(given: object) -> dict[str, Any]:
    """Return the attributes as SQS takes them: Lambda writes their names in lower case, and empty lists too."""
    names = {"dataType": "DataType", "stringValue": "StringValue", "binaryValue": "BinaryValue"}
    found = given.items() if isinstance(given, Mapping) else ()
    read = {
        str(name): {names[key]: value[key] for key in names if isinstance(value.get(key), str) and value[key]}
        for name, value in found
        if isinstance(value, Mapping)
    }
    return {name: value for name, value in read.items() if len(value) == 2 and "DataType" in value}
