"""Requirement 9: functions that can trigger themselves, over any number of steps, and triggers that need each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from estate_tool.audit.access import allowed, allows, covers_action, overlap, unqualified
from estate_tool.audit.model import Finding
from foundation.guardrails.documents import listed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from estate_tool.audit.model import Inventory, Notification, Role
    from estate_tool.pricing.prices import Prices

# Actions whose result may trigger a function, by service of the resource.
_WRITES = {
    "dynamodb:putitem", "dynamodb:updateitem", "dynamodb:batchwriteitem", "dynamodb:deleteitem",
    "dynamodb:partiqlinsert", "dynamodb:partiqlupdate", "dynamodb:partiqldelete",
    "sqs:sendmessage", "sns:publish", "lambda:invokefunction", "kinesis:putrecord", "kinesis:putrecords",
}  # fmt: skip
# Targets of each node, by ARN.
Graph = dict[str, set[str]]


def cycles(inventory: Inventory, _prices: Prices) -> Iterator[Finding]:
    """Yield each function that can write to its own trigger, and functions that must be created after each other."""
    arns = [function.arn for function in inventory.functions]
    for path in _cycles(_events(inventory), arns):
        yield Finding(
            9, "cycle", path[0],
            f"it can trigger itself: {' → '.join(arn.split(':', 5)[-1] for arn in (*path, path[0]))}",
            "write to another resource than the one that triggers it, or take the permission away",
        )  # fmt: skip
    names = {function.arn: function.name for function in inventory.functions}
    for path in _cycles(_references(inventory), arns):
        yield Finding(
            9, "creation-cycle", path[0], f"the settings of {' and '.join(names[arn] for arn in path)} name each other",
            "derive names instead of reading them from each other, or let an event notify one of them",
        )  # fmt: skip


def _cycles(graph: Graph, nodes: Iterable[str]) -> Iterator[list[str]]:
    """Yield the shortest cycle of each node, without its end; one over the same nodes once."""
    seen: set[frozenset[str]] = set()
    for node in nodes:
        path = _cycle(graph, node)
        if path and frozenset(path) not in seen:
            seen.add(frozenset(path))
            yield path


def _cycle(graph: Graph, start: str) -> list[str]:
    paths = [[start]]
    visited: set[str] = set()
    for path in paths:
        for following in sorted(graph.get(path[-1], ())):
            if following == start:
                return path
            if following not in visited:
                visited.add(following)
                paths.append([*path, following])
    return []


def _events(inventory: Inventory) -> Graph:
    """Return the paths of events: from functions to resources they may write to, from resources to targets."""
    graph: Graph = {}
    targets = [
        *(function.arn for function in inventory.functions),
        *(table.arn for table in inventory.tables),
        *(queue.arn for queue in inventory.queues),
        *inventory.topics,
        *(mapping.source for mapping in inventory.mappings if mapping.source),
    ]
    roles = {role.arn: role for role in inventory.roles}
    dead_letters = inventory.dead_letter_queues
    for function in inventory.functions:
        written = set[str]()
        if role := roles.get(function.role):
            written |= {target for target in targets if _may_write(role, target)}
            written |= {_objects(one) for one in inventory.notifications if _may_put(role, one)}
        # Failures close no cycle: a dead-letter queue that triggers nothing is an end.
        results = set(map(unqualified, function.succeeds_to)) - set(dead_letters)
        graph[function.arn] = (written - set(function.failures_to)) | results
    for source, target in _triggers(inventory):
        graph.setdefault(source, set()).add(target)
    return graph


def _triggers(inventory: Inventory) -> Iterator[tuple[str, str]]:
    for mapping in inventory.mappings:
        if mapping.enabled:
            yield mapping.source, mapping.function
            if "/stream/" in mapping.source:
                yield mapping.source.partition("/stream/")[0], mapping.source
    for topic, endpoint in inventory.subscriptions:
        yield topic, unqualified(endpoint)
    for one in inventory.notifications:
        yield _objects(one), unqualified(one.target)


def _objects(notification: Notification) -> str:
    """Return the pattern of the objects that a bucket reports."""
    return f"{notification.bucket}/{notification.prefix}*{notification.suffix}"


def _may_write(role: Role, arn: str) -> bool:
    service = arn.split(":")[2]
    writes = [write for write in _WRITES if write.startswith(f"{service}:")]
    # A statement may name a function's alias or version.
    named = (one for _, statement in role.statements for one in listed(statement.get("Resource")))
    qualified = {one for one in named if one.startswith(f"{arn}:")} if service == "lambda" else set[str]()
    return any(allowed(role, one, writes) for one in (arn, *qualified))


def _may_put(role: Role, notification: Notification) -> bool:
    """True if the role may make an object that the bucket reports."""
    objects = _objects(notification)
    return any(
        covers_action(one, "s3:PutObject")
        and ("NotResource" in one or any(overlap(arn, objects) for arn in listed(one.get("Resource"))))
        for one in allows(role)
    )


def _references(inventory: Inventory) -> Graph:
    """Return the other functions that each function's environment names by their ARN, with or without a qualifier."""
    arns = {function.arn for function in inventory.functions}
    return {
        function.arn: (arns & set(map(unqualified, function.environment.values()))) - {function.arn}
        for function in inventory.functions
    }
