"""Events, texts that are none, and the reasons; CloudEvents' published conformance vectors, one by one."""

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

from aggregate.records import read
from shared.events import MAX_EVENT_BYTES, Event, InvalidEvent, parse, parse_stored
from shared.keys import event_key
from tests.support.cloudevents import A_TIME, BATCHES, INVALID, VALID, Vector, batch_text, judged
from tests.support.fuzz import fuzzed
from tests.support.samples import event_text, image_of, stream_record

JSON = "application/json"


def reason(body: str | bytes) -> str:
    with pytest.raises(InvalidEvent) as caught:
        parse(body)
    return str(caught.value)


def encoded(content: str | bytes) -> str:
    return base64.b64encode(content if isinstance(content, bytes) else content.encode()).decode()


def with_binary(content: str | bytes, datacontenttype: object = JSON) -> Event:
    return parse(event_text(data=..., data_base64=encoded(content), datacontenttype=datacontenttype))


def test_an_event_is_read_with_its_hour_and_its_exact_measures() -> None:
    text = event_text("7", {"a": 1, "late": True, "note": "x", "nested": {"n": 1}, "list": [1], "none": None})
    text = f" \n{text}\r\n".replace('"a": 1', '"a": 0.10, "b": -12e2').replace("[1]", f"[1e999999999, {'1' * 99}]")
    event = parse(text)
    assert event[:5] == ("7", "/test", "flight.departed", "UA", "2013-01-01T05:00:00Z")
    assert event.measures == {"a": Decimal("0.1"), "b": Decimal(-1200)}
    assert (event.text, event.key) == (text, event_key("/test", "7"))
    assert parse(text.encode()) == event


@pytest.mark.parametrize("subject", [..., None])
def test_no_subject_is_the_empty_subject(subject: object) -> None:
    assert parse(event_text(subject=subject)).subject == ""


@pytest.mark.parametrize(
    ("changes", "measures"),
    [
        ({"data": ...}, {}), ({"data": None}, {}), ({"data": {"late": False}}, {}),
        ({"data": ..., "data_base64": None}, {}), ({"data": ..., "data_base64": encoded("null")}, {}),
        ({"data": {"a": 1}, "data_base64": None}, {"a": 1}),
        ({"data": None, "data_base64": encoded('{"a": 1}')}, {"a": 1}),
    ],
)  # fmt: skip
def test_null_is_no_data(changes: dict[str, Any], measures: dict[str, int]) -> None:
    assert parse(event_text(**changes)).measures == measures


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"specversion": ...}, "specversion is missing"),
        ({"specversion": "0.3"}, 'specversion must be "1.0", not "0.3"'),
        ({"specversion": 1.0}, "specversion must be a non-empty string, not 1.0"),
        ({"id": ""}, 'id must be a non-empty string, not ""'),
        ({"source": None}, "source must be a non-empty string, not null"),
        ({"type": ["x"]}, "type must be a non-empty string, not an array"),
        ({"type": "t" * 1025}, f'type "{"t" * 60}…" has 1025 bytes, more than 1024'),
        ({"time": ...}, "time is missing"),
        ({"time": "2013-02-30T00:00:00Z"}, 'time "2013-02-30T00:00:00Z" is invalid: no such date'),
        ({"subject": True}, "subject must be a string, not true"),
        ({"subject": "é" * 513}, "has 1026 bytes, more than 1024"),
        ({"data": [1]}, "data must be an object, not an array"),
        ({"data": "text"}, 'data must be an object, not "text"'),
        ({"data": {"n" * 1025: 1}}, "the name of the data field"),
        ({"data": {str(n): n + 0.5 for n in range(97)}}, "data has 97 numbers, which take 292 sums, more than 290"),
        ({"id": "\ud800"}, "the event has an escape of half a surrogate pair"),
        ({"note": {"deep": ["\udfff"]}}, "the event has an escape of half a surrogate pair"),
        *(
            ({"data": data, "data_base64": encoded('{"a": 1}')}, "data and data_base64")
            for data in ({"a": 1}, "text", 0, False, [])
        ),
        *(
            ({name: value}, f"{name} ")
            for name in ("subject", "datacontenttype", "dataschema") for value in ("", 5, {})
        ),
        *(
            ({"datacontenttype": media_type}, "datacontenttype must be a media type")
            for media_type in (
                "json", "application/", "/json", "application/json/x", "a b/json", "application/json charset", "é/x"
            )
        ),
        *(
            ({name: "x"}, f"{json.dumps(name, ensure_ascii=False)} is no name of an attribute")
            for name in ("", "Trace", "trace_id", "trace-id", "détail", "a b", "detail.type")
        ),
        # Bytes without a type are JSON.
        ({"data": ..., "data_base64": encoded(b"\x89PNG")}, "datacontenttype"),
    ],
)  # fmt: skip
def test_an_invalid_event_is_refused_with_name_and_value(changes: dict[str, Any], expected: str) -> None:
    assert expected in reason(event_text(**changes))


