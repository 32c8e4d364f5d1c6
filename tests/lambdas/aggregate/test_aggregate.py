"""The aggregate function: what is added, how it is cut into transactions, what happens when it can't be."""

import json
import logging
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import pytest

from aggregate.counting import CONFLICT_ATTEMPTS, Counter
from aggregate.handler import BatchFailed
from aggregate.records import Inserted, read
from aggregate.series import targets
from shared.aws import AwsError
from shared.deadline import Deadline
from shared.events import parse
from shared.keys import event_key, series_key
from tests.support.fake_dynamodb import FakeDynamoDB, canceled, conflict, no_fault
from tests.support.functions import Estate
from tests.support.samples import FakeContext, event_text, image_of, stream_batch, stream_record


@pytest.fixture
def estate() -> Estate:
    return Estate()


def records(*texts: str) -> list[dict[str, Any]]:
    return stream_batch(texts)["Records"]


def inserted(*texts: str) -> list[Inserted]:
    return read(records(*texts)).inserted


def transactions(dynamodb: FakeDynamoDB) -> list[int]:
    return [len(request["TransactItems"]) for name, request in dynamodb.requests if name == "TransactWriteItems"]


def test_an_event_adds_to_its_subject_and_to_all_subjects_of_its_type(estate: Estate) -> None:
    estate.aggregate(records(event_text("1", {"d": 2}), event_text("2", {"d": -5}), event_text("3", {}, subject="B6")))
    hour = {"S": "2013-01-01T05:00:00Z"}
    head = {"hour": hour, "type": {"S": "flight.departed"}}
    numbers = {"count:d": {"N": "2"}, "sum:d": {"N": "-3"}, "squares:d": {"N": "29"}}
    items = estate.dynamodb.items("aggregates")
    assert sorted(len(item.pop("fields", {"SS": []})["SS"]) for item in items) == [0, 1, 1]
    assert {item["series"]["S"]: item for item in items} == {
        series: {"series": {"S": series}, **head, **more}
        for series, more in [
            (series_key("flight.departed", "UA"), {"subject": {"S": "UA"}, "count": {"N": "2"}, **numbers}),
            (series_key("flight.departed", "B6"), {"subject": {"S": "B6"}, "count": {"N": "1"}}),
            (series_key("flight.departed"), {"count": {"N": "3"}, **numbers}),
        ]
    }


def test_the_record_of_a_page_has_a_bit_per_event_and_outlives_them_by_30_days(estate: Estate) -> None:
    estate.aggregate(records(event_text("1"), event_text("2"), event_text("3")))
    expiry = {"N": str(1_700_000_000 + 30 * 86_400)}
    assert estate.dynamodb.items("pages") == [{"page": {"S": "p"}, "counted": {"B": "Bw=="}, "expires_at": expiry}]


def test_the_record_of_an_event_that_never_expires_never_does(estate: Estate) -> None:
    image = image_of(event_text("1"), None)
    del image["expires_at"]
    estate.aggregate([stream_record(image)])
    assert [set(item) for item in estate.dynamodb.items("pages")] == [{"page", "counted"}]


def test_only_inserts_count(estate: Estate) -> None:
    image = image_of(event_text("1"))
    removal = {"eventName": "REMOVE", "dynamodb": {"Keys": {}, "SequenceNumber": "9"}}
    estate.aggregate([stream_record(image, 1, "MODIFY"), removal])
    assert estate.dynamodb.requests == []
    estate.aggregate([removal, *records(event_text("2"))])
    assert estate.query("flight.departed")["totals"]["count"] == 1


@pytest.mark.parametrize(("series", "actions"), [(40, [42]), (400, [100, 100, 100, 100, 10])])
def test_a_transaction_holds_as_many_events_as_have_a_hundred_aggregates(
    estate: Estate, series: int, actions: list[int]
) -> None:
    estate.aggregate(records(*[event_text(str(n), subject=f"S{n % series}") for n in range(400)]))
    assert transactions(estate.dynamodb) == actions
    assert estate.query("flight.departed", subject="S3")["totals"]["count"] == 400 / series
    assert estate.query("flight.departed")["totals"]["count"] == 400


def test_events_of_very_many_fields_are_added_up(estate: Estate) -> None:
    texts = [
        event_text(str(n), {f"{f}": f + n / 8 for f in range(start, start + 96)}) for n, start in enumerate([0, 50, 4])
    ]
    estate.aggregate(records(*texts))
    data = estate.query("flight.departed", subject="UA")["totals"]["data"]
    assert len(data) == 146
    assert data["60"] == {
        "count": 3,
        "sum": "180.375",
        "mean": "60.125",
        "stddev": data["60"]["stddev"],
        "sum_of_squares": "10845.078125",
    }
    assert estate.dynamodb.counted() == 3


def test_sums_that_carry_into_more_windows_than_expected_are_narrowed_down_and_added(estate: Estate) -> None:
    texts = [event_text(str(n), {f"{f}": 99_999_999_999_999 for f in range(72)}) for n in range(8)]
    estate.aggregate(records(*texts))
    numbers = estate.query("flight.departed")["totals"]["data"]["71"]
    assert (numbers["sum"], numbers["sum_of_squares"]) == (str(8 * (10**14 - 1)), str(8 * (10**14 - 1) ** 2))


