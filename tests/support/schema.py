"""Checks documents against the part of JSON Schema that our schemas use."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from tests.support.mocks import ROOT

_TYPES: Mapping[str, type | tuple[type, ...]] = {
    "object": dict, "array": list, "string": str, "number": (int, float), "integer": int, "boolean": bool,
    "null": type(None),
}  # fmt: skip
_UNDERSTOOD = {
    "$ref", "type", "enum", "minimum", "required", "properties", "additionalProperties", "items", "description",
    "title", "$schema", "$defs",
}  # fmt: skip


def breaches(name: str, document: Any) -> list[str]:
    """Breaches of docs/schemas/NAME.schema.json in a document; empty when there are none."""
    schema = json.loads((ROOT / "docs" / "schemas" / f"{name}.schema.json").read_text())
    return list(_breaches(schema, schema, document, "$"))


def _breaches(whole: Any, schema: Any, value: Any, where: str) -> Iterator[str]:
    if "$ref" in schema:
        schema = whole["$defs"][schema["$ref"].removeprefix("#/$defs/")]
    assert set(schema) <= _UNDERSTOOD, f"this check does not know all of {sorted(schema)}"
    types = schema.get("type", [])
    if types and not any(_is(value, each) for each in ([types] if isinstance(types, str) else types)):
        yield f"{where}: {value!r} is no {types}"
    if value not in schema.get("enum", [value]) or ("minimum" in schema and value < schema["minimum"]):
        yield f"{where}: {value!r} is not allowed"
    if isinstance(value, dict):
        known = schema.get("properties", {})
        yield from (f"{where}.{key}: missing" for key in schema.get("required", []) if key not in value)
        for key, item in value.items():
            if key in known:
                yield from _breaches(whole, known[key], item, f"{where}.{key}")
            elif schema.get("additionalProperties") is False:
                yield f"{where}.{key}: not described"
    if isinstance(value, list):
        for position, item in enumerate(value):
            yield from _breaches(whole, schema.get("items", {}), item, f"{where}[{position}]")


def _is(value: Any, name: str) -> bool:
    return isinstance(value, _TYPES[name]) and (isinstance(value, bool) == (name == "boolean"))
