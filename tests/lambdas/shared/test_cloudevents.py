"""CloudEvents' rules for attributes and data, and its published conformance vectors, one by one."""

import base64
import json
from decimal import Decimal
from typing import Any

import pytest

from aggregate.records import read
from shared.events import Event, InvalidEvent, parse, parse_stored
from tests.support.cloudevents import A_TIME, BATCHES, INVALID, VALID, Vector, batch_text, judged
from tests.support.samples import event_text, image_of, stream_record

JSON = "application/json"


def encoded(content: str | bytes) -> str:
    return base64.b64encode(content if isinstance(content, bytes) else content.encode()).decode()


def with_binary(content: str | bytes, datacontenttype: object = JSON) -> Event:
    return parse(event_text(data=..., data_base64=encoded(content), datacontenttype=datacontenttype))


def reason(**changes: Any) -> str:
    with pytest.raises(InvalidEvent) as caught:
        parse(event_text(**changes))
    return str(caught.value)


@pytest.mark.parametrize("vector", VALID, ids=lambda vector: vector.name)
def test_what_conforms_is_taken_unless_a_rule_of_the_estate_is_named(vector: Vector) -> None:
    if "time" not in vector.members or vector.members["time"] is None:
        assert judged(vector.text()).startswith("time ")
    said = judged(vector.text(time=vector.members.get("time") or A_TIME))
    assert said.startswith("data must be an object") if vector.own_rule else said == ""


@pytest.mark.parametrize("vector", INVALID, ids=lambda vector: vector.name)
def test_what_does_not_conform_is_refused_for_what_is_wrong_with_it(vector: Vector) -> None:
    (name, *_) = vector.members
    assert judged(vector.text(time=vector.members.get("time", A_TIME))).lstrip('"').startswith(name)


@pytest.mark.parametrize("name", BATCHES)
def test_a_batch_is_refused_with_the_way_to_make_lines_of_it(name: str) -> None:
    assert "an array" in judged(batch_text(name))
    assert "jq -c '.[]'" in judged(batch_text(name))


@pytest.mark.parametrize(
    "envelope",
    [
        {"Type": "Notification", "MessageId": "m", "Message": event_text()},
        {
            "version": "0",
            "id": "e",
            "detail-type": "t",
            "source": "s",
            "time": A_TIME,
            "detail": json.loads(event_text()),
        },
    ],
    ids=["SNS", "EventBridge"],
)
def test_an_event_in_an_envelope_is_none(envelope: dict[str, Any]) -> None:
    assert judged(json.dumps(envelope)) == "specversion is missing"


def test_several_events_in_one_line_are_refused_with_the_way_to_make_lines_of_them() -> None:
    assert "jq -c ." in judged(event_text() + event_text())
    assert "jq" not in judged(event_text() + ",")


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
def test_other_content_in_base64_is_counted_and_not_measured(media_type: str) -> None:
    assert with_binary('{"volts": 230}', media_type).measures == {}
    assert with_binary(b"\xff\x00", media_type).measures == {}


def test_the_stored_event_is_measured_once_more_as_it_was_received() -> None:
    text = event_text(data=..., data_base64=encoded('{"volts": 230}'), datacontenttype=JSON)
    (inserted,) = read([stream_record(image_of(text))]).inserted
    assert inserted.event == parse(text)
    assert inserted.event.measures == {"volts": Decimal(230)}


@pytest.mark.parametrize("changes", [{"data": None}, {"data": ...}, {"data_base64": None, "data": ...},
                                     {"data": ..., "data_base64": encoded("null")}])  # fmt: skip
def test_null_is_no_data(changes: dict[str, Any]) -> None:
    assert parse(event_text(**changes)).measures == {}


def test_null_beside_the_other_kind_of_data_is_none() -> None:
    assert parse(event_text(data={"a": 1}, data_base64=None)).measures == {"a": 1}
    assert parse(event_text(data=None, data_base64=encoded('{"a": 1}'))).measures == {"a": 1}


