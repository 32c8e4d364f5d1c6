"""Evaluation of a role's statements: what it may do with a resource."""

from __future__ import annotations

import re
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
    return _about(statement, "Action", action.lower(), lower=True) and _about(statement, "Resource", arn)


def _about(statement: Mapping[str, object], key: str, text: str, *, lower: bool = False) -> bool:
    negated = f"Not{key}" in statement
    patterns = listed(statement.get(f"Not{key}" if negated else key))
    return negated != any(like(text, pattern.lower() if lower else pattern) for pattern in patterns)


def like(text: str, pattern: str) -> bool:
    """True if the text fits a pattern of IAM's: * stands for any characters, ? for one."""
    expression = "".join({"*": ".*", "?": "."}.get(part, re.escape(part)) for part in re.split(r"([*?])", pattern))
    return re.fullmatch(expression, text, re.DOTALL) is not None
