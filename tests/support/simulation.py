"""The functions in simulated time: a queue with its mapping, a stream with shards, tables with capacity that scales.

Every invocation runs in a thread of its own, one thread at a time: a waiting one hands over to the next event of the
clock. The functions' code is the real one, with the client's retries; what stands in for AWS are tables with a token
bucket each (300 seconds of unused capacity), target tracking as it works on two minutes of metrics, a queue with
visibility timeouts and receive counts, and shards that hand over a batch at a time and repeat it until it succeeds.
"""

from __future__ import annotations

import heapq
import json
import math
import threading
from collections import Counter, defaultdict
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from aggregate.counting import Counter as EventCounter
from aggregate.handler import Aggregate
from foundation.catalog import CATALOG
from foundation.model import Capacity, QueueTrigger, StreamTrigger
from ingest.handler import Ingest
from ingest.messages import Delays
from ingest.store import EventStore
from shared.aws import AwsClient, AwsError
from shared.dead_letters import DeadLetterQueue
from shared.deadline import Deadline
from tests.support.fake_dynamodb import FakeDynamoDB
from tests.support.samples import stream_record

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

LATENCY_SECONDS = {"BatchExecuteStatement": 0.02, "TransactWriteItems": 0.03}
BURST_SECONDS = 300
SECONDS_TO_SCALE = 30
LONGEST_BACKOFF = 60.0
RECORD_LIFE = 86_400.0
# A queue's mapping begins with five batches at a time, takes more while there are messages, and fewer where the
# function fails ("Configuring scaling behavior", "Backoff strategy for failed invocations" in the guide of Lambda,
# which does not say how many fewer: one for each failure here, down to the fewest of a mapping with a maximum).
FIRST_POLLERS, FEWEST_POLLERS = 5, 2


def _taken() -> threading.Lock:
    lock = threading.Lock()
    lock.acquire()
    return lock


class Clock:
    """Simulated time, and what happens in it."""

    def __init__(self) -> None:
        self.now = 0.0
        self._events: list[tuple[float, int, Callable[[], object]]] = []
        self._number = 0
        # The thread that releases one hands over; plain locks, as semaphores take longer than what happens in between.
        self._main = _taken()

    def at(self, moment: float, work: Callable[[], object]) -> None:
        """Schedule an action."""
        self._number += 1
        heapq.heappush(self._events, (moment, self._number, work))

    def start(self, work: Callable[[], object]) -> None:
        """Start an action that sleeps."""

        def body() -> None:
            try:
                work()
            finally:
                self._main.release()

        thread = threading.Thread(target=body, daemon=True)
        self.at(self.now, lambda: (thread.start(), self._main.acquire()))

    def sleep(self, seconds: float) -> None:
        """Let time pass; only for started actions."""
        awake = _taken()
        self.at(self.now + seconds, lambda: (awake.release(), self._main.acquire()))
        self._main.release()
        awake.acquire()

    def run(self, until: float, done: Callable[[], bool]) -> None:
        """Run all actions until a moment, or until `done`."""
        while self._events and self._events[0][0] <= until and not done():
            self.now, _, work = heapq.heappop(self._events)
            work()