@pytest.mark.parametrize(
    ("literal", "expected"),
    [
        ("1e126", 'data field "n" is 1e126: numbers go from 1e-130 to 9.99e125'),
        ("1" * 39, "at most 38 significant digits"),
        ("NaN", "NaN is not a JSON number"), ("-Infinity", "-Infinity is not a JSON number"),
        *((literal, "the event is not JSON") for literal in ("01", "+1", "1.")),
    ],
)  # fmt: skip
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
        *(
            (opening * (MAX_EVENT_BYTES // len(opening)), "the event is nested too deeply")
            for opening in ("[", '{"a":', '{"data":[{"a":')
        ),
    ],
)  # fmt: skip
def test_a_text_that_is_no_json_object_is_invalid(body: str | bytes, expected: str) -> None:
    assert reason(body).startswith(expected)


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


@pytest.mark.parametrize("vector", VALID, ids=lambda vector: vector.name)
def test_conformant_events_are_taken_unless_a_rule_of_the_estate_is_named(vector: Vector) -> None:
    if "time" not in vector.members or vector.members["time"] is None:
        assert judged(vector.text()).startswith("time ")
    said = judged(vector.text(time=vector.members.get("time") or A_TIME))
    assert said.startswith("data must be an object") if vector.own_rule else said == ""


@pytest.mark.parametrize("vector", INVALID, ids=lambda vector: vector.name)
def test_events_that_do_not_conform_are_refused_for_the_attribute_that_is_wrong(vector: Vector) -> None:
    (name, *_) = vector.members
    assert judged(vector.text(time=vector.members.get("time", A_TIME))).lstrip('"').startswith(name)


SNS = {"Type": "Notification", "MessageId": "m", "Message": event_text()}
EVENTBRIDGE = {"version": "0", "id": "e", "detail-type": "t", "source": "s", "time": A_TIME, "detail": {}}


@pytest.mark.parametrize(
    ("text", "said", "command"),
    [
        *((batch_text(name), "an array", "jq -c '.[]'") for name in BATCHES),
        *((json.dumps(envelope), "specversion is missing", "") for envelope in (SNS, EVENTBRIDGE)),
        (event_text() + event_text(), "another begins there", "jq -c ."), (event_text() + ",", "Extra data", ""),
    ],
)  # fmt: skip
def test_several_events_in_a_text_are_refused_with_a_command_that_makes_lines_of_them(
    text: str, said: str, command: str
) -> None:
    answer = judged(text)
    assert (said in answer, command in answer, "jq" in answer) == (True, True, bool(command))


