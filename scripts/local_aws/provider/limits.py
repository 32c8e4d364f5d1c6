"""Limits of inputs from botocore's models of AWS: range, length, pattern, allowed values."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from local_aws.provider import convert
from local_aws.provider.model import Failure, ResourceType
from local_aws.provider.wire import UNKNOWN, Properties

# By property path, with [] for the items of a list: {"min": …, "max": …, "pattern": …, "enum": […]}, each optional.
Limits = dict[str, dict[str, Any]]
_TRAITS: Final = ("min", "max", "pattern", "enum")


def derive(kind: ResourceType, inputs: Mapping[str, Any], model: Any) -> Limits:
    """Return the limits of a type's inputs, from botocore's model of its service."""
    from botocore import xform_name

    operations = {xform_name(name): name for name in model.operation_names}
    limits: Limits = {}
    for call in (call for call in kind.create if call.auto):
        shape = model.operation_model(operations[call.operation]).input_shape
        free = {convert.normal(name): member for name, member in shape.members.items() if name not in call.parameters}
        for name in inputs.keys() - kind.unsupported - {"region", "tags"}:
            if member := free.get(convert.normal(kind.names.get(name, name))):
                _collect(limits, kind, member, inputs[name], name)
    if kind.named in inputs:
        longest = limits.setdefault(kind.named, {})
        longest["max"] = min(kind.name_limit, longest.get("max", kind.name_limit))
    for path, stated in kind.limits.items():
        limits.setdefault(path, {}).update(stated)
    return limits


def _collect(limits: Limits, kind: ResourceType, shape: Any, declared: Any, path: str) -> None:
    """Add the limits of a value and all below it; `declared` is its type in the SDK."""
    type_of = declared if isinstance(declared, Mapping) else {}
    if shape.type_name == "list" and "list" not in type_of and "map" not in type_of:
        _collect(limits, kind, shape.member, declared, path)  # the SDK shows a list of at most one as the item itself
        return
    traits = {name: shape.metadata[name] for name in _TRAITS if name in shape.metadata}
    if "pattern" in traits and not _is_known(traits["pattern"]):
        del traits["pattern"]
    if traits:
        limits.setdefault(path, {}).update(traits)
    if shape.type_name == "list" and "list" in type_of:
        _collect(limits, kind, shape.member, type_of["list"], f"{path}[]")
    elif shape.type_name == "structure":
        members = {convert.normal(name): member for name, member in shape.members.items()}
        for key, item in type_of.get("object", {}).items():
            below = f"{path}.{key}"
            if member := members.get(convert.normal(kind.names.get(below, key))):
                _collect(limits, kind, member, item, below)


def _is_known(pattern: str) -> bool:
    """Return whether Python understands the pattern; some are written for Java alone."""
    with contextlib.suppress(re.error):
        re.compile(pattern)
        return True
    return False


def failures(kind: ResourceType, limits: Limits, inputs: Properties) -> Iterator[Failure]:
    """Yield what is beyond its limit. A default of the official provider is not: it may stand for none."""
    defaults = kind.defaults.items()
    yield from beyond(limits, {name: value for name, value in inputs.items() if (name, value) not in defaults})


def beyond(limits: Limits, value: Any, path: str = "", plain: str = "") -> Iterator[Failure]:
    """Yield the path of each value that is beyond its limit, and how; an empty text counts as not given."""
    if value is UNKNOWN or value is None or value == "":
        return
    if plain in limits and (problem := _problem(value, limits[plain])):
        yield path, problem
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from beyond(limits, item, f"{path}.{key}".lstrip("."), f"{plain}.{key}".lstrip("."))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from beyond(limits, item, f"{path}[{index}]", f"{plain}[]")


def _problem(value: Any, limit: Mapping[str, Any]) -> str:
    if not isinstance(value, int | float | str | list | Mapping):
        return ""
    low, high = limit.get("min", 0), limit.get("max", float("inf"))
    if isinstance(value, int | float):
        size, found = value, f"is {value}"
    else:
        size, found = len(value), f"has {len(value)} {'characters' if isinstance(value, str) else 'members'}"
    if not low <= size <= high:
        return f"{found}; allowed are {low} to {high}"
    if isinstance(value, list | Mapping):
        return ""
    if value not in limit.get("enum", [value]):
        return f'is "{value}"; allowed are {", ".join(limit["enum"])}'
    matches = re.fullmatch(limit.get("pattern", ".*"), str(value), re.DOTALL | re.ASCII)
    return "" if matches else f'is "{value}"; it must match {limit["pattern"]}'