class Bucket:
    """The capacity of one direction of a table: units a second, saved for five minutes, scaled by target tracking."""

    def __init__(self, clock: Clock, capacity: Capacity) -> None:
        self._clock = clock
        self._declared = capacity
        self.units = float(capacity.minimum)
        self._level, self._at = BURST_SECONDS * self.units, 0.0
        self._used: defaultdict[int, float] = defaultdict(float)
        self.throttled = 0
        clock.at(61.0, self._evaluate)

    def take(self, units: float) -> bool:
        """Take units; False if there are fewer."""
        now = self._clock.now
        self._level = min(BURST_SECONDS * self.units, self._level + (now - self._at) * self.units)
        self._at = now
        if self._level < units:
            self.throttled += 1
            return False
        self._level -= units
        self._used[int(now // 60)] += units
        return True

    def _evaluate(self) -> None:
        minute = int(self._clock.now // 60) - 1
        used = [self._used[each] / 60 for each in (minute - 1, minute)]
        if minute > 0 and min(used) > self._declared.target_percent / 100 * self.units:
            wanted = math.ceil(max(used) / (self._declared.target_percent / 100))
            self._clock.at(self._clock.now + SECONDS_TO_SCALE, lambda: self._scale(wanted))
        self._clock.at(self._clock.now + 60, self._evaluate)

    def _scale(self, units: int) -> None:
        self.take(0)
        self.units = max(self.units, min(self._declared.maximum, units))


class SimulatedAws(AwsClient):
    """The functions' client, its requests answered in simulated time."""

    def __init__(self, clock: Clock, service: str, answer: Callable[[str, bytes], dict[str, Any]]) -> None:
        super().__init__(service, {})
        self._clock = clock
        self._answer = answer

    def _attempt(self, operation: str, body: bytes, deadline: Deadline) -> dict[str, Any]:
        self._clock.sleep(LATENCY_SECONDS.get(operation, 0.01))
        if deadline.passed():
            raise AwsError(operation, "OutOfTime", "the invocation has no time left", status=504)
        return self._answer(operation, body)


@dataclass
class Message:
    """A message in the queue."""

    id: str
    body: str
    receives: int = 0
    visible_at: float = 0.0


class Context:
    """The context of an invocation in simulated time."""

    def __init__(self, clock: Clock, seconds: float) -> None:
        self._clock = clock
        self._end = clock.now + seconds

    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds left."""
        return int(1000 * (self._end - self._clock.now))


class Simulation:
    """The estate of the catalog, from the queue to the aggregates.

    `outage` is when DynamoDB answers nothing, `receives` how often the queue delivers a message.
    """

    def __init__(
        self,
        bodies: Sequence[str],
        *,
        outage: tuple[float, float] = (0.0, 0.0),
        receives: int = CATALOG.queues[0].max_receive_count,
        shards: int = 2,
    ) -> None:
        self.clock = Clock()
        self.dynamodb = FakeDynamoDB()
        self.dead: dict[str, float] = {}
        """Messages in dlq-ingest, and when they came."""
        self.given_up = 0
        """Batches whose position is in dlq-aggregate."""
        self.uncountable: list[str] = []
        self.invocations: Counter[str] = Counter()
        self.stored_after = 0.0
        """Seconds until the last event was stored."""
        self.oldest_record = 0.0
        """Seconds that a record of the stream waited at most until it was counted."""
        self.outage = outage
        self._receives = receives
        self._messages = {f"m{number}": Message(f"m{number}", body) for number, body in enumerate(bodies)}
        self._visible = [(0.0, name) for name in self._messages]
        self._running, self._pollers = 0, FIRST_POLLERS
        self._shards: list[list[tuple[float, dict[str, Any]]]] = [[] for _ in range(shards)]
        self._seen = 0
        self._buckets = {
            (table.name, kind): Bucket(self.clock, capacity)
            for table in CATALOG.tables
            for kind, capacity in (("read", table.read), ("write", table.write))
            if capacity
        }
        self.dynamodb.takes = lambda table, kind, units: self._buckets[table, kind].take(units)
        self._ingest, self._aggregate = CATALOG.functions[:2]
        self._functions = self._made()

    def _made(self) -> tuple[Ingest, list[Aggregate]]:
        dynamodb = SimulatedAws(self.clock, "dynamodb", self._dynamodb)
        sqs = SimulatedAws(self.clock, "sqs", self._sqs)
        dead = DeadLetterQueue(lambda: sqs, "dlq")
        ingest = Ingest(EventStore(dynamodb, "events", 400), dead, Delays(lambda: sqs, "queue"))
        counting = [EventCounter(dynamodb, "pages", "aggregates", 100) for _ in self._shards]
        return ingest, [Aggregate(counter, dead) for counter in counting]

    @property
    def throttled(self) -> int:
        """Requests that were throttled."""
        return sum(bucket.throttled for bucket in self._buckets.values())

    @property
    def deliveries(self) -> int:
        """Largest number of deliveries of one message."""
        return max(message.receives for message in self._messages.values())

    @property
    def healthy_dead(self) -> int:
        """Valid events that were dead-lettered."""
        healthy = sum("specversion" in self._messages[name].body for name in self.dead)
        return healthy + self.given_up + len(self.uncountable)

    def run(self, hours: float, events: int) -> float:
        """Run until so many events are counted, or for so long; return the seconds that it took."""
        self.clock.at(0.0, self._poll)
        for number in range(len(self._shards)):
            self.clock.at(0.5, lambda number=number: self._read(number, 0, 0))
        self.clock.run(hours * 3600, lambda: self._seen == events and self.dynamodb.counted() == events)
        return self.clock.now

    def _dynamodb(self, operation: str, body: bytes) -> dict[str, Any]:
        if self.outage[0] <= self.clock.now < self.outage[1]:
            raise AwsError(operation, "InternalServerError", "an outage", 500)
        before = len(self.dynamodb.tables["events"])
        answer = self.dynamodb.answer(operation, json.loads(body))
        if operation == "BatchExecuteStatement":
            items = self.dynamodb.tables["events"]
            stored = list(islice(reversed(items), len(items) - before))
            if stored:
                self.stored_after = self.clock.now
            for key in reversed(stored):
                number = int(key[0], 16) % len(self._shards)
                record = stream_record(items[key], len(self._shards[number]) + 1)
                self._shards[number].append((self.clock.now, record))
        return answer

    def _sqs(self, operation: str, body: bytes) -> dict[str, Any]:
        for entry in json.loads(body)["Entries"]:
            if operation == "ChangeMessageVisibilityBatch":
                self._messages[entry["ReceiptHandle"]].visible_at = self.clock.now + entry["VisibilityTimeout"]
            elif "SourceMessageId" in entry["MessageAttributes"]:
                self.dead[entry["MessageAttributes"]["SourceMessageId"]["StringValue"]] = self.clock.now
            else:
                self.uncountable.append(entry["MessageBody"])
        return {}

    def _poll(self) -> None:
        """The queue's mapping: as many invocations as it has pollers, of all that is visible."""
        trigger = self._ingest.trigger
        assert isinstance(trigger, QueueTrigger)
        self._pollers = min(self._pollers, trigger.maximum_concurrency)
        while self._running < self._pollers and self._visible and self._visible[0][0] <= self.clock.now:
            batch = self._received(trigger.batch_size)
            if batch:
                self._running += 1
                self.clock.start(lambda batch=batch: self._invoke_ingest(batch))
        self.clock.at(self.clock.now + 1, self._poll)

    def _received(self, most: int) -> list[Message]:
        batch: list[Message] = []
        while self._visible and self._visible[0][0] <= self.clock.now and len(batch) < most:
            message = self._messages[heapq.heappop(self._visible)[1]]
            message.receives += 1
            if message.receives > self._receives:
                self.dead[message.id] = self.clock.now
                continue
            message.visible_at = self.clock.now + self._ingest.visibility_seconds
            batch.append(message)
        return batch

    def _invoke_ingest(self, batch: list[Message]) -> None:
        self.invocations["ingest"] += 1
        records = [
            {
                "messageId": message.id, "receiptHandle": message.id, "body": message.body,
                "attributes": {"ApproximateReceiveCount": str(message.receives)},
            }
            for message in batch
        ]  # fmt: skip
        deadline = Deadline(Context(self.clock, self._ingest.timeout_seconds), self.clock.sleep)
        try:
            failures = self._functions[0].run({"Records": records}, deadline)["batchItemFailures"]
            failed = {failure["itemIdentifier"] for failure in failures}
            self._pollers += 1
        except AwsError:
            failed = {message.id for message in batch}
            self._pollers = max(FEWEST_POLLERS, self._pollers - 1)
        for name in failed:
            heapq.heappush(self._visible, (self._messages[name].visible_at, name))
        self._running -= 1

    def _read(self, shard: int, position: int, attempts: int) -> None:
        """The stream's mapping of one shard: a batch at a time, again and again until it succeeds."""
        trigger = self._aggregate.trigger
        assert isinstance(trigger, StreamTrigger)
        assert trigger.retries == -1
        records = self._shards[shard][position : position + trigger.batch_size]
        if not records:
            self.clock.at(self.clock.now + trigger.window_seconds, lambda: self._read(shard, position, 0))
        elif self.clock.now - records[0][0] > RECORD_LIFE:
            self.given_up += 1
            self._read(shard, position + len(records), 0)
        else:
            self.clock.start(lambda: self._invoke_aggregate(shard, position, records, attempts))

    def _invoke_aggregate(
        self, shard: int, position: int, records: list[tuple[float, dict[str, Any]]], attempts: int
    ) -> None:
        self.invocations["aggregate"] += 1
        deadline = Deadline(Context(self.clock, self._aggregate.timeout_seconds), self.clock.sleep)
        try:
            self._functions[1][shard].run({"Records": [record for _, record in records]}, deadline)
        except Exception:  # whatever a function raises is repeated
            pause = min(LONGEST_BACKOFF, 2.0**attempts)
            self.clock.at(self.clock.now + pause, lambda: self._read(shard, position, attempts + 1))
        else:
            self._seen += len(records)
            self.oldest_record = max(self.oldest_record, self.clock.now - records[0][0])
            self.clock.at(self.clock.now, lambda: self._read(shard, position + len(records), 0))
