"""The format of the saved state: JSON, so that reading it runs nothing; values that JSON lacks are tagged.

The first line holds the format and the tag's name, which is new in each file: nothing that a user stores can be taken
for a tag.
"""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Callable, Mapping
from typing import Any

FORMAT = 3
# ministack's dictionaries by account, and by account and region: their class, and a way to make one.
Scoped = Mapping[str, Callable[[], Any]]


def encode(states: Mapping[str, Any], scoped: Scoped) -> bytes:
    """Return the file's content; TypeError for an object of a class that it has no form for."""
    tag = secrets.token_hex(16)

    def tagged(value: Any) -> dict[str, Any]:
        name = type(value).__name__
        if name in scoped:
            return {tag: name, "value": [[_key(key), item] for key, item in value._data.items()]}
        if isinstance(value, bytes | bytearray):
            return {tag: "bytes", "value": base64.b64encode(value).decode()}
        if isinstance(value, set | frozenset):
            return {tag: "set", "value": list(value)}
        raise TypeError(f"a {name} can't be part of the saved state")

    def _key(key: Any) -> Any:
        return {tag: "tuple", "value": [_key(part) for part in key]} if isinstance(key, tuple) else key

    head = json.dumps({"format": FORMAT, "mark": tag})
    return f"{head}\n{json.dumps(states, default=tagged, separators=(',', ':'))}\n".encode()


def decode(content: bytes, scoped: Scoped) -> dict[str, Any]:
    """Return the states; ValueError when the content is not what `encode` returns."""
    head, _, body = content.partition(b"\n")
    header = json.loads(head)
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        raise ValueError("it was written by another version of the estate")
    tag = header["mark"]

    def untagged(value: dict[str, Any]) -> Any:
        kind = value.get(tag)
        if kind is None:
            return value
        content = value["value"]
        if kind == "bytes":
            return base64.b64decode(content)
        if kind == "tuple":
            return tuple(content)
        if kind == "set":
            return set(content)
        made = scoped[kind]()
        made._data.update(content)
        return made

    states: dict[str, Any] = json.loads(body, object_hook=untagged)
    return states
