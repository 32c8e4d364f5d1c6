"""The memory calls use, as a metric: Lambda publishes none, but reports it in the function's log."""

import pulumi
import pulumi_aws as aws

from foundation.model import Catalog
from foundation.naming import Names
from observability.metrics import OWN_NAMESPACE, Reference
from observability.physical import PhysicalNames

# Lambda's report of a call in JSON logs ("Telemetry API event schema reference"); 0 would mean that it is not known.
VALUE = "$.record.metrics.maxMemoryUsedMB"
PATTERN = f'{{ ($.type = "platform.report") && ({VALUE} > 0) }}'


class MemoryMetrics(pulumi.ComponentResource):
    """A metric filter on every function's log group; `physical` holds the names of the metrics they publish."""

    physical: PhysicalNames

    def __init__(
        self,
        name: str,
        catalog: Catalog,
        names: pulumi.Output[Names],
        physical: PhysicalNames,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("estate:observability:MemoryMetrics", name, None, opts)
        self.physical = {
            Reference("memory-used", function.name): self._build(function.name, names, physical)
            for function in catalog.functions
        }
        self.register_outputs({})

    def _build(self, function: str, names: pulumi.Output[Names], physical: PhysicalNames) -> pulumi.Output[str]:
        built = aws.cloudwatch.LogMetricFilter(
            f"filter-{function}-memory",
            name=names.apply(lambda known: known.of("filter", f"{function}-memory")),
            log_group_name=physical[Reference("log-group", function)],
            pattern=PATTERN,
            metric_transformation=aws.cloudwatch.LogMetricFilterMetricTransformationArgs(
                namespace=OWN_NAMESPACE,
                name=names.apply(lambda known: known.of("memory-used", function)),
                value=VALUE,
                unit="Megabytes",
            ),
            opts=pulumi.ResourceOptions(parent=self),
        )
        return built.metric_transformation.name
