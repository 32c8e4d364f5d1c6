"""Dead-letter queues, read without taking anything out, and the batches that the aggregation gave up."""

from __future__ import annotations

import contextlib
import re
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from estate_tool.core.retries import code_of
from estate_tool.core.untrusted import decoded, mapping, stored_key
from shared.dead_letters import SOURCE_ID

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

# A received message is hidden from everybody for this long if it is not given back (killed, or too many of them).
HIDDEN_SECONDS = 120
# One look takes at most this long, so that what was seen first is still hidden when the last is.
LOOK_SECONDS = 60.0
# Without a change of its depth, a queue is looked through again after this long: the depth is approximate.
AGAIN_SECONDS = 30.0
AT_ONCE = 10
_DEPTHS = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible", "ApproximateNumberOfMessagesDelayed")
# A page of an open shard may be empty although more records follow; so many in a row are its end.
EMPTY_PAGES = 10
# The records are gone, a day after they were written, or the whole stream is, or the message named none.
_GONE = {
    "TrimmedDataAccessException", "ResourceNotFoundException", "ExpiredIteratorException", "ValidationException",
}  # fmt: skip
SEQUENCE_NUMBER = re.compile(r"[0-9]{1,40}")  # "GetShardIterator": a sequence number has 21 to 40 digits


def depth(sqs: Any, queue: str) -> int | None:
    """Return about how many messages a queue has, those in flight included; None if there is no such queue."""
    try:
        url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
        attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=list(_DEPTHS))["Attributes"]
    except sqs.exceptions.QueueDoesNotExist:
        return None
    return sum(int(attributes.get(name, 0)) for name in _DEPTHS)


