"""Messages of failure queues: the kind of each, and the reason that the log of its function has."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from estate_tool.events.dead_letters import BatchRange
from estate_tool.redrive.messages import (
    CODE,
    ERROR,
    FAILED_AT,
    REPLAYS,
    REQUEST,
    Explanations,
    FailedMessage,
    FailureQueue,
    Kind,
    failure_queues,
    read,
)
from estate_tool.redrive.replay import Options
from estate_tool.redrive.results import QueueResult
from foundation.catalog import CATALOG
from tests.support.failed_messages import AGGREGATE, BATCH, EVENT, INGEST, STREAM, Reasons, message
from tests.support.fake_logs import FakeLogs
from tests.support.fuzz import JSON, fuzzed

TABLE = "table-events-dev"


def failed_message(body: str, queue: FailureQueue = INGEST, **attributes: Any) -> FailedMessage:
    return read(message(body, **attributes), queue, Reasons(), TABLE)


def test_every_failure_queue_of_the_catalog_is_known() -> None:
    of_queues = {(queue.name, CATALOG.consumer(queue.name).name, queue.name) for queue in CATALOG.queues}
    consumers = {function for _, function, _ in of_queues}
    of_functions = {(one.name, one.name, None) for one in CATALOG.functions if one.name not in consumers}
    assert {(queue.name, queue.function, queue.source) for queue in failure_queues()} == of_queues | of_functions


CALL = {"RequestID": "i", "ErrorCode": "200", "ErrorMessage": "boom"}
ACCOUNT = {
    "requestContext": {"condition": "RetriesExhausted", "approximateInvokeCount": 3}, "requestPayload": [1],
    "responsePayload": {"errorMessage": "boom"},
}  # fmt: skip


@pytest.mark.parametrize(
    ("body", "queue", "attributes", "expected"),
    [
        (EVENT, INGEST, {}, {
            "kind": Kind.MESSAGE, "error": "AccessDenied", "event_type": "t", "failed_at": 1767225600.0,
            "hopeless": False, "attempts": None,  # each look at a message is one more receipt of it
        }),
        (EVENT, INGEST, CALL, {"kind": Kind.MESSAGE, "event_type": "t", "hopeless": False}),
        ("{}", INGEST, {}, {"kind": Kind.MESSAGE, "hopeless": True, "error": "specversion is missing"}),
        *(
            ('{"a":  1}', queue, CALL, {
                "kind": Kind.ASYNC, "request": b'{"a":  1}', "error": "boom", "hopeless": False,
            })
            for queue in (INGEST, AGGREGATE)
        ),
        (json.dumps(ACCOUNT), AGGREGATE, {}, {
            "kind": Kind.ASYNC, "request": b"[1]", "error": "boom", "attempts": 3, "hopeless": False,
        }),
        (json.dumps(BATCH), AGGREGATE, {}, {
            "kind": Kind.STREAM, "error": "AccessDenied", "attempts": 11, "failed_at": 1767225609.0, "hopeless": False,
            "batch": BatchRange(BATCH["DDBStreamBatchInfo"]["streamArn"], "s", "1", "5"),
            "arrivals": (1767225601.0, 1767225602.0),
        }),
        *(
            (body, AGGREGATE, {}, {"kind": Kind.UNKNOWN, "hopeless": True})
            for body in ("nothing", "[]", "{}", '{"DDBStreamBatchInfo": {}}')
        ),
        # Untrusted values.
        *(
            (EVENT, INGEST, {"Replays": replays}, {"replays": 0})
            for replays in ("x", "-1", "1e3", "1.5", "", "9" * 5000, "٣", "inf", " 3", "0x3")
        ),
        *(
            (EVENT, INGEST, {"FailedAt": moment}, {"failed_at": 1767225600.0})
            for moment in ("inf", "-inf", "nan", "1e999", "-5", "x", "", "9" * 400, "1e300")
        ),
        *(
            (json.dumps(body | {"requestContext": context, "timestamp": 5}), AGGREGATE, {}, {
                "kind": kind, "attempts": None,
            })
            for body, kind in ((BATCH, Kind.STREAM), ({"requestPayload": 1}, Kind.ASYNC))
            for context in ([], "x", 5, None, True, {"approximateInvokeCount": "many", "condition": []})
        ),
        *(
            (json.dumps({"DDBStreamBatchInfo": BATCH["DDBStreamBatchInfo"] | changed}), AGGREGATE, {}, {
                "kind": Kind.UNKNOWN,
            })
            for changed in (
                {"streamArn": 5}, {"streamArn": STREAM.replace(TABLE, "table-other")}, {"shardId": None},
                {"startSequenceNumber": "x"}, {"startSequenceNumber": "9" * 5000}, {"startSequenceNumber": "-1"},
                {"endSequenceNumber": "0"}, {"endSequenceNumber": 5},
            )
        ),
        *(
            (body, queue, attributes, {"hopeless": True})
            for body in (
                "[" * 100_000, '{"a":' * 100_000, '{"requestPayload": ' + "[" * 100_000, "9" * 5000,
                '{"a": ' + "9" * 5000,
            )
            for queue in (INGEST, AGGREGATE) for attributes in ({}, CALL)
        ),
    ],
)  # fmt: skip
def test_a_message_is_known_by_its_queue_attributes_and_body(
    body: str, queue: FailureQueue, attributes: dict[str, str], expected: dict[str, Any]
) -> None:
    found = failed_message(body, queue, **attributes)
    assert {name: getattr(found, name) for name in expected} == expected


SCHEDULE = {
    "SCHEDULE_ARN": "arn:aws:scheduler:us-east-1:123456789012:schedule/g/s", "SCHEDULED_TIME": "2026-01-01T00:00:05Z",
    "EXECUTION_ID": "e", "ERROR_CODE": "AccessDeniedException", "ERROR_MESSAGE": "no", "RETRY_ATTEMPTS": "2",
    "EXHAUSTED_RETRY_CONDITION": "MaximumRetryAttempts", "TARGET_ARN": "t", "IS_PAYLOAD_TRUNCATED": "false",
}  # fmt: skip


@pytest.mark.parametrize("time", ["2026-01-01T00:00:05Z", "<aws.scheduler.scheduled-time>"])
def test_a_call_that_a_schedule_gave_up_is_replayed_for_its_time(time: str) -> None:
    found = failed_message(json.dumps({"scheduledTime": time}), AGGREGATE, **SCHEDULE)
    assert (found.kind, found.hopeless, found.error) == (Kind.ASYNC, False, "AccessDeniedException: no")
    assert (json.loads(found.request), found.attempts) == ({"scheduledTime": "2026-01-01T00:00:05Z"}, 3)
    assert found.failed_at == 1767225605.0
    again = {name: value["StringValue"] for name, value in found.attributes("worse").items()}
    after = failed_message(json.dumps({"scheduledTime": time}), AGGREGATE, **again)
    assert (after.kind, after.request, after.error, after.replays) == (Kind.ASYNC, found.request, "worse", 1)


def test_a_replay_in_vain_is_counted_and_keeps_when_it_failed_first_and_why_it_failed_last() -> None:
    first = failed_message('{"a": 1}', AGGREGATE, RequestID="i", ErrorCode="200", ErrorMessage="boom")
    attributes = {name: value["StringValue"] for name, value in first.attributes("bad\n\x00 " + "x" * 999).items()}
    again = failed_message('{"a": 1}', AGGREGATE, **attributes)
    assert (again.replays, again.failed_at) == (1, first.failed_at)
    assert again.error.startswith("bad   x")
    assert len(again.error) <= 500


def explained(logs: FakeLogs) -> Explanations:
    return Explanations(logs, "/aws/lambda/lambda-ingest-dev")


def error(reason: str, **of: str) -> dict[str, str]:
    return {"level": "ERROR", "reason": reason, **of}


def test_a_failure_has_the_reason_that_was_logged_of_it_else_the_last_general_one() -> None:
    logs = FakeLogs(
        "no JSON", [1], {"level": "INFO", "reason": "fine"}, error("too big", messageId="m1"),
        error("bad number", sequenceNumber="15"), error("AccessDenied"), {"level": "ERROR"}, error("Throttled"),
    )  # fmt: skip
    reasons = explained(logs)
    assert [reasons.of_message(name, 5000.5) for name in ("m1", "m2")] == ["too big", "Throttled"]
    ranges = [BatchRange("a", "s", first, last) for first, last in (("10", "15"), ("16", "9"))]
    assert [reasons.of_batch(each, 0) for each in ranges] == ["bad number", "Throttled"]
    # Once, from an hour before the first failure on.
    assert [request["startTime"] for request in logs.requests] == [1_400_500]
    assert logs.requests[0]["logGroupName"] == "/aws/lambda/lambda-ingest-dev"


@pytest.mark.parametrize("code", ["ResourceNotFoundException", "AccessDeniedException"])
def test_a_log_that_can_not_be_read_explains_nothing_and_stops_nothing(code: str) -> None:
    assert explained(FakeLogs(refused=code)).of_message("m", 0) == ""


def test_any_other_error_of_the_log_is_not_hidden() -> None:
    with pytest.raises(ClientError, match="ServiceUnavailable"):
        explained(FakeLogs(refused="ServiceUnavailable")).of_message("m", 0)


@pytest.mark.parametrize("arrival", ["9999-12-31T23:59:59Z", "0001-01-01T00:00:00", 5, None, "x", "2026-13-01", {}])
def test_times_of_arrival_are_times(arrival: Any) -> None:
    info = {**BATCH["DDBStreamBatchInfo"], "approximateArrivalOfFirstRecord": arrival}
    first, last = failed_message(json.dumps(BATCH | {"DDBStreamBatchInfo": info}), AGGREGATE).arrivals
    assert 0 <= first < 253_402_300_800
    assert last == 1767225602.0


def test_a_message_full_of_attributes_has_room_for_what_redrive_counts() -> None:
    full = {f"a{number}": "x" for number in range(8)} | {REQUEST: "i", CODE: "200"}
    attributes = failed_message('{"a": 1}', AGGREGATE, **full).attributes("again")
    assert len(attributes) == 10
    assert {REPLAYS, FAILED_AT, ERROR, REQUEST, CODE} <= set(attributes)
    assert attributes[REPLAYS]["StringValue"] == "1"


@pytest.mark.parametrize("depth", [100, 300, 900, 990, 1000, 5000])
def test_a_payload_of_any_depth_is_replayed_or_left_alone(depth: int) -> None:
    payload = "[" * depth + "]" * depth
    found = failed_message(f'{{"requestPayload": {payload}}}', AGGREGATE)
    assert (found.request == payload.encode()) if found.kind == Kind.ASYNC else found.hopeless


INFO = st.fixed_dictionaries(
    {},
    optional={
        name: st.one_of(JSON, st.just(value)) for name, value in {**BATCH["DDBStreamBatchInfo"], "timestamp": 5}.items()
    },
)
ACCOUNTS = st.fixed_dictionaries(
    {}, optional={
        "requestContext": JSON, "timestamp": st.one_of(JSON, st.datetimes().map(str)), "requestPayload": JSON,
        "responsePayload": JSON, "DDBStreamBatchInfo": st.one_of(JSON, INFO),
    },
)  # fmt: skip
BODIES = st.one_of(
    st.text(), ACCOUNTS.map(json.dumps), JSON.map(json.dumps), st.just(EVENT),
    st.text().map(lambda text: EVENT[:40] + text),
    st.sampled_from(["[" * 100_000, '{"requestContext":' * 50_000, "9" * 5000, '{"requestPayload": 1e999}', ""]),
)  # fmt: skip
ATTRIBUTES = st.dictionaries(
    st.sampled_from([REQUEST, CODE, ERROR, REPLAYS, FAILED_AT, "x", "y"]),
    st.one_of(
        st.text(),
        st.sampled_from(["inf", "nan", "1e999", "9" * 5000, "-1"]),
        st.integers().map(str),
        st.floats().map(str),
    ).map(lambda value: {"DataType": "String", "StringValue": value})
    | st.just({"DataType": "Binary", "BinaryValue": b"x"}),
)


@fuzzed()
@given(BODIES, ATTRIBUTES, st.sampled_from([INGEST, AGGREGATE]))
def test_any_message_is_read_counted_and_can_be_put_back(body: str, attributes: Any, queue: FailureQueue) -> None:
    found = read(message(body) | {"MessageAttributes": attributes}, queue, Reasons(), TABLE)
    assert 0 <= found.failed_at < 253_402_300_800
    assert all(map(math.isfinite, found.arrivals))
    assert found.replays >= 0
    result = QueueResult(queue="q")
    result.record(found, queue, quarantined=False, selected=True)
    assert json.loads(json.dumps(result.to_dict()))["messages"] == 1
    assert list(result.lines(dry_run=True))
    again = found.attributes("\x1b[2J")
    assert len(again) <= 10
    assert again[REPLAYS]["StringValue"] == str(found.replays + 1)
    for options in (Options(error="a"), Options(since=0.0, until=5.0), Options(event_type="t")):
        assert options.matches(found) in (True, False)
    # A valid event in a queue of events always can come back.
    assert (found.kind, found.hopeless) == (Kind.MESSAGE, False) if queue.source and body == EVENT else True


LOG_LINES = st.one_of(
    st.text(),
    st.fixed_dictionaries(
        {"level": st.sampled_from(["ERROR", "INFO"])},
        optional={"reason": JSON, "messageId": JSON, "sequenceNumber": st.one_of(JSON, st.just("9" * 5000))},
    ).map(json.dumps),
    st.sampled_from(["[" * 100_000, '{"level": "ERROR", "reason": "r", "sequenceNumber": ' + "9" * 5000 + "}"]),
)


@fuzzed()
@given(st.lists(LOG_LINES, max_size=5))
def test_any_log_line_leaves_the_reason_of_a_message(lines: list[str]) -> None:
    own = {"level": "ERROR", "reason": "because", "messageId": "\0mine"}
    assert explained(FakeLogs(*lines, own)).of_message("\0mine", 5.0) == "because"
