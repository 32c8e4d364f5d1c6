"""Dead-letter queues, read without taking anything out, and the batches that the aggregation gave up."""

from __future__ import annotations

import contextlib
import re
import threading
import time
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from estate_tool.core.retries import code_of
from estate_tool.core.untrusted import decoded, mapping, stored_key
from shared.dead_letters import SOURCE_ID

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence

# Without a change of its depth, a queue is looked through again after this long: the depth is approximate.
AGAIN_SECONDS = 30.0
AT_ONCE = 10
# A message is hidden for so long, and again before that is over for as long as the sweep lasts: when the process is
# killed, they are all back soon. Many messages take longer to hide again.
_HIDDEN_SECONDS, _MESSAGES_PER_SECOND = 10, 50
_LONGEST_HIDDEN = 43_200
_DEPTHS = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible", "ApproximateNumberOfMessagesDelayed")
# A page of an open shard may be empty although more records follow; so many in a row are its end.
EMPTY_PAGES = 10
# The records were deleted a day after they were written, the whole stream was, or the message named none.
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


def source_id(message: dict[str, Any]) -> str:
    """Return the id that a message had in its source queue: its own, unless the consumer sent it here itself."""
    attribute = (message.get("MessageAttributes") or {}).get(SOURCE_ID) or {}
    return str(attribute.get("StringValue") or message["MessageId"])


class Sweep:
    """Messages of a queue, hidden within the block and visible again after it; only those that are done are deleted."""

    def __init__(self, sqs: Any, url: str, expected: int) -> None:
        self._sqs = sqs
        self._url = url
        self._expected = expected
        self._seconds = min(_LONGEST_HIDDEN, _HIDDEN_SECONDS + expected // _MESSAGES_PER_SECOND)
        self._handles: dict[str, str] = {}
        self._own: set[str] = set()
        self._end = threading.Event()
        self._keeper = threading.Thread(target=self._keep_hidden, daemon=True, name="keep-hidden")

    def __enter__(self) -> Self:
        self._keeper.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._keeper.join()
        self._hide(0)

    def messages(self) -> Iterator[dict[str, Any]]:
        """Yield each message once, except those that were put back here."""
        count = 0
        # Messages that keep arriving meanwhile are left to the next sweep.
        while count < 2 * self._expected + 100 and (received := self._receive(1 if count < self._expected else 0)):
            new = [
                one for one in received if one["MessageId"] not in self._handles and one["MessageId"] not in self._own
            ]
            self._handles |= {message["MessageId"]: message["ReceiptHandle"] for message in received}
            count += len(new)
            yield from new

    def _receive(self, wait: int) -> Sequence[dict[str, Any]]:
        try:
            answer = self._sqs.receive_message(
                QueueUrl=self._url, MaxNumberOfMessages=AT_ONCE, VisibilityTimeout=self._seconds,
                # Long polling asks all of SQS's servers: when it finds nothing, there is nothing.
                WaitTimeSeconds=wait, AttributeNames=["All"], MessageAttributeNames=["All"],
            )  # fmt: skip
        except self._sqs.exceptions.ClientError as error:
            # SQS has 120,000 messages in flight and gives no more out.
            if code_of(error) != "OverLimit":
                raise
            return ()
        return answer.get("Messages", ())

    def done(self, message: dict[str, Any]) -> None:
        """Delete a message whose work is done."""
        handle = self._handles.pop(message["MessageId"])
        self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=handle)

    def put(self, url: str, message: dict[str, Any], attributes: dict[str, Any]) -> None:
        """Send a message anew, into another queue or, with other attributes, into this one; only then delete it."""
        sent = self._sqs.send_message(QueueUrl=url, MessageBody=message["Body"], MessageAttributes=attributes)
        self._own.add(sent["MessageId"])
        self.done(message)

    def put_back(self, message: dict[str, Any], attributes: dict[str, Any]) -> None:
        """Give a message other attributes; the same sweep does not yield it again."""
        self.put(self._url, message, attributes)

    def _keep_hidden(self) -> None:
        while not self._end.wait(self._seconds / 3):
            self._hide(self._seconds)

    def _hide(self, seconds: int) -> None:
        """Hide the received messages for so long; 0 makes them visible.

        One that was deleted or moved meanwhile is refused, and one that could not be changed comes back by itself.
        """
        from botocore.exceptions import BotoCoreError, ClientError

        handles = iter([*self._handles.values()])
        while some := [*islice(handles, AT_ONCE)]:
            entries = [
                {"Id": str(number), "ReceiptHandle": handle, "VisibilityTimeout": seconds}
                for number, handle in enumerate(some)
            ]
            with contextlib.suppress(ClientError, BotoCoreError):
                self._sqs.change_message_visibility_batch(QueueUrl=self._url, Entries=entries)


