"""CloudEvents 1.0 in JSON: validation, and the numbers of an event that are measured."""

import binascii
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from shared.exact import EXACT, OutOfRange, exact, split
from shared.keys import event_key
from shared.text import InvalidEvent, Number, decoded, decoded_object, shown
from shared.times import InvalidTime, parse_time

__all__ = ["MAX_EVENT_BYTES", "Event", "InvalidEvent", "parse", "parse_stored"]

MAX_EVENT_BYTES = 390_000
"""A DynamoDB item holds 400 KB (Amazon DynamoDB "Quotas"); the rest is for the event's key and dates."""
MAX_NAME_BYTES = 1024
"""Limit of a type, a subject and a measured field's name: they become part of every aggregate."""
MAX_SUMS = 290
"""Numbers one event may add to an aggregate: an update expression takes 300 operators, so some are to spare."""
SUMS_PER_FIELD = 8
"""The most that one field needs: its count, 3 windows of its sum and 4 of its squares (see `shared.exact`)."""
# Context attributes, and the rules of the specification for them (sections in brackets).
_KNOWN = frozenset(
    ("specversion", "id", "source", "type", "time", "subject", "datacontenttype", "dataschema", "data", "data_base64")
)
_NAME = re.compile(r"[a-z0-9]+")
_TOKEN = r"[A-Za-z0-9!#$%&'*+.^_`|~-]+"
_MEDIA_TYPE = re.compile(rf"{_TOKEN}/({_TOKEN})[ \t]*(?:;.*)?", re.DOTALL)
_INTEGER = re.compile(r"-?[0-9]{1,10}")
_LARGEST = 2**31


class Event(NamedTuple):
    """A valid event."""

    id: str
    source: str
    type: str
    subject: str
    """Empty if the event has none."""
    hour: str
    """The hour of its time in UTC, as aggregates are keyed: 2013-01-01T05:00:00Z."""
    measures: Mapping[str, Decimal]
    """The numeric top-level fields of its data."""
    text: str
    """The JSON text as it was received."""

    @property
    def key(self) -> str:
        """The key under which the event is stored and marked as counted."""
        return event_key(self.source, self.id)


def parse(body: str | bytes) -> Event:
    """Return the event that the body is; raise InvalidEvent with the reason if it is none."""
    text = _text(body)
    document = decoded_object(text)
    event = _event(document, text)
    _require_conformant(document)
    return event


def parse_stored(text: str) -> Event:
    """Return an event that was stored, without a look at attributes that nothing is counted by.

    Raises InvalidEvent if it can't be counted.
    """
    return _event(decoded_object(_text(text)), text)


def _event(document: Mapping[str, Any], text: str) -> Event:
    version = _required(document, "specversion")
    if version != "1.0":
        raise InvalidEvent(f'specversion must be "1.0", not {shown(version)}')
    event_id, source = _required(document, "id"), _required(document, "source")
    event_type = _short("type", _required(document, "type"))
    time = _required(document, "time")
    try:
        hour = parse_time(time).hour
    except InvalidTime as error:
        raise InvalidEvent(f"time {shown(time)} is invalid: {error}") from error
    subject = _short("subject", _optional(document, "subject"))
    return Event(event_id, source, event_type, subject, hour, _measures(_data(document)), text)


def _text(body: str | bytes) -> str:
    size = len(body)
    if isinstance(body, str):
        try:
            size = len(body.encode("utf-8"))
        except UnicodeEncodeError as error:
            raise InvalidEvent("the event has half a surrogate pair, which is not Unicode text") from error
    if size > MAX_EVENT_BYTES:
        raise InvalidEvent(f"the event has {size} bytes, more than {MAX_EVENT_BYTES}")
    try:
        return body if isinstance(body, str) else body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InvalidEvent(f"the event is not UTF-8 text: byte {error.start + 1} is wrong") from error


def _short(name: str, value: str) -> str:
    size = len(value.encode("utf-8"))
    if size > MAX_NAME_BYTES:
        raise InvalidEvent(f"{name} {shown(value)} has {size} bytes, more than {MAX_NAME_BYTES}")
    return value


