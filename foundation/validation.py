"""Validation of a catalog: names, bounds, references, one consumer for each queue, no cycle of data flow."""

import re
from collections.abc import Iterable, Iterator, Mapping
from graphlib import CycleError, TopologicalSorter

from foundation import grants, secrets, urls, values
from foundation.grants import ActionGrant, written_resources
from foundation.model import (
    QUEUE_ACCESS,
    QUEUE_WRITES,
    TABLE_ACCESS,
    TABLE_WRITES,
    Capacity,
    Catalog,
    Function,
    Queue,
    QueueGrant,
    QueueTrigger,
    ScheduleTrigger,
    StreamTrigger,
    Table,
    TableGrant,
)
from foundation.naming import NAME_RULE, is_valid_name
from foundation.problems import InvalidConfiguration, Problem, one_of
from foundation.schedules import invalid_schedule
from foundation.secrets import Secret, SecretGrant
from foundation.urls import own_invokers

# Bounds of whole numbers, both included, by declaration and field.
_BOUNDS: Mapping[type, Mapping[str, tuple[int, int]]] = {
    Capacity: {"minimum": (1, 40_000), "target_percent": (20, 90)},
    # Below five receives a throttled function loses messages to the dead-letter queue ("Using Lambda with Amazon SQS").
    # A dead letter keeps the age it had in its source, so the source has to stay well below the queue's 14 days.
    Queue: {"max_receive_count": (5, 1000), "retention_days": (1, 7)},
    Function: {"timeout_seconds": (1, 900)},
    # "CreateEventSourceMapping" in the Lambda API.
    QueueTrigger: {"window_seconds": (0, 300), "batch_size": (1, 10_000), "maximum_concurrency": (2, 1000)},
    StreamTrigger: {
        "window_seconds": (0, 300), "batch_size": (1, 10_000), "parallelization": (1, 10), "retries": (-1, 10_000),
    },
    # RetryPolicy in the API of EventBridge Scheduler.
    ScheduleTrigger: {"retry_attempts": (0, 185), "maximum_event_age_seconds": (60, 86_400)},
}  # fmt: skip
_HANDLER = re.compile(r"[a-z_][a-z0-9_]*(\.[a-z_][a-z0-9_]*){2,}")


def validate(catalog: Catalog) -> None:
    """Raise InvalidConfiguration with every problem of the catalog; each names its declaration."""
    problems = [
        *_names(catalog),
        *(problem for table in catalog.tables for problem in _table(table)),
        *(each for queue in catalog.queues for each in _within_bounds(f"catalog queue {queue.name!r}", queue)),
        *secrets.problems(catalog.secrets),
        *(problem for function in catalog.functions for problem in _function(function, catalog)),
        *one_consumer_each(catalog),
    ]
    # A cycle can be looked for only where all references are valid.
    if not problems:
        problems = list(no_cycle(catalog))
    if problems:
        raise InvalidConfiguration(problems)


def _bounds(where: str, value: object, minimum: int, maximum: int) -> Iterator[Problem]:
    number = value if isinstance(value, int) and not isinstance(value, bool) else minimum - 1
    if not minimum <= number <= maximum:
        yield Problem(where=where, value=value, allowed=f"a whole number from {minimum} to {maximum}")


def _within_bounds(where: str, declared: object) -> Iterator[Problem]:
    for key, (minimum, maximum) in _BOUNDS[type(declared)].items():
        yield from _bounds(f"{where} {key}", getattr(declared, key), minimum, maximum)


def _names(catalog: Catalog) -> Iterator[Problem]:
    groups: tuple[tuple[str, Iterable[str]], ...] = (
        ("table", [table.name for table in catalog.tables]),
        ("queue", [queue.name for queue in catalog.queues]),
        ("function", [function.name for function in catalog.functions]),
        ("secret", [secret.name for secret in catalog.secrets]),
    )
    for kind, names in groups:
        seen: set[str] = set()
        for name in names:
            if not is_valid_name(name):
                yield Problem(where=f"catalog {kind} name", value=name, allowed=NAME_RULE)
            # Hyphens aside: the ids of policy statements leave them out.
            key = name.replace("-", "")
            if key in seen:
                allowed = f"a name no other {kind} has, hyphens aside"
                yield Problem(where=f"catalog {kind} name", value=name, allowed=allowed)
            seen.add(key)


def _table(table: Table) -> Iterator[Problem]:
    where = f"catalog table {table.name!r}"
    if (table.read is None) != (table.write is None):
        missing = "read" if table.read is None else "write"
        yield Problem(
            where=f"{where} {missing}", value=None, allowed="capacity in both directions, or in none (on demand)"
        )
    for direction, capacity in (("read", table.read), ("write", table.write)):
        if capacity is not None:
            yield from _capacity(f"{where} {direction}", capacity)


def _capacity(where: str, capacity: Capacity) -> Iterator[Problem]:
    yield from _within_bounds(where, capacity)
    yield from _bounds(f"{where} maximum", capacity.maximum, max(capacity.minimum, 1), 40_000)


