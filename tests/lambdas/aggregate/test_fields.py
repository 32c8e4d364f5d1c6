"""Field names without end: the event is counted, what has no room is not, and that is reported."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregate.series import hashes_of
from tests.support.fake_dynamodb import size_of
from tests.support.functions import Estate
from tests.support.samples import event_text, image_of, stream_record

TYPE = "flight.departed"


def batch(*data: dict[str, Any], first: int = 0, page: str = "p") -> list[dict[str, Any]]:
    texts = [event_text(f"{page}{number}", fields) for number, fields in enumerate(data, first)]
    return [stream_record(image_of(text, number, page), number) for number, text in enumerate(texts, first)]


def fields(estate: Estate, **question: Any) -> dict[str, int]:
    return {name: field["count"] for name, field in estate.query(TYPE, **question)["totals"]["data"].items()}


def test_ids_as_field_names_fill_no_aggregate_and_every_event_is_counted(
    caplog: pytest.LogCaptureFixture,
) -> None:
    estate = Estate(most_fields=100)
    for round_ in range(30):
        estate.aggregate(batch(*({f"id-{round_}-{n}-{f}": 1 for f in range(20)} for n in range(10)), page=f"{round_}"))
    assert estate.query(TYPE)["totals"]["count"] == 300
    assert len(fields(estate)) == len(fields(estate, subject="UA")) == 100
    assert estate.queue.dead == []
    lines = [vars(record) for record in caplog.records if record.message == "fields not counted"]
    assert {line["eventKey"] for line in lines if "all subjects" in line["series"]} == {
        record["dynamodb"]["NewImage"]["event_key"]["S"]
        for round_ in range(30)
        for n in range(10)
        if round_ or n >= 5
        for record in batch(*[{}] * 10, page=f"{round_}")[n : n + 1]
    }
    assert all(len(line["fields"]) == 5 and line["number"] == 20 and "MAX_FIELDS" in line["reason"] for line in lines)


def test_a_full_aggregate_goes_on_measuring_the_names_it_has() -> None:
    estate = Estate(most_fields=2)
    estate.aggregate(batch({"a": 1, "b": 2, "c": 3}))
    estate.aggregate(batch({"a": 10, "x": 1}, {"b": 5}, first=1))
    totals = estate.query(TYPE)["totals"]
    assert {name: field["sum"] for name, field in totals["data"].items()} == {"a": "11", "b": "7"}
    assert totals["count"] == 3


def test_an_event_of_another_hour_loses_no_field_to_a_full_aggregate(caplog: pytest.LogCaptureFixture) -> None:
    estate = Estate(most_fields=1)
    estate.aggregate(batch({"a": 1}))
    texts = [event_text("full", {"x": 1}), event_text("room", {"x": 1}, time="2013-01-02T10:00:00Z")]
    estate.aggregate([stream_record(image_of(text, n, "q"), n) for n, text in enumerate(texts, 1)])
    lines = [vars(record) for record in caplog.records if record.message == "fields not counted"]
    assert [(line["fields"], line["number"]) for line in lines] == [(['"x"'], 1)] * 2  # its subject's and all subjects'


def test_a_full_aggregate_costs_one_more_request_a_batch_and_not_one_an_event() -> None:
    estate = Estate(most_fields=10)
    estate.aggregate(batch(*({f"{n}-{f}": 1 for f in range(3)} for n in range(20))))
    estate.dynamodb.requests.clear()
    estate.aggregate(batch(*({f"{n}-{f}": 1 for f in range(3)} for n in range(20, 40)), first=20))
    assert len(estate.dynamodb.requests) <= 4  # its pages, one that is refused, two that hold 60 fields
    assert estate.query(TYPE)["totals"]["count"] == 40


@pytest.mark.parametrize("name", ["x", "é" * 512, "n" * 127])
def test_an_aggregate_full_of_the_worst_names_and_numbers_is_far_from_what_an_item_holds(name: str) -> None:
    estate = Estate(most_fields=300)
    most = 127 if name == "n" * 127 else 1024
    names = [f"{n:03}{name}".encode()[:most].decode("utf-8", "ignore") for n in range(320)]
    for start in range(0, len(names), 16):
        estate.aggregate(batch(dict.fromkeys(names[start : start + 16], 123456789012345.67), page=f"{start}"))
    assert max(map(size_of, estate.dynamodb.items("aggregates"))) < 350_000
    assert estate.query(TYPE)["totals"]["count"] == 20


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.dictionaries(st.sampled_from("abcdefgh"), st.integers(0, 9), max_size=5), max_size=12),
    st.integers(1, 6),
    st.integers(1, 5),
    st.booleans(),
)
def test_at_most_so_many_names_and_of_those_that_are_in_no_value_is_missing(
    data: list[dict[str, int]], most: int, size: int, interleaved: bool
) -> None:
    """A name is in or it is not: from when it is in, every event's value counts, in concurrent invocations too."""
    estate = Estate(most_fields=most)
    batches = [batch(*data[start : start + size], first=start) for start in range(0, len(data), size)]
    late = batches.pop() if interleaved and len(batches) > 1 else []

    def another_invocation(operation: str, _: object) -> None:
        if operation == "TransactWriteItems" and late:
            meanwhile = list(late)
            late.clear()
            estate.aggregate(meanwhile)

    estate.dynamodb.before = another_invocation
    for each in batches:
        estate.aggregate(each)
    names = fields(estate)
    assert len(names) <= most
    assert estate.query(TYPE)["totals"]["count"] == len(data)
    wanted = {name for event in data for name in event}
    assert len(names) == min(most, len(wanted))
    if len(wanted) <= most:
        assert names == {name: sum(name in event for event in data) for name in wanted}


def test_a_long_name_counts_for_several() -> None:
    assert [len(hashes_of("x" * length)) for length in (0, 1, 127, 128, 255, 256, 1024)] == [1, 1, 1, 2, 2, 3, 9]
    assert len(hashes_of("a") | hashes_of("b")) == 2
