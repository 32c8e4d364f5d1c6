"""Health of a deployed environment: alarms, queues, streams and provisioned concurrency, by what its state names.

Needed rights: cloudwatch:DescribeAlarms and GetMetricData; sqs:GetQueueUrl and GetQueueAttributes;
lambda:GetProvisionedConcurrencyConfig (docs/permissions-deployer.md).
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from estate_tool.core.retries import code_of
from estate_tool.events.dead_letters import depth

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    Resource = Mapping[str, Any]
    # Namespace, name, dimensions.
    Metric = tuple[str, str, Mapping[str, str]]
    Latest = Callable[[Sequence[Metric]], Sequence[float | None]]

ALARMS = ("aws:cloudwatch/metricAlarm:MetricAlarm", "aws:cloudwatch/compositeAlarm:CompositeAlarm")
QUEUE = "aws:sqs/queue:Queue"
MAPPING = "aws:lambda/eventSourceMapping:EventSourceMapping"
PROVISIONED = "aws:lambda/provisionedConcurrencyConfig:ProvisionedConcurrencyConfig"
PARTS = ("alarms", "queues", "streams", "provisioned_concurrency")
_DEAD_LETTERS = "dlq-"
_WINDOW = timedelta(minutes=15)
# Of one call: DescribeAlarms, GetMetricData.
_MOST_NAMES, _MOST_METRICS = 100, 500
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

    def latest(metrics: Sequence[Metric]) -> Sequence[float | None]:
        """Return what the metrics say; where they may not be read, the rest of a part is worth showing."""
        found, refused = _asked(lambda: _latest(client("cloudwatch"), metrics))
        if refused:
            unknown["metrics"] = refused
        return found or [None] * len(metrics)

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
    """Return what AWS tells, or its reason for refusing; a deployer may not be allowed to read everything."""
    from botocore.exceptions import ClientError

    from estate_tool.core.aws_errors import FORBIDDEN

    try:
        return part(), ""
    except ClientError as error:
        if code_of(error) not in FORBIDDEN:
            raise
        return None, str(error)


def _alarms(cloudwatch: Any, resources: Sequence[Resource]) -> dict[str, Any]:
    names = sorted(str(one["id"]) for one in resources)
    described: list[dict[str, Any]] = []
    for first in range(0, len(names), _MOST_NAMES):
        answer = cloudwatch.describe_alarms(
            AlarmNames=names[first : first + _MOST_NAMES], AlarmTypes=["CompositeAlarm", "MetricAlarm"],
            MaxRecords=_MOST_NAMES,
        )  # fmt: skip
        described += [*answer.get("CompositeAlarms", ()), *answer.get("MetricAlarms", ())]
    not_ok = [
        {
            "alarm": one["AlarmName"], "state": one["StateValue"], "since": _time(one.get("StateUpdatedTimestamp")),
            "reason": one.get("StateReason", ""),
        }
        for one in sorted(described, key=lambda one: (one["StateValue"], one["AlarmName"]))
        if one["StateValue"] != "OK"
    ]  # fmt: skip
    missing = sorted(set(names) - {one["AlarmName"] for one in described})
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
        (_function(str(one["inputs"]["functionName"])), str(one["inputs"]["eventSourceArn"]).split("/")[1])
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
    try:
        found = lambda_.get_provisioned_concurrency_config(FunctionName=function, Qualifier=alias)
    except lambda_.exceptions.ClientError as error:
        if code_of(error) not in ("ProvisionedConcurrencyConfigNotFoundException", "ResourceNotFoundException"):
            raise
        return {"requested": 0, "allocated": 0, "status": "MISSING"}
    return {
        "requested": found["RequestedProvisionedConcurrentExecutions"],
        "allocated": found.get("AllocatedProvisionedConcurrentExecutions", 0), "status": found["Status"],
    }  # fmt: skip


def _latest(cloudwatch: Any, metrics: Sequence[Metric]) -> list[float | None]:
    """Return the newest maximum of each metric within the last 15 minutes, None where there is no data."""
    end = datetime.now(UTC)
    queries = [
        {
            "Id": f"m{number}",
            "MetricStat": {
                "Metric": {
                    "Namespace": namespace, "MetricName": name,
                    "Dimensions": [{"Name": key, "Value": value} for key, value in dimensions.items()],
                },
                "Period": 60, "Stat": "Maximum",
            },
        }
        for number, (namespace, name, dimensions) in enumerate(metrics)
    ]  # fmt: skip
    found: dict[str, float] = {}
    for first in range(0, len(queries), _MOST_METRICS):
        pages = cloudwatch.get_paginator("get_metric_data").paginate(
            MetricDataQueries=queries[first : first + _MOST_METRICS], StartTime=end - _WINDOW, EndTime=end,
            ScanBy="TimestampDescending",
        )  # fmt: skip
        for result in (result for page in pages for result in page["MetricDataResults"]):
            if result["Values"]:
                found.setdefault(result["Id"], float(result["Values"][0]))
    return [found.get(f"m{number}") for number in range(len(metrics))]


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


def _function(name: str) -> str:
    """Return the bare name of a function in a mapping: it may be an ARN, with an alias."""
    return name.split(":")[6] if name.startswith("arn:") else name.partition(":")[0]


def _time(moment: datetime | None) -> str | None:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if moment else None
