"""One hour of one subject, that all events count in: the shards of the stream in simulated time, and their conflicts.

The code is the real `aggregate`, a sandbox for each shard. What stands in for AWS: shards that hand over what they have
after the mapping's window, or a full batch; transactions that take their time and are refused at once where another one
works on one of their items; a function that has its memory's share of a processor.

`python -m tests.support.hot_item RATE,SECONDS,SHARDS,SUBJECTS,BATCH,WINDOW …` prints what is seen; 0 is the catalog's.
"""

from __future__ import annotations

import json
import logging
import random
import sys
from collections import Counter
from dataclasses import dataclass
from typing import Any

from aggregate.counting import Counter as EventCounter
from aggregate.handler import Aggregate, BatchFailed
from compute.sizing import memory_by_function
from foundation.catalog import CATALOG
from foundation.model import StreamTrigger
from shared.aws import AwsClient, AwsError
from shared.dead_letters import DeadLetterQueue
from shared.deadline import Deadline
from shared.keys import event_key, series_key
from tests.support.fake_dynamodb import FakeDynamoDB, conflict, size_of, units_of
from tests.support.samples import event_text, stream_record
from tests.support.simulation import Clock, Context

TRANSACTION_SECONDS, READ_SECONDS = 0.03, 0.01
PROCESSOR_SECONDS = 90e-6
"""Processor time of an event: the goal of `make bench ROWS=aggregate`."""
PAGE_EVENTS = 500
"""Events of a batch of `ingest`."""
HOUR, TYPE = "2013-01-01T05:00:00Z", "flight.departed"
HOT = (series_key(TYPE), HOUR)
"""The aggregate of all subjects, which every event of the hour counts in."""


@dataclass(frozen=True, kw_only=True)
class Seen:
    """Result of so many events a second: counts, units, and seconds."""

    events: int
    counted: int
    transactions: int
    """Transactions that succeeded."""
    conflicts: int
    """Transactions that met another one on one of their items."""
    refused: int
    """Transactions that found the record of one of their pages changed."""
    units_per_event: float
    """Write units of pages and aggregates, those of conflicts included."""
    hot_units: int
    """Written to the aggregate of all subjects within a second at most."""
    behind: float
    """Seconds from the last event's arrival until all were counted."""


class _Busy(AwsClient):
    """The function's client: what it writes to is locked meanwhile."""

    def __init__(self, stream: HotItem) -> None:
        super().__init__("dynamodb", {})
        self._stream = stream

    def _attempt(self, operation: str, body: bytes, deadline: Deadline) -> dict[str, Any]:
        request = json.loads(body)
        if operation != "TransactWriteItems":
            self._stream.clock.sleep(READ_SECONDS)
            return self._stream.dynamodb.answer(operation, request)
        return self._stream.transact(request)


