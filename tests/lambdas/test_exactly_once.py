"""Totals equal a direct computation, in any order, with any batches, duplicates and faults."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from decimal import localcontext
from fractions import Fraction
from typing import Any
from unittest.mock import patch

from hypothesis import given, settings
from hypothesis import strategies as st

from aggregate.handler import BatchFailed
from ingest import store
from shared.aws import AwsError
from tests.support.fake_dynamodb import canceled, conflict
from tests.support.functions import Estate
from tests.support.samples import Totals, event_text, image_of, plain_events, stream_record, totals_of


class Crash(BaseException):
    """The sandbox dies."""


def in_batches(things: Sequence[Any], sizes: Sequence[int]) -> list[Sequence[Any]]:
    batches, start = [], 0
    for size in [*sizes, len(things)]:
        batches.append(things[start : start + size])
        start += size
    return [batch for batch in batches if batch]


def first_of(events: Sequence[dict[str, Any]]) -> dict[tuple[str, str], dict[str, Any]]:
    """Return the first event of each source and id."""
    return {(event["source"], event["id"]): event for event in reversed(events)}


def answered(estate: Estate, expected: Totals) -> Totals:
    """Return the query function's answers for every series there should be."""
    found: Totals = {}
    for event_type, subject in {(event_type, subject) for event_type, subject, _ in expected}:
        for bucket in estate.query(event_type, **({} if subject is None else {"subject": subject}))["buckets"]:
            found[event_type, subject, bucket["hour"]] = (
                bucket["count"],
                {
                    field: (numbers["count"], Fraction(numbers["sum"]), Fraction(numbers["sum_of_squares"]))
                    for field, numbers in bucket["data"].items()
                },
            )
    return found


def until_done(run: Callable[[], Any]) -> None:
    """Deliver again, as Lambda does, until nothing fails."""
    for _ in range(100):
        try:
            if not run():
                return
        except (AwsError, BatchFailed, Crash):
            continue
    raise AssertionError("never done")


ESTATES = st.builds(Estate, look_first=st.sampled_from([1, 4, 1000]), reuse=st.booleans())
sizes = st.lists(st.integers(1, 7), max_size=6)
statements = st.sampled_from([1, 2, 25])
"""Statements of a request: with few, batches are long enough for events to be looked up before they are written."""


@settings(max_examples=60, deadline=None)
@given(st.lists(plain_events(), max_size=20), sizes, sizes, st.randoms(), ESTATES, statements)
def test_any_order_any_batches_any_duplicates(
    events: list[dict[str, Any]], sqs_sizes: list[int], stream_sizes: list[int], random: Any, estate: Estate, most: int
) -> None:
    first = first_of(events)
    # Nothing may depend on the thread's decimal context.
    with localcontext(prec=1), patch.object(store, "MAX_STATEMENTS", most):
        for batch in in_batches([event["text"] for event in events], sqs_sizes):
            assert estate.ingest(batch) == []
        records = estate.stream() * 2
        random.shuffle(records)
        for batch in in_batches(records, stream_sizes):
            estate.aggregate(batch)
    expected = totals_of(first.values())
    assert sorted(item["event"]["S"] for item in estate.dynamodb.items("events")) == sorted(
        event["text"] for event in first.values()
    )
    assert answered(estate, expected) == expected
    assert len(estate.dynamodb.items("aggregates")) == len(expected)
    assert estate.dynamodb.counted() == len(first)


class Faults:
    """Lets requests fail in a drawn order: before they are done, after they are done, or with the whole sandbox."""

    def __init__(self, plan: list[str]) -> None:
        self.plan = plan

    def before(self, operation: str, request: Mapping[str, Any]) -> AwsError | None:
        kind = self.plan[-1] if self.plan else ""
        if operation == "Query" or kind.endswith("after"):
            return None
        if self.plan:
            self.plan.pop()
        if kind == "crash":
            raise Crash
        if kind in ("throttled", "conflict") and operation == "TransactWriteItems":
            last = len(request["TransactItems"]) - 1
            reasons = [{"Code": "None"}] * last + [{"Code": "ThrottlingError", "Message": "slow down"}]
            return canceled(reasons) if kind == "throttled" else conflict(request, 0, last)
        return {
            "throttled": AwsError(operation, "ProvisionedThroughputExceededException", "slow down"),
            "down": AwsError(operation, "ConnectionError", "no answer", 503),
            "denied": AwsError(operation, "AccessDeniedException", "not allowed"),
        }.get(kind)

    def after(self, operation: str, request: Mapping[str, Any]) -> AwsError | None:
        del request
        if operation == "Query" or not self.plan or not self.plan[-1].endswith("after"):
            return None
        if self.plan.pop() == "crash after":
            raise Crash
        return AwsError(operation, "ConnectionError", "the answer was lost", 503)


KINDS = ["fine", "crash", "throttled", "conflict", "down", "denied", "crash after", "lost after"]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(plain_events(), max_size=12), sizes, st.lists(st.sampled_from(KINDS), max_size=12), ESTATES, statements
)  # fmt: skip
def test_faults_and_crashes_lose_nothing_and_count_nothing_twice(
    events: list[dict[str, Any]], batch_sizes: list[int], plan: list[str], estate: Estate, most: int
) -> None:
    faults = Faults(plan)
    estate.dynamodb.before, estate.dynamodb.after = faults.before, faults.after
    first = first_of(events)
    with patch.object(store, "MAX_STATEMENTS", most):
        for batch in in_batches([event["text"] for event in first.values()], batch_sizes):
            until_done(lambda batch=batch: estate.ingest(batch))
    for batch in in_batches(estate.stream(), batch_sizes):
        until_done(lambda batch=batch: estate.aggregate(batch))
    expected = totals_of(first.values())
    assert answered(estate, expected) == expected


