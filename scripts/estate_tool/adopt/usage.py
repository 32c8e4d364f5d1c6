"""Evidence that a function uses a table or queue, and the operations on them, with their keywords in the catalog."""

from __future__ import annotations

from typing import TYPE_CHECKING

from estate_tool.audit.access import allowed, allows
from foundation.guardrails.documents import listed
from foundation.model import QUEUE_ACCESS, TABLE_ACCESS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from estate_tool.adopt.model import OldFunction

# Keywords of grants by operation, by service.
ACCESS: Mapping[str, Mapping[str, str]] = {
    service: {action.partition(":")[2]: keyword for keyword, actions in access.items() for action in actions}
    for service, access in (("dynamodb", TABLE_ACCESS), ("sqs", QUEUE_ACCESS))
}
OPERATIONS: Mapping[str, tuple[str, ...]] = {
    "dynamodb": (
        *ACCESS["dynamodb"], "Scan", "BatchWriteItem", "ConditionCheckItem", "PartiQLSelect", "PartiQLUpdate",
        "PartiQLDelete", "DescribeTable", "UpdateTimeToLive", "DeleteTable", "UpdateTable",
    ),
    "sqs": (
        *ACCESS["sqs"], "ReceiveMessage", "DeleteMessage", "GetQueueAttributes", "GetQueueUrl", "PurgeQueue",
        "DeleteQueue", "SetQueueAttributes",
    ),
}  # fmt: skip
# The catalog grants these to a function on the queue that triggers it.
CONSUMING = frozenset({"ReceiveMessage", "DeleteMessage", "GetQueueAttributes", "GetQueueUrl"})


def uses(function: OldFunction, arn: str, *forms: str) -> bool:
    """True if a function is triggered by a resource, or may use it and is known to: by its role, or by its name.

    A role is evidence if it names the exact ARN and no other function has it; a pattern fits too much. `forms` are
    other names of the resource, which the environment or the code may have.
    """
    if any(mapping.source.partition("/stream/")[0] == arn for mapping in function.mappings):
        return True
    role, service = function.permissions, arn.split(":")[2]
    if role is None or not allowed(role, arn, (f"{service}:{name}" for name in OPERATIONS[service])):
        return False
    named = (one for statement in allows(role) for one in listed(statement.get("Resource")))
    return (len(function.shared_role) == 1 and arn in named) or names(function, arn, *forms)


def names(function: OldFunction, *forms: str) -> bool:
    """True if a value of the function's environment, or a text in its code, is one of these names."""
    texts = set(function.environment.values()) | (function.code.texts if function.code else set())
    return not texts.isdisjoint(forms)
