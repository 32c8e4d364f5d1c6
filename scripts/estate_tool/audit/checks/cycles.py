"""Requirement 9: functions that can trigger themselves, over any number of steps, and triggers that need each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from estate_tool.audit.access import allowed, is_about, overlap
from estate_tool.audit.model import Finding
from foundation.guardrails.documents import listed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from estate_tool.audit.model import Function, Inventory, Notification, Role
    from estate_tool.pricing.prices import Prices

# Actions that put something where it may trigger a function, by service of the resource.
_WRITES = {
    "dynamodb:putitem", "dynamodb:updateitem", "dynamodb:batchwriteitem", "dynamodb:deleteitem",
    "dynamodb:partiqlinsert", "dynamodb:partiqlupdate", "dynamodb:partiqldelete",
    "sqs:sendmessage", "sns:publish", "lambda:invokefunction", "kinesis:putrecord", "kinesis:putrecords",
}  # fmt: skip
Graph = dict[str, set[str]]


def cycles(inventory: Inventory, prices: Prices) -> Iterator[Finding]:
    """Yield each function that can write to what triggers it, and functions that must be created after each other."""
    del prices
    seen: set[frozenset[str]] = set()
    graph = _flow(inventory)
    for function in inventory.functions:
        path = _round_trip(graph, function.arn)
        if path and frozenset(path) not in seen:
            seen.add(frozenset(path))
            yield Finding(
                requirement=9, check="cycle", resource=function.arn,
                found=f"it can trigger itself: {' → '.join(map(_short, [*path, function.arn]))}",
                fix="write to another resource than the one that triggers it, or take the permission away",
            )  # fmt: skip
    yield from _knots(inventory)


def _short(arn: str) -> str:
    return arn.split(":", 5)[-1]


def _flow(inventory: Inventory) -> Graph:
    """Return who can hand an event on to whom: functions to what they may write to, resources to what they trigger."""
    graph: Graph = {}
    targets = [
        *(function.arn for function in inventory.functions),
        *(table.arn for table in inventory.tables),
        *(queue.arn for queue in inventory.queues),
        *inventory.topics,
        *(mapping.source for mapping in inventory.mappings),
    ]
    roles = {role.arn: role for role in inventory.roles}
    dead_letters = inventory.dead_letter_queues
    for function in inventory.functions:
        role = roles.get(function.role)
        written = {target for target in targets if role and _may_write(role, target)}
        written |= {_objects(one) for one in inventory.notifications if role and _may_put(role, one)}
        # Failures are no way round: a dead-letter queue that triggers nothing ends there by itself.
        results = {_plain(arn) for arn in function.succeeds_to} - set(dead_letters)
        graph[function.arn] = (written - set(function.failures_to)) | results
    _triggers(inventory, graph)
    return graph


def _triggers(inventory: Inventory, graph: Graph) -> None:
    arns = {function.name: function.arn for function in inventory.functions}
    for mapping in inventory.mappings:
        if mapping.enabled and mapping.function in arns:
            source = mapping.source
            graph.setdefault(source, set()).add(arns[mapping.function])
            if "/stream/" in source:
                graph.setdefault(source.partition("/stream/")[0], set()).add(source)
    for topic, endpoint in inventory.subscriptions:
        graph.setdefault(topic, set()).add(_plain(endpoint))
    for one in inventory.notifications:
        graph.setdefault(_objects(one), set()).add(_plain(one.target))


def _plain(arn: str) -> str:
    """Return a function's ARN without version or alias; others as they are."""
    return ":".join(arn.split(":")[:7]) if ":lambda:" in arn else arn


def _objects(notification: Notification) -> str:
    """Return the pattern of the objects that a bucket reports."""
    return f"{notification.bucket}/{notification.prefix}*{notification.suffix}"


def _may_write(role: Role, arn: str) -> bool:
    service = arn.split(":")[2]
    writes = [write for write in _WRITES if write.startswith(f"{service}:")]
    # A statement may name a function's alias or version.
    qualified = {one for one in _resources(role) if one.startswith(f"{arn}:")} if service == "lambda" else set()
    return any(allowed(role, one, writes) for one in (arn, *qualified))


def _may_put(role: Role, notification: Notification) -> bool:
    """True if the role may make an object that the bucket reports."""
    objects = _objects(notification)
    return any(
        is_about(statement, "s3:PutObject") and ("NotResource" in statement or any(overlap(one, objects) for one in on))
        for _, statement in role.statements
        if statement.get("Effect") == "Allow"
        for on in (listed(statement.get("Resource")),)
    )


def _resources(role: Role) -> set[str]:
    return {one for _, statement in role.statements for one in listed(statement.get("Resource"))}


def _round_trip(graph: Graph, start: str) -> list[str]:
    """Return the shortest way from a node back to itself, without its end; empty if there is none."""
    ways = [[start]]
    visited: set[str] = set()
    for way in ways:
        for following in sorted(graph.get(way[-1], ())):
            if following == start:
                return way
            if following not in visited:
                visited.add(following)
                ways.append([*way, following])
    return []


def _knots(inventory: Inventory) -> Iterator[Finding]:
    """Yield functions whose settings name each other, so that neither can be created first."""
    named: Graph = {}
    by_arn = {function.arn: function for function in inventory.functions}
    for function in inventory.functions:
        values = set(function.environment.values())
        named[function.arn] = {
            other.arn for other in inventory.functions if other is not function and _is_named(other, values)
        }
    reported: set[frozenset[str]] = set()
    for arn, function in by_arn.items():
        path = _round_trip(named, arn)
        if len(path) > 1 and frozenset(path) not in reported:
            reported.add(frozenset(path))
            yield Finding(
                requirement=9, check="creation-cycle", resource=function.arn,
                found=f"the settings of {' and '.join(by_arn[one].name for one in path)} name each other",
                fix="derive names instead of reading them from each other, or let an event notify one of them",
            )  # fmt: skip


def _is_named(function: Function, values: set[str]) -> bool:
    return any(value == function.arn or value.startswith(f"{function.arn}:") for value in values)
