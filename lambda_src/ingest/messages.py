"""Messages of an SQS batch: sorted into events and invalid ones, the latter sent on towards the failure queue."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from shared.aws import AwsError, Caller
from shared.batches import BadBatch
from shared.deadline import Deadline
from shared.events import Event, InvalidEvent, parse
from shared.logs import logger
from shared.text import shown

BATCH_LIMIT = 10
"""Messages in one request to SQS ("Amazon SQS message quotas")."""
_FIELDS = ("messageId", "receiptHandle", "body")


class Message(NamedTuple):
    """One message of the batch."""

    id: str
    receipt: str
    body: str

    @classmethod
    def from_record(cls, record: object) -> "Message":
        """Read a record as Lambda hands it over; raise BadBatch if it is none of a queue: it could not be named."""
        fields = [record.get(key) for key in _FIELDS] if isinstance(record, Mapping) else []
        texts = [field for field in fields if isinstance(field, str)]
        if len(texts) != len(_FIELDS):
            raise BadBatch(f"a record of a queue has {', '.join(_FIELDS)}, all strings; this one is {shown(record)}")
        return cls(*texts)


class Sorted(NamedTuple):
    """The messages of a batch by what is in them."""

    events: dict[str, Event]
    """Event key → the event of the first message with that key."""
    bringers: dict[str, list[str]]
    """Event key → ids of all messages that bring it; they share its fate."""
    invalid: list[Message]
    broken: list[str]
    """Ids of messages that met an error of ours: nothing is known of them."""


def sort(records: Iterable[object]) -> Sorted:
    """Parse the messages; a message at fault never keeps the others from being stored. Raises BadBatch."""
    result = Sorted({}, {}, [], [])
    for message in map(Message.from_record, records):
        try:
            event = parse(message.body)
            key = event.key
        except InvalidEvent as error:
            logger.warning("invalid event", extra={"messageId": message.id, "reason": str(error)})
            result.invalid.append(message)
        except Exception:
            logger.exception("event could not be parsed", extra={"messageId": message.id, "body": shown(message.body)})
            result.broken.append(message.id)
        else:
            result.events.setdefault(key, event)
            result.bringers.setdefault(key, []).append(message.id)
    return result


class Redrive:
    """Makes messages that can never be stored visible at once, so that they reach the failure queue in seconds.

    Left alone, each would wait out the visibility timeout as often as the queue's maxReceiveCount says.
    """

    def __init__(self, client: Callable[[], Caller], queue_url: str) -> None:
        self._client = client
        self._queue_url = queue_url

    def hasten(self, messages: Sequence[Message], deadline: Deadline) -> None:
        """Make the messages visible; what goes wrong is logged and costs time only."""
        for start in range(0, len(messages), BATCH_LIMIT):
            if deadline.passed():
                return
            entries = [
                {"Id": str(number), "ReceiptHandle": message.receipt, "VisibilityTimeout": 0}
                for number, message in enumerate(messages[start : start + BATCH_LIMIT])
            ]
            request = {"QueueUrl": self._queue_url, "Entries": entries}
            try:
                self._client().call("ChangeMessageVisibilityBatch", request, deadline)
            except AwsError as error:
                logger.warning("invalid messages stay until their visibility timeout", extra={"reason": str(error)})
                return