class HotItem:
    """The stream of so many events a second, over so many shards, for some seconds.

    `batch` and `window` stand for those of the catalog's mapping.
    """

    def __init__(
        self, rate: int, seconds: float, shards: int, subjects: int = 1, *, batch: int = 0, window: float = 0.0
    ) -> None:
        self.clock = Clock()
        self.dynamodb = FakeDynamoDB()
        self._function = next(function for function in CATALOG.functions if function.name == "aggregate")
        trigger = self._function.trigger
        assert isinstance(trigger, StreamTrigger)
        self._batch, self._window = batch or trigger.batch_size, window or trigger.window_seconds
        memory = memory_by_function([function.name for function in CATALOG.functions])["aggregate"]
        self._event_seconds = PROCESSOR_SECONDS / min(memory / 1769, 1.0)
        self._rate, self._seconds, self._events = rate, seconds, int(rate * seconds)
        self._shards: list[list[tuple[float, dict[str, Any]]]] = [[] for _ in range(shards)]
        self._locked: Counter[tuple[str, ...]] = Counter()
        self._transactions = self._conflicts = self._refused = 0
        self._hot: Counter[int] = Counter()
        for number in range(self._events):
            moment = (number // PAGE_EVENTS + 1) * PAGE_EVENTS / rate
            record = _record(number, f"S{number % subjects}")
            key = record["dynamodb"]["NewImage"]["event_key"]["S"]
            self._shards[int(key, 16) % shards].append((moment, record))
        client = _Busy(self)
        dead = DeadLetterQueue(lambda: client, "https://dead")
        self._sandboxes = [Aggregate(EventCounter(client, "pages", "aggregates", 100), dead) for _ in range(shards)]

    def run(self, retry_seconds: float = 600.0) -> Seen:
        """Let everything happen, for so many seconds more than events come at most."""
        for shard in range(len(self._shards)):
            self.clock.at(0.0, lambda shard=shard: self._poll(shard, 0))
        self.clock.run(self._seconds + retry_seconds, lambda: self.dynamodb.counted() == self._events)
        counted = self.dynamodb.counted()
        units = sum(self.dynamodb.written.values())
        return Seen(
            events=self._events, counted=counted, transactions=self._transactions, conflicts=self._conflicts,
            refused=self._refused,
            units_per_event=units / max(counted, 1), hot_units=max(self._hot.values(), default=0),
            behind=self.clock.now - self._seconds,
        )  # fmt: skip

    def transact(self, request: dict[str, Any]) -> dict[str, Any]:
        """Take the time that a transaction takes, unless one of its items is being written to."""
        items = [_item(action) for action in request["TransactItems"]]
        met = [number for number, item in enumerate(items) if self._locked[item]]
        self._hot[int(self.clock.now)] += 2 * units_of(size_of(self.dynamodb.tables["aggregates"].get(HOT, {})))
        if met:
            self._conflicts += 1
            self.clock.sleep(TRANSACTION_SECONDS / 2)
            # What a refused transaction costs is not documented: as much as if it had gone through, to be safe.
            self.dynamodb.written["refused"] += 2 * len(items)
            raise conflict(request, *met)
        self._locked.update(items)
        try:
            self.clock.sleep(TRANSACTION_SECONDS)
            answer = self.dynamodb.answer("TransactWriteItems", request)
        except AwsError:
            self._refused += 1
            raise
        finally:
            self._locked.subtract(items)
        self._transactions += 1
        return answer

    def _poll(self, shard: int, position: int) -> None:
        """Hand over a batch when it is full, or when its first record has waited for the window."""
        records, now = self._shards[shard], self.clock.now
        end = position
        while end < len(records) and end - position < self._batch and records[end][0] <= now:
            end += 1
        waited = end > position and now - records[position][0] >= self._window
        if end - position == self._batch or waited:
            self.clock.start(lambda: self._invoke(shard, position, end))
        elif position < len(records):
            self.clock.at(now + 0.1, lambda: self._poll(shard, position))

    def _invoke(self, shard: int, position: int, end: int) -> None:
        batch = [record for _, record in self._shards[shard][position:end]]
        self.clock.sleep(len(batch) * self._event_seconds)
        deadline = Deadline(Context(self.clock, self._function.timeout_seconds), self.clock.sleep)
        try:
            self._sandboxes[shard].run({"Records": batch}, deadline)
        except BatchFailed:
            self.clock.at(self.clock.now + 1, lambda: self._poll(shard, position))
        else:
            self.clock.at(self.clock.now, lambda: self._poll(shard, end))


def _item(action: dict[str, Any]) -> tuple[str, ...]:
    ((_, inner),) = action.items()
    key = inner.get("Key") or {"page": inner["Item"]["page"]}
    return (inner["TableName"], *(value["S"] for value in key.values()))


def _record(number: int, subject: str) -> dict[str, Any]:
    text = event_text(str(number), {"delay": number % 60}, subject=subject, time="2013-01-01T05:15:00Z")
    image = {
        "event_key": {"S": event_key("/test", str(number))}, "event": {"S": text}, "expires_at": {"N": "1700000000"},
        "page": {"S": f"page{number // PAGE_EVENTS}"}, "position": {"N": str(number % PAGE_EVENTS)},
    }  # fmt: skip
    return stream_record(image, number)


if __name__ == "__main__":
    logging.getLogger("estate").setLevel(logging.CRITICAL + 1)
    for argument in sys.argv[1:]:
        rate, seconds, shards, subjects, batch, window = (int(number) for number in argument.split(","))
        random.seed(1)
        print(argument, HotItem(rate, seconds, shards, subjects, batch=batch, window=window).run(), flush=True)