def _function(function: Function, catalog: Catalog) -> Iterator[Problem]:
    where = f"catalog function {function.name!r}"
    if not _HANDLER.fullmatch(function.handler):
        yield Problem(where=f"{where} handler", value=function.handler, allowed="package.module.function of lambda_src")
    yield from _within_bounds(where, function)
    if function.trigger is not None:
        yield from _within_bounds(f"{where} trigger", function.trigger)
    yield from values.problems(where, function.environment)
    yield from urls.problems(where, function.url, triggered=function.trigger is not None)
    if isinstance(function.trigger, ScheduleTrigger):
        yield from invalid_schedule(f"{where} trigger", function.trigger)
    else:
        yield from _event_source(where, function.trigger, catalog)
    yield from _grants(where, function, catalog)
    if function.reserved_concurrency is not None:
        # A queue that starts more calls than are reserved has them throttled, and its messages dead-lettered.
        started = function.trigger.maximum_concurrency if isinstance(function.trigger, QueueTrigger) else 1
        yield from _bounds(f"{where} reserved_concurrency", function.reserved_concurrency, started, 1000)
    if function.critical and isinstance(function.trigger, StreamTrigger | ScheduleTrigger):
        allowed = "false: a function on a stream or a schedule has no caller who waits"
        yield Problem(where=f"{where} critical", value=True, allowed=allowed)


def _event_source(where: str, trigger: QueueTrigger | StreamTrigger | None, catalog: Catalog) -> Iterator[Problem]:
    if trigger is None:
        return
    if isinstance(trigger, QueueTrigger):
        if trigger.batch_size > 10 and trigger.window_seconds < 1:
            allowed = "at least 1 second for batches of more than 10 messages"
            yield Problem(where=f"{where} trigger window_seconds", value=trigger.window_seconds, allowed=allowed)
        yield from _known(f"{where} trigger queue", trigger.queue, [queue.name for queue in catalog.queues])
        return
    known = [table.name for table in catalog.tables]
    yield from _known(f"{where} trigger table", trigger.table, known)
    if trigger.table in known and not catalog.table(trigger.table).stream:
        yield Problem(where=f"{where} trigger table", value=trigger.table, allowed="a table declared with stream=True")


def _grants(where: str, function: Function, catalog: Catalog) -> Iterator[Problem]:
    yield from grants.problems(where, [grant for grant in function.grants if isinstance(grant, ActionGrant)])
    # By type: the field of the target, declared targets, and access levels; a secret has only one.
    kinds: Mapping[type, tuple[str, Iterable[Table | Queue | Secret], Iterable[str]]] = {
        TableGrant: ("table", catalog.tables, TABLE_ACCESS),
        QueueGrant: ("queue", catalog.queues, QUEUE_ACCESS),
        SecretGrant: ("secret", catalog.secrets, ()),
    }
    seen: set[tuple[str, str]] = set()
    for grant in function.grants:
        if isinstance(grant, ActionGrant):
            continue
        kind, declared, levels = kinds[type(grant)]
        target = getattr(grant, kind)
        if (kind, target) in seen:
            yield Problem(where=f"{where} grants", value=target, allowed=f"one grant per {kind}")
        seen.add((kind, target))
        yield from _known(f"{where} grant {kind}", target, [each.name for each in declared])
        if not isinstance(grant, SecretGrant):
            access = f"{where} grant on {target!r} access"
            if not grant.access:
                yield Problem(where=access, value=grant.access, allowed=one_of(levels, ""))
            for level in grant.access:
                yield from _known(access, level, levels)


def _known(where: str, name: str, known: Iterable[str]) -> Iterator[Problem]:
    if name not in known:
        yield Problem(where=where, value=name, allowed=one_of(known, name))


def one_consumer_each(catalog: Catalog) -> Iterator[Problem]:
    """Yield a problem for each queue without exactly one consumer: two would each get a part of its messages."""
    for queue in catalog.queues:
        consumers = [function.name for function in catalog.functions if function.consumes(queue.name)]
        if len(consumers) != 1:
            value = ", ".join(consumers) or None
            yield Problem(where=f"catalog queue {queue.name!r} consumer", value=value, allowed="exactly one function")
        # Both would own the dead-letter queue dlq-<name>.
        for function in catalog.functions:
            if function.name == queue.name and not isinstance(function.trigger, QueueTrigger):
                allowed = f"another name: queue {queue.name!r} has the failure queue dlq-{queue.name} already"
                yield Problem(where="catalog function name", value=function.name, allowed=allowed)


def no_cycle(catalog: Catalog) -> Iterator[Problem]:
    """Yield a problem for a cycle of data flow: a trigger feeds its function, a function the resources it writes."""
    fed_by: dict[str, set[str]] = {}
    for function in catalog.functions:
        node = f"function {function.name}"
        sources = fed_by.setdefault(node, set())
        if isinstance(function.trigger, QueueTrigger):
            sources.add(f"queue {function.trigger.queue}")
        elif isinstance(function.trigger, StreamTrigger):
            sources.add(f"table {function.trigger.table}")
        sources.update(f"function {caller}" for caller in own_invokers(function.url))
        for target in _written(function):
            fed_by.setdefault(target, set()).add(node)
    try:
        TopologicalSorter(fed_by).prepare()
    except CycleError as error:
        path = " → ".join(error.args[1])
        yield Problem(where="catalog cycle", value=path, allowed="no function whose writes trigger itself")


def _written(function: Function) -> Iterator[str]:
    for grant in function.grants:
        if isinstance(grant, TableGrant) and TABLE_WRITES.intersection(grant.access):
            yield f"table {grant.table}"
        elif isinstance(grant, QueueGrant) and QUEUE_WRITES.intersection(grant.access):
            yield f"queue {grant.queue}"
        elif isinstance(grant, ActionGrant):
            yield from written_resources(grant)
