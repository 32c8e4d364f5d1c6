"""Inputs of alarms and dashboard, and metrics: AWS's own, and those from logs."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from foundation.model import Catalog, Function
from foundation.naming import ALIAS, Names
from observability.config import ObservabilityConfig

OWN_NAMESPACE = "Estate"

LogMetric = Literal[
    "memory-used", "records-received", "records-failed", "events-stored", "events-invalid", "fields-left-out"
]


@dataclass(frozen=True, kw_only=True)
class Metric:
    """A metric of CloudWatch. `statistic` is Sum, Average, Minimum, Maximum or a percentile such as p99."""

    namespace: str
    name: str
    statistic: str
    dimensions: Mapping[str, str]


@dataclass(frozen=True)
class Metrics:
    """Metrics of an environment's resources, by their names in the catalog."""

    names: Names

    def function(self, function: Function, name: str, statistic: str = "Sum", *, alias: bool = False) -> Metric:
        """A function's metric, or its alias's: "Types of metrics for Lambda functions"."""
        physical = self.names.function(function.name)
        dimensions = {"FunctionName": physical} | ({"Resource": f"{physical}:{ALIAS}"} if alias else {})
        return Metric(namespace="AWS/Lambda", name=name, statistic=statistic, dimensions=dimensions)

    def queue(self, queue: str, name: str, statistic: str = "Maximum") -> Metric:
        """A source queue's metric: "Available CloudWatch metrics for Amazon SQS"."""
        return _of_queue(self.names.queue(queue), name, statistic)

    def dead_letter_queue(self, queue: str, name: str, statistic: str = "Maximum") -> Metric:
        """A dead-letter queue's metric."""
        return _of_queue(self.names.dead_letter_queue(queue), name, statistic)

    def table(self, table: str, name: str, statistic: str = "Sum", *, operation: str | None = None) -> Metric:
        """A table's metric, or that of one of its operations: "DynamoDB metrics and dimensions"."""
        dimensions = {"TableName": self.names.table(table)} | ({"Operation": operation} if operation else {})
        return Metric(namespace="AWS/DynamoDB", name=name, statistic=statistic, dimensions=dimensions)

    def log_group(self, function: Function, name: str) -> Metric:
        """The metric of a function's log group: "Monitoring usage with CloudWatch metrics"."""
        dimensions = {"LogGroupName": self.names.log_group(function.name)}
        return Metric(namespace="AWS/Logs", name=name, statistic="Sum", dimensions=dimensions)

    def log(self, function: Function, kind: LogMetric, statistic: str = "Sum") -> Metric:
        """A metric from a function's log (log_metrics.py).

        The function is in the metric's name, not in a dimension, as Lambda's report of a call does not name it.
        """
        name = self.names.of(kind, function.name)
        return Metric(namespace=OWN_NAMESPACE, name=name, statistic=statistic, dimensions={})

    def memory_used(self, function: Function) -> Metric:
        """The most memory that calls of a function used, in MB."""
        return self.log(function, "memory-used", "Maximum")

    def schedule(self, function: str, name: str) -> Metric:
        """A metric of a schedule's group: "Monitoring Amazon EventBridge Scheduler with Amazon CloudWatch"."""
        dimensions = {"ScheduleGroup": self.names.schedule(function)}
        return Metric(namespace="AWS/Scheduler", name=name, statistic="Sum", dimensions=dimensions)

    def topic(self, topic: str, name: str) -> Metric:
        """A topic's metric: "Monitoring Amazon SNS topics using CloudWatch"."""
        dimensions = {"TopicName": self.names.of("topic", topic)}
        return Metric(namespace="AWS/SNS", name=name, statistic="Sum", dimensions=dimensions)


@dataclass(frozen=True, kw_only=True)
class Estate:
    """Catalog, names and the configuration of all layers that alarms and dashboard depend on.

    `memory_mb` is by function; `target_percent` is the target utilization of provisioned concurrency, 0 for none.
    """

    catalog: Catalog
    names: Names
    thresholds: ObservabilityConfig
    memory_mb: Mapping[str, int]
    target_percent: int
    on_demand: bool

    @property
    def metrics(self) -> Metrics:
        """The metrics of the environment's resources."""
        return Metrics(self.names)


def account_metric(name: str) -> Metric:
    """A metric of Lambda in the whole account and region, which has no dimensions."""
    return Metric(namespace="AWS/Lambda", name=name, statistic="Maximum", dimensions={})


def _of_queue(queue: str, name: str, statistic: str) -> Metric:
    return Metric(namespace="AWS/SQS", name=name, statistic=statistic, dimensions={"QueueName": queue})
