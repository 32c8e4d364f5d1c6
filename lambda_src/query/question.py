"""Request to the query function: parsed, checked, and with the hour at which the page before ended."""

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from shared.keys import series_key
from shared.text import is_unicode, shown
from shared.times import Instant, InvalidTime, parse_time

DEFAULT_LIMIT = 1000
MAX_LIMIT = 10_000
_KEYS = ("type", "subject", "from", "to", "limit", "next")
_NEXT = re.compile(r"([0-9a-f]{16})(\d{4}-\d\d-\d\dT\d\d:00:00Z)", re.ASCII)
_FIRST_HOUR, _LAST_HOUR = "0001-01-01T00:00:00Z", "9999-12-31T23:00:00Z"


class BadRequest(ValueError):
    """The question is invalid; the message names the key, its value and the allowed values."""


class Question(NamedTuple):
    """A question that can be answered: the buckets of one series from one hour to another, both included."""

    asked: Mapping[str, Any]
    """type, subject, from and to as they were given, None for the others."""
    series: str
    first: str
    last: str
    """Earlier than `first` if there can be no bucket."""
    limit: int


def parse(payload: object) -> Question:
    """Return the question in the payload; raise BadRequest."""
    if not isinstance(payload, Mapping):
        raise BadRequest(f'the payload must be an object such as {{"type": "flight.departed"}}, not {shown(payload)}')
    unknown = [key for key in payload if key not in _KEYS]
    if unknown:
        raise BadRequest(f"unknown key {shown(unknown[0])}; known are {', '.join(_KEYS)}")
    asked = {key: payload.get(key) for key in _KEYS[:4]}
    series = series_key(_required(payload), _optional(payload, "subject"))
    start, end = _instant(payload, "from"), _instant(payload, "to")
    first = _resumed(payload, series) or (start.first_hour() if start else _FIRST_HOUR)
    last = end.last_hour() if end else _LAST_HOUR
    if first is None or last is None:
        first, last = _LAST_HOUR, _FIRST_HOUR
    return Question(asked, series, first, last, _limit(payload))


def token(series: str, hour: str) -> str:
    """Return the value of `next` for a page of this series that begins at this hour."""
    return base64.urlsafe_b64encode(f"{series[:16]}{hour}".encode()).decode()


def _required(payload: Mapping[str, Any]) -> str:
    value = _optional(payload, "type")
    if not value:
        raise BadRequest(f"type must be a non-empty string, the type of the events, not {shown(value)}")
    return value


def _optional(payload: Mapping[str, Any], key: str) -> str | None:
    value = payload.get(key)
    if value is None:
        return None
    if not isinstance(value, str) or not is_unicode(value):
        raise BadRequest(f"{key} must be a string of Unicode text, not {shown(value)}")
    return value


def _instant(payload: Mapping[str, Any], key: str) -> Instant | None:
    value = _optional(payload, key)
    if value is None:
        return None
    try:
        return parse_time(value)
    except InvalidTime as error:
        raise BadRequest(f"{key} {shown(value)} is invalid: {error}") from error


def _limit(payload: Mapping[str, Any]) -> int:
    value = payload.get("limit")
    if value is None:
        return DEFAULT_LIMIT
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MAX_LIMIT:
        raise BadRequest(f"limit must be a whole number of buckets from 1 to {MAX_LIMIT}, not {shown(value)}")
    return value


def _resumed(payload: Mapping[str, Any], series: str) -> str | None:
    value = _optional(payload, "next")
    if value is None:
        return None
    try:
        match = _NEXT.fullmatch(base64.urlsafe_b64decode(value.encode("utf-8")).decode("ascii"))
    except (binascii.Error, ValueError):
        match = None
    if match is None or match.group(1) != series[:16]:
        raise BadRequest(f"next {shown(value)} is not from an answer to this question: pass it on as it was returned")
    return match.group(2)
