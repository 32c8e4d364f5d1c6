"""Events whose batch the aggregation gave up: its failure queue names a range of the stream, the stream their keys."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from estate_tool.reaching import code_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from estate_tool.dead_letters import DeadLetters

# A page of an open shard may be empty although more records follow; so many in a row are its end.
EMPTY_PAGES = 10
# The records are gone, a day after they were written, or the whole stream is.
_GONE = {"TrimmedDataAccessException", "ResourceNotFoundException", "ExpiredIteratorException"}


class _Range(NamedTuple):
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
        ranges = {found for message in self._queue.news() if (found := _range(message["Body"]))}
        return {key for found in ranges for key in self._keys(found)}

    def _keys(self, found: _Range) -> Iterator[bytes]:
        try:
            iterator = self._streams.get_shard_iterator(
                StreamArn=found.stream,
                ShardId=found.shard,
                ShardIteratorType="AT_SEQUENCE_NUMBER",
                SequenceNumber=found.first,
            ).get("ShardIterator")
            empty = 0
            while iterator and empty < EMPTY_PAGES:
                answer = self._streams.get_records(ShardIterator=iterator)
                empty = 0 if answer["Records"] else empty + 1
                records = [record["dynamodb"] for record in answer["Records"]]
                wanted = [record for record in records if int(record["SequenceNumber"]) <= int(found.last)]
                yield from (bytes.fromhex(record["Keys"]["event_key"]["S"]) for record in wanted)
                # The range holds its last record, so reading stops there at the latest.
                reached = any(record["SequenceNumber"] == found.last for record in wanted)
                iterator = None if reached or len(wanted) < len(records) else answer.get("NextShardIterator")
        except self._streams.exceptions.ClientError as error:
            if code_of(error) not in _GONE:
                raise


def _range(body: str) -> _Range | None:
    """What a message of the failure queue says; None if it is something else."""
    try:
        batch = json.loads(body)["DDBStreamBatchInfo"]
        found = _Range(batch["streamArn"], batch["shardId"], batch["startSequenceNumber"], batch["endSequenceNumber"])
        return found if int(found.first) <= int(found.last) else None
    except (ValueError, KeyError, TypeError):
        return None
