"""Evaluation of a role's statements: what it may do with a resource."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from foundation.guardrails.documents import listed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from estate_tool.audit.model import Role


def allowed(role: Role, arn: str, actions: Iterable[str]) -> set[str]:
    """Return those of the actions that the role may do with a resource.

    A condition of an Allow counts as fulfilled, that of a Deny as not: what may happen at some time is allowed.
    """
    wanted = list(actions)
    allows = [one for _, one in role.statements if one.get("Effect") == "Allow"]
    denies = [one for _, one in role.statements if one.get("Effect") == "Deny" and not one.get("Condition")]
    return {
        action
        for action in wanted
        if any(fits(one, arn, action) for one in allows) and not any(fits(one, arn, action) for one in denies)
    }


def fits(statement: Mapping[str, object], arn: str, action: str) -> bool:
    """True if a statement is about the action on the resource; NotAction and NotResource are about all others."""
    return is_about(statement, action) and _about(statement, "Resource", arn)


def is_of_url(statement: Mapping[str, object]) -> bool:
    """True for a statement of a function's resource policy that is about its URL."""
    return "lambda:functionurlauthtype" in str(statement.get("Condition")).lower()


def is_about(statement: Mapping[str, object], action: str) -> bool:
    """True if a statement is about the action, whatever the resource."""
    return _about(statement, "Action", action.lower(), lower=True)


def _about(statement: Mapping[str, object], key: str, text: str, *, lower: bool = False) -> bool:
    negated = f"Not{key}" in statement
    patterns = listed(statement.get(f"Not{key}" if negated else key))
    return negated != any(like(text, pattern.lower() if lower else pattern) for pattern in patterns)


def like(text: str, pattern: str) -> bool:
    """True if the text fits a pattern of IAM's: * stands for any characters, ? for one."""
    return _expression(pattern).fullmatch(text) is not None


@lru_cache(maxsize=4096)
def _expression(pattern: str) -> re.Pattern[str]:
    wild = {"*": ".*", "?": "."}
    return re.compile("".join(wild.get(part) or re.escape(part) for part in re.split(r"([*?])", pattern)), re.DOTALL)


def overlap(one: str, other: str) -> bool:
    """True if some text fits both patterns of IAM's."""
    seen: set[tuple[int, int]] = set()
    places = [(0, 0)]
    while places:
        place = here, there = places.pop()
        if place == (len(one), len(other)):
            return True
        if place in seen:
            continue
        seen.add(place)
        first, second = one[here : here + 1], other[there : there + 1]
        if first == "*":
            places += [(here + 1, there), *([(here, there + 1)] if second else [])]
        if second == "*":
            places += [(here, there + 1), *([(here + 1, there)] if first else [])]
        if first and second and (first == second or "?" in (first, second)):
            places.append((here + 1, there + 1))
    return False
