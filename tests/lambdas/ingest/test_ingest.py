"""The ingest function: what is stored, what is delivered again, what is sent on to the failure queue."""

import json
import logging
from unittest.mock import ANY

import pytest

from ingest.messages import parse as real_parse
from shared.aws import AwsError
from shared.events import Event
from shared.keys import event_key
from tests.support.fake_dynamodb import no_fault
from tests.support.functions import Estate
from tests.support.samples import event_text, sqs_batch


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
            "page": {"S": ANY},
            "position": {"N": "0"},
        }
    ]


def test_invalid_messages_are_dead_lettered_at_once_with_their_reason_and_keep_no_other_from_being_stored(
    estate: Estate,
) -> None:
    bodies = [event_text("1"), "no event", event_text("2", specversion="0.3"), event_text("3")]
    assert estate.ingest(bodies) == []
    assert [body for body, _ in estate.queue.dead] == bodies[1:3]
    assert [attributes["SourceMessageId"] for _, attributes in estate.queue.dead] == ["m1", "m2"]
    assert estate.queue.dead[1][1]["ErrorMessage"] == 'specversion must be "1.0", not "0.3"'
    assert stored(estate) == ["1", "3"]


def test_any_number_of_invalid_messages_of_any_size_fits_the_requests_to_the_queue(estate: Estate) -> None:
    bodies = [f"no event {number}" + "é" * (400_000 if number % 5 == 0 else 3) for number in range(23)]
    bodies.append("x" * 1_048_576)
    assert estate.ingest(bodies) == []
    assert [body for body, _ in estate.queue.dead] == bodies
    # The largest message there can be has no room for attributes.
    assert [bool(attributes) for _, attributes in estate.queue.dead] == [True] * 23 + [False]


def test_a_dead_letter_keeps_the_attributes_of_its_message(estate: Estate) -> None:
    batch = sqs_batch(["no event"])
    batch["Records"][0]["messageAttributes"] = {
        "Replays": {"dataType": "String", "stringValue": "2", "binaryListValues": [], "stringListValues": []},
        "ErrorMessage": {"dataType": "String", "stringValue": "that of the last time"},
        "odd": 5,
    }
    estate.ingest_payload(batch)
    ((_, attributes),) = estate.queue.dead
    assert attributes["Replays"] == "2"
    assert attributes["ErrorMessage"].startswith("the event is not JSON")
    assert "odd" not in attributes


def test_messages_that_the_dead_letter_queue_refuses_are_delivered_again(estate: Estate) -> None:
    estate.queue.refused = {"no event either"}
    assert estate.ingest(["no event", event_text("1"), "no event either"]) == ["m2"]
    estate.queue.error = AwsError("SendMessageBatch", "AccessDenied", "not allowed", 403)
    assert estate.ingest(["no event", event_text("2")]) == ["m0"]
    assert stored(estate) == ["1", "2"]


@pytest.mark.parametrize("code", ["ProvisionedThroughputExceeded", "ThrottlingError", "AccessDenied"])
def test_an_event_that_is_not_stored_for_now_comes_again_with_its_duplicates_ever_later(
    estate: Estate, code: str
) -> None:
    refused = event_key("/test", "2")
    estate.dynamodb.refuse = lambda item: code if item["event_key"]["S"] == refused else ""
    bodies = [event_text("1"), event_text("2"), event_text("2")]
    assert estate.ingest(bodies) == ["m1", "m2"]
    assert estate.queue.delays == {}  # the first time the queue's own visibility timeout is enough
    for receives, longest in ((2, 120), (3, 240), (5, 900), (200, 900)):
        assert estate.ingest_payload(sqs_batch(bodies, receives=receives))["batchItemFailures"]
        assert set(estate.queue.delays) == {"r1", "r2"}
        assert all(0.74 * longest < delay <= longest for delay in estate.queue.delays.values())
    assert stored(estate) == ["1"]
    assert estate.queue.dead == []


def test_throttled_requests_become_smaller_and_everything_is_stored(estate: Estate) -> None:
    room = 40

    def refuse(_: object) -> str:
        nonlocal room
        room -= 1
        return "ProvisionedThroughputExceeded" if room % 8 else ""

    estate.dynamodb.refuse = refuse
    assert estate.ingest([event_text(str(n)) for n in range(50)]) == []
    assert sorted(map(int, stored(estate))) == list(range(50))
    sizes = [len(request["Statements"]) for _, request in estate.dynamodb.requests]
    assert sizes[0] == 25
    assert min(sizes) < 5


def test_a_rejected_item_is_dead_lettered_alone_with_the_reason_of_dynamodb(estate: Estate) -> None:
    bad = event_key("/test", "3")
    estate.dynamodb.refuse = lambda item: "ValidationError" if item["event_key"]["S"] == bad else ""
    assert estate.ingest([event_text(str(n)) for n in range(6)]) == []
    ((body, attributes),) = estate.queue.dead
    assert json.loads(body)["id"] == "3"
    assert attributes["ErrorMessage"] == "ValidationError: no"
    assert stored(estate) == ["0", "1", "2", "4", "5"]


def test_a_request_that_is_refused_as_a_whole_is_narrowed_down(estate: Estate) -> None:
    bad = event_key("/test", "5")
    estate.dynamodb.before = lambda operation, request: (
        AwsError(operation, "ValidationException", "wrong") if bad in json.dumps(request) else None
    )
    assert estate.ingest([event_text(str(n)) for n in range(100)]) == []
    assert [attributes["SourceMessageId"] for _, attributes in estate.queue.dead] == ["m5"]
    assert len(stored(estate)) == 99


