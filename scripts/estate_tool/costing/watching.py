"""Count of what watches an environment: alarms by the metrics they look at, dashboards, custom metrics."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from estate_tool.pricing.load import WatchLoad
from foundation.catalog import CATALOG

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from estate_tool.core.environment import Environment
    from estate_tool.monitoring.window import Window

# Application Auto Scaling makes alarms of its own for each policy that tracks a target: above and below it, and for
# tables also on provisioned capacity that somebody else changed. An emulator makes none, AWS would.
ALARMS_OF_A_POLICY = {"dynamodb": 4, "lambda": 2}
_HOUR = 3600


def found(environment: Environment, window: Window) -> WatchLoad:
    """Return what there is now of the environment, by its names; custom metrics by their share of the window's hours.

    A custom metric is paid for by the hour in which anything is published.
    """
    cloudwatch = environment.client("cloudwatch")
    pages = list(
        cloudwatch.get_paginator("describe_alarms").paginate(AlarmTypes=["MetricAlarm", "CompositeAlarm"])
    )  # fmt: skip
    dashboards = cloudwatch.get_paginator("list_dashboards").paginate(DashboardNamePrefix="dashboard-")
    return WatchLoad(
        alarm_metrics=Decimal(
            sum(_metrics(alarm) for alarm in _ours(environment, pages, "MetricAlarms")) + _of_autoscaling(environment)
        ),
        composite_alarms=Decimal(sum(1 for _ in _ours(environment, pages, "CompositeAlarms"))),
        dashboards=Decimal(
            sum(
                entry["DashboardName"].endswith(f"-{environment.names.suffix}")
                for page in dashboards
                for entry in page["DashboardEntries"]
            )
        ),
        metrics=sum(_published(environment, window), Decimal(0)),
    )


def _ours(environment: Environment, pages: Iterable[dict[str, Any]], kind: str) -> Iterator[dict[str, Any]]:
    for page in pages:
        for alarm in page.get(kind, ()):
            name = str(alarm["AlarmName"])
            if name.startswith("alarm-") and name.endswith(f"-{environment.names.suffix}"):
                yield alarm


def _of_autoscaling(environment: Environment) -> int:
    """Return how many alarms the policies of the environment's tables and functions have, each on one metric."""
    names, client = environment.names, environment.client("application-autoscaling")
    ours = {f"table/{names.table(table.name)}" for table in CATALOG.tables}
    ours |= {f"function:{names.function(function.name)}" for function in CATALOG.functions}
    count = 0
    for namespace, alarms in ALARMS_OF_A_POLICY.items():
        pages = client.get_paginator("describe_scaling_policies").paginate(ServiceNamespace=namespace)
        for policy in (policy for page in pages for policy in page["ScalingPolicies"]):
            resource = str(policy["ResourceId"])
            of_alias = resource.rpartition(":")[0] if namespace == "lambda" else resource
            count += (len(policy.get("Alarms") or ()) or alarms) if of_alias in ours else 0
    return count


def _metrics(alarm: dict[str, Any]) -> int:
    """Return the number of metrics that an alarm is billed for: those of its expression, else one."""
    return sum(1 for query in alarm.get("Metrics") or () if "MetricStat" in query) or 1


def _published(environment: Environment, window: Window) -> Iterator[Decimal]:
    """Yield the share of the window's hours in which each custom metric of the functions' logs was published."""
    pages, cloudwatch = (
        environment.client("logs").get_paginator("describe_metric_filters"),
        environment.client("cloudwatch"),
    )
    hours = max(Decimal(str((window.end - window.start).total_seconds())) / _HOUR, Decimal(1))
    for function in CATALOG.functions:
        for page in pages.paginate(logGroupName=environment.names.log_group(function.name)):
            for made in (made for one in page["metricFilters"] for made in one.get("metricTransformations") or ()):
                points = cloudwatch.get_metric_statistics(
                    Namespace=made["metricNamespace"], MetricName=made["metricName"], Period=_HOUR,
                    Statistics=["SampleCount"], StartTime=window.start, EndTime=window.end,
                )["Datapoints"]  # fmt: skip
                yield min(len(points) / hours, Decimal(1))
