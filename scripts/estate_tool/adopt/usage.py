"""Evidence that a function uses a table or queue, and the operations there are, by whether the catalog grants them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from estate_tool.audit.access import allowed
from foundation.guardrails.documents import listed
from foundation.model import QUEUE_ACCESS, TABLE_ACCESS

if TYPE_CHECKING:
    from estate_tool.adopt.model import OldFunction
    from estate_tool.audit.model import Role

TABLE_WORDS = {action.partition(":")[2]: word for word, actions in TABLE_ACCESS.items() for action in actions}
QUEUE_WORDS = {action.partition(":")[2]: word for word, actions in QUEUE_ACCESS.items() for action in actions}
TABLE_OPERATIONS = (
    *TABLE_WORDS, "Scan", "BatchWriteItem", "ConditionCheckItem", "PartiQLSelect", "PartiQLUpdate", "PartiQLDelete",
    "DescribeTable", "UpdateTimeToLive", "DeleteTable", "UpdateTable",
)  # fmt: skip
QUEUE_OPERATIONS = (
    *QUEUE_WORDS, "ReceiveMessage", "DeleteMessage", "GetQueueAttributes", "GetQueueUrl", "PurgeQueue", "DeleteQueue",
    "SetQueueAttributes",
)  # fmt: skip
OPERATIONS = frozenset((*TABLE_OPERATIONS, *QUEUE_OPERATIONS))
# Of its trigger, a function is granted these by itself.
CONSUMING = frozenset({"ReceiveMessage", "DeleteMessage", "GetQueueAttributes", "GetQueueUrl"})
# What every function is granted, or has no use for here; tracing and networks have notes of their own.
BY_ITSELF = (
    "logs:createloggroup", "logs:createlogstream", "logs:putlogevents", "xray:*", "ec2:*networkinterface*",
    "ec2:assignprivateipaddresses", "ec2:unassignprivateipaddresses", "dynamodb:describestream", "dynamodb:getrecords",
    "dynamodb:getsharditerator", "dynamodb:liststreams",
)  # fmt: skip


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
    operations = TABLE_OPERATIONS if service == "dynamodb" else QUEUE_OPERATIONS
    return bool(allowed(role, arn, (f"{service}:{name}" for name in operations)))


def _named(role: Role) -> set[str]:
    return {arn for _, one in role.statements if one.get("Effect") == "Allow" for arn in listed(one.get("Resource"))}