def test_an_event_that_cannot_be_added_is_dead_lettered_alone_and_delays_no_other(
    estate: Estate, caplog: pytest.LogCaptureFixture
) -> None:
    full = {
        "series": {"S": series_key("flight.departed", "full")},
        "hour": {"S": "2013-01-01T05:00:00Z"},
        "count": {"N": "1"},
        "old": {"S": "x" * 399_900},
    }
    estate.dynamodb.tables["aggregates"][full["series"]["S"], full["hour"]["S"]] = full
    texts = [event_text(str(n), subject="full" if n == 7 else "UA") for n in range(50)]
    batch = records(*texts)
    for tries in (1, 2):
        estate.aggregate(batch)
        assert estate.query("flight.departed")["totals"]["count"] == 49
        assert len(estate.queue.dead) == tries
    body, attributes = estate.queue.dead[0]
    assert json.loads(body) == {"Records": [batch[7]], "replay": True}
    assert "Item size has exceeded" in attributes["ErrorMessage"]
    assert {"RequestID", "ErrorCode"} < set(attributes)
    error = vars(next(record for record in caplog.records if record.levelno == logging.ERROR))
    assert (error["message"], error["sequenceNumber"]) == ("event cannot be counted", "8")
    assert error["eventKey"] == event_key("/test", "7")


