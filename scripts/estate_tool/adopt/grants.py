"""Grants of adopted functions: what their roles' statements allow, narrowed to the tables and queues they use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from estate_tool.adopt import services, usage
from estate_tool.adopt.model import Note
from estate_tool.audit.access import allowed, fits, like
from estate_tool.core.resource_types.model import arn as arn_template
from foundation.guardrails.documents import listed
from foundation.model import QueueGrant, QueueTrigger, TableGrant

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from estate_tool.adopt.model import Declared, OldFunction, OldQueue, OldTable, Source
    from estate_tool.adopt.triggers import Trigger
    from foundation.model import Grant

_WORDS = {"dynamodb": usage.TABLE_WORDS, "sqs": usage.QUEUE_WORDS}
_OPERATIONS = {"dynamodb": usage.TABLE_OPERATIONS, "sqs": usage.QUEUE_OPERATIONS}


def grants(
    old: OldFunction, source: Source, declared: Declared, trigger: Trigger | None, notes: list[Note]
) -> tuple[Grant, ...]:
    """Return the function's grants on what is declared, and on what stays where it is; the rest goes to `notes`."""
    if old.role is None:
        notes.append(Note.missing(old.name, "role", old.found.role, "it can't be read", "grant what the code calls"))
        return ()
    found: list[Grant] = []
    permissions: set[tuple[str, str]] = set()
    used = [one for one in (*source.tables.values(), *source.queues.values()) if usage.uses(old, one.arn, *_forms(one))]
    for one in used:
        consumed = isinstance(trigger, QueueTrigger) and trigger.queue == declared.queues.get(one.arn)
        operations = _operations(old, one.arn, consumed, notes)
        operations -= usage.CONSUMING if consumed else {"GetQueueUrl"}
        if one.arn in declared.tables:
            name = declared.tables[one.arn]
            access = _access("dynamodb", operations)
            found += [TableGrant(table=name, access=access)] if access else []
            resource = arn_template("dynamodb", f"table/table-{name}-{{suffix}}")
        elif one.arn in declared.queues:
            name = declared.queues[one.arn]
            access = _access("sqs", operations)
            found += [QueueGrant(queue=name, access=access)] if access else []
            resource = arn_template("sqs", f"queue-{name}-{{suffix}}")
        elif one.arn in old.found.failures_to:
            continue  # failures are sent to the function's own queue by itself
        else:
            access, resource = (), services.template(one.arn, old)
            if operations:
                text = f"{', '.join(sorted(operations))} on {one.name}"
                reason = "it is not declared, and stays where it is"
                notes.append(Note.differs(old.name, "grant", text, reason, "granted on the old one"))
        service = one.arn.split(":")[2]
        rest = operations - {operation for operation, word in _WORDS[service].items() if word in access}
        permissions |= {(f"{service}:{operation}", resource) for operation in rest}
    known = {*old.found.failures_to, *(one.arn for one in used)}
    indexed = {arn for arn, one in source.tables.items() if one in used and one.indexes}
    more, others = services.grants(old, declared, known, indexed, notes)
    return (*found, *others, *services.grouped(permissions | more))


def _access(service: str, operations: set[str]) -> tuple[str, ...]:
    return tuple(word for operation, word in _WORDS[service].items() if operation in operations)


def _forms(one: OldTable | OldQueue) -> tuple[str, ...]:
    return (one.name, getattr(one, "url", one.name))


def _operations(old: OldFunction, arn: str, consumed: bool, notes: list[Note]) -> set[str]:
    """Return the operations that the role allows by name, and of wildcards those that the code calls."""
    assert old.role is not None
    service = arn.split(":")[2]
    every = {f"{service}:{name}": name for name in _OPERATIONS[service]}
    may = allowed(old.role, arn, every)
    exact, wide = set[str](), dict[str, set[str]]()
    for _, statement in old.role.statements:
        if statement.get("Effect") != "Allow":
            continue
        named = {action.lower() for action in listed(statement.get("Action"))}
        for action in (one for one in may if fits(statement, arn, one)):
            if action.lower() in named:
                exact.add(every[action])
            else:
                wide.setdefault(_pattern(statement, action), set()).add(every[action])
    called = old.code.operations if old.code else frozenset[str]()
    for pattern, operations in wide.items():
        kept = operations & called
        if consumed and old.code and not kept - usage.CONSUMING:
            continue  # it does no more than its trigger does for it
        instead = (
            f"narrowed to what the code calls: {', '.join(sorted(kept)) or 'none of it'}"
            if old.code
            else "grant what the code calls, or let --code find it"
        )
        note = Note.differs if kept else Note.missing
        text = f"{pattern} on {arn.split(':', 5)[-1]}"
        notes.append(note(old.name, "grant", text, "actions are granted by name", instead))
        exact |= kept
    return exact


def _pattern(statement: Mapping[str, Any], action: str) -> str:
    patterns = [one for one in listed(statement.get("Action")) if like(action.lower(), one.lower())]
    return patterns[0] if patterns else "NotAction"
