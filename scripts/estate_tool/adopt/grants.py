"""Grants of adopted functions: permissions of their roles, narrowed to the tables and queues they use."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from estate_tool.adopt import services, usage
from estate_tool.adopt.model import Note
from estate_tool.adopt.stores import indexes
from estate_tool.audit.access import allowed, allows, covers, matches
from estate_tool.core.resource_types.model import arn as arn_template
from foundation.guardrails.documents import listed
from foundation.model import QueueGrant, QueueTrigger, TableGrant

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from estate_tool.adopt.model import Declared, OldFunction, Source
    from foundation.model import Grant, Trigger


def grants(
    old: OldFunction, source: Source, declared: Declared, trigger: Trigger | None, notes: list[Note]
) -> tuple[Grant, ...]:
    """Return the function's grants on declared resources, and on those that stay; the rest goes to `notes`."""
    if old.permissions is None:
        notes.append(Note("missing", old.name, "role", old.role, "it can't be read", "grant what the code calls"))
        return ()
    found: list[Grant] = []
    permissions: set[services.Permission] = set()
    tables = [one for one in source.tables.values() if usage.uses(old, one.arn, one.name)]
    queues = [one for one in source.queues.values() if usage.uses(old, one.arn, one.name, one.url)]
    for one in (*tables, *queues):
        table, queue, service = declared.tables.get(one.arn), declared.queues.get(one.arn), one.arn.split(":")[2]
        consumed = isinstance(trigger, QueueTrigger) and trigger.queue == queue
        operations = _operations(old, one.arn, consumed, notes)
        operations -= usage.CONSUMING if consumed else {"GetQueueUrl"}
        granted = {operation: access for operation, access in usage.ACCESS[service].items() if operation in operations}
        access = tuple(granted.values())
        if table:
            found += [TableGrant(table=table, access=access)] if access else []
            resource = arn_template("dynamodb", f"table/table-{table}-{{suffix}}")
        elif queue:
            found += [QueueGrant(queue=queue, access=access)] if access else []
            resource = arn_template("sqs", f"queue-{queue}-{{suffix}}")
        elif one.arn in old.failures_to:
            continue  # every function may send its failures to its own queue
        else:
            granted, resource = {}, services.template(one.arn, old)
            if operations:
                text = f"{', '.join(sorted(operations))} on {one.name}"
                reason = "it is not declared, and stays where it is"
                notes.append(Note("differs", old.name, "grant", text, reason, "granted on the old one"))
        permissions |= {(f"{service}:{operation}", resource) for operation in operations - granted.keys()}
    known = {*old.failures_to, *(one.arn for one in (*tables, *queues))}
    more, secrets = services.grants(old, declared, known, {one.arn for one in tables if indexes(one)}, notes)
    return (*found, *secrets, *services.grouped(permissions | more))


def _operations(old: OldFunction, arn: str, consumed: bool, notes: list[Note]) -> set[str]:
    """Return the operations that the role allows by name, and of wildcards those that the code calls."""
    assert old.permissions is not None
    service = arn.split(":")[2]
    may = allowed(old.permissions, arn, [f"{service}:{name}" for name in usage.OPERATIONS[service]])
    exact, wide = set[str](), defaultdict[str, set[str]](set)
    for statement in allows(old.permissions):
        named = {action.lower() for action in listed(statement.get("Action"))}
        for action in sorted(may):
            if covers(statement, arn, action):
                operations = exact if action.lower() in named else wide[_pattern(statement, action)]
                operations.add(action.partition(":")[2])
    for pattern, operations in wide.items():
        kept = operations & (old.code.operations if old.code else set())
        if consumed and old.code and not kept - usage.CONSUMING:
            continue  # the code calls no more than its trigger does for it
        instead = "grant what the code calls, or let --code find it"
        if old.code:
            instead = f"narrowed to what the code calls: {', '.join(sorted(kept)) or 'none of it'}"
        text = f"{pattern} on {arn.split(':', 5)[-1]}"
        kind = "differs" if kept else "missing"
        notes.append(Note(kind, old.name, "grant", text, "actions are granted by name", instead))
        exact |= kept
    return exact


def _pattern(statement: Mapping[str, Any], action: str) -> str:
    patterns = (one for one in listed(statement.get("Action")) if matches(action.lower(), one.lower()))
    return next(patterns, "NotAction")
