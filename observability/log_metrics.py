"""Metrics from the functions' logs, which Lambda does not publish: memory of calls, and results of batches' records."""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from foundation.model import Catalog, Function, QueueTrigger
from foundation.naming import Names
from observability.metrics import OWN_NAMESPACE, LogMetric


@dataclass(frozen=True)
class LogField:
    """A number in JSON log lines for a metric: its selector, unit, and a further condition."""

    selector: str
    unit: str
    condition: str = ""

    @property
    def pattern(self) -> str:
        """The metric filter's pattern: lines with the number, where it is not zero."""
        number = f"({self.selector} > 0)"
        return f"{{ {self.condition} && {number} }}" if self.condition else f"{{ {number} }}"


# Lambda's report of a call in JSON logs ("Telemetry API event schema reference"); 0 is unknown.
MEMORY = LogField("$.record.metrics.maxMemoryUsedMB", "Megabytes", '($.type = "platform.report")')
# The summary that handlers log of each batch (lambda_src/*/handler.py).
BATCH: Mapping[LogMetric, LogField] = {
    "records-received": LogField("$.received", "Count"),
    "records-failed": LogField("$.failed", "Count"),
}
QUEUE_BATCH: Mapping[LogMetric, LogField] = {
    "events-stored": LogField("$.stored", "Count"),
    "events-invalid": LogField("$.invalid", "Count"),
}


STREAM_BATCH: Mapping[LogMetric, LogField] = {"fields-left-out": LogField("$.fieldsLeftOut", "Count")}


def batch_metrics(function: Function) -> Mapping[LogMetric, LogField]:
    """Return the metrics from a function's summaries; none of a function without batches."""
    if not function.takes_batches:
        return {}
    return {**BATCH, **(QUEUE_BATCH if isinstance(function.trigger, QueueTrigger) else STREAM_BATCH)}


class LogMetrics(pulumi.ComponentResource):
    """Metric filters on the log groups of functions."""

    def __init__(self, type_: str, name: str, fields: Mapping[str, Mapping[LogMetric, LogField]], names: Names) -> None:
        """`fields` are the numbers in the log of each function."""
        super().__init__(type_, name)
        for function, wanted in fields.items():
            for kind, field in wanted.items():
                self._build(function, kind, field, names)
        self.register_outputs({})

    def _build(self, function: str, kind: LogMetric, field: LogField, names: Names) -> None:
        logical_name = f"{function}-{'memory' if kind == 'memory-used' else kind}"
        aws.cloudwatch.LogMetricFilter(
            f"filter-{logical_name}",
            name=names.of("filter", logical_name),
            log_group_name=names.log_group(function),
            pattern=field.pattern,
            metric_transformation={
                "namespace": OWN_NAMESPACE,
                "name": names.of(kind, function),
                "value": field.selector,
                "unit": field.unit,
            },
            opts=pulumi.ResourceOptions(parent=self),
        )


def log_metrics(catalog: Catalog, names: Names) -> None:
    """Register the filters of all functions: memory that calls use, and results of the records of batches."""
    memory: dict[str, Mapping[LogMetric, LogField]] = {
        function.name: {"memory-used": MEMORY} for function in catalog.functions
    }
    batches = {function.name: batch_metrics(function) for function in catalog.functions}
    LogMetrics("estate:observability:MemoryMetrics", "memory", memory, names)
    LogMetrics("estate:observability:BatchMetrics", "batches", batches, names)
