"""Evaluation of IAM statements: the actions that they cover, on which resources."""

from __future__ import annotations

import fnmatch
import re
from functools import lru_cache
from typing import TYPE_CHECKING

from foundation.guardrails.documents import listed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from typing import Any

    from estate_tool.audit.model import Role


def allowed(role: Role, arn: str, actions: Iterable[str]) -> set[str]:
    """Return the actions, of these, that the role may do with a resource.

    A condition of an Allow counts as fulfilled, that of a Deny as not: an action that is allowed at times is allowed.
    """
    granting = list(allows(role))
    denies = [one for _, one in role.statements if one.get("Effect") == "Deny" and not one.get("Condition")]
    return {
        action
        for action in actions
        if any(covers(one, arn, action) for one in granting) and not any(covers(one, arn, action) for one in denies)
    }


def allows(role: Role | None) -> Iterator[Mapping[str, Any]]:
    """Yield the statements of a role that allow something; none without a role."""
    return (one for _, one in (role.statements if role else ()) if one.get("Effect") == "Allow")


def covers(statement: Mapping[str, object], arn: str, action: str) -> bool:
    """True if a statement is about the action on the resource; NotAction and NotResource are about all others."""
    return covers_action(statement, action) and _covers(statement, "Resource", arn)


def covers_action(statement: Mapping[str, object], action: str) -> bool:
    """True if a statement is about the action, whatever the resource."""
    return _covers(statement, "Action", action.lower(), lower=True)


def _covers(statement: Mapping[str, object], key: str, text: str, *, lower: bool = False) -> bool:
    negated = f"Not{key}" in statement
    patterns = listed(statement.get(f"Not{key}" if negated else key))
    return negated != any(matches(text, pattern.lower() if lower else pattern) for pattern in patterns)


def is_of_url(statement: Mapping[str, object]) -> bool:
    """True for a statement of a function's resource policy that is about its URL."""
    return "lambda:functionurlauthtype" in str(statement.get("Condition")).lower()


def unqualified(arn: str) -> str:
    """Return a function's ARN without version or alias; others as they are."""
    return ":".join(arn.split(":")[:7]) if ":lambda:" in arn else arn


def matches(text: str, pattern: str) -> bool:
    """True if the text matches a pattern of IAM's: * stands for any characters, ? for one."""
    return _expression(pattern).match(text) is not None


@lru_cache(maxsize=4096)
def _expression(pattern: str) -> re.Pattern[str]:
    return re.compile(fnmatch.translate(pattern.replace("[", "[[]")))


def overlap(one: str, other: str) -> bool:
    """True if some text matches both patterns of IAM's."""
    seen: set[tuple[int, int]] = set()
    positions = [(0, 0)]
    while positions:
        position = here, there = positions.pop()
        if position == (len(one), len(other)):
            return True
        if position in seen:
            continue
        seen.add(position)
        first, second = one[here : here + 1], other[there : there + 1]
        if first == "*":
            positions += [(here + 1, there), *([(here, there + 1)] if second else [])]
        if second == "*":
            positions += [(here, there + 1), *([(here + 1, there)] if first else [])]
        if first and second and (first == second or "?" in (first, second)):
            positions.append((here + 1, there + 1))
    return False
