"""Context attributes of CloudEvents 1.0, and the rules of its specification for them (sections in brackets)."""

import re
from collections.abc import Mapping
from typing import Any

from shared.json_text import InvalidEvent, Number
from shared.text import shown

_KNOWN = frozenset(
    ("specversion", "id", "source", "type", "time", "subject", "datacontenttype", "dataschema", "data", "data_base64")
)
_NAME = re.compile(r"[a-z0-9]+")
_TOKEN = r"[A-Za-z0-9!#$%&'*+.^_`|~-]+"
_MEDIA_TYPE = re.compile(rf"{_TOKEN}/({_TOKEN})[ \t]*(?:;.*)?", re.DOTALL)
_INTEGER = re.compile(r"-?[0-9]{1,10}")
_LARGEST = 2**31


def required(document: Mapping[str, Any], name: str) -> str:
    """Return the text of an attribute that every event has."""
    if name not in document:
        raise InvalidEvent(f"{name} is missing")
    value = document[name]
    if type(value) is not str or not value:
        raise InvalidEvent(f"{name} must be a non-empty string, not {shown(value)}")
    return value


def optional(document: Mapping[str, Any], name: str) -> str:
    """Return the text of an attribute that an event may lack; "" if it does. null is the same as none."""
    value = document.get(name)
    if value is None:
        return ""
    if type(value) is not str:
        raise InvalidEvent(f"{name} must be a string, not {shown(value)}")
    return value


def require_conformant(document: Mapping[str, Any]) -> None:
    """Raise InvalidEvent if an attribute that the estate keeps without reading it breaks the specification."""
    for name in ("subject", "datacontenttype", "dataschema"):
        if name in document and document[name] is not None and not optional(document, name):
            raise InvalidEvent(f"{name} is empty: an optional attribute is left out, null, or not empty [{name}]")
    if media_type := document.get("datacontenttype"):
        _subtype(media_type)
    for name, value in document.items():
        if name not in _KNOWN:
            _require_extension(name, value)


def is_json(media_type: str) -> bool:
    """Tell whether content of this type is JSON ("JSON event format", section 3.1.1); none stands for JSON."""
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
            f"{shown(name)} is no name of an attribute: these have the letters a to z and digits only "
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