@pytest.mark.parametrize(
    "media_type", [JSON, "text/json", "application/vnd.x+json; charset=utf-8", "A/JSON", None, ...]
)
def test_json_in_base64_is_measured_as_data_is(media_type: object) -> None:
    event = with_binary(
        '{"volts": 230, "exact": 0.10, "big": 12345678901234567890123456789012345678, "n": "x"}', media_type
    )
    assert event.measures == {
        "volts": Decimal(230), "exact": Decimal("0.1"), "big": Decimal("12345678901234567890123456789012345678"),
    }  # fmt: skip


@pytest.mark.parametrize("media_type", ["image/png", "application/jsonlines", "text/plain"])
@pytest.mark.parametrize("content", ['{"volts": 230}', b"\xff\x00"])
def test_other_content_in_base64_is_counted_and_not_measured(media_type: str, content: str | bytes) -> None:
    assert with_binary(content, media_type).measures == {}


@pytest.mark.parametrize(
    ("data_base64", "expected"),
    [
        (encoded("[1]"), "data_base64 must be an object, not an array"),
        (encoded("{"), "data_base64 is not JSON"), (encoded(""), "data_base64 is not JSON"),
        (encoded('{"a": 1, "a": 2}'), '"a" stands twice'), (encoded('{"a": NaN}'), "NaN is not a JSON number"),
        (encoded('{"a": 1e126}'), 'data field "a" is 1e126'), (encoded('{"\\ud800": 1}'), "half a surrogate pair"),
        (encoded("[" * 100_000), "data_base64 is nested too deeply"),
        (encoded(b"\xff"), "data_base64 is not UTF-8 text: byte 1"),
        *((text, "data_base64 is not Base64") for text in ("eyJhIjogMX0", "eyJh\nIjogMX0=", "é")),
        ({"a": 1}, "data_base64 must be a string, not an object"), (5, "data_base64 must be a string, not 5"),
    ],
)  # fmt: skip
def test_invalid_data_in_base64_is_refused_with_the_reason(data_base64: object, expected: str) -> None:
    assert expected in reason(event_text(data=..., data_base64=data_base64, datacontenttype=JSON))


@pytest.mark.parametrize("value", ["", "x", None, True, 0, -1, 2**31 - 1, -(2**31)])
def test_an_extension_has_a_value_of_the_type_system(value: object) -> None:
    assert parse(event_text(a1=value)).measures == {"dep_delay": 2}


@pytest.mark.parametrize(
    "value",
    ["1.5", "1e3", "2147483648", "-2147483649", pytest.param("1" * 5000, id="long"), "{}", '{"a": 1}', "[]"],
)
def test_an_extension_of_another_type_is_refused_with_the_rule(value: str) -> None:
    assert "type system" in reason(event_text(a1="VALUE").replace('"VALUE"', value))


def test_a_stored_event_is_counted_whatever_attributes_it_was_once_taken_with() -> None:
    text = event_text(subject="", Trace="x", nested={"deep": [1.5]})
    (inserted,) = read([stream_record(image_of(event_text(data=..., data_base64=encoded('{"volts": 230}'))))]).inserted
    assert (parse_stored(text).measures, inserted.event.measures) == ({"dep_delay": 2}, {"volts": 230})
    with pytest.raises(InvalidEvent):
        parse_stored(event_text(data=[1]))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(st.characters()), inner, max_size=3),
    max_leaves=5,
)
members = st.sampled_from(
    ["specversion", "id", "source", "type", "time", "subject", "dataschema", "data", "other", "Other", "no_name"]
)
types = st.sampled_from([None, JSON, "text/X+JSON;charset=utf-8", "image/png", "json", "", 5])
contents = (json_values.map(json.dumps) | st.text()).map(lambda content: encoded(content.encode("utf-8", "replace")))


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    """Members that an event may have, a few of them with values that none has."""
    changes: dict[str, Any] = dict(draw(st.dictionaries(members, json_values, max_size=2)))
    if draw(st.booleans()):
        changes |= {"data_base64": draw(contents | json_values), "datacontenttype": draw(types)}
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
        kind["Content-Type"] = document.get("datacontenttype") or JSON
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
