"""Events whose batch the aggregation gave up: its failure queue names a range of the stream, the stream their keys."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from estate_tool.retries import code_of

if TYPE_CHECKING:
    from collections.abc import Generator

    from estate_tool.dead_letters import DeadLetters

# A page of an open shard may be empty although more records follow; so many in a row are its end.
EMPTY_PAGES = 10
# The records are gone, a day after they were written, or the whole stream is.
_GONE = {"TrimmedDataAccessException", "ResourceNotFoundException", "ExpiredIteratorException"}


class Range(NamedTuple):
    """A part of a stream, as Lambda names it in a failure destination ("Using Lambda with Amazon DynamoDB")."""

    stream: str
    shard: str
    first: str
    last: str


class LostBatches:
    """Reads the failure queue of a function that a DynamoDB stream triggers."""

    def __init__(self, streams: Any, queue: DeadLetters) -> None:
        self._streams = streams
        self._queue = queue

    def __call__(self) -> set[bytes]:
        """Keys of all events in the batches that were given up, counted ones included, if there are new batches."""
        ranges = {found for message in self._queue.news() if (found := batch_range(message["Body"]))}
        return {key_of(record) for found in ranges for record in records(self._streams, found)}


def key_of(record: dict[str, Any]) -> bytes:
    """The event that a record of the stream is about."""
    return bytes.fromhex(record["dynamodb"]["Keys"]["event_key"]["S"])


def records(streams: Any, found: Range) -> Generator[dict[str, Any], None, bool]:
    """The records of a batch, as far as the stream still has them; its value is whether it has had them all."""
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
    except streams.exceptions.ClientError as error:
        if code_of(error) not in _GONE:
            raise
    return False


def batch_range(body: str) -> Range | None:
    """What a message of the failure queue says; None if it is something else."""
    try:
        batch = json.loads(body)["DDBStreamBatchInfo"]
        found = Range(batch["streamArn"], batch["shardId"], batch["startSequenceNumber"], batch["endSequenceNumber"])
        return found if int(found.first) <= int(found.last) else None
    except (ValueError, KeyError, TypeError):
        return None
