"""Health of a deployed environment: alarms, queues, streams and provisioned concurrency, by the resources in its state.

Needed rights: cloudwatch:DescribeAlarms and GetMetricData; sqs:GetQueueUrl and GetQueueAttributes;
lambda:GetProvisionedConcurrencyConfig (docs/permissions-deployer.md).
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from estate_tool.core.aws_errors import unless_forbidden, unless_not_found
from estate_tool.core.resource_types.model import function_name
from estate_tool.core.text import utc_time
from estate_tool.events.dead_letters import depth
from estate_tool.monitoring import metrics
from estate_tool.monitoring.alarms import by_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import datetime

    Resource = Mapping[str, Any]
    Latest = Callable[[Sequence[metrics.Metric]], Sequence[float | None]]

ALARMS = ("aws:cloudwatch/metricAlarm:MetricAlarm", "aws:cloudwatch/compositeAlarm:CompositeAlarm")
QUEUE = "aws:sqs/queue:Queue"
MAPPING = "aws:lambda/eventSourceMapping:EventSourceMapping"
PROVISIONED = "aws:lambda/provisionedConcurrencyConfig:ProvisionedConcurrencyConfig"
PARTS = ("alarms", "queues", "streams", "provisioned_concurrency")
_DEAD_LETTERS = "dlq-"
_AT_ONCE = 8


def read(client: Callable[[str], Any], resources: Iterable[Resource]) -> dict[str, Any]:
    """Return the health of these resources of the state, as `estate status --json` prints it.

    A part that may not be read is None, with the reason in `unknown`, as it is for metrics, of which the parts then
    lack the values; other errors of boto3 pass through.
    """
    by_type: dict[str, list[Resource]] = {}
    for one in resources:
        by_type.setdefault(str(one["type"]), []).append(one)
    unknown: dict[str, str] = {}

    def latest(asked: Sequence[metrics.Metric]) -> Sequence[float | None]:
        """Return the latest values; where metrics may not be read, the rest of a part is worth showing."""
        found, refused = _asked(lambda: metrics.latest(client("cloudwatch"), asked))
        if refused:
            unknown["metrics"] = refused
        return found or [None] * len(asked)

    parts: dict[str, Callable[[], Any]] = {
        "alarms": lambda: _alarms(client("cloudwatch"), [one for kind in ALARMS for one in by_type.get(kind, ())]),
        "queues": lambda: _queues(client("sqs"), by_type.get(QUEUE, ()), latest),
        "streams": lambda: _streams(by_type.get(MAPPING, ()), latest),
        "provisioned_concurrency": lambda: _provisioned(client("lambda"), by_type.get(PROVISIONED, ()), latest),
    }
    found: dict[str, Any] = {}
    for name, part in parts.items():
        found[name], refused = _asked(part)
        if refused:
            unknown[name] = refused
    return {**found, "unknown": unknown}


def _asked(part: Callable[[], Any]) -> tuple[Any, str]:
    """Return AWS's answer, or its reason for refusing; a deployer may not be allowed to read everything."""
    answer, forbidden = unless_forbidden(part)
    return answer, str(forbidden or "")


def _alarms(cloudwatch: Any, resources: Sequence[Resource]) -> dict[str, Any]:
    names = sorted(str(one["id"]) for one in resources)
    found = by_name(cloudwatch, names)
    not_ok = [
        {
            "alarm": one["AlarmName"], "state": one["StateValue"], "since": _time(one.get("StateUpdatedTimestamp")),
            "reason": one.get("StateReason", ""),
        }
        for one in sorted(found, key=lambda one: (one["StateValue"], one["AlarmName"]))
        if one["StateValue"] != "OK"
    ]  # fmt: skip
    missing = sorted(set(names) - {one["AlarmName"] for one in found})
    return {"total": len(names), "not_ok": not_ok, "missing": missing}


def _queues(sqs: Any, resources: Sequence[Resource], latest: Latest) -> list[dict[str, Any]]:
    names = sorted(str((one.get("inputs") or {}).get("name") or str(one["id"]).rpartition("/")[2]) for one in resources)
    ages = latest([("AWS/SQS", "ApproximateAgeOfOldestMessage", {"QueueName": name}) for name in names])
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        depths = list(pool.map(lambda name: depth(sqs, name), names))
    return [
        {
            "queue": name, "messages": messages, "dead_letters": name.startswith(_DEAD_LETTERS),
            # The metric is some minutes behind.
            "oldest_seconds": 0 if messages == 0 else age,
        }
        for name, messages, age in zip(names, depths, ages, strict=True)
    ]  # fmt: skip


def _streams(resources: Sequence[Resource], latest: Latest) -> list[dict[str, Any]]:
    read_by = sorted(
        (function_name(str(one["inputs"]["functionName"])), str(one["inputs"]["eventSourceArn"]).split("/")[1])
        for one in resources
        if ":dynamodb:" in str((one.get("inputs") or {}).get("eventSourceArn"))
    )
    lags = latest([("AWS/Lambda", "IteratorAge", {"FunctionName": function}) for function, _ in read_by])
    return [
        {"function": function, "table": table, "lag_seconds": None if lag is None else lag / 1000}
        for (function, table), lag in zip(read_by, lags, strict=True)
    ]


def _provisioned(lambda_: Any, resources: Sequence[Resource], latest: Latest) -> list[dict[str, Any]]:
    pairs = sorted((str(one["inputs"]["functionName"]), str(one["inputs"]["qualifier"])) for one in resources)
    used = latest(
        [
            ("AWS/Lambda", "ProvisionedConcurrentExecutions", {"FunctionName": name, "Resource": f"{name}:{alias}"})
            for name, alias in pairs
        ]
    )
    return [
        {"function": name, "alias": alias, **_allocated(lambda_, name, alias), "used": most}
        for (name, alias), most in zip(pairs, used, strict=True)
    ]


def _allocated(lambda_: Any, function: str, alias: str) -> dict[str, Any]:
    names = {"FunctionName": function, "Qualifier": alias}
    found = unless_not_found(lambda: lambda_.get_provisioned_concurrency_config(**names))
    if found is None:
        return {"requested": 0, "allocated": 0, "status": "MISSING"}
    return {
        "requested": found["RequestedProvisionedConcurrentExecutions"],
        "allocated": found.get("AllocatedProvisionedConcurrentExecutions", 0), "status": found["Status"],
    }  # fmt: skip


def problems(health: Mapping[str, Any]) -> list[str]:
    """Return, for people, everything in the health that calls for action; empty when all is well."""
    found = [f"{name} can't be read: {reason}" for name, reason in health["unknown"].items()]
    alarms = health["alarms"] or {"not_ok": [], "missing": []}
    found += [f"{one['alarm']} is in ALARM" for one in alarms["not_ok"] if one["state"] == "ALARM"]
    found += [f"{name} is deployed and not in AWS" for name in alarms["missing"]]
    for one in health["queues"] or ():
        if one["messages"] is None:
            found.append(f"{one['queue']} is deployed and not in AWS")
        elif one["dead_letters"] and one["messages"]:
            found.append(f"{one['queue']} holds {one['messages']:,} failed")
    found += [
        f"provisioned concurrency of {one['function']} is {one['status']}"
        for one in health["provisioned_concurrency"] or ()
        if one["status"] != "READY"
    ]
    return found


def _time(moment: datetime | None) -> str | None:
    return utc_time(moment.timestamp()) if moment else None
