"""Metrics of the estate: those that AWS publishes of its resources, and those that metric filters make of logs."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from foundation.model import Catalog, Function, QueueTrigger, Table

OWN_NAMESPACE = "Estate"

LogMetric = Literal[
    "memory-used", "records-received", "records-failed", "events-stored", "events-invalid", "fields-left-out"
]
Kind = Literal["function", "alias", "log-group", "queue", "dlq", "table", "topic", "account", "schedule"] | LogMetric


@dataclass(frozen=True)
class Reference:
    """A resource by its name in the catalog; its physical name is known to the layer that made it.

    An `alias` stands for what the dimension Resource holds, `<function>:<alias>`; a LogMetric for the metric that is
    made of a function's log; a `dlq` is where the failures of the queue or function of that name end.
    """

    kind: Kind
    purpose: str

    @property
    def label(self) -> str:
        """The unique label: functions go by their bare name, the rest by kind and name."""
        return self.purpose if self.kind == "function" else f"{self.kind}-{self.purpose}"


@dataclass(frozen=True, kw_only=True)
class Metric:
    """A metric of CloudWatch. `statistic` is Sum, Average, Minimum, Maximum or a percentile such as p99.

    A `name` that is a reference is that of a metric of our own, which carries the suffix.
    """

    namespace: str
    name: Reference | str
    statistic: str
    dimensions: Mapping[str, Reference | str]


def of_function(function: Function, name: str, statistic: str = "Sum", *, alias: bool = False) -> Metric:
    """A function's metric, or its alias's: "Types of metrics for Lambda functions"."""
    dimensions: dict[str, Reference | str] = {"FunctionName": Reference("function", function.name)}
    if alias:
        dimensions["Resource"] = Reference("alias", function.name)
    return Metric(namespace="AWS/Lambda", name=name, statistic=statistic, dimensions=dimensions)


def of_queue(queue: Reference, name: str, statistic: str = "Maximum") -> Metric:
    """A queue's metric: "Available CloudWatch metrics for Amazon SQS"."""
    return Metric(namespace="AWS/SQS", name=name, statistic=statistic, dimensions={"QueueName": queue})


def of_table(table: Table, name: str, statistic: str = "Sum", *, operation: str | None = None) -> Metric:
    """A table's metric, or that of one of its operations: "DynamoDB metrics and dimensions"."""
    dimensions: dict[str, Reference | str] = {"TableName": Reference("table", table.name)}
    if operation is not None:
        dimensions["Operation"] = operation
    return Metric(namespace="AWS/DynamoDB", name=name, statistic=statistic, dimensions=dimensions)


def of_log_group(function: Function, name: str) -> Metric:
    """The metric of a function's log group: "Monitoring usage with CloudWatch metrics"."""
    dimensions = {"LogGroupName": Reference("log-group", function.name)}
    return Metric(namespace="AWS/Logs", name=name, statistic="Sum", dimensions=dimensions)


def of_log(function: Function, kind: LogMetric, statistic: str = "Sum") -> Metric:
    """A metric that a filter makes of a function's log (log_metrics.py).

    The function is in the metric's name, not in a dimension: Lambda's report of a call does not name it.
    """
    return Metric(namespace=OWN_NAMESPACE, name=Reference(kind, function.name), statistic=statistic, dimensions={})


def memory_used(function: Function) -> Metric:
    """The most memory that calls of a function used, in MB."""
    return of_log(function, "memory-used", "Maximum")


def of_account(name: str, statistic: str = "Maximum") -> Metric:
    """A metric of Lambda in the whole account and region, which has no dimensions."""
    return Metric(namespace="AWS/Lambda", name=name, statistic=statistic, dimensions={})


def of_topic(topic: Reference, name: str, statistic: str = "Sum") -> Metric:
    """A topic's metric: "Monitoring Amazon SNS topics using CloudWatch"."""
    return Metric(namespace="AWS/SNS", name=name, statistic=statistic, dimensions={"TopicName": topic})


def of_schedule(schedule: Reference, name: str, statistic: str = "Sum") -> Metric:
    """A metric of a schedule's group: "Monitoring Amazon EventBridge Scheduler with Amazon CloudWatch"."""
    return Metric(namespace="AWS/Scheduler", name=name, statistic=statistic, dimensions={"ScheduleGroup": schedule})


def failure_queues(catalog: Catalog) -> tuple[Reference, ...]:
    """Every queue that holds failures: one per queue, and one per function that consumes none."""
    owners = [queue.name for queue in catalog.queues]
    owners += [function.name for function in catalog.functions if not isinstance(function.trigger, QueueTrigger)]
    return tuple(Reference("dlq", owner) for owner in owners)
