"""Translation of what was found in an account into a catalog, and what of it the catalog can't say."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from data.queues import visibility_timeout_seconds
from estate_tool.adopt import functions, names, package, stores
from estate_tool.adopt.grants import grants
from estate_tool.adopt.model import Note
from estate_tool.adopt.triggers import trigger
from foundation import flow
from foundation.model import Catalog, Function, QueueTrigger, TableGrant

if TYPE_CHECKING:
    from collections.abc import Mapping

    from estate_tool.adopt.grants import Grant
    from estate_tool.adopt.model import OldFunction, Source


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
    function_names = names.named("function", olds, chosen)
    table_names = _by_arn(names.named("table", [one.name for one in tables.values()], chosen), tables)
    queue_names = _by_arn(names.named("queue", [one.name for one in queues.values()], chosen), queues)
    known = _variables(source, table_names, queue_names)
    made = [
        _function(old, source, function_names[old.name], table_names, queue_names, known, notes) for old in adopted
    ]  # fmt: skip
    consumers = {one.trigger.queue: one for one in made if isinstance(one.trigger, QueueTrigger)}
    catalog = Catalog(
        tables=tuple(stores.table(one, table_names[arn], notes) for arn, one in tables.items()),
        queues=tuple(
            stores.queue(one, name, visibility_timeout_seconds(consumers[name]), notes)
            for arn, one in queues.items()
            if (name := queue_names[arn]) in consumers
        ),
        functions=tuple(made),
    )
    whole = _without_cycles(catalog, {new: old for old, new in function_names.items()}, notes)
    return Translation(
        catalog=whole, notes=tuple(dict.fromkeys(notes)), functions=function_names, tables=table_names,
        queues=queue_names,
    )  # fmt: skip


def _refused(note: Note | None, notes: list[Note]) -> bool:
    notes += [note] if note else []
    return note is not None


def _dead_letters(source: Source) -> set[str]:
    redriven = {queue.found.dead_letters_to for queue in source.queues.values()}
    return {*redriven, *(arn for old in source.functions for arn in old.found.failures_to)}


def _by_arn(by_name: Mapping[str, str], found: Mapping[str, object]) -> dict[str, str]:
    return {arn: by_name[re.split(r"[:/]", arn)[-1]] for arn in found}


def _variables(source: Source, tables: Mapping[str, str], queues: Mapping[str, str]) -> dict[str, str]:
    """Return the variable that a function has here for each name, ARN and URL of a declared table or queue."""
    known: dict[str, str] = {}
    for arn in _dead_letters(source):
        old = source.queues.get(arn)
        known |= dict.fromkeys((arn, old.name, old.url) if old else (arn,), "DEAD_LETTER_QUEUE")
    for kind, declared in (("TABLE", tables), ("QUEUE", queues)):
        for arn, name in declared.items():
            variable = f"{kind}_{re.sub('[^a-z0-9]', '_', name).upper()}"
            old = source.tables[arn] if kind == "TABLE" else source.queues[arn]
            known |= dict.fromkeys((arn, old.name, getattr(old, "url", old.name)), variable)
    return known


def _function(
    old: OldFunction, source: Source, name: str, tables: Mapping[str, str], queues: Mapping[str, str],
    known: Mapping[str, str], notes: list[Note],
) -> Function:  # fmt: skip
    started = trigger(old, queues, tables, notes)
    notes += package.notes(old, functions.package(name))
    return functions.declared(
        old, name, started, grants(old, source, tables, queues, started, notes), known, notes
    )  # fmt: skip


def _without_cycles(catalog: Catalog, olds: Mapping[str, str], notes: list[Note]) -> Catalog:
    """Return the catalog without the grants with which a function would trigger itself."""
    bare = tuple(replace(function, grants=()) for function in catalog.functions)
    done = replace(catalog, functions=bare)
    for position, function in enumerate(catalog.functions):
        for grant in function.grants:
            tried = _granted(done, position, grant)
            cycle = next(iter(flow.no_cycle(tried)), None)
            if cycle is None:
                done = tried
                continue
            target = grant.table if isinstance(grant, TableGrant) else grant.queue
            found, reason = (
                f"{', '.join(grant.access)} on {target}",
                f"the function would trigger itself: {cycle.value}",
            )
            instead = "write to another table or queue than the one that triggers it"
            notes.append(Note.missing(olds[function.name], "grant", found, reason, instead))
    return done


def _granted(catalog: Catalog, position: int, grant: Grant) -> Catalog:
    functions_ = list(catalog.functions)
    functions_[position] = replace(functions_[position], grants=(*functions_[position].grants, grant))
    return replace(catalog, functions=tuple(functions_))
