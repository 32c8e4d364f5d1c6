"""Events, texts that are none, and the reasons."""

import base64
import json
import re
import time
from decimal import Decimal
from email.message import Message
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.events import MAX_EVENT_BYTES, InvalidEvent, parse, parse_stored
from shared.keys import event_key
from tests.support.fuzz import fuzzed
from tests.support.samples import ODD_NAMES, event_text


def reason(body: str | bytes) -> str:
    with pytest.raises(InvalidEvent) as caught:
        parse(body)
    return str(caught.value)


def test_an_event_is_read_with_its_hour_and_its_exact_measures() -> None:
    text = event_text("7", {"a": 1, "late": True, "note": "x", "nested": {"n": 1}, "list": [1], "none": None})
    text = text.replace('"a": 1', '"a": 0.10, "b": -12e2')
    event = parse(text)
    assert event[:5] == ("7", "/test", "flight.departed", "UA", "2013-01-01T05:00:00Z")
    assert event.measures == {"a": Decimal("0.1"), "b": Decimal(-1200)}
    assert event.text == text
    assert event.key == event_key("/test", "7")


def test_bytes_and_text_are_the_same_event() -> None:
    text = event_text(subject="Zürich 🛫", ascii_only=False)
    assert parse(text.encode()) == parse(text)


@pytest.mark.parametrize("subject", [..., None])
def test_no_subject_is_the_empty_subject(subject: object) -> None:
    assert parse(event_text(subject=subject)).subject == ""


@pytest.mark.parametrize("data", [..., None, {}, {"late": False}])
def test_an_event_may_measure_nothing(data: Any) -> None:
    assert parse(event_text(data=data)).measures == {}


@pytest.mark.parametrize("name", ODD_NAMES)
def test_a_field_may_have_any_name(name: str) -> None:
    assert parse(event_text(data={name: 5})).measures == {name: Decimal(5)}


def test_what_is_not_measured_is_kept_and_not_looked_at() -> None:
    text = event_text(data={"dep_delay": 2, "deep": {"n": [1]}}, traceparent="x")
    assert parse(text.replace("1]", f"1e999999999, {'1' * 99}]")).measures == {"dep_delay": Decimal(2)}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"specversion": ...}, "specversion is missing"),
        ({"specversion": "0.3"}, 'specversion must be "1.0", not "0.3"'),
        ({"specversion": 1.0}, "specversion must be a non-empty string, not 1.0"),
        ({"id": ...}, "id is missing"),
        ({"id": ""}, 'id must be a non-empty string, not ""'),
        ({"id": 17}, "id must be a non-empty string, not 17"),
        ({"source": None}, "source must be a non-empty string, not null"),
        ({"type": ["x"]}, "type must be a non-empty string, not an array"),
        ({"type": "t" * 1025}, f'type "{"t" * 60}…" has 1025 bytes, more than 1024'),
        ({"time": ...}, "time is missing"),
        ({"time": "yesterday"}, 'time "yesterday" is invalid: not an RFC 3339 time'),
        ({"time": "2013-02-30T00:00:00Z"}, 'time "2013-02-30T00:00:00Z" is invalid: no such date'),
        ({"subject": 5}, "subject must be a string, not 5"),
        ({"subject": True}, "subject must be a string, not true"),
        ({"subject": "é" * 513}, "has 1026 bytes, more than 1024"),
        ({"data": [1]}, "data must be an object, not an array"),
        ({"data": "text"}, 'data must be an object, not "text"'),
        ({"data": {"n" * 1025: 1}}, "the name of the data field"),
        ({"data": {str(n): n + 0.5 for n in range(97)}}, "data has 97 numbers, which take 292 sums, more than 290"),
        ({"id": "\ud800"}, "the event has an escape of half a surrogate pair"),
        ({"note": {"deep": ["\udfff"]}}, "the event has an escape of half a surrogate pair"),
    ],
)
def test_what_is_wrong_is_said_with_name_and_value(changes: dict[str, Any], expected: str) -> None:
    assert expected in reason(event_text(**changes))


