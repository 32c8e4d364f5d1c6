"""Any payload leads to an answer or a documented error, and no event is quietly left out."""

import json
from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from query.question import BadRequest
from shared.batches import BadBatch
from shared.events import InvalidEvent, parse
from tests.support.functions import Estate
from tests.support.samples import event_text, sqs_batch, stream_batch, stream_record

NAMES = (
    "Records", "messageId", "receiptHandle", "body", "eventName", "dynamodb", "NewImage", "SequenceNumber", "event",
    "expires_at", "S", "N", "type", "subject", "from", "to", "limit", "next", "specversion", "id", "source", "time",
    "data",
)  # fmt: skip
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters())
    | st.sampled_from(["INSERT", "1.0"])
)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES) | st.text(), inner, max_size=4),
    max_leaves=12,
)
# Text that nearly is an event, or anything at all: UTF-8 can hold it or not.
BODIES = (
    JSON.map(json.dumps)
    | st.binary(max_size=80).map(lambda raw: raw.decode("utf-8", "surrogateescape"))
    | st.text(st.characters(), max_size=80)
    | st.builds(event_text, st.sampled_from("abc"))
    | st.builds(
        lambda name, value: json.dumps(json.loads(event_text("x")) | {name: value}),
        st.sampled_from(["data", "id", "source", "specversion", "subject", "time", "type"]), JSON,
    )
)  # fmt: skip


def is_event(body: object) -> bool:
    try:
        return isinstance(body, str) and bool(parse(body))
    except InvalidEvent:
        return False


def is_change(record: Any) -> bool:
    return isinstance(record, dict) and record.get("eventName") in ("MODIFY", "REMOVE")


def is_empty_batch(payload: Any) -> bool:
    return isinstance(payload, dict) and payload.get("Records") == []


def kept(estate: Estate) -> set[str]:
    return {item["event_key"]["S"] for item in estate.dynamodb.items("events")}


@given(JSON)
def test_ingest_refuses_what_is_no_batch_with_an_error_about_it(payload: Any) -> None:
    estate = Estate()
    with pytest.raises(BadBatch) if not is_empty_batch(payload) else nullcontext():
        assert estate.ingest_payload(payload) == {"batchItemFailures": []}
    assert kept(estate) == set()


@given(st.lists(BODIES, max_size=3), JSON, st.integers(0, 3))
def test_ingest_takes_nothing_of_a_batch_with_a_record_it_could_not_name_again(
    bodies: list[str], record: Any, position: int
) -> None:
    records = sqs_batch(bodies)["Records"]
    records.insert(position, record)
    estate = Estate()
    with pytest.raises(BadBatch, match="messageId, receiptHandle, body"):
        estate.ingest_payload({"Records": records})
    assert (kept(estate), estate.queue.dead) == (set(), [])


@settings(max_examples=200, deadline=None)
@given(st.lists(BODIES, max_size=6))
def test_every_message_of_a_queue_is_stored_or_dead_lettered_whatever_is_in_it(bodies: list[str]) -> None:
    estate = Estate()
    assert estate.ingest(bodies) == []
    assert [attributes["SourceMessageId"] for _, attributes in estate.queue.dead] == [
        f"m{number}" for number, body in enumerate(bodies) if not is_event(body)
    ]
    assert kept(estate) == {parse(body).key for body in bodies if is_event(body)}


@given(JSON)
def test_aggregate_refuses_what_is_no_batch_with_an_error_about_it(payload: Any) -> None:
    estate = Estate()
    is_batch = isinstance(payload, dict) and isinstance(payload.get("Records"), list)
    with nullcontext() if is_batch else pytest.raises(BadBatch):
        estate.aggregate_payload(payload)
    assert estate.dynamodb.items("pages") == []


CHANGES = st.fixed_dictionaries({}, optional={"NewImage": JSON, "SequenceNumber": JSON, "Keys": JSON})
RECORDS = (
    JSON
    | st.builds(lambda name, change: {"eventName": name, "dynamodb": change}, JSON | st.just("INSERT"), CHANGES)
    | st.builds(lambda event, expiry: stream_record({"event": event, "expires_at": expiry}), JSON, JSON)
    | BODIES.filter(lambda body: not is_event(body)).map(lambda body: stream_record({"event": {"S": body}}))
)


@settings(max_examples=200, deadline=None)
@given(st.lists(RECORDS, min_size=1, max_size=4), st.integers(0, 4))
def test_events_of_a_batch_are_counted_and_any_other_record_is_reported(strange: Sequence[Any], position: int) -> None:
    records = [*strange[:position], *stream_batch([event_text("good")])["Records"], *strange[position:]]
    estate = Estate()
    estate.aggregate_payload({"Records": records})
    assert len(estate.queue.dead) == sum(not is_change(record) for record in strange)
    assert estate.query("flight.departed")["totals"]["count"] == 1


ASKED = st.dictionaries(st.sampled_from(["type", "subject", "from", "to", "limit", "next"]), JSON)


@settings(max_examples=200, deadline=None)
@given(JSON | ASKED | ASKED.map(lambda asked: {**asked, "type": "flight.departed"}))
def test_query_answers_or_reports_what_is_wrong_with_the_question(payload: Any) -> None:
    try:
        answer = Estate().query_payload(payload)
    except BadRequest:
        return
    assert (answer["buckets"], answer["totals"]) == ([], {"count": 0, "data": {}})
    assert payload["type"] == answer["type"]
