"""Translation of what was found in an account into a catalog, and what of it the catalog can't say."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from estate_tool.adopt import functions, names, package, services, stores
from estate_tool.adopt.grants import grants
from estate_tool.adopt.model import Declared, Note, Values
from estate_tool.adopt.triggers import trigger
from foundation import validation
from foundation.grants import ActionGrant
from foundation.model import Catalog, Function, QueueTrigger, TableGrant
from foundation.secrets import SecretGrant
from foundation.values import variable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from estate_tool.adopt.model import OldFunction, OldQueue, Source
    from foundation.model import Grant, Queue
    from foundation.secrets import Secret


@dataclass(frozen=True, kw_only=True)
class Translation:
    """A valid catalog, the notes, and logical names: of functions by old name, of tables and queues by ARN."""

    catalog: Catalog
    notes: tuple[Note, ...]
    functions: Mapping[str, str]
    tables: Mapping[str, str]
    queues: Mapping[str, str]


def translate(source: Source, chosen: Mapping[str, str]) -> Translation:
    """Return the catalog of what can be declared; `chosen` are logical names by old ones; raise UsageError."""
    notes: list[Note] = []
    adopted = [old for old in source.functions if not _refused(functions.problem(old), notes)]
    tables = {
        one.arn: one for one in source.tables.values() if not _refused(stores.table_problem(one), notes)
    }  # fmt: skip
    dead_letters = _dead_letters(source)
    olds = {old.name for old in adopted}
    queues = {
        arn: one
        for arn, one in source.queues.items()
        if arn not in dead_letters
        and not _refused(stores.queue_problem(one, source.consumers.get(arn, ()), olds), notes)
    }
    function_names = names.named("function", [old.name for old in adopted], chosen)
    kept = services.secrets(adopted)
    secret_names = names.named("secret", dict.fromkeys(one.parameter or one.secret for one in kept.values()), chosen)
    declared = Declared(
        functions={old.found.arn: function_names[old.name] for old in adopted},
        tables=_by_arn(names.named("table", [one.name for one in tables.values()], chosen), tables),
        queues=_by_arn(names.named("queue", [one.name for one in queues.values()], chosen), queues),
        secrets={arn: secret_names[one.parameter or one.secret] for arn, one in kept.items()},
    )
    known = _values(source, declared, kept)
    made = [_function(old, source, declared, known, notes) for old in adopted]
    secrets = {name: replace(kept[arn], name=name) for arn, name in declared.secrets.items()}
    catalog = Catalog(
        tables=tuple(stores.table(one, declared.tables[arn], notes) for arn, one in tables.items()),
        queues=tuple(_queues(made, queues, declared, notes)),
        functions=tuple(made),
        secrets=tuple(secrets.values()),
    )
    whole = _without_cycles(catalog, {new: old for old, new in function_names.items()}, notes)
    return Translation(
        catalog=whole, notes=tuple(dict.fromkeys(notes)), functions=function_names, tables=declared.tables,
        queues=declared.queues,
    )  # fmt: skip


def _queues(
    made: Sequence[Function], queues: Mapping[str, OldQueue], declared: Declared, notes: list[Note]
) -> Iterator[Queue]:
    consumers = {one.trigger.queue: one for one in made if isinstance(one.trigger, QueueTrigger)}
    for arn, one in queues.items():
        if (name := declared.queues[arn]) in consumers:
            yield stores.queue(one, name, consumers[name].visibility_seconds, notes)


def _refused(note: Note | None, notes: list[Note]) -> bool:
    notes += [note] if note else []
    return note is not None


def _dead_letters(source: Source) -> set[str]:
    redriven = {queue.found.dead_letters_to for queue in source.queues.values()}
    return {*redriven, *(arn for old in source.functions for arn in old.found.failures_to)}


def _by_arn(by_name: Mapping[str, str], found: Mapping[str, object]) -> dict[str, str]:
    return {arn: by_name[re.split(r"[:/]", arn)[-1]] for arn in found}


def _values(source: Source, declared: Declared, secrets: Mapping[str, Secret]) -> Values:
    """Return what values of environments stand for."""
    known: dict[str, str] = {}
    for arn in _dead_letters(source):
        queue = source.queues.get(arn)
        known |= dict.fromkeys((arn, queue.name, queue.url) if queue else (arn,), "DEAD_LETTER_QUEUE")
    for arn, name in declared.tables.items():
        known |= dict.fromkeys((arn, source.tables[arn].name), variable("TABLE", name))
    for arn, name in declared.queues.items():
        known |= dict.fromkeys((arn, source.queues[arn].name, source.queues[arn].url), variable("QUEUE", name))
    return Values(
        variables=known,
        functions={form: new for arn, new in declared.functions.items() for form in (arn, arn.split(":")[6])},
        secrets=frozenset(text for arn, one in secrets.items() for text in (arn, one.parameter or one.secret)),
    )


def _function(old: OldFunction, source: Source, declared: Declared, known: Values, notes: list[Note]) -> Function:
    name = declared.functions[old.found.arn]
    started = trigger(old, declared.queues, declared.tables, notes)
    notes += package.notes(old, name, functions.package(name))
    granted = grants(old, source, declared, started, notes)
    return functions.declared(old, name, started, granted, known, notes)


def _without_cycles(catalog: Catalog, olds: Mapping[str, str], notes: list[Note]) -> Catalog:
    """Return the catalog without the grants with which a function would trigger itself."""
    bare = tuple(replace(function, grants=()) for function in catalog.functions)
    done = replace(catalog, functions=bare)
    for position, function in enumerate(catalog.functions):
        for grant in function.grants:
            tried = _granted(done, position, grant)
            cycle = next(iter(validation.no_cycle(tried)), None)
            if cycle is None:
                done = tried
                continue
            found, reason = _text(grant), f"the function would trigger itself: {cycle.value}"
            instead = "write to another table or queue than the one that triggers it"
            notes.append(Note.missing(olds[function.name], "grant", found, reason, instead))
    return done


def _text(grant: Grant) -> str:
    if isinstance(grant, ActionGrant):
        return f"{', '.join(grant.actions)} on {', '.join(grant.resources)}"
    assert not isinstance(grant, SecretGrant)  # which feeds nothing
    return f"{', '.join(grant.access)} on {grant.table if isinstance(grant, TableGrant) else grant.queue}"


def _granted(catalog: Catalog, position: int, grant: Grant) -> Catalog:
    functions_ = list(catalog.functions)
    functions_[position] = replace(functions_[position], grants=(*functions_[position].grants, grant))
    return replace(catalog, functions=tuple(functions_))
