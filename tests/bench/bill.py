"""DynamoDB's charges for real flights in three orders, counted at the wire, beside a naive design."""

from __future__ import annotations

import json
import random
import time
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from estate_tool.events import flights
from tests.bench.harness import Measured, Row
from tests.integration import expected
from tests.support.wire import STREAM_BATCH, Charged, Wire

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

EVENTS, SMALL = 3000, 300
_JANUARY = 27_004
_NAIVE = "a put, and a transaction of a mark and two updates"


@lru_cache(maxsize=2)
def month(events: int = EVENTS) -> tuple[str, ...]:
    """Flights of 16 carriers, evenly out of the 31 days of January, in order."""
    step = _JANUARY // events
    return tuple(flights.event(row) for row in list(flights.rows(_JANUARY))[::step][:events])


def live(events: int = EVENTS) -> list[str]:
    """The same flights as if they all left within one hour."""
    found = [json.loads(text) for text in month(events)]
    for number, event in enumerate(found):
        event["time"] = f"2013-01-15T12:{number * 60 // events:02}:00Z"
    return [json.dumps(event, separators=(",", ":")) for event in found]


def shuffled(events: int = EVENTS) -> list[str]:
    """The flights of the month in any order, the same each time."""
    texts = list(month(events))
    random.Random(1).shuffle(texts)
    return texts


def charged(texts: Sequence[str], shards: int = 1) -> Charged:
    """Return DynamoDB's charges for the events, all of which are counted in the end."""
    with Wire().serving(shards) as wire:
        wire.ingest(texts)
        wire.aggregate()
        assert wire.dynamodb.counted() == len(texts)
        return wire.charged()


def naive(texts: Sequence[str]) -> Charged:
    """Return DynamoDB's charges for the same events, each on its own."""
    with Wire().serving() as wire:
        wire.naive(texts)
        return wire.charged()


def _units(order: Callable[[int], Sequence[str]]) -> Callable[[bool], Measured]:
    def measure(small: bool) -> Measured:
        texts = order(SMALL if small else EVENTS)
        found, other = charged(texts), naive(texts[:SMALL])
        tables = ", ".join(f"{table} {units / len(texts):.3f}" for table, units in sorted(found.written.items()))
        spread = ", ".join(f"{charged(texts, shards).units / len(texts):.2f} of {shards}" for shards in (2, 4))
        note = f"{tables}; {found.half_read.total() / 2 / len(texts):.4f} read units; by shards of the stream: {spread}"
        return Measured(a=found.units / len(texts), b=other.units / SMALL, note=note)

    return measure


def _again(source: str) -> Callable[[bool], Measured]:
    def measure(small: bool) -> Measured:
        texts = live(SMALL if small else EVENTS)
        with Wire().serving() as wire:
            wire.ingest(texts)
            wire.aggregate()
            wire.charged()
            (wire.ingest if source == "queue" else lambda _: wire.aggregate())(texts)
            found = wire.charged()
            assert wire.dynamodb.counted() == len(texts)
        return Measured(a=found.units / len(texts), b=0, note=_read(found, len(texts)))

    return measure


def _duplicate(small: bool) -> Measured:
    """Return the additional charge of the known messages in batches of which they are half."""
    texts = live(2 * SMALL if small else EVENTS)
    known, new = texts[::2], texts[1::2]
    with Wire().serving() as wire:
        wire.ingest(known)
        wire.aggregate()
        wire.trim()
        wire.charged()
        wire.ingest(texts)
        wire.aggregate()
        found, alone = wire.charged(), charged(new)
        assert wire.dynamodb.counted() == len(texts)
    return Measured(a=(found.units - alone.units) / len(known), b=0, note=_read(found, len(texts)))


def _read(found: Charged, events: int) -> str:
    requests = found.requests.total() / events * 1000
    return f"{found.half_read.total() / 2 / events:.3f} read units an event, {requests:.0f} requests per 1,000"


