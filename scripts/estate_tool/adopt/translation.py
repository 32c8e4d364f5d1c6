"""Translation of functions found in an account into a catalog, with notes on the differences."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol, TypeVar

from estate_tool.adopt import functions, names, package, services, stores
from estate_tool.adopt.environment import known_values
from estate_tool.adopt.grants import grants
from estate_tool.adopt.model import Declared, Note
from estate_tool.adopt.triggers import trigger
from foundation import validation
from foundation.grants import ActionGrant
from foundation.model import Catalog, Function, QueueTrigger, TableGrant
from foundation.secrets import SecretGrant

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from estate_tool.adopt.environment import Values
    from estate_tool.adopt.model import OldFunction, Source
    from foundation.model import Grant


class _Named(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def arn(self) -> str: ...


Old = TypeVar("Old", bound=_Named)


@dataclass(frozen=True, kw_only=True)
class Translation:
    """A valid catalog, the notes, and the logical names in it."""

    catalog: Catalog
    notes: tuple[Note, ...]
    declared: Declared


def translate(source: Source, chosen: Mapping[str, str]) -> Translation:
    """Return the catalog of all that can be declared; `chosen` are logical names by old ones; raise UsageError."""
    notes: list[Note] = []
    adopted = _possible(source.functions, functions.problem, notes)
    tables = _possible(source.tables.values(), stores.table_problem, notes)
    olds = {old.name for old in adopted}
    queues = _possible(
        (one for arn, one in source.queues.items() if arn not in source.dead_letters),
        lambda one: stores.queue_problem(one, source.consumers.get(one.arn, ()), olds), notes,
    )  # fmt: skip
    secrets = services.secrets(adopted)
    secret_names = names.named("secret", (one.parameter or one.secret for one in secrets.values()), chosen)
    declared = Declared(
        functions=_names("function", adopted, chosen),
        tables=_names("table", tables, chosen),
        queues=_names("queue", queues, chosen),
        secrets={
            arn: replace(one, name=secret_names[one.parameter or one.secret]) for arn, one in secrets.items()
        },
    )  # fmt: skip
    known = known_values(source, declared)
    made = [_function(old, source, declared, known, notes) for old in adopted]
    consumers = {one.trigger.queue: one for one in made if isinstance(one.trigger, QueueTrigger)}
    catalog = Catalog(
        tables=tuple(stores.table(one, declared.tables[one.arn], notes) for one in tables),
        queues=tuple(
            stores.queue(one, name, consumers[name].visibility_seconds, notes)
            for one in queues
            if (name := declared.queues[one.arn]) in consumers
        ),
        functions=tuple(made),
        secrets=tuple(dict.fromkeys(declared.secrets.values())),
    )
    whole = _without_cycles(catalog, [old.name for old in adopted], notes)
    return Translation(catalog=whole, notes=tuple(dict.fromkeys(notes)), declared=declared)


def _possible(olds: Iterable[Old], problem: Callable[[Old], Note | None], notes: list[Note]) -> list[Old]:
    """Return those that can be declared; the reasons against the others go to `notes`."""
    found = [(old, problem(old)) for old in olds]
    notes += [note for _, note in found if note]
    return [old for old, note in found if not note]


def _names(kind: str, olds: Iterable[_Named], chosen: Mapping[str, str]) -> dict[str, str]:
    by_arn = {old.arn: old.name for old in olds}
    logical = names.named(kind, by_arn.values(), chosen)
    return {arn: logical[name] for arn, name in by_arn.items()}


def _function(old: OldFunction, source: Source, declared: Declared, known: Values, notes: list[Note]) -> Function:
    name = declared.functions[old.arn]
    started = trigger(old, declared, notes)
    notes += package.notes(old, name, functions.package(name))
    granted = grants(old, source, declared, started, notes)
    return functions.declared(old, name, started, granted, known, notes)


def _without_cycles(catalog: Catalog, olds: list[str], notes: list[Note]) -> Catalog:
    """Return the catalog without the grants with which a function would trigger itself; `olds` are its old names."""
    done = replace(catalog, functions=tuple(replace(function, grants=()) for function in catalog.functions))
    for old, function in zip(olds, catalog.functions, strict=True):
        for grant in function.grants:
            made = [
                replace(one, grants=(*one.grants, grant)) if one.name == function.name else one
                for one in done.functions
            ]
            tried = replace(done, functions=tuple(made))
            cycle = next(iter(validation.no_cycle(tried)), None)
            if cycle is None:
                done = tried
                continue
            reason = f"the function would trigger itself: {cycle.value}"
            instead = "write to another table or queue than the one that triggers it"
            notes.append(Note("missing", old, "grant", _text(grant), reason, instead))
    return done


def _text(grant: Grant) -> str:
    if isinstance(grant, ActionGrant):
        return f"{', '.join(grant.actions)} on {', '.join(grant.resources)}"
    assert not isinstance(grant, SecretGrant)  # it closes no cycle
    return f"{', '.join(grant.access)} on {grant.table if isinstance(grant, TableGrant) else grant.queue}"