def test_a_thousand_events_of_many_series_with_a_crash_between_transactions() -> None:
    estate = Estate()
    texts = [
        event_text(str(n), {"delay": n - 500}, subject=f"S{n % 97}", time=f"2013-01-01T{n % 5:02}:00:00Z")
        for n in range(1000)
    ]
    assert estate.ingest(texts) == []
    faults = Faults(["crash", "fine", "fine", "conflict", "fine"])
    estate.dynamodb.before = faults.before
    until_done(lambda: estate.aggregate(estate.stream()))
    assert faults.plan == []
    totals = estate.query("flight.departed")["totals"]
    assert (totals["count"], totals["data"]["delay"]["sum"]) == (1000, str(sum(range(-500, 500))))
    assert totals["data"]["delay"]["sum_of_squares"] == str(sum(n * n for n in range(-500, 500)))
    assert estate.query("flight.departed", subject="S3")["totals"]["count"] == len(range(3, 1000, 97))


def shards_of(records: list[dict[str, Any]], number: int) -> list[list[dict[str, Any]]]:
    """The records as a stream of several shards has them, by their key: every page is spread over all shards."""
    shards: list[list[dict[str, Any]]] = [[] for _ in range(number)]
    for record in records:
        shards[int(record["dynamodb"]["NewImage"]["event_key"]["S"], 16) % number].append(record)
    return shards


@settings(max_examples=80, deadline=None)
@given(st.lists(plain_events(), min_size=2, max_size=20), sizes, st.integers(2, 4), st.randoms(), ESTATES)
def test_invocations_at_the_same_moment_on_the_same_pages_count_each_event_once(
    events: list[dict[str, Any]], sqs_sizes: list[int], shards: int, random: Any, estate: Estate
) -> None:
    """Before each write another invocation may come first, with records that it has already counted."""
    first = first_of(events)
    for batch in in_batches([event["text"] for event in events], sqs_sizes):
        estate.ingest(batch)
    pending = shards_of(estate.stream(), shards)
    depth = 0

    def another_invocation(operation: str, request: Mapping[str, Any]) -> None:
        nonlocal depth
        del request
        if operation == "TransactWriteItems" and depth < 6 and random.random() < 0.7:
            depth += 1
            records = random.choice(pending)
            until_done(lambda: estate.aggregate(records[: random.randint(0, len(records))]))
            depth -= 1

    estate.dynamodb.before = another_invocation
    for records in pending:
        until_done(lambda records=records: estate.aggregate(records))
    expected = totals_of(first.values())
    assert answered(estate, expected) == expected
    assert estate.dynamodb.counted() == len(first)


@settings(max_examples=60, deadline=None)
@given(st.lists(plain_events(), max_size=16), st.lists(st.sampled_from(KINDS), max_size=8), st.randoms(), ESTATES)
def test_a_batch_that_fails_half_way_may_come_back_cut_in_any_other_way(
    events: list[dict[str, Any]], plan: list[str], random: Any, estate: Estate
) -> None:
    first = first_of(events)
    estate.ingest([event["text"] for event in events])
    faults = Faults(plan)
    estate.dynamodb.before, estate.dynamodb.after = faults.before, faults.after
    records = estate.stream()
    for _ in range(30):
        start = random.randint(0, len(records))
        with suppress(AwsError, BatchFailed, Crash):
            estate.aggregate(records[start : start + random.randint(1, 6)])
    faults.plan.clear()
    estate.aggregate(records)
    expected = totals_of(first.values())
    assert answered(estate, expected) == expected


@settings(max_examples=60, deadline=None)
@given(
    st.lists(plain_events(), max_size=20), sizes, st.integers(2, 4), st.integers(1, 4), st.randoms(), ESTATES
)  # fmt: skip
def test_a_page_over_several_shards_and_a_stream_that_is_read_from_its_start_again(
    events: list[dict[str, Any]], sqs_sizes: list[int], shards: int, shards_later: int, random: Any, estate: Estate
) -> None:
    """Shards take turns in any order, batch by batch; later all of them again, split otherwise."""
    first = first_of(events)
    estate.ingest([event["text"] for event in events])
    for number in (shards, shards_later):
        pending = [in_batches(records, sqs_sizes) for records in shards_of(estate.stream(), number)]
        while any(pending):
            estate.aggregate(random.choice([batches for batches in pending if batches]).pop(0))
        expected = totals_of(first.values())
        assert answered(estate, expected) == expected
        assert estate.dynamodb.counted() == len(first)
    assert len({item["page"]["S"] for item in estate.dynamodb.items("events")}) <= 1


def test_a_batch_that_comes_again_writes_nothing() -> None:
    estate = Estate()
    estate.ingest([event_text(str(n), {"delay": n}, subject=f"S{n % 16}") for n in range(500)])
    estate.aggregate(estate.stream())
    before = dict(estate.dynamodb.written)
    estate.aggregate(estate.stream())
    assert estate.dynamodb.written == before


def test_an_event_that_another_writer_stored_is_counted_once_by_its_own_record() -> None:
    estate = Estate()
    record = stream_record(image_of(event_text("1", {"delay": 5}), None))
    for _ in range(2):
        estate.aggregate([record])
    assert estate.query("flight.departed")["totals"]["data"]["delay"]["sum"] == "5"
    assert [item["page"] for item in estate.dynamodb.items("pages")] == [record["dynamodb"]["NewImage"]["event_key"]]
