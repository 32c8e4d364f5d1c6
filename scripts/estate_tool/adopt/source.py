"""Reading of the functions to adopt, with their tables, queues and schedules."""

from __future__ import annotations

import fnmatch
from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from estate_tool.adopt import schedules
from estate_tool.adopt.model import OldFunction, Source
from estate_tool.adopt.package import analyzed
from estate_tool.adopt.usage import uses
from estate_tool.audit import evidence, tables
from estate_tool.audit.packages import files
from estate_tool.core.errors import UsageError
from estate_tool.monitoring.metrics import series
from foundation.problems import one_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from estate_tool.audit.collect import Collector
    from estate_tool.audit.model import Function, Queue, Table
    from estate_tool.monitoring.metrics import Window


def chosen(names: Sequence[str], listed: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the functions of these names, ARNs or patterns, each once; raise UsageError for one that is not there."""
    by_name = {str(found["FunctionName"]): found for found in listed}
    wanted: dict[str, Mapping[str, Any]] = {}
    for name in names:
        plain = name.split(":")[6] if name.startswith("arn:") and name.count(":") >= 6 else name
        matching = fnmatch.filter(by_name, plain)
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
    account, listed = collector.account(), collector.listed_functions()
    settings = chosen(names, listed)
    mappings = collector.mappings()
    found = collector.functions(settings)
    roles = {role.arn: role for role in collector.roles(found)}
    usage = collector.part("reports in logs", lambda: evidence.usage(collector, found, window), {})
    timed = collector.part("schedules", lambda: schedules.read(collector, found), {})

    def one(function: Function) -> OldFunction:
        return OldFunction(
            **vars(function),
            mappings=tuple(mapping for mapping in mappings if mapping.function == function.arn),
            schedules=tuple(timed.get(function.name, ())),
            urls=collector.part("addresses", lambda: _urls(collector, function.name), ()),
            permissions=roles.get(function.role),
            shared_role=tuple(str(other["FunctionName"]) for other in listed if other["Role"] == function.role),
            usage=usage.get(function.name),
            peak=collector.part("metrics", lambda: _peak(collector, function.name, window), None),
            code=analyzed(files(collector.reader, function)) if with_code else None,
        )

    functions = tuple(collector.each("packages and metrics", found, one))
    consumers: dict[str, dict[str, None]] = defaultdict(dict)
    for mapping in mappings:
        consumers[mapping.source][mapping.function.split(":")[6]] = None
    return Source(
        account=account,
        region=collector.reader.region,
        functions=functions,
        tables=collector.part("tables", lambda: _tables(collector, functions, window), {}),
        queues=collector.part("queues", lambda: _queues(collector, functions), {}),
        consumers={arn: tuple(several) for arn, several in consumers.items()},
        unread=tuple(dict.fromkeys(collector.unread)),
    )


def _urls(collector: Collector, name: str) -> tuple[Mapping[str, Any], ...]:
    return tuple(
        collector.reader.pages("lambda", "list_function_url_configs", "FunctionUrlConfigs", FunctionName=name)
    )  # fmt: skip


def _peak(collector: Collector, name: str, window: Window) -> int | None:
    metric = ("AWS/Lambda", "ConcurrentExecutions")
    client = collector.reader.client("cloudwatch")
    return max(map(int, series(client, metric, {"FunctionName": name}, window, "Maximum").points), default=None)


def _arn(function: OldFunction, service: str, name: str) -> str:
    """Return the ARN of something in the function's own account and region."""
    _, partition, _, region, account = function.arn.split(":")[:5]
    return f"arn:{partition}:{service}:{region}:{account}:{name}"


def _tables(collector: Collector, functions: Sequence[OldFunction], window: Window) -> dict[str, Table]:
    reader = collector.reader
    wanted = [
        name
        for name in reader.pages("dynamodb", "list_tables", "TableNames")
        if any(uses(one, _arn(one, "dynamodb", f"table/{name}"), name) for one in functions)
    ]

    def one(table: Table) -> Table:
        ttl = reader.client("dynamodb").describe_time_to_live(TableName=table.name)
        return replace(table, settings={**table.settings, "TimeToLiveDescription": ttl.get("TimeToLiveDescription")})

    found = tables.read(collector, window, wanted)
    return {table.arn: table for table in collector.each("tables", found, one)}


def _queues(collector: Collector, functions: Sequence[OldFunction]) -> dict[str, Queue]:
    wanted = [
        url
        for url in collector.queue_urls()
        if any(uses(one, _arn(one, "sqs", name := url.rpartition("/")[2]), url, name) for one in functions)
    ]
    return {queue.arn: queue for queue in collector.queues(wanted)}
