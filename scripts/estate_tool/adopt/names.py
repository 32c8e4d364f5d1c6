"""Logical names of adopted resources, derived from the names that they have in the old account."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from estate_tool.core.errors import UsageError
from foundation.naming import MAX_NAME, NAME_RULE, is_valid_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

# Parts for the type of a resource and for its environment, which physical names have already.
_TYPES = {"lambda", "function", "func", "fn", "handler", "queue", "sqs", "table", "dynamodb", "ddb"}
_ENVIRONMENTS = {"dev", "test", "qa", "stage", "staging", "prod", "prd", "production", "live", "local"}
# Suffixes of the names that CloudFormation makes up.
_GENERATED = re.compile(r"-[A-Z0-9]{12,13}$|-(?=[A-Za-z0-9]*\d)(?=[A-Za-z0-9]*[A-Z])[A-Za-z0-9]{12}$")
_WORDS = re.compile(r"[A-Z]+(?![a-z])\d*|[A-Z]?[a-z]+\d*|\d+")


def logical(old: str) -> str:
    """Return a logical name for an old one: `prod-OrdersFunction-1A2B3C4D5E6F` is `orders`; "" if nothing is left."""
    parts = [word.lower() for word in _WORDS.findall(_GENERATED.sub("", old))]
    for group in (_TYPES, _ENVIRONMENTS, _TYPES):
        parts = _stripped(parts, group)
    while parts and not parts[0][0].isalpha():
        parts = parts[1:]
    name = "-".join(parts)
    while len(name) > MAX_NAME and "-" in name:
        name = name.rpartition("-")[0]
    return name[:MAX_NAME]


def _stripped(parts: list[str], group: set[str]) -> list[str]:
    while len(parts) > 1 and parts[-1] in group:
        parts = parts[:-1]
    while len(parts) > 1 and parts[0] in group:
        parts = parts[1:]
    return parts


def given(pairs: Iterable[str]) -> dict[str, str]:
    """Return the names of `--name OLD=NEW`; raise UsageError for any other form."""
    names: dict[str, str] = {}
    for pair in pairs:
        old, equals, new = pair.partition("=")
        if not (old and equals and is_valid_name(new)):
            raise UsageError(
                f"--name {pair!r} is not OLD=NEW; nothing was written", f"NEW is a logical name: {NAME_RULE}"
            )
        names[old] = new
    return names


def named(kind: str, olds: Iterable[str], chosen: Mapping[str, str]) -> dict[str, str]:
    """Return the logical name of each old one; raise UsageError for two equal ones, or one that can't be derived."""
    names = {old: chosen.get(old) or logical(old) for old in olds}
    taken: dict[str, str] = {}
    for old, new in names.items():
        if not is_valid_name(new):
            raise UsageError(f"no name can be derived from {kind} {old}; nothing was written", _hint(old))
        # Hyphens aside, as the catalog's own validation compares them.
        other = taken.setdefault(new.replace("-", ""), old)
        if other != old:
            raise UsageError(f"{kind}s {other} and {old} would both be named {new}; nothing was written", _hint(old))
    return names


def _hint(old: str) -> str:
    return f"choose a name: --name {old}=NAME, with {NAME_RULE}"
