"""Checks of what feeds what in a catalog: one consumer for each queue, and nothing that feeds itself."""

from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter

from foundation.grants import ActionGrant, fed
from foundation.model import (
    QUEUE_WRITES,
    TABLE_WRITES,
    Catalog,
    Function,
    QueueGrant,
    QueueTrigger,
    StreamTrigger,
    TableGrant,
)
from foundation.problems import Problem
from foundation.urls import own_invokers


def one_consumer_each(catalog: Catalog) -> Iterator[Problem]:
    """A queue's messages go to one consumer only: two would each see a part of them."""
    for queue in catalog.queues:
        consumers = [function.name for function in catalog.functions if function.consumes(queue.name)]
        if len(consumers) != 1:
            value = ", ".join(consumers) or None
            yield Problem(where=f"catalog queue {queue.name!r} consumer", value=value, allowed="exactly one function")
        # Both would own the failure queue dlq-<name>.
        for function in catalog.functions:
            if function.name == queue.name and not isinstance(function.trigger, QueueTrigger):
                allowed = f"another name: queue {queue.name!r} has the failure queue dlq-{queue.name} already"
                yield Problem(where="catalog function name", value=function.name, allowed=allowed)


def no_cycle(catalog: Catalog) -> Iterator[Problem]:
    """Raise for a cycle of data flow: a trigger feeds its function, a function feeds its outputs."""
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
        yield Problem(where="catalog cycle", value=path, allowed="no function that, by what it writes, triggers itself")


def _written(function: Function) -> Iterator[str]:
    for grant in function.grants:
        if isinstance(grant, TableGrant) and TABLE_WRITES.intersection(grant.access):
            yield f"table {grant.table}"
        elif isinstance(grant, QueueGrant) and QUEUE_WRITES.intersection(grant.access):
            yield f"queue {grant.queue}"
        elif isinstance(grant, ActionGrant):
            yield from fed(grant)