@pytest.mark.parametrize(
    ("literal", "expected"),
    [
        ("1e126", 'data field "n" is 1e126: numbers go from 1e-130 to 9.99e125'),
        ("1" * 39, "at most 38 significant digits"),
        ("NaN", "NaN is not a JSON number"),
        ("-Infinity", "-Infinity is not a JSON number"),
        ("01", "the event is not JSON"),
        ("+1", "the event is not JSON"),
        ("1.", "the event is not JSON"),
    ],
)
def test_numbers_that_cannot_be_summed_exactly_are_invalid(literal: str, expected: str) -> None:
    assert expected in reason(event_text(data={"n": 777}).replace("777", literal))


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("", "the event is not JSON: Expecting value at character 1"),
        ("[]", "the event must be a JSON object, not an array"),
        ("17", "the event must be a JSON object, not 17"),
        ('{"a": 1, "b": 2, "a": 3}', '"a" stands twice in the same object'),
        ('{"a": {"b": 1, "b": 2}}', '"b" stands twice in the same object'),
        ("\ufeff{}", "the event is not JSON"),
        ("{} {}", "the event is not JSON: Extra data"),
        ('"\ud800"', "the event has half a surrogate pair"),
        (b"\xff{}", "the event is not UTF-8 text: byte 1 is wrong"),
        ('{"a": "\ttab"}', "the event is not JSON"),
    ],
)
def test_what_is_no_json_object_is_invalid(body: str | bytes, expected: str) -> None:
    assert reason(body).startswith(expected)


def test_white_space_around_an_event_is_allowed() -> None:
    assert parse(f" \n{event_text()}\r\n").id == "1"


@pytest.mark.parametrize("opening", ["[", '{"a":', '{"data":[{"a":'])
def test_deep_nesting_is_invalid_and_no_crash(opening: str) -> None:
    assert "nested too deeply" in reason(opening * (MAX_EVENT_BYTES // len(opening)))


def test_size_is_measured_in_bytes() -> None:
    room = MAX_EVENT_BYTES - len(event_text(note="", data={}).encode())
    assert parse(event_text(note="x" * room, data={}))
    assert reason(event_text(note="x" * (room + 1), data={})) == "the event has 390001 bytes, more than 390000"
    bulky = event_text(data={}).replace('"data"', f'"note": "{"é" * (room // 2 + 50)}", "data"')
    assert len(bulky) < MAX_EVENT_BYTES
    assert "more than 390000" in reason(bulky)


def test_hostile_sizes_take_no_time() -> None:
    names = ",".join(f'"{n}":1' for n in range(30_000))
    bodies = [f'{{{names},"29999":2}}', event_text(data={"n": 777}).replace("777", "1" * 380_000)]
    started = time.process_time()
    for body in bodies:
        reason(body)
    assert time.process_time() - started < 1


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(st.characters()), inner, max_size=3),
    max_leaves=5,
)
members = st.sampled_from(
    ["specversion", "id", "source", "type", "time", "subject", "dataschema", "data", "other", "Other", "no_name"]
)
types = st.sampled_from([None, "application/json", "text/X+JSON;charset=utf-8", "image/png", "json", "", 5])
encoded = st.builds(
    lambda content: base64.b64encode(content.encode("utf-8", "replace")).decode(),
    json_values.map(json.dumps) | st.text(),
)


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    """Members that an event may have, a few of them with values that none has."""
    changes: dict[str, Any] = dict(draw(st.dictionaries(members, json_values, max_size=2)))
    if draw(st.booleans()):
        changes |= {"data_base64": draw(encoded | json_values), "datacontenttype": draw(types)}
        changes.setdefault("data", draw(st.sampled_from([..., None])))
    elif draw(st.booleans()):
        changes["data"] = draw(st.dictionaries(st.text(max_size=3), json_values, max_size=4))
    return changes


def measured(text: str) -> dict[str, Fraction]:
    """The numbers of an event's data, read once more by other means."""
    document = json.loads(text)
    data = json.loads(text, parse_int=Fraction, parse_float=Fraction).get("data")
    if document.get("data_base64") is not None:
        kind = Message()
        kind["Content-Type"] = document.get("datacontenttype") or "application/json"
        is_json = re.fullmatch(r"(.*\+)?json", kind.get_content_subtype())
        content = base64.b64decode(document["data_base64"])
        data = json.loads(content, parse_int=Fraction, parse_float=Fraction) if is_json else None
    return {name: value for name, value in (data or {}).items() if isinstance(value, Fraction)}


@fuzzed()
@given(documents())
def test_any_json_is_an_event_with_its_numbers_or_invalid(changes: dict[str, Any]) -> None:
    text = event_text(**changes)
    try:
        event = parse(text)
    except InvalidEvent as error:
        said = str(error)
    else:
        said = event.key
        assert {name: Fraction(value) for name, value in event.measures.items()} == measured(text)
        assert parse_stored(text) == event
    assert 0 < len(said.encode("utf-8")) < 500  # it is logged, so it must be text and short


@fuzzed()
@given(st.binary() | st.text(st.characters()))
def test_anything_else_is_invalid(body: str | bytes) -> None:
    assert reason(body).encode("utf-8")
