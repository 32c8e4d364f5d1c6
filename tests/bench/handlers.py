"""What the handlers make of the processor: with an AWS that answers at once, in a process of its own."""

from __future__ import annotations

import hashlib
import json
import statistics
import time
import tracemalloc
from contextlib import contextmanager
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any

import boto3

from aggregate.counting import Counter
from aggregate.handler import Aggregate
from aggregate.records import read
from estate_tool import flights
from ingest.handler import Ingest
from ingest.messages import Delays
from ingest.store import EventStore
from query.handler import Query
from query.reading import Reader
from shared.aws import AwsClient
from shared.dead_letters import DeadLetterQueue
from shared.logs import logger
from tests.bench.harness import Measured, Row, processor
from tests.lambdas.samples import deadline, image_of, sqs_batch, stream_record
from tests.support import stub_aws

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from shared.deadline import Deadline

BATCHES = (10, 100, 1000)
_KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": "us-east-1"}


@contextmanager
def _somewhere() -> Iterator[tuple[AwsClient, Any]]:
    """A client of the handlers' and one of boto3's, of the same DynamoDB that agrees to everything."""
    level = logger.level
    logger.setLevel("ERROR")
    with stub_aws.elsewhere() as address:
        theirs = boto3.client(
            "dynamodb", endpoint_url=address, region_name="us-east-1", aws_access_key_id="test",
            aws_secret_access_key="test",
        )  # fmt: skip
        try:
            yield AwsClient("dynamodb", {**_KEYS, "AWS_ENDPOINT_URL": address}), theirs
        finally:
            logger.setLevel(level)


