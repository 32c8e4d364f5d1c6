"""Values as people read them in reasons and log lines."""

import json
from typing import Any

SHOWN_CHARACTERS = 60


def shown(value: Any, limit: int = SHOWN_CHARACTERS) -> str:
    """Return the value as short printable JSON, whatever it is; text that UTF-8 can't hold comes out escaped."""
    if type(value) is str:
        value = value if len(value) <= limit else value[:limit] + "…"
        return json.dumps(value, ensure_ascii=False).encode("utf-8", "backslashreplace").decode("utf-8")
    kinds = {dict: "an object", list: "an array", type(None): "null", bool: str(value).lower()}
    if type(value) in kinds:
        return kinds[type(value)]
    text = str(value)
    return text if len(text) <= limit else text[:limit] + "…"


def is_unicode(text: str) -> bool:
    """Tell whether UTF-8 can hold the text: halves of surrogate pairs, which JSON can escape, it can't."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
