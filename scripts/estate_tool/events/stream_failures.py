"""Events whose batch the aggregation gave up: its failure queue names a range of the stream, the stream their keys."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from estate_tool.core.retries import code_of
from estate_tool.core.untrusted import decoded, mapping, stored_key

if TYPE_CHECKING:
    from collections.abc import Generator

    from estate_tool.events.dead_letters import DeadLetters

# A page of an open shard may be empty although more records follow; so many in a row are its end.
EMPTY_PAGES = 10
# The records are gone, a day after they were written, or the whole stream is, or the message named none.
_GONE = {
    "TrimmedDataAccessException", "ResourceNotFoundException", "ExpiredIteratorException", "ValidationException",
}  # fmt: skip
_NUMBER = re.compile(r"[0-9]{1,40}")  # "GetShardIterator": a sequence number has 21 to 40 digits


class Range(NamedTuple):
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
        """Keys of all events in the batches that were given up, counted ones included, if there are new batches."""
        bodies = [message["Body"] for message in self._queue.news()]
        ranges = {found for body in bodies if (found := batch_range(body, self._table))}
        keys = (key_of(record) for found in ranges for record in records(self._streams, found))
        return {key for key in keys if key is not None}.union(*map(refused_events, bodies))


def key_of(record: dict[str, Any]) -> bytes | None:
    """The event that a record of the stream is about; None for an item that somebody else wrote into the table."""
    key = stored_key(record["dynamodb"].get("Keys"))
    return None if key is None else bytes.fromhex(key)


def records(streams: Any, found: Range) -> Generator[dict[str, Any], None, bool]:
    """The records of a batch, as far as the stream still has them; its value is whether it has had them all."""
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
    """Keys of the events in a batch of single records that the aggregation gave up itself; none in anything else."""
    records = mapping(decoded(body)).get("Records")
    changes = [mapping(mapping(record).get("dynamodb")) for record in records] if isinstance(records, list) else []
    keys = (stored_key(mapping(change.get("NewImage"))) for change in changes)
    return {bytes.fromhex(key) for key in keys if key is not None}


def batch_range(body: str, table: str = "") -> Range | None:
    """Return the range of a failed batch; None for any other message, or another table."""
    batch = mapping(mapping(decoded(body)).get("DDBStreamBatchInfo"))
    values = [batch.get(key) for key in ("streamArn", "shardId", "startSequenceNumber", "endSequenceNumber")]
    if not all(isinstance(one, str) and one for one in values):
        return None
    found = Range(*(str(one) for one in values))
    if not (_NUMBER.fullmatch(found.first) and _NUMBER.fullmatch(found.last)):
        return None
    if table and f":table/{table}/stream/" not in found.stream:
        return None
    return found if int(found.first) <= int(found.last) else None
