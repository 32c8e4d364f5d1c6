"""Stores each event once, whatever number of messages bring it."""

import time
from collections.abc import Iterator, Sequence
from typing import Any

from shared.aws import Caller
from shared.deadline import Deadline
from shared.events import Event
from shared.transactions import MAX_ACTIONS, Actions, Committer, Verdicts

MAX_CHUNK_BYTES = 3_500_000
"""A transaction takes 4 MB (Amazon DynamoDB "Quotas"); the rest is for keys and dates."""
_SECONDS_PER_DAY = 86_400


class EventStore:
    """The events table. It takes conditional Puts only: BatchWriteItem would let a duplicate replace its first."""

    def __init__(self, client: Caller, table: str, retention_days: int) -> None:
        self._client = client
        self._table = table
        self._retention = retention_days * _SECONDS_PER_DAY

    def store(self, events: Sequence[Event], deadline: Deadline) -> Verdicts[Event]:
        """Store the events that are not stored yet; no two of them may have the same key."""
        now = time.time()

        def puts(chunk: Sequence[Event]) -> Actions:
            return [self._put(event, now) for event in chunk]

        committer = Committer(self._client, puts, deadline)
        for chunk in chunks(events):
            committer.commit(chunk)
        return committer.verdicts

    def _put(self, event: Event, now: float) -> dict[str, Any]:
        item = {
            "event_key": {"S": event.key},
            "event": {"S": event.text},
            "received_at": {"S": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now))},
            "expires_at": {"N": str(int(now) + self._retention)},
        }
        condition = "attribute_not_exists(event_key)"
        return {"Put": {"TableName": self._table, "Item": item, "ConditionExpression": condition}}


def chunks(events: Sequence[Event]) -> Iterator[list[Event]]:
    """Cut the events into parts that each fit a transaction, by number and by size."""
    chunk: list[Event] = []
    size = 0
    for event in events:
        length = len(event.text.encode("utf-8"))
        if chunk and (len(chunk) == MAX_ACTIONS or size + length > MAX_CHUNK_BYTES):
            yield chunk
            chunk, size = [], 0
        chunk.append(event)
        size += length
    if chunk:
        yield chunk
