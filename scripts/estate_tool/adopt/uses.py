"""Evidence that a function uses a table or queue: its triggers, its role's statements, its environment, its code."""

from __future__ import annotations

from typing import TYPE_CHECKING

from estate_tool.adopt import words
from estate_tool.audit.access import allowed
from foundation.guardrails.documents import listed

if TYPE_CHECKING:
    from estate_tool.adopt.model import OldFunction
    from estate_tool.audit.model import Role


def uses(function: OldFunction, arn: str, *forms: str) -> bool:
    """True if a function is triggered by a resource, or may use it and is known to: by its role, or by its name.

    A role is evidence if it names the exact ARN and no other function has it; a pattern fits too much. `forms` are
    other names of the resource, which the environment or the code may have.
    """
    if any(str(one.get("EventSourceArn", "")).partition("/stream/")[0] == arn for one in function.mappings):
        return True
    if function.role is None or not _may(function.role, arn):
        return False
    alone = len(function.shared_role) == 1 and arn in _named(function.role)
    return alone or names(function, arn, *forms)


def names(function: OldFunction, *forms: str) -> bool:
    """True if a value of the function's environment, or a text in its code, is one of these names."""
    texts = set(function.found.environment.values()) | (function.code.texts if function.code else set())
    return not texts.isdisjoint(forms)


def _may(role: Role, arn: str) -> bool:
    service = arn.split(":")[2]
    operations = words.TABLE_OPERATIONS if service == "dynamodb" else words.QUEUE_OPERATIONS
    return bool(allowed(role, arn, (f"{service}:{name}" for name in operations)))


def _named(role: Role) -> set[str]:
    return {arn for _, one in role.statements if one.get("Effect") == "Allow" for arn in listed(one.get("Resource"))}