def set_visibility(sqs: Any, url: str, handles: Sequence[str], seconds: int) -> None:
    """Hide received messages for so long; 0 makes them visible.

    One that was deleted or moved meanwhile is refused, and one that could not be changed comes back by itself.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    for start in range(0, len(handles), AT_ONCE):
        entries = [
            {"Id": str(number), "ReceiptHandle": handle, "VisibilityTimeout": seconds}
            for number, handle in enumerate(handles[start : start + AT_ONCE])
        ]
        with contextlib.suppress(ClientError, BotoCoreError):
            sqs.change_message_visibility_batch(QueueUrl=url, Entries=entries)


def source_id(message: dict[str, Any]) -> str:
    """Return the id that a message had in its source queue: its own, unless the consumer sent it here itself."""
    attribute = (message.get("MessageAttributes") or {}).get(SOURCE_ID) or {}
    return str(attribute.get("StringValue") or message["MessageId"])


class DeadLetters:
    """A dead-letter queue. Nothing in it is deleted; what was looked at is visible again at the end of a look.

    One that does not exist is as good as empty: its layer may be away for a while.
    """

    def __init__(self, sqs: Any, queue: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._sqs = sqs
        self._queue = queue
        self._clock = clock
        self._known_depth = 0
        self._looked_at = float("-inf")

    def news(self) -> Generator[dict[str, Any]]:
        """Yield all messages of the queue, or none if they have been looked through and nothing seems to have changed.

        May be closed early; a message may come twice.
        """
        current = depth(self._sqs, self._queue) or 0
        if current == 0 or (current == self._known_depth and self._clock() - self._looked_at < AGAIN_SECONDS):
            return
        self._known_depth = current
        self._looked_at = self._clock()
        with contextlib.suppress(self._sqs.exceptions.QueueDoesNotExist):
            yield from self._look(self._sqs.get_queue_url(QueueName=self._queue)["QueueUrl"], current)

    def _look(self, url: str, expected: int) -> Generator[dict[str, Any]]:
        handles: list[str] = []
        end = self._clock() + LOOK_SECONDS
        try:
            while len(handles) < expected and self._clock() < end:
                messages = self._receive(url)
                handles += [message["ReceiptHandle"] for message in messages]
                yield from messages
                if not messages:
                    break
        finally:
            if self._clock() < end:
                set_visibility(self._sqs, url, handles, 0)
            else:
                # Too many for one look: the ones seen stay hidden for a while, so that the next look sees others.
                self._known_depth = 0

    def _receive(self, url: str) -> Sequence[dict[str, Any]]:
        try:
            answer = self._sqs.receive_message(
                QueueUrl=url,
                MaxNumberOfMessages=AT_ONCE,
                VisibilityTimeout=HIDDEN_SECONDS,
                # Long polling asks all of SQS's servers; short polling a few, and finds nothing although there is.
                WaitTimeSeconds=1,
                MessageAttributeNames=[SOURCE_ID],
            )
        except self._sqs.exceptions.ClientError as error:
            # So many are in flight already that SQS gives no more out (120,000).
            if code_of(error) == "OverLimit":
                return ()
            raise
        messages: Sequence[dict[str, Any]] = answer.get("Messages", ())
        return messages


class BatchRange(NamedTuple):
    """A part of a stream, as Lambda names it in a failure destination ("Using Lambda with Amazon DynamoDB")."""

    stream: str
    shard: str
    first: str
    last: str


class LostBatches:
    """Reads the failure queue of a function that a DynamoDB stream triggers; only of that `table`, if it is named."""

    def __init__(self, streams: Any, queue: DeadLetters, table: str = "") -> None:
        self._streams = streams
        self._queue = queue
        self._table = table

    def __call__(self) -> set[bytes]:
        """Return the keys of all events in new batches that were given up, counted events included."""
        bodies = [message["Body"] for message in self._queue.news()]
        ranges = {found for body in bodies if (found := batch_range(body, self._table))}
        keys = (key_of(record) for found in ranges for record in records(self._streams, found))
        return {key for key in keys if key is not None}.union(*map(refused_events, bodies))


def key_of(record: dict[str, Any]) -> bytes | None:
    """Return the event that a record of the stream is about; None for an item of another writer."""
    key = stored_key(record["dynamodb"].get("Keys"))
    return None if key is None else bytes.fromhex(key)


def records(streams: Any, found: BatchRange) -> Generator[dict[str, Any], None, bool]:
    """Yield the records of a batch, as far as the stream still has them; its value is whether it has had them all."""
    from botocore.exceptions import ParamValidationError

    try:
        iterator = streams.get_shard_iterator(
            StreamArn=found.stream,
            ShardId=found.shard,
            ShardIteratorType="AT_SEQUENCE_NUMBER",
            SequenceNumber=found.first,
        ).get("ShardIterator")
        empty = 0
        while iterator and empty < EMPTY_PAGES:
            answer = streams.get_records(ShardIterator=iterator)
            empty = 0 if answer["Records"] else empty + 1
            numbers = [record["dynamodb"]["SequenceNumber"] for record in answer["Records"]]
            wanted = [number for number in numbers if int(number) <= int(found.last)]
            yield from answer["Records"][: len(wanted)]
            # The range holds its last record, so reading stops there at the latest.
            if found.last in wanted or len(wanted) < len(numbers):
                return found.last in wanted
            iterator = answer.get("NextShardIterator")
    except ParamValidationError:
        return False  # such as the name of no stream at all
    except streams.exceptions.ClientError as error:
        if code_of(error) not in _GONE:
            raise
    return False


def refused_events(body: str) -> set[bytes]:
    """Return the keys of events in a batch of single records that the aggregation gave up itself; else none."""
    records = mapping(decoded(body)).get("Records")
    changes = [mapping(mapping(record).get("dynamodb")) for record in records] if isinstance(records, list) else []
    keys = (stored_key(mapping(change.get("NewImage"))) for change in changes)
    return {bytes.fromhex(key) for key in keys if key is not None}


def batch_range(body: str, table: str = "") -> BatchRange | None:
    """Return the range of a failed batch; None for any other message, or another table."""
    batch = mapping(mapping(decoded(body)).get("DDBStreamBatchInfo"))
    values = [batch.get(key) for key in ("streamArn", "shardId", "startSequenceNumber", "endSequenceNumber")]
    if not all(isinstance(one, str) and one for one in values):
        return None
    found = BatchRange(*(str(one) for one in values))
    if not (SEQUENCE_NUMBER.fullmatch(found.first) and SEQUENCE_NUMBER.fullmatch(found.last)):
        return None
    if table and f":table/{table}/stream/" not in found.stream:
        return None
    return found if int(found.first) <= int(found.last) else None