@pytest.mark.parametrize(
    "change",
    [
        {"event": {"S": "no event"}},
        {"event": {"N": "5"}},
        {"event": {"S": "\ufffe no event of \x00 ours 🛫"}},
        {"expires_at": {"N": "x"}},
        {"event_key": {"S": "not the key of the event"}},
        {"position": {"N": "1000"}},
        {"position": {"N": "-1"}},
        {"page": {"S": ""}},
        {"page": {"N": "1"}},
    ],
)
def test_an_unreadable_record_is_dead_lettered_as_it_is_after_everything_else_is_counted(
    estate: Estate, change: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    image = {**image_of(event_text("odd"), 9), **change}
    batch = [*records(event_text("1"), event_text("2")), stream_record(image, 77)]
    estate.aggregate(batch)
    assert estate.query("flight.departed")["totals"]["count"] == 2
    assert vars(caplog.records[0])["sequenceNumber"] == "77"
    ((body, _),) = estate.queue.dead
    assert json.loads(body) == {"Records": [batch[-1]], "replay": True}
    with pytest.raises(BatchFailed, match=r"^1 of 1 records could not be counted: unreadable record: "):
        estate.aggregate_payload(json.loads(body))
    assert len(estate.queue.dead) == 1
    assert "\ufffe" not in body


def test_a_record_too_long_for_a_message_is_cut_rather_than_tried_for_ever(estate: Estate) -> None:
    estate.aggregate([stream_record({"event": {"S": "\x00" * 390_000}})])
    ((body, _),) = estate.queue.dead
    assert len(body.encode()) > 1_000_000


def test_a_record_that_can_never_be_counted_waits_until_the_rest_of_its_batch_is(estate: Estate) -> None:
    batch = [stream_record({}, 1), *records(event_text("1"))]
    estate.dynamodb.before = lambda operation, _: AwsError(operation, "AccessDeniedException", "no")
    with pytest.raises(BatchFailed, match=r"^1 of 2 records"):
        estate.aggregate(batch)
    assert estate.queue.dead == []
    estate.dynamodb.before = lambda *_: None
    estate.queue.error = AwsError("SendMessageBatch", "InternalError", "no", 500)
    with pytest.raises(BatchFailed, match=r"^1 of 2 records"):
        estate.aggregate(batch)
    estate.queue.error = None
    estate.aggregate(batch)
    assert len(estate.queue.dead) == 1
    assert estate.query("flight.departed")["totals"]["count"] == 1


def test_throttled_transactions_become_smaller_and_everything_is_counted(estate: Estate) -> None:
    def throttled(operation: str, request: Any) -> AwsError | None:
        if operation != "TransactWriteItems" or len(request["TransactItems"]) <= 12:
            return None
        rest = [{"Code": "None"}] * (len(request["TransactItems"]) - 1)
        return canceled([{"Code": "ThrottlingError", "Message": "slow"}, *rest])

    estate.dynamodb.before = throttled
    estate.aggregate(records(*[event_text(str(n), subject=f"S{n}") for n in range(60)]))
    assert estate.query("flight.departed")["totals"]["count"] == 60


def test_throttling_that_stays_fails_the_batch_after_a_bounded_number_of_requests(estate: Estate) -> None:
    estate.dynamodb.before = lambda operation, request: (
        canceled([{"Code": "ThrottlingError", "Message": "slow"}] * len(request["TransactItems"]))
        if operation == "TransactWriteItems"
        else None
    )
    with pytest.raises(BatchFailed, match=r"^300 of 300 records"):
        estate.aggregate(records(*[event_text(str(n), subject=f"S{n}") for n in range(300)]))
    assert len(estate.dynamodb.requests) == 11


def test_without_time_left_the_batch_fails_and_counts_later(estate: Estate, caplog: pytest.LogCaptureFixture) -> None:
    batch = records(*[event_text(str(n), subject=f"S{n}") for n in range(400)])
    with pytest.raises(BatchFailed) as failed:
        estate.aggregate(batch, milliseconds=1004, step=1)
    retryable = 400 - estate.dynamodb.counted()
    assert 0 < retryable < 400
    assert str(failed.value).startswith(f"{retryable} of 400 records")
    (error,) = [vars(record) for record in caplog.records if record.levelno == logging.ERROR]
    assert (error["message"], error["events"]) == ("events not counted for now", retryable)
    assert "time" in error["reason"]
    estate.aggregate(batch)
    assert estate.query("flight.departed")["totals"]["count"] == 400


def test_the_outcome_is_logged_in_one_line(
    estate: Estate, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.INFO)
    estate.aggregate(records(event_text("1")))
    caplog.clear()
    monkeypatch.setattr("aggregate.handler.time", SimpleNamespace(monotonic=iter([10.0, 12.0]).__next__))
    estate.aggregate([*records(event_text("1"), event_text("2")), stream_record({}, name="REMOVE")])
    assert len(caplog.records) == 1
    line = vars(caplog.records[-1])
    assert line["message"] == "batch aggregated"
    assert [line[name] for name in ("received", "counted", "duplicates", "ignored", "failed")] == [3, 1, 1, 1, 0]
    assert line["milliseconds"] == 2000


def test_the_slower_of_two_tries_again_at_once_with_the_items_it_was_sent(estate: Estate) -> None:
    estate.ingest([event_text(str(number)) for number in range(5)])
    stream, pauses = estate.stream(), []

    def quicker(operation: str, _: object) -> None:
        """Count one more event of the same page before each of the first attempts."""
        if operation == "TransactWriteItems" and len(others) > 0:
            record = others.pop()
            estate.dynamodb.before = no_fault
            estate.aggregate([record])
            estate.dynamodb.before = quicker

    others = stream[1:4]
    estate.dynamodb.before = quicker
    waiting = Deadline(FakeContext(), sleep=pauses.append)
    counter = Counter(estate.dynamodb, "pages", "aggregates", 100)
    result = counter.count(read(stream[:1] + stream[4:]).inserted, waiting)
    assert ([entry.event.id for entry in result.done], pauses) == (["0", "4"], [])
    assert estate.dynamodb.counted() == 5


def test_a_throttled_transaction_is_tried_again_after_a_pause_although_a_refusal_of_it_was_news(estate: Estate) -> None:
    first, second = records(event_text("1"), event_text("2"))
    estate.aggregate([first])
    news = [{"Code": "ConditionalCheckFailed", "Item": estate.dynamodb.items("pages")[0]}]
    throttled = iter([canceled([*news, {"Code": "ThrottlingError"}, {"Code": "None"}])])
    estate.dynamodb.before = lambda operation, _: next(throttled, None) if operation == "TransactWriteItems" else None
    pauses: list[float] = []
    counter = Counter(estate.dynamodb, "pages", "aggregates", 100)
    result = counter.count(read([second]).inserted, Deadline(FakeContext(), sleep=pauses.append))
    assert (len(result.done), len(pauses), estate.dynamodb.counted()) == (1, 1, 2)


# A refused action comes with the item as it is: one that is what it was known to be shows no more than a conflict.
@pytest.mark.parametrize("code", ["TransactionConflict", "ConditionalCheckFailed"])
def test_conflicts_are_waited_out_for_as_long_as_there_is_time_by_pauses_that_stop_growing(
    estate: Estate, code: str
) -> None:
    conflicts = iter(range(30))

    def busy(operation: str, request: Mapping[str, Any]) -> AwsError | None:
        if operation != "TransactWriteItems" or next(conflicts, None) is None:
            return None
        return canceled([{"Code": code}, *[{"Code": "None"}] * (len(request["TransactItems"]) - 1)])

    pauses: list[float] = []
    estate.dynamodb.before = busy
    counter = Counter(estate.dynamodb, "pages", "aggregates", 100)
    assert len(counter.count(inserted(event_text()), Deadline(FakeContext(), sleep=pauses.append)).done) == 1
    assert len(pauses) == 30
    assert max(pauses) <= 0.05 * 2**CONFLICT_ATTEMPTS


def test_the_two_aggregates_of_an_event_without_subject_are_different() -> None:
    event = parse(event_text(subject=None))
    assert [(target.subject, target.hour) for target in targets(event)] == [("", event.hour), (None, event.hour)]


def test_conflicts_without_time_left_leave_the_batch_to_come_again(estate: Estate) -> None:
    estate.dynamodb.before = lambda _, request: conflict(request, 0)
    pauses: list[float] = []
    counter = Counter(estate.dynamodb, "pages", "aggregates", 100)
    result = counter.count(inserted(event_text()), Deadline(FakeContext(1_300), sleep=pauses.append))
    assert (len(result.retryable), len(result.done)) == (1, 0)
    assert sum(pauses) < 1
