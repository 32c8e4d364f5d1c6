"""CloudEvents 1.0 in JSON: the one place that says which events the estate takes and what of them it measures."""

import json
from collections import Counter
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, NamedTuple, NoReturn

from shared.exact import EXACT, OutOfRange, exact, split
from shared.keys import event_key
from shared.text import shown
from shared.times import InvalidTime, parse_time

MAX_EVENT_BYTES = 390_000
"""A DynamoDB item holds 400 KB (Amazon DynamoDB "Quotas"); the rest is for the event's key and dates."""
MAX_NAME_BYTES = 1024
"""Of a type, a subject and a measured field's name: they become part of every aggregate."""
MAX_SUMS = 290
"""Numbers one event may add to an aggregate: an update expression takes 300 operators, so some are to spare."""
SUMS_PER_FIELD = 8
"""The most that one field needs: its count, 3 windows of its sum and 4 of its squares (see `shared.exact`)."""


class InvalidEvent(ValueError):
    """The text is not an event the estate takes; the message is a sentence that says why."""


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


class _Number(str):
    """A number as it is written, so that huge ones cost nothing until somebody wants their value."""

    __slots__ = ()


def parse(body: str | bytes) -> Event:
    """Return the event that the body is; raise InvalidEvent with the reason if it is none."""
    text = _decoded(body)
    try:
        document = _DECODER.decode(text)
    except RecursionError as error:
        raise InvalidEvent("the event is nested too deeply") from error
    except json.JSONDecodeError as error:
        place = f"character {error.pos + 1} of {shown(text)}"
        raise InvalidEvent(f"the event is not JSON: {error.msg} at {place}") from error
    if not isinstance(document, dict):
        raise InvalidEvent(f"the event must be a JSON object, not {shown(document)}")
    if "\\u" in text:
        _require_unicode(document)
    return _event(document, text)


def _event(document: dict[str, Any], text: str) -> Event:
    version = _text(document, "specversion")
    if version != "1.0":
        raise InvalidEvent(f'specversion must be "1.0", not {shown(version)}')
    event_id, source = _text(document, "id"), _text(document, "source")
    event_type = _short("type", _text(document, "type"))
    time = _text(document, "time")
    try:
        hour = parse_time(time).hour
    except InvalidTime as error:
        raise InvalidEvent(f"time {shown(time)} is invalid: {error}") from error
    return Event(event_id, source, event_type, _subject(document), hour, _measures(document), text)


def _decoded(body: str | bytes) -> str:
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


def _require_unicode(document: dict[str, Any]) -> None:
    try:
        json.dumps(document, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError as error:
        raise InvalidEvent("the event has an escape of half a surrogate pair, which is not Unicode text") from error
    except RecursionError as error:
        raise InvalidEvent("the event is nested too deeply") from error


def _text(document: dict[str, Any], name: str) -> str:
    if name not in document:
        raise InvalidEvent(f"{name} is missing")
    value = document[name]
    if not isinstance(value, str) or isinstance(value, _Number) or not value:
        raise InvalidEvent(f"{name} must be a non-empty string, not {shown(value)}")
    return value


def _short(name: str, value: str) -> str:
    size = len(value.encode("utf-8"))
    if size > MAX_NAME_BYTES:
        raise InvalidEvent(f"{name} {shown(value)} has {size} bytes, more than {MAX_NAME_BYTES}")
    return value


def _subject(document: dict[str, Any]) -> str:
    value = document.get("subject")
    if value is None:
        return ""
    if not isinstance(value, str) or isinstance(value, _Number):
        raise InvalidEvent(f"subject must be a string, not {shown(value)}")
    return _short("subject", value)


def _measures(document: dict[str, Any]) -> dict[str, Decimal]:
    data = document.get("data", {})
    if not isinstance(data, dict):
        raise InvalidEvent(f"data must be an object, not {shown(data)}")
    measures = {}
    for field, value in data.items():
        if isinstance(value, _Number):
            _short("the name of the data field", field)
            try:
                measures[field] = exact(value)
            except OutOfRange as error:
                raise InvalidEvent(f"data field {shown(field)} is {shown(value)}: {error}") from error
    if len(measures) * SUMS_PER_FIELD > MAX_SUMS:
        _require_summable(measures)
    return measures


def sums_of(value: Decimal) -> int:
    """Return how many numbers of an aggregate one measured value adds to."""
    return 1 + len(split(value)) + len(split(EXACT.multiply(value, value)))


def _require_summable(measures: Mapping[str, Decimal]) -> None:
    sums = 1 + sum(sums_of(value) for value in measures.values())
    if sums > MAX_SUMS:
        raise InvalidEvent(
            f"data has {len(measures)} numbers, which take {sums} sums, more than {MAX_SUMS}: "
            f"an ordinary number takes 3, one of many digits up to {SUMS_PER_FIELD}"
        )


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        twice, _ = Counter(name for name, _ in pairs).most_common(1)[0]
        raise InvalidEvent(f"{shown(twice)} stands twice in the same object")
    return members


def _not_a_number(constant: str) -> NoReturn:
    raise InvalidEvent(f"{constant} is not a JSON number")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_int=_Number, parse_float=_Number, parse_constant=_not_a_number
)