def _requests(small: bool) -> Measured:
    texts = live(SMALL if small else EVENTS)
    found, other = charged(texts), naive(texts[:SMALL])
    most = max(charged(order(len(texts))).requests.total() for order in (month, shuffled))
    note = f"{dict(found.requests)}; {most / len(texts) * 1000:.1f} where events are spread over a month"
    return Measured(
        a=found.requests.total() / len(texts) * 1000, b=other.requests.total() / SMALL * 1000, note=note
    )  # fmt: skip


def _year(small: bool) -> Measured:
    """Aggregate all flights in order, and compare each aggregate with the sums of the file."""
    texts = [flights.event(row) for row in flights.rows(3_000 if small else None)]
    started = time.perf_counter()
    with Wire().serving() as wire:
        for start in range(0, len(texts), STREAM_BATCH):
            wire.ingest(texts[start : start + STREAM_BATCH])
            wire.aggregate()
            wire.trim()
        found, seconds = wire.charged(), time.perf_counter() - started
        assert wire.dynamodb.counted() == len(texts)
        _assert_exact(texts, wire.dynamodb.items("aggregates"))
    requests = found.requests.total() / len(texts) * 1000
    note = f"{len(texts):,} flights, all aggregates exact, {seconds:.0f} s, {requests:.0f} requests per 1,000"
    return Measured(a=found.units / len(texts), b=0, note=note)


def _assert_exact(texts: Sequence[str], items: Sequence[Mapping[str, Any]]) -> None:
    wanted: dict[tuple[str, str | None, str], dict[str, Decimal]] = {}
    for (event_type, subject, hour), bucket in expected.buckets(texts).items():
        for key in ((event_type, subject, hour), (event_type, None, hour)):
            sums = wanted.setdefault(key, {})
            numbers = {"count": Decimal(bucket.count)}
            for name, values in bucket.values.items():
                numbers[f"count:{name}"] = Decimal(len(values))
                numbers[f"sum:{name}"] = sum(values, Decimal(0))
                numbers[f"squares:{name}"] = sum((each * each for each in values), Decimal(0))
            for name, number in numbers.items():
                sums[name] = sums.get(name, Decimal(0)) + number
    found = {}
    for item in items:
        subject = item["subject"]["S"] if "subject" in item else None
        sums = {name: number for name, value in item.items() if (number := Decimal(value.get("N", 0)))}
        found[item["type"]["S"], subject, item["hour"]["S"]] = sums
    assert found == {key: {name: each for name, each in sums.items() if each} for key, sums in wanted.items()}


ROWS = (
    Row(
        name="units-live", what="write units an event, live: 3,000 events of one hour, 16 subjects", against=_NAIVE,
        unit="units", goal=1.5, absolute=True, measure=_units(live),
    ),
    Row(
        name="units-month", what="write units an event, over a month in order", against=_NAIVE,
        unit="units", goal=4.0, absolute=True, measure=_units(month),
    ),
    Row(
        name="units-shuffled", what="write units an event, over a month shuffled", against=_NAIVE,
        unit="units", goal=5.0, absolute=True, measure=_units(shuffled),
    ),
    Row(
        name="units-redelivered", what="write units an event of batches that the queue delivers again", against="",
        unit="units", goal=0.2, absolute=True, measure=_again("queue"),
    ),
    Row(
        name="units-replayed", what="write units an event of a stream that is read again from its start", against="",
        unit="units", goal=0.2, absolute=True, measure=_again("stream"),
    ),
    Row(
        name="units-duplicate", what="write units a duplicate message among new ones", against="",
        unit="units", goal=1.1, absolute=True, measure=_duplicate,
    ),
    Row(
        name="units-year", what=f"write units an event, {flights.COUNT:,} flights, the whole year in order", against="",
        unit="units", goal=4.0, absolute=True, measure=_year,
    ),
    Row(
        name="requests", what="requests to DynamoDB per 1,000 events, live", against=_NAIVE,
        unit="requests", goal=60, absolute=True, measure=_requests,
    ),
)  # fmt: skip
