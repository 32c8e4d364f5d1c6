"""Messages, attributes, logs and items that anybody may have written: each is read, none is believed or an error."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from estate_tool.core.untrusted import foreign_because, member, name_of
from estate_tool.events.dead_letters import batch_range
from estate_tool.redrive import messages
from estate_tool.redrive.messages import (
    CODE,
    ERROR,
    FAILED_AT,
    REPLAYS,
    REQUEST,
    FailedMessage,
    FailureQueue,
    Kind,
    read,
)
from estate_tool.redrive.replay import Options
from estate_tool.redrive.results import QueueResult
from tests.support.failed_messages import AGGREGATE, BATCH, EVENT, INGEST, STREAM, Reasons, event, key, message
from tests.support.fuzz import fuzzed

TABLE = "table-events-dev"


def failed_message(body: str, queue: FailureQueue = INGEST, **attributes: str) -> FailedMessage:
    return read(message(body, **attributes), queue, Reasons(), TABLE)  # type: ignore[arg-type]


@pytest.mark.parametrize("replays", ["x", "-1", "1e3", "1.5", "", "9" * 5000, "٣", "inf", " 3", "0x3"])
def test_a_count_of_replays_that_is_none_is_none(replays: str) -> None:
    assert failed_message(EVENT, Replays=replays).replays == 0


@pytest.mark.parametrize("moment", ["inf", "-inf", "nan", "1e999", "-5", "x", "", "9" * 400, "1e300"])
def test_a_time_of_failure_that_is_none_is_when_the_message_was_sent(moment: str) -> None:
    found = failed_message(EVENT, FailedAt=moment)
    assert found.failed_at == 1767225600.0
    result = QueueResult(queue="q")
    result.record(found, INGEST, quarantined=False, selected=True)
    assert result.to_dict()["reasons"][0]["first"] == "2026-01-01T00:00:00Z"


def test_a_valid_event_is_a_message_whatever_attributes_it_has() -> None:
    found = failed_message(EVENT, RequestID="i", ErrorCode="200", ErrorMessage="boom")
    assert (found.kind, found.event_type, found.hopeless) == (Kind.MESSAGE, "t", False)


@pytest.mark.parametrize(
    "context", ["[]", '"x"', "5", "null", "true", '{"approximateInvokeCount": "many", "condition": []}']
)
def test_an_account_of_a_failure_may_have_any_context(context: str) -> None:
    body = json.dumps(BATCH | {"requestContext": json.loads(context), "timestamp": 5})
    found = failed_message(body, AGGREGATE)
    assert (found.kind, found.attempts) == (Kind.STREAM, None)
    assert failed_message(f'{{"requestContext": {context}, "requestPayload": 1}}', AGGREGATE).kind == Kind.ASYNC


@pytest.mark.parametrize(
    "body", ["[" * 100_000, '{"a":' * 100_000, '{"requestPayload": ' + "[" * 100_000, "9" * 5000, '{"a": ' + "9" * 5000]
)
@pytest.mark.parametrize("queue", [INGEST, AGGREGATE])
def test_what_is_nested_without_end_is_no_failure_of_ours(body: str, queue: FailureQueue) -> None:
    assert failed_message(body, queue).hopeless
    assert failed_message(body, queue, RequestID="i", ErrorCode="200").hopeless


@pytest.mark.parametrize(
    "changed",
    [
        {"streamArn": 5}, {"streamArn": STREAM.replace(TABLE, "table-other")}, {"shardId": None}, {"shardId": []},
        {"startSequenceNumber": "x"}, {"startSequenceNumber": "9" * 5000}, {"endSequenceNumber": "0"},
        {"endSequenceNumber": 5}, {"startSequenceNumber": "-1"},
    ],
)  # fmt: skip
def test_a_batch_that_is_none_of_the_tables_stream_is_left_alone(changed: dict[str, Any]) -> None:
    info = {**BATCH["DDBStreamBatchInfo"], **changed}  # type: ignore[dict-item]
    assert batch_range(json.dumps({"DDBStreamBatchInfo": info}), TABLE) is None
    assert failed_message(json.dumps({"DDBStreamBatchInfo": info}), AGGREGATE).kind == Kind.UNKNOWN


@pytest.mark.parametrize("arrival", ["9999-12-31T23:59:59Z", "0001-01-01T00:00:00", 5, None, "x", "2026-13-01", {}])
def test_times_of_arrival_are_times(arrival: Any) -> None:
    info = {**BATCH["DDBStreamBatchInfo"], "approximateArrivalOfFirstRecord": arrival}  # type: ignore[dict-item]
    first, last = failed_message(json.dumps(BATCH | {"DDBStreamBatchInfo": info}), AGGREGATE).arrivals
    assert 0 <= first < 253_402_300_800
    assert last == 1767225602.0


def test_a_message_full_of_attributes_has_room_for_what_redrive_counts() -> None:
    full = {f"a{number}": "x" for number in range(8)} | {REQUEST: "i", CODE: "200"}
    attributes = failed_message('{"a": 1}', AGGREGATE, **full).attributes("again")
    assert len(attributes) == 10
    assert {REPLAYS, FAILED_AT, ERROR, REQUEST, CODE} <= set(attributes)
    assert attributes[REPLAYS]["StringValue"] == "1"


@pytest.mark.parametrize(
    ("item", "why"),
    [
        ({"event_key": {"S": "ab" * 32}, "event": {"S": EVENT}}, "its key is that of another event"),
        ({"event_key": {"S": key(1).hex().upper()}, "event": {"S": EVENT}}, "its key is none of an event"),
        ({"event_key": {"S": "x"}}, "its key is none of an event"),
        ({"event_key": {"N": "5"}}, "its key is none of an event"),
        ({}, "its key is none of an event"), ({"event_key": {"S": key(1).hex()}}, "it holds no event"),
        ({"event_key": {"S": key(1).hex()}, "event": {"M": {}}}, "it holds no event"),
        ({"event_key": {"S": key(1).hex()}, "event": {"S": EVENT}}, ""),
    ],
)  # fmt: skip
def test_an_item_is_an_event_by_its_key_and_what_it_holds(item: Any, why: str) -> None:
    assert foreign_because(item) == why


@pytest.mark.parametrize("depth", [100, 300, 900, 990, 1000, 5000])
def test_a_payload_of_any_depth_is_replayed_or_left_alone(depth: int) -> None:
    payload = "[" * depth + "]" * depth
    found = failed_message(f'{{"requestPayload": {payload}}}', AGGREGATE)
    assert (found.request == payload.encode()) if found.kind == Kind.ASYNC else found.hopeless


@pytest.mark.parametrize("number", ["0.1", "1e400", "-0.0", "123456789012345678901234567890.5", "1E-7", "5"])
def test_the_numbers_of_a_payload_stay_as_they_are_written(number: str) -> None:
    assert member(f'{{"p": {{"v": {number}, "t": "{number}"}}}}', "p") == f'{{"v": {number}, "t": "{number}"}}'.encode()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
INFO = st.fixed_dictionaries(
    {},
    optional={
        name: st.one_of(JSON, st.just(value))
        for name, value in {**BATCH["DDBStreamBatchInfo"], "timestamp": 5}.items()  # type: ignore[dict-item]
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
    found = read(message(body) | {"MessageAttributes": attributes}, queue, Reasons(), TABLE)  # type: ignore[arg-type]
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
    class Logs:
        exceptions = type("Exceptions", (), {"ClientError": KeyError})

        def get_paginator(self, _: str) -> Any:
            return self

        def paginate(self, **_: Any) -> Any:
            own = json.dumps({"level": "ERROR", "reason": "because", "messageId": "\0mine"})
            return [{"events": [{"message": line} for line in (*lines, own)]}]

    names = type("Names", (), {"log_group": lambda _self, name: name})
    found = messages.Explanations(Logs(), names())  # type: ignore[arg-type]
    assert found.of_message("ingest", "\0mine", 5.0) == "because"


@fuzzed()
@given(
    st.dictionaries(
        st.sampled_from(["event_key", "event", "x"]), st.one_of(JSON, st.fixed_dictionaries({"S": st.text()}))
    )
)
def test_any_item_is_named_and_none_is_an_event_by_chance(item: Any) -> None:
    assert foreign_because(item)
    assert 0 < len(name_of(item)) <= 80
    assert foreign_because(item | {"event_key": {"S": key(7).hex()}, "event": {"S": event(7)}}) == ""
