"""The ingest function: what is stored, what is delivered again, what is sent on to the failure queue."""

import json
import logging
from typing import Any

import pytest

from ingest.messages import parse as real_parse
from ingest.store import MAX_CHUNK_BYTES, chunks
from shared.aws import AwsError
from shared.events import Event, parse
from shared.keys import event_key
from tests.lambdas.estate import Estate
from tests.lambdas.fake_dynamodb import canceled, conflict
from tests.lambdas.samples import event_text


@pytest.fixture
def estate() -> Estate:
    return Estate()


def stored(estate: Estate) -> list[str]:
    return [json.loads(item["event"]["S"])["id"] for item in estate.dynamodb.items("events")]


def test_an_event_is_stored_as_it_was_received_with_key_dates_and_expiry(
    estate: Estate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.time", lambda: 1_700_000_000.9)
    text = event_text("7", {"n": 1}, note="Zürich  🛫", ascii_only=False)
    assert estate.ingest([text]) == []
    assert estate.dynamodb.items("events") == [
        {
            "event_key": {"S": event_key("/test", "7")},
            "event": {"S": text},
            "received_at": {"S": "2023-11-14T22:13:20Z"},
            "expires_at": {"N": str(1_700_000_000 + 30 * 86_400)},
        }
    ]


def test_the_first_of_a_source_and_id_counts_within_a_batch_and_between_batches(estate: Estate) -> None:
    assert estate.ingest([event_text("1", {"n": 1}), event_text("1", {"n": 2})]) == []
    assert estate.ingest([event_text("1", {"n": 3}), event_text("2", {"n": 4})]) == []
    assert [json.loads(item["event"]["S"])["data"] for item in estate.dynamodb.items("events")] == [{"n": 1}, {"n": 4}]


def test_invalid_messages_are_delivered_again_at_once_and_keep_nobody_from_being_stored(estate: Estate) -> None:
    bodies = [event_text("1"), "no event", event_text("2", specversion="0.3"), event_text("3")]
    assert estate.ingest(bodies) == ["m1", "m2"]
    assert estate.queue.visible == ["r1", "r2"]
    assert stored(estate) == ["1", "3"]


def test_any_number_of_invalid_messages_is_delivered_again_at_once(estate: Estate) -> None:
    estate.ingest([f"no event {number}" for number in range(23)])
    assert estate.queue.visible == [f"r{number}" for number in range(23)]


def test_when_invalid_messages_cannot_be_made_visible_they_only_take_longer(
    estate: Estate, caplog: pytest.LogCaptureFixture
) -> None:
    estate.queue.error = AwsError("ChangeMessageVisibilityBatch", "AccessDenied", "not allowed", 403)
    assert estate.ingest(["no event", event_text("1")]) == ["m0"]
    assert stored(estate) == ["1"]
    assert "invalid messages stay until their visibility timeout" in caplog.messages


def test_duplicates_of_what_could_not_be_stored_share_its_fate(estate: Estate) -> None:
    estate.dynamodb.before = lambda operation, request: (
        AwsError(operation, "ThrottlingException", "slow down") if len(request["TransactItems"]) == 1 else None
    )
    big = "x" * 200_000
    many = [event_text(str(n), note=big) for n in range(18)]
    assert estate.ingest([*many[:17], many[17], many[17]]) == ["m17", "m18"]


def test_a_rejected_item_fails_alone(estate: Estate) -> None:
    bad = event_key("/test", "3")

    def refuse(_: str, request: Any) -> AwsError | None:
        keys = [action["Put"]["Item"]["event_key"]["S"] for action in request["TransactItems"]]
        reason = {"Code": "ValidationError", "Message": "Item size has exceeded the maximum allowed size"}
        return canceled([reason if key == bad else {"Code": "None"} for key in keys]) if bad in keys else None

    estate.dynamodb.before = refuse
    assert estate.ingest([event_text(str(n)) for n in range(6)]) == ["m3"]
    assert stored(estate) == ["0", "1", "2", "4", "5"]


def test_a_request_that_is_refused_as_a_whole_is_narrowed_down(estate: Estate) -> None:
    bad = event_key("/test", "5")
    estate.dynamodb.before = lambda operation, request: (
        AwsError(operation, "ValidationException", "wrong") if bad in json.dumps(request) else None
    )
    assert estate.ingest([event_text(str(n)) for n in range(100)]) == ["m5"]
    assert len(stored(estate)) == 99


def test_conflicts_are_waited_out_and_duplicates_left_out_on_the_way(estate: Estate) -> None:
    estate.ingest([event_text("1")])
    plan = [True, False, True]
    estate.dynamodb.before = lambda _, request: conflict(request, 0) if plan and plan.pop() else None
    assert estate.ingest([event_text("1"), event_text("2")]) == []
    assert (stored(estate), plan) == (["1", "2"], [])


def test_a_conflict_that_stays_fails_the_batch_loudly_when_nothing_else_was_done(estate: Estate) -> None:
    estate.dynamodb.before = lambda _, request: conflict(request, 0)
    with pytest.raises(AwsError, match="TransactionCanceledException"):
        estate.ingest([event_text("1"), event_text("2")])
    assert len(estate.dynamodb.requests) == 10


@pytest.mark.parametrize("code", ["AccessDeniedException", "ResourceNotFoundException", "OutOfTime"])
def test_when_aws_lets_nothing_be_done_the_function_fails_so_that_alarms_see_it(estate: Estate, code: str) -> None:
    estate.dynamodb.before = lambda operation, _: AwsError(operation, code, "no")
    with pytest.raises(AwsError, match=code):
        estate.ingest([event_text("1"), event_text("2")])


def test_without_time_left_nothing_is_lost(estate: Estate) -> None:
    with pytest.raises(AwsError, match="OutOfTime"):
        estate.ingest([event_text("1")], milliseconds=500)
    assert estate.ingest(["no event", event_text("1")], milliseconds=500) == ["m0", "m1"]
    assert (stored(estate), estate.queue.visible) == ([], [])


def test_what_time_allows_is_stored_and_the_rest_delivered_again(estate: Estate) -> None:
    again = estate.ingest([event_text(str(n)) for n in range(300)], milliseconds=1002, step=1)
    assert len(stored(estate)) + len(again) == 300
    assert 0 < len(stored(estate)) < 300


def test_an_error_of_ours_fails_its_message_only(
    estate: Estate, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fragile(body: str) -> Event:
        if '"2"' in body:
            raise KeyError("bug")
        return real_parse(body)

    monkeypatch.setattr("ingest.messages.parse", fragile)
    assert estate.ingest([event_text("1"), event_text("2"), event_text("3")]) == ["m1"]
    assert stored(estate) == ["1", "3"]
    assert estate.queue.visible == []
    record = next(record for record in caplog.records if record.levelno == logging.ERROR)
    assert (record.message, vars(record)["messageId"]) == ("event could not be parsed", "m1")


def test_chunks_fit_a_transaction_by_number_and_by_size() -> None:
    small = [parse(event_text(str(n))) for n in range(250)]
    assert [len(chunk) for chunk in chunks(small)] == [100, 100, 50]
    big = [parse(event_text(str(n), note="é" * 190_000, ascii_only=False)) for n in range(20)]
    sizes = [sum(len(event.text.encode()) for event in chunk) for chunk in chunks(big)]
    assert len(sizes) == 3
    assert max(sizes) <= MAX_CHUNK_BYTES
    assert list(chunks([])) == []


def test_the_biggest_events_fit_the_table(estate: Estate) -> None:
    room = 390_000 - len(event_text("10", note="").encode())
    assert estate.ingest([event_text(str(n), note="x" * room) for n in range(10, 21)]) == []


def test_the_outcome_is_logged_in_one_line_and_payloads_are_not(
    estate: Estate, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    secret = "s3cret" * 50
    estate.ingest([event_text("1"), event_text("1"), "no event", event_text("2", subject=[secret])])
    line = vars(next(record for record in caplog.records if record.message == "batch ingested"))
    names = ["received", "stored", "duplicates", "invalid", "failed"]
    assert [line[name] for name in names] == [4, 1, 1, 2, 0]
    assert line["milliseconds"] >= 0
    reasons = {
        vars(record)["messageId"]: vars(record)["reason"] for record in caplog.records if "reason" in vars(record)
    }
    assert reasons["m2"].startswith("the event is not JSON")
    assert reasons["m3"] == "subject must be a string, not an array"
    assert secret not in str([vars(record) for record in caplog.records])
