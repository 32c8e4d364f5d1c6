"""Processor time of the handlers: with an AWS that answers at once, in a process of its own."""

from __future__ import annotations

import hashlib
import json
import statistics
import subprocess
import sys
import tempfile
import time
import tracemalloc
from contextlib import contextmanager
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any

import boto3

from aggregate.counting import Counter
from aggregate.records import read
from estate_tool.core.paths import ROOT
from estate_tool.events import flights
from query.handler import Query
from query.reading import Reader
from shared.aws import AwsClient
from shared.logs import logger
from tests.bench.harness import Measured, Row, processor
from tests.support import stub_aws
from tests.support.samples import deadline, image_of, sqs_batch, stream_record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from shared.deadline import Deadline

BATCHES = (10, 100, 1000)
_KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": "us-east-1"}


# As Lambda has it: nothing is loaded but the function, and the garbage collector is as Python starts it.
_PROGRAM = """
import json, sys, time

function, size, times = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
environment = json.loads(sys.argv[4])
with open(sys.argv[5], encoding="utf-8") as file:
    batch = {"Records": json.load(file)[:size]}

from shared.aws import AwsClient
from shared.dead_letters import DeadLetterQueue
from shared.deadline import Deadline
from shared.logs import logger


class Context:
    def get_remaining_time_in_millis(self):
        return 30_000


logger.setLevel("ERROR")
client, deadline = AwsClient("dynamodb", environment), Deadline(Context())
dead = DeadLetterQueue(lambda: client, "https://dead")
if function == "ingest":
    from ingest.handler import Ingest
    from ingest.messages import Delays
    from ingest.store import EventStore

    ingest = Ingest(EventStore(client, "events", 30), dead, Delays(lambda: client, "https://queue"))

    def run():
        assert ingest.run(batch, deadline) == {"batchItemFailures": []}
else:
    from aggregate.counting import Counter
    from aggregate.handler import Aggregate

    def run():
        # A counter remembers what is counted: it has to meet every batch for the first time.
        Aggregate(Counter(client, "pages", "aggregates", 100), dead).run(batch, deadline)

run()
started = time.process_time()
for _ in range(times):
    run()
print((time.process_time() - started) / (times * size) * 1e6)
"""


@contextmanager
def _somewhere() -> Iterator[tuple[str, AwsClient, Any]]:
    """Yield the address of a DynamoDB that accepts everything, a client of the handlers' and one of boto3's."""
    level = logger.level
    logger.setLevel("ERROR")
    with stub_aws.elsewhere() as address:
        theirs = boto3.client(
            "dynamodb", endpoint_url=address, region_name="us-east-1", aws_access_key_id="test",
            aws_secret_access_key="test",
        )  # fmt: skip
        try:
            yield address, AwsClient("dynamodb", {**_KEYS, "AWS_ENDPOINT_URL": address}), theirs
        finally:
            logger.setLevel(level)


def _processor(
    function: str, records: list[dict[str, Any]], loop: Callable[[Any, int], object], small: bool
) -> Measured:
    """Processor time per event (µs) of batches of every size against one event at a time; the note has each size."""
    events, rounds = (1000, 1) if small else (4000, 7)
    single: list[float] = []
    by_size: dict[int, list[float]] = {size: [] for size in BATCHES}
    with _somewhere() as (address, _, boto), tempfile.NamedTemporaryFile("w", encoding="utf-8") as file:
        json.dump(records, file)
        file.flush()
        environment = json.dumps({**_KEYS, "AWS_ENDPOINT_URL": address})
        for _ in range(rounds):
            for size in BATCHES:
                words = (function, str(size), str(max(events // size, 1)), environment, file.name)
                run = subprocess.run(
                    [sys.executable, "-c", _PROGRAM, *words], cwd=ROOT / "lambda_src", check=True, capture_output=True,
                    text=True,
                )  # fmt: skip
                by_size[size].append(float(run.stdout))
                single.append(processor(partial(loop, boto, events // 10)) / (events // 10) * 1e6)
    other = statistics.median(single)
    medians = {size: statistics.median(found) for size, found in by_size.items()}
    note = ", ".join(f"batches of {size}: {found:.1f} µs ({found / other:.3f})" for size, found in medians.items())
    # The worst size counts.
    return Measured(a=max(medians.values()), b=other, note=note)


def _ingest(small: bool) -> Measured:
    texts = [flights.event(row) for row in islice(flights.rows(), 1000)]

    def loop(boto: Any, count: int) -> None:
        """The usual handler: each record parsed and put on its own."""
        for text in texts[:count]:
            event = json.loads(text)
            key = hashlib.sha256(f"{event['source']}\n{event['id']}".encode()).hexdigest()
            boto.put_item(
                TableName="events", Item={"event_key": {"S": key}, "event": {"S": text}},
                ConditionExpression="attribute_not_exists(event_key)",
            )  # fmt: skip

    return _processor("ingest", sqs_batch(texts)["Records"], loop, small)


def _aggregate(small: bool) -> Measured:
    texts = [flights.event(row) for row in islice(flights.rows(), 1000)]
    records = [stream_record(image_of(text, n % 500, f"page {n // 500}"), n) for n, text in enumerate(texts)]

    def loop(boto: Any, count: int) -> None:
        """A transaction for each event, by boto3."""
        counter = Counter(_Boto(boto), "pages", "aggregates", 100)
        for record in records[:count]:
            counter.count(read([record]).inserted, deadline())

    return _processor("aggregate", records, loop, small)


class _Boto:
    """Makes the calls of the handlers by boto3."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def call(self, operation: str, request: Mapping[str, Any], deadline: Deadline) -> dict[str, Any]:
        calls = {"BatchGetItem": "batch_get_item", "TransactWriteItems": "transact_write_items"}
        return getattr(self._client, calls[operation])(**request)


def _query(small: bool) -> Measured:
    with _somewhere() as (_, client, _):
        function = Query(Reader(client, "aggregates"))
        question = {"type": "t", "from": "2013-03-01T00:00:00Z", "to": "2013-03-02T00:00:00Z", "limit": 24}
        rounds = [_answers(function, question, 50 if small else 400) for _ in range(1 if small else 9)]
    # The median round: other load comes and goes.
    p99, p50, own = sorted(rounds, key=lambda each: each[0] / each[1])[len(rounds) // 2]
    return Measured(a=p99, b=p50, note=f"a day of hourly buckets; of processor time alone p99/p50 is {own:.2f}")


def _answers(function: Query, question: dict[str, Any], times: int) -> tuple[float, float, float]:
    """Return p99 and median (ms) of so many answers, and the ratio of both for processor time."""
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
    with _somewhere() as (_, client, _):
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
        against="a put_item loop", unit="µs", goal=90, absolute=True, measure=_ingest,
    ),
    Row(
        name="aggregate", what="processor time per event in batches of 10, 100 and 1000, the worst of them",
        against="a transaction per event", unit="µs", goal=90, absolute=True, measure=_aggregate,
    ),
    Row(name="query", what="p99 of warm answers", against="their median", unit="ms", goal=2, measure=_query),
    Row(
        name="query-year", what="round trips for a year of hourly buckets", against="pages", unit="calls", goal=1,
        measure=_year,
    ),
)  # fmt: skip