def _compared(ours: Callable[[int], object], theirs: Callable[[int], object], events: int, rounds: int) -> Measured:
    """Processor time per event (µs) of batches of every size against one event at a time; the note has each size."""
    single: list[float] = []
    by_size: dict[int, list[float]] = {size: [] for size in BATCHES}
    for _ in range(rounds):
        for size in BATCHES:
            times = max(events // size, 1)
            by_size[size].append(sum(processor(partial(ours, size)) for _ in range(times)) / (times * size) * 1e6)
            single.append(processor(partial(theirs, events // 10)) / (events // 10) * 1e6)
    other = statistics.median(single)
    medians = {size: statistics.median(found) for size, found in by_size.items()}
    note = ", ".join(f"batches of {size}: {found:.1f} µs ({found / other:.3f})" for size, found in medians.items())
    # The worst size counts.
    return Measured(a=max(medians.values()), b=other, note=note)


def _ingest(small: bool) -> Measured:
    texts = [flights.event(row) for row in islice(flights.rows(), 1000)]
    with _somewhere() as (client, boto):
        dead, delays = DeadLetterQueue(lambda: client, "https://dead"), Delays(lambda: client, "https://queue")
        function = Ingest(EventStore(client, "events", 30), dead, delays)

        def loop(count: int) -> None:
            """The usual handler: each record parsed and put on its own."""
            for text in texts[:count]:
                event = json.loads(text)
                key = hashlib.sha256(f"{event['source']}\n{event['id']}".encode()).hexdigest()
                boto.put_item(
                    TableName="events", Item={"event_key": {"S": key}, "event": {"S": text}},
                    ConditionExpression="attribute_not_exists(event_key)",
                )  # fmt: skip

        return _compared(
            lambda size: function.run(sqs_batch(texts[:size]), deadline()), loop, *((1000, 1) if small else (4000, 7))
        )


def _aggregate(small: bool) -> Measured:
    texts = [flights.event(row) for row in islice(flights.rows(), 1000)]
    records = [stream_record(image_of(text, n % 500, f"page {n // 500}"), n) for n, text in enumerate(texts)]
    with _somewhere() as (client, boto):
        dead = DeadLetterQueue(lambda: client, "https://dead")

        # A counter remembers what is counted: it has to meet every batch for the first time.
        def ours(size: int) -> None:
            """One batch."""
            Aggregate(Counter(client, "pages", "aggregates", 100), dead).run({"Records": records[:size]}, deadline())

        def loop(count: int) -> None:
            """A transaction for each event, by boto3."""
            counter = Counter(_Boto(boto), "pages", "aggregates", 100)
            for record in records[:count]:
                counter.count(read([record]).inserted, deadline())

        return _compared(ours, loop, *((1000, 1) if small else (4000, 7)))


class _Boto:
    """Makes the calls of the handlers by boto3."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def call(self, operation: str, request: Mapping[str, Any], deadline: Deadline) -> dict[str, Any]:
        calls = {"BatchGetItem": "batch_get_item", "TransactWriteItems": "transact_write_items"}
        return getattr(self._client, calls[operation])(**request)


def _query(small: bool) -> Measured:
    with _somewhere() as (client, _):
        function = Query(Reader(client, "aggregates"))
        question = {"type": "t", "from": "2013-03-01T00:00:00Z", "to": "2013-03-02T00:00:00Z", "limit": 24}
        rounds = [_answers(function, question, 50 if small else 400) for _ in range(1 if small else 9)]
    # The round of the middle: what else runs here comes and goes.
    p99, p50, own = sorted(rounds, key=lambda each: each[0] / each[1])[len(rounds) // 2]
    return Measured(a=p99, b=p50, note=f"a day of hourly buckets; of processor time alone p99/p50 is {own:.2f}")


def _answers(function: Query, question: dict[str, Any], times: int) -> tuple[float, float, float]:
    """p99 and median, in ms, of so many answers; and the ratio of the two for the processor time they took here."""
    seconds: list[float] = []
    own: list[float] = []
    for _ in range(times):
        started, busy = time.perf_counter(), time.process_time()
        answer = function.run(question, deadline())
        seconds.append(time.perf_counter() - started)
        own.append(time.process_time() - busy)
        assert [bucket["count"] for bucket in answer["buckets"]] == [40] * 24
    p99, median = _p99(seconds), statistics.median(seconds)
    return 1000 * p99, 1000 * median, _p99(own) / statistics.median(own)


def _p99(values: list[float]) -> float:
    return statistics.quantiles(values, n=100)[98]


def _year(small: bool) -> Measured:
    """Round trips for a year of hourly buckets, page by page."""
    with _somewhere() as (client, _):
        calls = _Counting(client)
        function = Query(Reader(calls, "aggregates"))
        question: dict[str, Any] = {"type": "t", "from": "2013-01-01T00:00:00Z", "to": "2014-01-01T00:00:00Z"}
        started = time.perf_counter()
        buckets, pages, following = 0, 0, {}
        while following is not None:
            page = function.run({**question, **following}, deadline())
            buckets, pages = buckets + len(page["buckets"]), pages + 1
            following = {"next": page["next"]} if "next" in page else None
        seconds, made = time.perf_counter() - started, calls.made
        tracemalloc.start()
        function.run({**question, "limit": 100 if small else 1000}, deadline())
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert buckets == stub_aws.HOURS
    note = f"{buckets:,} buckets in {seconds:.2f} s, {pages} pages, {peak / 1e6:.1f} MB for one at most"
    return Measured(a=made, b=pages, note=note)


class _Counting:
    """Counts the calls that a client makes."""

    def __init__(self, client: AwsClient) -> None:
        self._client = client
        self.made = 0

    def call(self, operation: str, request: Mapping[str, Any], deadline: Deadline) -> dict[str, Any]:
        self.made += 1
        return self._client.call(operation, request, deadline)


ROWS = (
    Row(
        name="ingest", what="processor time per event in batches of 10, 100 and 1000, the worst of them",
        against="a put_item loop", unit="µs", goal=0.12, measure=_ingest,
    ),
    Row(
        name="aggregate", what="processor time per event in batches of 10, 100 and 1000, the worst of them",
        against="a transaction per event", unit="µs", goal=0.10, measure=_aggregate,
    ),
    Row(name="query", what="p99 of warm answers", against="their median", unit="ms", goal=2, measure=_query),
    Row(
        name="query-year", what="round trips for a year of hourly buckets", against="pages", unit="calls", goal=1,
        measure=_year,
    ),
)  # fmt: skip
