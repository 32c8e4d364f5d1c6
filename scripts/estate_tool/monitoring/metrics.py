"""Metrics of CloudWatch over a window of time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from math import ceil
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from estate_tool.monitoring.window import Window

    # Namespace, name, dimensions.
    Metric = tuple[str, str, Mapping[str, str]]

# "GetMetricStatistics": the most data points of an answer.
_MOST_POINTS = 1440
_MOST_METRICS = 500  # of one GetMetricData
_MINUTE, _HOUR = 60, 3600
_RECENT = timedelta(minutes=15)


@dataclass(frozen=True)
class Series:
    """The data points of a metric, one per period that has any."""

    points: tuple[Decimal, ...]

    @property
    def known(self) -> bool:
        """True if there is any data."""
        return bool(self.points)

    @property
    def total(self) -> Decimal:
        """Their sum."""
        return sum(self.points, Decimal(0))

    @property
    def average(self) -> Decimal:
        """Their mean; 0 without any."""
        return self.total / len(self.points) if self.points else Decimal(0)


def period_seconds(window: Window) -> int:
    """Minutes for up to a day, else as many hours as keep the answer in one piece."""
    seconds = (window.end - window.start).total_seconds()
    return _MINUTE if seconds <= _MINUTE * _MOST_POINTS else _HOUR * ceil(seconds / _HOUR / _MOST_POINTS)


def series(client: Any, metric: tuple[str, str], dimensions: dict[str, str], window: Window, statistic: str) -> Series:
    """The data points of a metric (namespace and name) by Sum, Average, Minimum or Maximum, in the order of time."""
    answer = client.get_metric_statistics(
        **_measured(*metric, dimensions),
        StartTime=window.start,
        EndTime=window.end,
        Period=period_seconds(window),
        Statistics=[statistic],
    )
    points = sorted(answer["Datapoints"], key=lambda point: point["Timestamp"])
    return Series(tuple(Decimal(str(point[statistic])) for point in points))


def daily(
    client: Any, metric: tuple[str, str], dimensions: dict[str, str], window: Window, statistics: tuple[str, ...]
) -> dict[str, list[float]]:
    """The values of a metric by statistic, percentiles (`p99`) among them, one per day that has any."""
    measured = _measured(*metric, dimensions)
    queries = [
        {"Id": statistic.lower(), "MetricStat": {"Metric": measured, "Period": 24 * _HOUR, "Stat": statistic}}
        for statistic in statistics
    ]
    pages = client.get_paginator("get_metric_data").paginate(
        MetricDataQueries=queries, StartTime=window.start, EndTime=window.end
    )
    values: dict[str, list[float]] = {statistic: [] for statistic in statistics}
    by_id = {statistic.lower(): statistic for statistic in statistics}
    for page in pages:
        for result in page["MetricDataResults"]:
            values[by_id[result["Id"]]] += result["Values"]
    return values


def latest(client: Any, metrics: Sequence[Metric]) -> list[float | None]:
    """Return the newest maximum of each metric within the last 15 minutes, None where there is no data."""
    end = datetime.now(UTC)
    queries = [
        {"Id": f"m{number}", "MetricStat": {"Metric": _measured(*metric), "Period": _MINUTE, "Stat": "Maximum"}}
        for number, metric in enumerate(metrics)
    ]
    found: dict[str, float] = {}
    for first in range(0, len(queries), _MOST_METRICS):
        pages = client.get_paginator("get_metric_data").paginate(
            MetricDataQueries=queries[first : first + _MOST_METRICS], StartTime=end - _RECENT, EndTime=end,
            ScanBy="TimestampDescending",
        )  # fmt: skip
        for result in (result for page in pages for result in page["MetricDataResults"]):
            if result["Values"]:
                found.setdefault(result["Id"], float(result["Values"][0]))
    return [found.get(f"m{number}") for number in range(len(metrics))]


def _measured(namespace: str, name: str, dimensions: Mapping[str, str]) -> dict[str, Any]:
    return {
        "Namespace": namespace, "MetricName": name,
        "Dimensions": [{"Name": key, "Value": value} for key, value in dimensions.items()],
    }  # fmt: skip
