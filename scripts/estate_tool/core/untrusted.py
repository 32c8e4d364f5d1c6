"""Untrusted text from queues, logs and tables, read without an error: a value, or nothing."""

from __future__ import annotations

import base64
import json
import re
import secrets
from datetime import UTC, datetime
from typing import Any

from shared.events import InvalidEvent, parse_stored

# The last second of the year 9999, which is as late as dates go.
_LAST_MOMENT = 253_402_300_799.0
_WHOLE = re.compile(r"[0-9]{1,18}")
_KEY = re.compile(r"[0-9a-f]{64}")
_LONGEST = 500


def decoded(text: object) -> Any:
    """Return the value of a JSON text; None for a text that is none, or is nested too deeply to be read."""
    if not isinstance(text, str):
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def is_json(text: object) -> bool:
    """Return True for the text of any JSON value, `null` among them, that can be read."""
    return decoded(text) is not None or (isinstance(text, str) and text.strip(" \t\r\n") == "null")


def member(text: str, key: str) -> bytes:
    """Return the JSON of a member of an object, with its numbers as they are written: a float would change them."""
    mark = secrets.token_hex(8)
    value = json.loads(text, parse_float=lambda number: f"{mark}{number}")[key]
    return re.sub(rf'"{mark}([^"]*)"', r"\1", json.dumps(value)).encode()


def mapping(value: object) -> dict[str, Any]:
    """Return the object, an empty one in place of anything else."""
    return value if isinstance(value, dict) else {}


def whole(value: object, otherwise: int = 0) -> int:
    """Return a whole number that is not negative, from a number or its digits."""
    if type(value) is int and 0 <= value < 10**18:
        return value
    return int(value) if isinstance(value, str) and _WHOLE.fullmatch(value) else otherwise


def seconds(value: object, otherwise: float) -> float:
    """Return a moment in seconds since 1970, from a number or its text."""
    try:
        moment = float(value) if isinstance(value, int | float | str) else otherwise
    except (ValueError, OverflowError):
        return otherwise
    return moment if 0 <= moment <= _LAST_MOMENT else otherwise


def moment(value: object, otherwise: float) -> float:
    """Return a moment in seconds since 1970, from a time in ISO 8601, in UTC if it names no offset."""
    try:
        found = datetime.fromisoformat(value) if isinstance(value, str) else None
        return (
            seconds((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp(), otherwise)
            if found
            else otherwise
        )
    except (ValueError, OverflowError):
        return otherwise


def text_of(value: object) -> str:
    """Return a text to show: no other value than a text or a number is worth showing, and none is endless."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    try:
        return str(value)[:_LONGEST]
    except ValueError:  # a number of thousands of digits
        return ""


def stored_key(item: object) -> str | None:
    """Return the key of an item of the events table if it is one that the estate made; None for any other."""
    key = mapping(mapping(item).get("event_key")).get("S")
    return key if isinstance(key, str) and _KEY.fullmatch(key) else None


def foreign_reason(item: object) -> str:
    """Return why an item of the events table, such as one written by hand, is no stored event; "" for an event."""
    key, stored = stored_key(item), mapping(mapping(item).get("event")).get("S")
    if key is None:
        return "its key is none of an event"
    if not isinstance(stored, str):
        return "it holds no event"
    try:
        event = parse_stored(stored)
    except InvalidEvent as error:
        return str(error)
    return "" if event.key == key else "its key is that of another event"


def name_of(item: object) -> str:
    """Return the key of an item as it is, to be named by."""
    value = next(iter(mapping(mapping(item).get("event_key")).values()), "")
    if isinstance(value, bytes):
        value = base64.b64encode(value).decode()
    return text_of(value)[:80] or "an item without a key"
