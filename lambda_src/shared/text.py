"""Text: JSON of an event, read strictly with numbers as they are written, and values as people read them."""

import json
from collections import Counter
from typing import Any, NoReturn

SHOWN_CHARACTERS = 60
# Older versions of jq round numbers of over 17 digits.
ELEMENTS, DOCUMENTS = "jq -c '.[]' FILE (jq 1.7) writes one a line", "jq -c . FILE (jq 1.7) writes one a line"
"""Commands that write the events of an array, and of several documents, one a line."""
_EACH = "send each in a message or line of its own"


class InvalidEvent(ValueError):
    """The text is not an event the estate takes; the message is a sentence with the reason."""


class Number(str):
    """A number as it is written: huge ones cost nothing until their value is computed."""

    __slots__ = ()


def decoded(text: str, what: str = "the event") -> Any:
    """Return the one JSON value that the text is; raise InvalidEvent if it is none that can be relied on."""
    try:
        value = _DECODER.decode(text)
    except RecursionError as error:
        raise InvalidEvent(f"{what} is nested too deeply") from error
    except json.JSONDecodeError as error:
        at = f"character {error.pos + 1} of {shown(text)}"
        another = error.msg == "Extra data" and text[error.pos] in "{["
        hint = f": another begins there; {_EACH}; {DOCUMENTS}" if another else ""
        raise InvalidEvent(f"{what} is not JSON: {error.msg} at {at}{hint}") from error
    if "\\u" in text:
        _require_unicode(value, what)
    return value


def decoded_object(text: str) -> dict[str, Any]:
    """Return the members of the one event that the text is."""
    value = decoded(text)
    if not isinstance(value, dict):
        hint = f" of them: {_EACH}; {ELEMENTS}" if isinstance(value, list) else ""
        raise InvalidEvent(f"the event must be a JSON object, not {shown(value)}{hint}")
    return value


def _require_unicode(value: Any, what: str) -> None:
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError as error:
        raise InvalidEvent(f"{what} has an escape of half a surrogate pair, which is not Unicode text") from error
    except RecursionError as error:
        raise InvalidEvent(f"{what} is nested too deeply") from error


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        twice, _ = Counter(name for name, _ in pairs).most_common(1)[0]
        raise InvalidEvent(f"{shown(twice)} stands twice in the same object")
    return members


def _not_a_number(constant: str) -> NoReturn:
    raise InvalidEvent(f"{constant} is not a JSON number")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_int=Number, parse_float=Number, parse_constant=_not_a_number
)


def shown(value: Any) -> str:
    """Return the value as short printable JSON, whatever it is; text that UTF-8 can't hold comes out escaped."""
    if type(value) is str:
        value = value if len(value) <= SHOWN_CHARACTERS else value[:SHOWN_CHARACTERS] + "…"
        return json.dumps(value, ensure_ascii=False).encode("utf-8", "backslashreplace").decode("utf-8")
    kinds = {dict: "an object", list: "an array", type(None): "null", bool: str(value).lower()}
    if type(value) in kinds:
        return kinds[type(value)]
    text = str(value)
    return text if len(text) <= SHOWN_CHARACTERS else text[:SHOWN_CHARACTERS] + "…"


def is_unicode(text: str) -> bool:
    """Return True if UTF-8 can hold the text; it can't hold halves of surrogate pairs, which JSON can escape."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
