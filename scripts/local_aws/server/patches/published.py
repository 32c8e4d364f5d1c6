"""The metrics that AWS's services publish about themselves each minute and ministack's do not.

Events are counted as they happen (`count`); gauges are sampled when the minute is over. Lambda's
invocations, errors, throttles and durations are ministack's own.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Iterator
from typing import Any

from local_aws.server.patches import target
from local_aws.server.patches.target import cloudwatch, get_account_id, get_region, request_scope

# "A queue is considered active by CloudWatch for up to six hours if it contains any messages or if any API action
# accesses it": Monitoring queues in the SQS developer guide.
_ACTIVE_SECONDS = 6 * 3600
# Metrics of minutes are kept that long; older ones are put together by the hour, or a quiet month would fill the disk.
_MINUTES_KEPT, _HOUR = 3 * 3600, 3600

Dimensions = tuple[tuple[str, str], ...]

_counting = threading.Lock()
_samples: dict[tuple[str, str, str, str, str, Dimensions], list[float]] = {}
_last_active: dict[str, float] = {}


def count(namespace: str, name: str, value: float, unit: str = "Count", **dimensions: str) -> None:
    """Add a sample to the metric's current minute. From any thread, in the scope of an account and region."""
    key = (get_account_id(), get_region(), namespace, name, unit, tuple(dimensions.items()))
    with _counting:
        _samples.setdefault(key, []).append(value)


def count_messages(queue: dict[str, Any], name: str, number: int) -> None:
    """Count messages of a queue that were sent, received or deleted."""
    if number:
        arn = queue["attributes"]["QueueArn"]
        _last_active[arn] = time.time()
        account, region = arn.split(":")[4], arn.split(":")[3]
        with request_scope(account, region):
            count("AWS/SQS", name, number, QueueName=queue["name"])


def publish(moment: float) -> bool:
    """Store the minute's metrics with the timestamp `moment`; True if there were any. On the event loop's thread."""
    _sample_queues()
    _sample_tables()
    _sample_functions()
    with _counting:
        finished = dict(_samples)
        _samples.clear()
    for (account, region, namespace, name, unit, dimensions), values in finished.items():
        with request_scope(account, region):
            pairs = dict(dimensions)
            points = cloudwatch._metric_bucket((namespace, name, cloudwatch._dims_key(pairs)))
            extremes = {"Minimum": min(values), "Maximum": max(values)}
            statistics = {"SampleCount": len(values), "Sum": sum(values), **extremes}
            points.append(_point(moment, unit, pairs, statistics))
    if moment // _HOUR != _thinned[0]:
        _thinned[0] = moment // _HOUR
        _thin(moment - _MINUTES_KEPT)
    return bool(finished)


_thinned = [0.0]


def _point(moment: float, unit: str, dimensions: dict[str, str], statistics: dict[str, float]) -> dict[str, Any]:
    average = statistics["Sum"] / statistics["SampleCount"]
    return {
        "Timestamp": moment, "Unit": unit, "Dimensions": dimensions, "Value": average, "_stat": statistics,
        "_published": True,
    }  # fmt: skip


def _thin(before: float) -> None:
    """Merge the points published before that moment into one per hour."""
    for key, points in list(cloudwatch._metrics._data.items()):
        old = [point for point in points if point.get("_published") and point["Timestamp"] < before]
        hours = itertools.groupby(old, lambda point: point["Timestamp"] // _HOUR)
        merged = [_together(list(group)) for _, group in hours]
        if len(merged) < len(old):
            kept = [point for point in points if not (point.get("_published") and point["Timestamp"] < before)]
            cloudwatch._metrics._data[key] = merged + kept


def _together(points: list[dict[str, Any]]) -> dict[str, Any]:
    sets: list[dict[str, float]] = [point["_stat"] for point in points]
    statistics: dict[str, float] = {
        "SampleCount": sum(one["SampleCount"] for one in sets), "Sum": sum(one["Sum"] for one in sets),
        "Minimum": min(one["Minimum"] for one in sets), "Maximum": max(one["Maximum"] for one in sets),
    }  # fmt: skip
    first = points[0]
    return _point(first["Timestamp"], first["Unit"], first["Dimensions"], statistics)


def _scoped(store: Any) -> Iterator[tuple[str, str, Any]]:
    """(account, region, value) of everything in one of ministack's stores."""
    for (account, region, _key), value in list(store._data.items()):
        yield account, region, value


def _sample_queues() -> None:
    now = time.time()
    for account, region, queue in _scoped(target.sqs._queues):
        messages, arn = queue["messages"], queue["attributes"]["QueueArn"]
        if messages:
            _last_active[arn] = now
        if now - _last_active.setdefault(arn, now) > _ACTIVE_SECONDS:
            continue
        hidden = [message for message in messages if message.get("visible_at", 0) > now]
        delayed = sum(not message.get("receive_count") for message in hidden)
        found = {
            "ApproximateNumberOfMessagesVisible": len(messages) - len(hidden),
            "ApproximateNumberOfMessagesNotVisible": len(hidden) - delayed,
            "ApproximateNumberOfMessagesDelayed": delayed,
        }
        with request_scope(account, region):
            for name, value in found.items():
                count("AWS/SQS", name, value, QueueName=queue["name"])
            count("AWS/SQS", "ApproximateAgeOfOldestMessage", _age(messages, now), "Seconds", QueueName=queue["name"])


def _age(messages: list[dict[str, Any]], now: float) -> float:
    """Return the age of the oldest message in seconds; in a dead-letter queue, since it was moved there."""
    oldest = now
    for message in messages:
        if "DeadLetterQueueSourceArn" in message.get("sys", {}):
            # ministack does not say when; the first minute that sees it does.
            oldest = min(oldest, message.setdefault("dead_since", now))
        elif message.get("receive_count", 0) <= _MOST_RECEIVES:
            oldest = min(oldest, message.get("sent_at", now))
    return now - oldest


# SQS leaves messages that were received more often out of the age.
_MOST_RECEIVES = 3


def _sample_tables() -> None:
    for account, region, table in _scoped(target.dynamodb._tables):
        throughput = table.get("ProvisionedThroughput") or {}
        if table.get("BillingMode") == "PAY_PER_REQUEST" or not throughput.get("ReadCapacityUnits"):
            continue
        with request_scope(account, region):
            for direction in ("Read", "Write"):
                units = float(throughput[f"{direction}CapacityUnits"])
                count("AWS/DynamoDB", f"Provisioned{direction}CapacityUnits", units, TableName=table["TableName"])


def _sample_functions() -> None:
    for account, region, function in _scoped(target.lambda_svc._functions):
        name = function["config"]["FunctionName"]
        for qualifier, settings in (function.get("provisioned_concurrency") or {}).items():
            allocated = settings["AllocatedProvisionedConcurrentExecutions"]
            resource = f"{name}:{qualifier}"
            with request_scope(account, region):
                count("AWS/Lambda", "ProvisionedConcurrentExecutions", allocated, FunctionName=name, Resource=resource)
                count("AWS/Lambda", "ProvisionedConcurrencyUtilization", 0, FunctionName=name, Resource=resource)
