"""Reading of the functions to adopt, and of what they use, from an account."""

from __future__ import annotations

import fnmatch
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from estate_tool.adopt import schedules, urls
from estate_tool.adopt.model import OldFunction, OldQueue, OldTable, Source
from estate_tool.adopt.package import analyzed
from estate_tool.adopt.usage import uses
from estate_tool.audit import evidence, tables
from estate_tool.audit.collect import queue_of
from estate_tool.audit.packages import files
from estate_tool.core.errors import UsageError
from estate_tool.monitoring.metrics import series
from foundation.problems import one_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from estate_tool.audit.collect import Collector
    from estate_tool.audit.model import Function
    from estate_tool.monitoring.metrics import Window


def chosen(names: Sequence[str], listed: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the functions of these names, ARNs or patterns, each once; raise UsageError for one that is not there."""
    by_name = {str(found["FunctionName"]): found for found in listed}
    wanted: dict[str, Mapping[str, Any]] = {}
    for name in names:
        plain = name.split(":")[6] if name.startswith("arn:") and name.count(":") >= 6 else name
        matching = [known for known in by_name if fnmatch.fnmatchcase(known, plain)]
        if not matching:
            there = one_of(by_name, plain) if len(by_name) <= 20 else _close(by_name, plain)
            raise UsageError(f"there is no function {name} in this account and region; nothing was written", there)
        wanted |= {known: by_name[known] for known in sorted(matching)}
    return list(wanted.values())


def _close(known: Mapping[str, object], name: str) -> str:
    hint = one_of(known, name).partition(" (did you mean")[2]
    return f"did you mean{hint.rstrip(')')}" if hint else f"it has {len(known):,} others: aws lambda list-functions"


def read(collector: Collector, names: Sequence[str], window: Window, *, with_code: bool) -> Source:
    """Return the functions of these names with all that they use; raise UsageError, ClientError."""
    reader = collector.reader
    account = reader.client("sts").get_caller_identity()["Account"]
    listed = reader.pages("lambda", "list_functions", "Functions")
    settings = chosen(names, listed)
    mappings = collector.part("event source mappings", collector.listed_mappings, [])
    by_role: dict[str, list[str]] = defaultdict(list)
    for function in listed:
        by_role[function["Role"]].append(str(function["FunctionName"]))
    roles = {role.arn: role for role in collector.part("roles", lambda: collector.roles(_roles(settings)), ())}

    def with_policy(one: Mapping[str, Any]) -> tuple[Mapping[str, Any], Function, list[Mapping[str, Any]]]:
        policy = collector.resource_policy(str(one["FunctionName"]))
        return one, collector.function(one, policy), policy

    found = collector.each("functions", settings, with_policy)
    usage = collector.part(
        "reports in logs", lambda: evidence.usage(collector, [function for _, function, _ in found], window), {}
    )

    callers = {function.name: policy for _, function, policy in found}
    timed = collector.part("schedules", lambda: schedules.read(collector, callers), {})

    def one(known: tuple[Mapping[str, Any], Function, list[Mapping[str, Any]]]) -> OldFunction:
        settings, function, policy = known
        return OldFunction(
            found=function,
            settings=settings,
            mappings=tuple(mapping for mapping in mappings if _function_of(mapping) == function.name),
            callers=tuple(policy),
            schedules=tuple(timed.get(function.name, ())),
            urls=collector.part("addresses", lambda: urls.read(collector, function.name), ()),
            role=roles.get(function.role),
            shared_role=tuple(by_role[function.role]),
            usage=usage.get(function.name),
            peak=collector.part("metrics", lambda: _peak(collector, function.name, window), None),
            code=analyzed(files(reader, function)) if with_code else None,
        )

    functions = tuple(collector.each("packages and metrics", found, one))
    consumers: dict[str, list[str]] = defaultdict(list)
    for mapping in mappings:
        if mapping.get("EventSourceArn"):
            consumers[mapping["EventSourceArn"]].append(_function_of(mapping))
    return Source(
        account=account,
        region=reader.region,
        functions=functions,
        tables=collector.part("tables", lambda: _tables(collector, functions, window), {}),
        queues=collector.part("queues", lambda: _queues(collector, functions), {}),
        consumers={arn: tuple(dict.fromkeys(several)) for arn, several in consumers.items()},
        unread=tuple(dict.fromkeys(collector.unread)),
    )


def _roles(settings: Sequence[Mapping[str, Any]]) -> set[str]:
    return {str(one["Role"]) for one in settings}


def _function_of(mapping: Mapping[str, Any]) -> str:
    return str(mapping["FunctionArn"]).split(":")[6]


def _peak(collector: Collector, name: str, window: Window) -> int | None:
    metric = ("AWS/Lambda", "ConcurrentExecutions")
    client = collector.reader.client("cloudwatch")
    return max(map(int, series(client, metric, {"FunctionName": name}, window, "Maximum").points), default=None)


def _arn(function: OldFunction, service: str, name: str) -> str:
    """Return the ARN of something in the function's own account and region."""
    _, partition, _, region, account = function.found.arn.split(":")[:5]
    return f"arn:{partition}:{service}:{region}:{account}:{name}"


def _tables(collector: Collector, functions: Sequence[OldFunction], window: Window) -> dict[str, OldTable]:
    reader = collector.reader
    wanted = [
        name
        for name in reader.pages("dynamodb", "list_tables", "TableNames")
        if any(uses(one, _arn(one, "dynamodb", f"table/{name}"), name) for one in functions)
    ]
    capacities = {table.name: table.capacities for table in tables.read(reader, window, collector.each, wanted)}

    def one(name: str) -> OldTable:
        client = reader.client("dynamodb")
        ttl = client.describe_time_to_live(TableName=name).get("TimeToLiveDescription") or {}
        alive = ttl.get("TimeToLiveStatus") in ("ENABLED", "ENABLING")
        return OldTable(
            settings=client.describe_table(TableName=name)["Table"],
            ttl_attribute=ttl.get("AttributeName") if alive else None,
            capacities=capacities.get(name, ()),
        )

    return {table.arn: table for table in collector.each("tables", wanted, one)}


def _queues(collector: Collector, functions: Sequence[OldFunction]) -> dict[str, OldQueue]:
    wanted = [
        url
        for url in collector.reader.pages("sqs", "list_queues", "QueueUrls")
        if any(uses(one, _arn(one, "sqs", name := url.rpartition("/")[2]), url, name) for one in functions)
    ]

    def one(url: str) -> OldQueue:
        found = collector.queue_attributes(url)
        return OldQueue(found=queue_of(url, found), url=url, settings=found)

    return {queue.arn: queue for queue in collector.each("queues", wanted, one)}
