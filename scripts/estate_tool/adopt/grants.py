"""Grants of adopted functions: what their roles' statements allow, narrowed to the tables and queues they use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from estate_tool.adopt import words
from estate_tool.adopt.model import Note
from estate_tool.adopt.uses import uses
from estate_tool.audit.access import allowed, fits, like
from foundation.guardrails.documents import listed
from foundation.model import QueueGrant, QueueTrigger, TableGrant

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    from estate_tool.adopt.model import OldFunction, OldQueue, OldTable, Source
    from estate_tool.adopt.triggers import Trigger

Grant = TableGrant | QueueGrant
_WORDS = {"dynamodb": words.TABLE_WORDS, "sqs": words.QUEUE_WORDS}
_OPERATIONS = {"dynamodb": words.TABLE_OPERATIONS, "sqs": words.QUEUE_OPERATIONS}


def grants(
    old: OldFunction, source: Source, tables: Mapping[str, str], queues: Mapping[str, str], trigger: Trigger | None,
    notes: list[Note],
) -> tuple[Grant, ...]:  # fmt: skip
    """Return the function's grants on declared tables and queues (names by ARN); the rest goes to `notes`."""
    if old.role is None:
        notes.append(Note.missing(old.name, "role", old.found.role, "it can't be read", "grant what the code calls"))
        return ()
    found: list[Grant] = []
    used = [one for one in (*source.tables.values(), *source.queues.values()) if uses(old, one.arn, *_forms(one))]
    for one in used:
        consumed = isinstance(trigger, QueueTrigger) and trigger.queue == queues.get(one.arn)
        operations = _operations(old, one.arn, consumed, notes)
        name = tables.get(one.arn) or queues.get(one.arn)
        if name is None:
            _undeclared(old, one.arn, operations, notes)
            continue
        service = one.arn.split(":")[2]
        access = tuple(word for action, word in _WORDS[service].items() if action in operations)
        rest = operations - set(_WORDS[service]) - (words.CONSUMING if consumed else {"GetQueueUrl"})
        if rest:
            reason = "the catalog has no word for these"
            notes.append(
                Note.missing(
                    old.name, "grant", f"{', '.join(sorted(rest))} on {one.name}", reason, f"call {_better(service)}"
                )
            )
        if access:
            found.append(
                TableGrant(table=name, access=access) if one.arn in tables else QueueGrant(queue=name, access=access)
            )
    notes += _others(old, {*old.found.failures_to, *(one.arn for one in used)})
    return tuple(found)


def _forms(one: OldTable | OldQueue) -> tuple[str, ...]:
    return (one.name, getattr(one, "url", one.name))


def _better(service: str) -> str:
    return f"what has one: {', '.join(sorted(_WORDS[service]))}"


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
        if consumed and old.code and not kept - words.CONSUMING:
            continue  # it does no more than its trigger does for it
        instead = (
            f"narrowed to what the code calls: {', '.join(sorted(kept)) or 'none of it'}"
            if old.code
            else "grant what the code calls, or let --code find it"
        )
        note = Note.differs if kept else Note.missing
        told = f"{pattern} on {arn.split(':', 5)[-1]}"
        notes.append(note(old.name, "grant", told, "actions are granted by name", instead))
        exact |= kept
    return exact


def _pattern(statement: Mapping[str, Any], action: str) -> str:
    patterns = [one for one in listed(statement.get("Action")) if like(action.lower(), one.lower())]
    return patterns[0] if patterns else "NotAction"


def _undeclared(old: OldFunction, arn: str, operations: set[str], notes: list[Note]) -> None:
    # Failures are sent to the function's own queue by itself.
    if operations and arn not in old.found.failures_to:
        reason = "what it is granted on is not declared"
        told = f"{', '.join(sorted(operations))} on {arn.split(':', 5)[-1]}"
        notes.append(Note.missing(old.name, "grant", told, reason, "declare that first, or grant it by hand"))


def _others(old: OldFunction, used: set[str]) -> Iterator[Note]:
    """Yield what the role's statements allow beyond the tables and queues that the function is known to use."""
    assert old.role is not None
    for policy, statement in old.role.statements:
        if statement.get("Effect") != "Allow":
            continue
        where = f"({policy}, {statement.get('Sid') or 'a statement without Sid'})"
        actions = [one for one in listed(statement.get("Action")) if not _by_itself(one)]
        actions += [f"all but {one}" for one in listed(statement.get("NotAction"))]
        resources = listed(statement.get("Resource"))
        resources += [f"all but {one}" for one in listed(statement.get("NotResource"))]
        stores = [one for one in actions if one.lower().startswith(("dynamodb:", "sqs:"))]
        loose = [one for one in resources if not _covers(one, used)]
        if stores and loose:
            told = f"{', '.join(stores)} on {', '.join(loose)} {where}"
            reason = "nothing says that the function uses it"
            yield Note.missing(old.name, "grant", told, reason, "grant what the code uses, by name")
        if other := [one for one in actions if one not in stores]:
            yield from _other_services(old, other, resources, where)


def _other_services(old: OldFunction, actions: list[str], resources: list[str], where: str) -> Iterator[Note]:
    wild = any("*" in one or " " in one for one in actions)
    instead = "grant what the code calls, by name" if wild else "docs/escape-hatch.md: a policy of your own"
    told = f"{', '.join(actions)} on {', '.join(resources)} {where}"
    yield Note.missing(old.name, "grant", told, "the catalog has no word for it", instead)


def _by_itself(action: str) -> bool:
    # A wildcard for logs was meant for what every function does.
    return action.lower() == "logs:*" or any(like(action.lower(), pattern) for pattern in words.BY_ITSELF)


def _covers(pattern: str, used: set[str]) -> bool:
    """True for a resource, or a pattern of it, that the function is known to use."""
    below = pattern.partition("/index/")[0].partition("/stream/")[0]
    return any(like(arn, below) for arn in used)