def _data(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the data that is measured: an object, empty where there is none or where it is no JSON."""
    data, binary = document.get("data"), document.get("data_base64")
    if binary is None:
        name = "data"
    elif data is not None:
        raise InvalidEvent("data and data_base64 stand in the same event: it has one of them [JSON format, 3.1.1]")
    else:
        name, data = "data_base64", _decoded_data(binary, _optional(document, "datacontenttype"))
    if data is None:
        return {}
    if not isinstance(data, dict):
        raise InvalidEvent(
            f"{name} must be an object, not {shown(data)}: its numbers are measured; it may be left out, or null"
        )
    return data


def _decoded_data(binary: Any, media_type: str) -> Any:
    """Return the JSON value that is in data_base64, None for content of another type: that is kept, not measured."""
    if type(binary) is not str:
        raise InvalidEvent(f"data_base64 must be a string, not {shown(binary)} [JSON format, 3.1.1]")
    try:
        content = binascii.a2b_base64(binary, strict_mode=True)
    except ValueError as error:
        raise InvalidEvent(f"data_base64 is not Base64 of RFC 4648: {error}") from error
    if not _is_json(media_type):
        return None
    what = "data_base64" if media_type else "data_base64, which is JSON where datacontenttype names nothing else,"
    try:
        return decoded(content.decode("utf-8"), what)
    except UnicodeDecodeError as error:
        raise InvalidEvent(f"{what} is not UTF-8 text: byte {error.start + 1} is wrong") from error


def _measures(data: Mapping[str, Any]) -> dict[str, Decimal]:
    measures = {}
    for field, value in data.items():
        if isinstance(value, Number):
            _short("the name of the data field", field)
            try:
                measures[field] = exact(value)
            except OutOfRange as error:
                raise InvalidEvent(f"data field {shown(field)} is {shown(value)}: {error}") from error
    if len(measures) * SUMS_PER_FIELD > MAX_SUMS:
        _require_summable(measures)
    return measures


def _sums_of(value: Decimal) -> int:
    """Return how many numbers of an aggregate one measured value adds to."""
    return 1 + len(split(value)) + len(split(EXACT.multiply(value, value)))


def _require_summable(measures: Mapping[str, Decimal]) -> None:
    sums = 1 + sum(_sums_of(value) for value in measures.values())
    if sums > MAX_SUMS:
        raise InvalidEvent(
            f"data has {len(measures)} numbers, which take {sums} sums, more than {MAX_SUMS}: "
            f"an ordinary number takes 3, one of many digits up to {SUMS_PER_FIELD}"
        )


def _required(document: Mapping[str, Any], name: str) -> str:
    """Return the text of an attribute that every event has."""
    if name not in document:
        raise InvalidEvent(f"{name} is missing")
    value = document[name]
    if type(value) is not str or not value:
        raise InvalidEvent(f"{name} must be a non-empty string, not {shown(value)}")
    return value


def _optional(document: Mapping[str, Any], name: str) -> str:
    """Return the text of an attribute that an event may lack; "" if it does. null is the same as none."""
    value = document.get(name)
    if value is None:
        return ""
    if type(value) is not str:
        raise InvalidEvent(f"{name} must be a string, not {shown(value)}")
    return value


def _require_conformant(document: Mapping[str, Any]) -> None:
    """Raise InvalidEvent if an attribute that the estate keeps without reading it breaks the specification."""
    for name in ("subject", "datacontenttype", "dataschema"):
        if name in document and document[name] is not None and not _optional(document, name):
            raise InvalidEvent(f"{name} is empty: an optional attribute is left out, null, or not empty [{name}]")
    if media_type := document.get("datacontenttype"):
        _subtype(media_type)
    for name, value in document.items():
        if name not in _KNOWN:
            _require_extension(name, value)


def _is_json(media_type: str) -> bool:
    """Return True if content of this type is JSON ("JSON event format", section 3.1.1); without a type it is."""
    subtype = _subtype(media_type).lower() if media_type else "json"
    return subtype == "json" or subtype.endswith("+json")


def _subtype(media_type: str) -> str:
    match = _MEDIA_TYPE.fullmatch(media_type)
    if match is None:
        raise InvalidEvent(
            f"datacontenttype must be a media type such as application/json, not {shown(media_type)} [datacontenttype]"
        )
    return match[1]


def _require_extension(name: str, value: Any) -> None:
    if not _NAME.fullmatch(name):
        raise InvalidEvent(
            f"{shown(name)} is no name of an attribute: these have a to z and digits only "
            "[naming conventions]; what is measured stands in data"
        )
    if isinstance(value, Number):
        if not _INTEGER.fullmatch(value) or not -_LARGEST <= int(value) < _LARGEST:
            raise InvalidEvent(
                f"{name} is {shown(value)}: a number as an attribute is an integer of 32 bits [type system]; write it "
                "as a string, or into data to have it measured"
            )
    elif isinstance(value, dict | list):
        raise InvalidEvent(
            f"{name} is {shown(value)}: an attribute is a string, an integer, true or false [type system]; structures "
            "stand in data"
        )
