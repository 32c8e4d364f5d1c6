"""Differences between the wanted inputs and the known state, reported as the official provider does.

A new value is compared with the state, not with the old inputs: so drift found by a refresh shows as a change. A
property absent from the inputs counts as removed only if it was in the old inputs; otherwise AWS filled it in.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from local_aws.provider.model import ResourceType
from local_aws.provider.schema import Schema, SdkType
from local_aws.provider.wire import UNKNOWN, Properties

Kind = Literal["ADD", "DELETE", "UPDATE"]
_UNORDERED_KEYS: Final = {"Action", "NotAction", "Resource", "NotResource", "AWS", "Service", "Federated"}


@dataclass(frozen=True)
class Comparison:
    """Compares values of one resource type."""

    kind: ResourceType
    schema: Schema

    def changes(self, wanted: Properties, state: Properties, old_inputs: Properties) -> dict[str, Kind]:
        """Property path → what happens to it; empty when nothing has to be done."""
        inputs: dict[str, SdkType] = self.schema["inputs"] | {"tagsAll": {"map": "str"}}
        found: dict[str, Kind] = {}
        for name, kind in inputs.items():
            if name not in self.schema["inputs"] and name not in self.schema["outputs"]:
                continue
            if wanted.get(name) is None and name in self.kind.computed:
                continue
            found |= dict(self.walk(kind, name, wanted.get(name), state.get(name), old_inputs.get(name)))
        return found

    def same(self, name: str, one: Any, other: Any) -> bool:
        """True if two values of the property `name` mean the same."""
        kind = self.schema["inputs"].get(name) or self.schema["outputs"].get(name, "any")
        return not any(self.walk(kind, name, one, other, other))

    def fits(self, name: str, wanted: Any, live: Any) -> bool:
        """True if a live value satisfies an input; AWS may have added to it."""
        kind = self.schema["inputs"].get(name, {"map": "str"})
        return not any(self.walk(kind, name, wanted, live, wanted))

    def walk(self, kind: SdkType, path: str, new: Any, old: Any, given: Any) -> Iterator[tuple[str, Kind]]:
        """The differences below a path; `given` is what the old inputs had there."""
        if new is None and given is None:
            return
        if self._equal(path, new, old):
            return
        if isinstance(kind, Mapping) and isinstance(new, Mapping) and isinstance(old, Mapping):
            yield from self._walk_members(kind, path, dict(new), dict(old), given)
        elif isinstance(new, list) and isinstance(old, list):
            yield from self._walk_list(kind, path, new, old, given)
        else:
            yield path, "ADD" if is_empty(old) else "DELETE" if is_empty(new) else "UPDATE"

    def _walk_members(
        self, kind: Mapping[str, Any], path: str, new: Properties, old: Properties, given: Any
    ) -> Iterator[tuple[str, Kind]]:
        members: Mapping[str, SdkType] = kind.get("object", {})
        before = given if isinstance(given, Mapping) else {}
        for key in sorted(set(new) | set(old)):
            # AWS fills in no members of maps: all that the inputs lack are removed.
            known = before.get(key) if "object" in kind else old.get(key)
            below = f"{path}.{key}" if re.fullmatch(r"[A-Za-z_]\w*", key) else f'{path}["{key}"]'
            yield from self.walk(members.get(key) or kind.get("map", "any"), below, new.get(key), old.get(key), known)

    def _walk_list(
        self, kind: SdkType, path: str, new: list[Any], old: list[Any], given: Any
    ) -> Iterator[tuple[str, Kind]]:
        item: SdkType = kind.get("list", "any") if isinstance(kind, Mapping) else "any"
        before: list[Any] = given if isinstance(given, list) else old
        if _plain(path) in self.kind.sets:
            if not self._same_members(item, path, new, old, before):
                yield path, "UPDATE"
            return
        if len(new) != len(old):
            yield path, "UPDATE"
            return
        before = before if len(before) == len(old) else old
        for index, (value, known, input_value) in enumerate(zip(new, old, before, strict=True)):
            yield from self.walk(item, f"{path}[{index}]", value, known, input_value)

    def _same_members(self, item: SdkType, path: str, new: list[Any], old: list[Any], before: list[Any]) -> bool:
        """True if each wanted member has its own counterpart, in whatever order."""
        left = [(known, next((value for value in before if not any(self.walk(item, path, value, known, value))), known))
                for known in old]  # fmt: skip
        for value in new:
            match = next((pair for pair in left if not any(self.walk(item, path, value, *pair))), None)
            if match is None:
                return False
            left.remove(match)
        return not left

    def _equal(self, path: str, one: Any, other: Any) -> bool:
        if one is UNKNOWN or other is UNKNOWN:
            return False
        if (is_empty(one) and is_empty(other)) or (type(one) is type(other) and one == other):
            return True
        if one is None or other is None:
            return False
        name = _plain(path)
        if name in self.kind.policies or name in self.kind.json:
            return _canonical(one, name in self.kind.policies) == _canonical(other, name in self.kind.policies)
        if name in self.kind.same:
            return self.kind.same[name](one, other)
        numbers = isinstance(one, int | float) and isinstance(other, int | float)
        return numbers and not isinstance(one, bool) and not isinstance(other, bool) and float(one) == float(other)


def must_replace(kind: ResourceType, path: str) -> bool:
    """True if a change at this path needs another resource."""
    return top(path) in kind.force_new


def top(path: str) -> str:
    """The property that a path leads into."""
    return re.split(r"[.\[]", path, maxsplit=1)[0]


def _plain(path: str) -> str:
    return re.sub(r"\[\d+\]", "", path)


def is_empty(value: Any) -> bool:
    """True if a value is equivalent to an absent one."""
    if isinstance(value, Mapping):
        return all(is_empty(item) for item in value.values())
    return value is None or value is False or value in ("", [])


def _canonical(document: Any, policy: bool) -> Any:
    try:
        parsed = json.loads(document) if isinstance(document, str) else document
    except ValueError:
        return document
    return _policy_form(parsed, "") if policy else parsed


def _policy_form(value: Any, key: str) -> Any:
    """A policy in one spelling: a list of one is its item, the order of actions and resources does not count."""
    if isinstance(value, Mapping):
        return {name: _policy_form(item, name) for name, item in value.items()}
    if isinstance(value, list):
        items = [_policy_form(item, "") for item in value]
        if len(items) == 1 and key:
            return items[0]
        return sorted(items, key=str) if key in _UNORDERED_KEYS or all(isinstance(i, str) for i in items) else items
    return value