class DeadLetters:
    """A dead-letter queue that is looked through again and again. One that does not exist is as good as empty."""

    def __init__(self, sqs: Any, queue: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._sqs = sqs
        self._queue = queue
        self._clock = clock
        self._known_depth = 0
        self._looked_at = float("-inf")

    def news(self) -> Generator[dict[str, Any]]:
        """Yield all messages of the queue, or none if they have been looked through and nothing seems to have changed.

        May be closed early. Nothing is deleted.
        """
        current = depth(self._sqs, self._queue) or 0
        if current == 0 or (current == self._known_depth and self._clock() - self._looked_at < AGAIN_SECONDS):
            return
        self._known_depth, self._looked_at = current, self._clock()
        with contextlib.suppress(self._sqs.exceptions.QueueDoesNotExist):
            url = self._sqs.get_queue_url(QueueName=self._queue)["QueueUrl"]
            with Sweep(self._sqs, url, current) as sweep:
                yield from sweep.messages()


class BatchRange(NamedTuple):
    """Range of a stream's records in a failure destination ("Using Lambda with Amazon DynamoDB")."""

    stream: str
    shard: str
    first: str
    last: str


def lost_events(streams: Any, queue: DeadLetters, table: str) -> set[bytes]:
    """Return the events in batches of the table's stream that a function gave up, counted events included.

    The queue is that function's failure queue; only batches that are new in it are read.
    """
    bodies = [message["Body"] for message in queue.news()]
    ranges = {found for body in bodies if (found := batch_range(body, table))}
    keys = (key_of(record) for found in ranges for record in BatchRecords(streams, found))
    return {key for key in keys if key is not None}.union(*map(refused_events, bodies))


def key_of(record: dict[str, Any]) -> bytes | None:
    """Return the key of the event in a record of the stream; None for an item of another writer."""
    key = stored_key(record["dynamodb"].get("Keys"))
    return None if key is None else bytes.fromhex(key)


class BatchRecords:
    """Records of a failed batch, as far as the stream still has them; `complete` is true once the last one was read."""

    def __init__(self, streams: Any, batch: BatchRange) -> None:
        self.complete = False
        self._streams = streams
        self._batch = batch

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """Yield the records in order."""
        from botocore.exceptions import ParamValidationError

        try:
            yield from self._read()
        except ParamValidationError:
            pass  # such as the name of no stream at all
        except self._streams.exceptions.ClientError as error:
            if code_of(error) not in _GONE:
                raise

    def _read(self) -> Iterator[dict[str, Any]]:
        iterator = self._streams.get_shard_iterator(
            StreamArn=self._batch.stream, ShardId=self._batch.shard, ShardIteratorType="AT_SEQUENCE_NUMBER",
            SequenceNumber=self._batch.first,
        ).get("ShardIterator")  # fmt: skip
        empty = 0
        while iterator and empty < EMPTY_PAGES:
            answer = self._streams.get_records(ShardIterator=iterator)
            empty = 0 if answer["Records"] else empty + 1
            for record in answer["Records"]:
                number = int(record["dynamodb"]["SequenceNumber"])
                if number <= int(self._batch.last):
                    yield record
                # The range contains its last record, so reading stops there at the latest.
                if number >= int(self._batch.last):
                    self.complete = number == int(self._batch.last)
                    return
            iterator = answer.get("NextShardIterator")


def refused_events(body: str) -> set[bytes]:
    """Return the keys of the events in a message that the aggregation sent itself; none for any other."""
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