@pytest.mark.parametrize(
    ("code", "requests"),
    [("ThrottlingError", 10), ("AccessDeniedException", 1), ("ResourceNotFoundException", 1), ("OutOfTime", 1)],
)
@pytest.mark.parametrize("whole", [True, False], ids=["request", "statements"])
def test_the_function_fails_if_aws_refuses_everything_so_that_alarms_see_it(
    estate: Estate, code: str, requests: int, whole: bool
) -> None:
    if whole:
        estate.dynamodb.before = lambda operation, _: AwsError(operation, code, "no")
    else:
        estate.dynamodb.refuse = lambda _: code
    with pytest.raises(AwsError, match=code):
        estate.ingest([event_text("1"), event_text("2")])
    assert len(estate.dynamodb.requests) == requests


def test_without_time_left_nothing_is_lost(estate: Estate) -> None:
    with pytest.raises(AwsError, match="OutOfTime"):
        estate.ingest([event_text("1")], milliseconds=500)
    assert estate.ingest(["no event", event_text("1")], milliseconds=500) == ["m1", "m0"]
    assert (stored(estate), estate.queue.dead) == ([], [])


def test_events_are_stored_for_as_long_as_there_is_time_and_the_others_delivered_again(estate: Estate) -> None:
    again = estate.ingest([event_text(str(n)) for n in range(300)], milliseconds=3006, step=1)
    assert len(stored(estate)) + len(again) == 300
    assert 0 < len(stored(estate)) < 300


def test_an_error_of_ours_dead_letters_its_message_only(
    estate: Estate, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fragile(body: str) -> Event:
        if '"2"' in body:
            raise KeyError("bug")
        return real_parse(body)

    monkeypatch.setattr("ingest.messages.parse", fragile)
    assert estate.ingest([event_text("1"), event_text("2"), event_text("3")]) == []
    assert stored(estate) == ["1", "3"]
    ((_, attributes),) = estate.queue.dead
    assert "KeyError" in attributes["ErrorMessage"]
    record = next(record for record in caplog.records if record.levelno == logging.ERROR)
    assert (record.message, vars(record)["messageId"]) == ("event could not be parsed", "m1")


def test_requests_hold_25_events_or_what_fits_by_size(estate: Estate) -> None:
    assert estate.ingest([event_text(str(n)) for n in range(60)]) == []
    estate.ingest([event_text(f"big{n}", note="é" * 190_000, ascii_only=False) for n in range(20)])
    sizes = [len(request["Statements"]) for _, request in estate.dynamodb.requests]
    assert sizes == [25, 25, 10, 9, 9, 2]


def test_events_of_a_batch_share_a_page_each_with_a_position_of_its_own(estate: Estate) -> None:
    estate.ingest([event_text(str(n)) for n in range(1200)])
    estate.ingest([event_text("1"), event_text("next")])
    slots = [(item["page"]["S"], int(item["position"]["N"])) for item in estate.dynamodb.items("events")]
    assert len(set(slots)) == 1201
    pages = dict.fromkeys(page for page, _ in slots)
    assert [[position for page, position in slots if page == each] for each in pages] == [
        list(range(1000)), list(range(200)), [1],
    ]  # fmt: skip


def test_a_batch_that_is_delivered_again_costs_the_first_request_and_a_look_at_the_others(estate: Estate) -> None:
    bodies = [event_text(str(number)) for number in range(500)]
    estate.ingest(bodies)
    before = estate.dynamodb.written["events"]
    assert estate.ingest(bodies) == []
    assert estate.dynamodb.written["events"] - before == 25
    assert estate.dynamodb.read["events"] == 475  # in halves
    assert len(estate.dynamodb.items("events")) == 500


def test_new_events_in_a_batch_that_is_delivered_again_are_stored(estate: Estate) -> None:
    estate.ingest([event_text(str(number)) for number in range(60)])
    # An item that was stored a moment ago may be missing in an inconsistent read: it is refused when it is written.
    estate.dynamodb.unread = {event_key("/test", "57")}
    assert estate.ingest([event_text(str(number), {"second": 1}) for number in range(70)]) == []
    events = [json.loads(item["event"]["S"]) for item in estate.dynamodb.items("events")]
    assert sorted(int(event["id"]) for event in events) == list(range(70))
    assert [event["id"] for event in events if "second" in event["data"]] == [str(number) for number in range(60, 70)]


@pytest.mark.parametrize(
    ("code", "again", "known"), [("ProvisionedThroughputExceededException", 0, 35), ("AccessDeniedException", 10, 0)]
)
def test_a_look_that_is_refused_loses_nothing(estate: Estate, code: str, again: int, known: int) -> None:
    bodies = [event_text(str(number)) for number in range(35)]
    estate.ingest(bodies[:25] if again else bodies)
    refused = AwsError("BatchGetItem", code, "no")
    estate.dynamodb.before = lambda operation, _: refused if operation == "BatchGetItem" else None
    before = estate.dynamodb.written["events"]
    # Throttled, all are written and refused as known; denied, those that were not looked up come again.
    assert len(estate.ingest(bodies)) == again
    assert estate.dynamodb.written["events"] - before == (known or 25)
    estate.dynamodb.before = no_fault
    assert estate.ingest(bodies) == []
    assert len(estate.dynamodb.items("events")) == 35


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
