"""Counts what watches an environment: alarms by the metrics they look at, dashboards, custom metrics."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from estate_tool.costing.load import WatchLoad
from foundation.catalog import CATALOG

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from estate_tool.environment import Environment

# Application Auto Scaling makes alarms of its own for each policy that tracks a target.
_AUTOSCALING = "TargetTracking-"


def found(environment: Environment) -> WatchLoad:
    """What there is now of the environment, by its names."""
    cloudwatch = environment.client("cloudwatch")
    pages = list(
        cloudwatch.get_paginator("describe_alarms").paginate(AlarmTypes=["MetricAlarm", "CompositeAlarm"])
    )  # fmt: skip
    dashboards = cloudwatch.get_paginator("list_dashboards").paginate(DashboardNamePrefix="dashboard-")
    return WatchLoad(
        alarm_metrics=Decimal(sum(_metrics(alarm) for alarm in _ours(environment, pages, "MetricAlarms"))),
        composite_alarms=Decimal(sum(1 for _ in _ours(environment, pages, "CompositeAlarms"))),
        dashboards=Decimal(
            sum(
                entry["DashboardName"].endswith(f"-{environment.names.suffix}")
                for page in dashboards
                for entry in page["DashboardEntries"]
            )
        ),
        metrics=Decimal(sum(_published(environment))),
    )


def _ours(environment: Environment, pages: Iterable[dict[str, Any]], kind: str) -> Iterator[dict[str, Any]]:
    names = environment.names
    scaled = [f"table/{names.table(table.name)}-" for table in CATALOG.tables]
    scaled += [f"function:{names.function(function.name)}:" for function in CATALOG.functions]
    for page in pages:
        for alarm in page.get(kind, ()):
            name = str(alarm["AlarmName"])
            if name.startswith(_AUTOSCALING):
                if name.removeprefix(_AUTOSCALING).startswith(tuple(scaled)):
                    yield alarm
            elif name.startswith("alarm-") and name.endswith(f"-{names.suffix}"):
                yield alarm


def _metrics(alarm: dict[str, Any]) -> int:
    """How many metrics it is paid for: those that its expression looks at, else one."""
    return sum(1 for query in alarm.get("Metrics") or () if "MetricStat" in query) or 1


def _published(environment: Environment) -> Iterator[int]:
    """Custom metrics that filters make of the functions' logs."""
    pages = environment.client("logs").get_paginator("describe_metric_filters")
    for function in CATALOG.functions:
        for page in pages.paginate(logGroupName=environment.names.log_group(function.name)):
            yield sum(len(one.get("metricTransformations") or ()) for one in page["metricFilters"])