@pytest.mark.parametrize(
    ("data_base64", "expected"),
    [
        (encoded("[1]"), "data_base64 must be an object, not an array"),
        (encoded("{"), "data_base64 is not JSON"),
        (encoded(""), "data_base64 is not JSON"),
        (encoded('{"a": 1, "a": 2}'), '"a" stands twice'),
        (encoded('{"a": NaN}'), "NaN is not a JSON number"),
        (encoded('{"a": 1e126}'), 'data field "a" is 1e126'),
        (encoded('{"\\ud800": 1}'), "half a surrogate pair"),
        (encoded("[" * 100_000), "data_base64 is nested too deeply"),
        (encoded(b"\xff"), "data_base64 is not UTF-8 text: byte 1"),
        ("eyJhIjogMX0", "data_base64 is not Base64"),
        ("eyJh\nIjogMX0=", "data_base64 is not Base64"),
        ("é", "data_base64 is not Base64"),
        ({"a": 1}, "data_base64 must be a string, not an object"),
        (5, "data_base64 must be a string, not 5"),
    ],
)
def test_what_is_wrong_with_data_in_base64_is_said(data_base64: object, expected: str) -> None:
    assert expected in reason(data=..., data_base64=data_base64, datacontenttype=JSON)


def test_bytes_without_a_type_are_json_and_refused_with_what_to_do() -> None:
    assert "datacontenttype" in reason(data=..., data_base64=encoded(b"\x89PNG"))


@pytest.mark.parametrize("data", [{"a": 1}, "text", 0, False, []])
def test_both_kinds_of_data_are_refused(data: object) -> None:
    assert reason(data=data, data_base64=encoded('{"a": 1}')).startswith("data and data_base64")


@pytest.mark.parametrize("name", ["subject", "datacontenttype", "dataschema"])
@pytest.mark.parametrize("value", ["", 5, {}])
def test_an_optional_attribute_is_a_text_and_not_empty(name: str, value: object) -> None:
    assert reason(**{name: value}).startswith(f"{name} ")
    unset: dict[str, Any] = {name: None}
    assert parse(event_text(**unset)).subject == ("" if name == "subject" else "UA")


@pytest.mark.parametrize(
    "media_type", ["json", "application/", "/json", "application/json/x", "a b/json", "application/json charset", "é/x"]
)
def test_a_media_type_has_a_type_and_a_subtype(media_type: str) -> None:
    assert reason(datacontenttype=media_type).startswith("datacontenttype must be a media type")


@pytest.mark.parametrize("name", ["", "Trace", "trace_id", "trace-id", "data_schema", "détail", "a b", "detail.type"])
def test_a_bad_name_of_an_attribute_is_refused_with_the_rule(name: str) -> None:
    said = reason(**{name: "x"})
    assert said.startswith(json.dumps(name, ensure_ascii=False))
    assert "naming conventions" in said


@pytest.mark.parametrize("value", ["", "x", None, True, 0, -1, 2**31 - 1, -(2**31)])
def test_an_extension_has_a_value_of_the_type_system(value: object) -> None:
    assert parse(event_text(a1=value)).measures == {"dep_delay": 2}


@pytest.mark.parametrize(
    "value",
    ["1.5", "1e3", "2147483648", "-2147483649", pytest.param("1" * 5000, id="long"), "{}", '{"a": 1}', "[]"],
)
def test_an_extension_of_another_type_is_refused_with_the_rule(value: str) -> None:
    with pytest.raises(InvalidEvent, match="type system"):
        parse(event_text(a1="VALUE").replace('"VALUE"', value))


def test_a_stored_event_is_counted_whatever_attributes_it_was_once_taken_with() -> None:
    text = event_text(subject="", Trace="x", nested={"deep": [1.5]})
    assert parse_stored(text).measures == {"dep_delay": 2}
    with pytest.raises(InvalidEvent):
        parse_stored(event_text(data=[1]))
