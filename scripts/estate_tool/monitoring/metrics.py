"""Metrics of CloudWatch over a window of time."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from math import ceil
from typing import TYPE_CHECKING, Any

from estate_tool.core.errors import UsageError
from estate_tool.core.text import utc_time

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    Metric = tuple[str, str, Mapping[str, str]]

# Default retention of the functions' logs.
DEFAULT = "14d"
# Shortest window.
LEAST = timedelta(minutes=1)
_AGO = re.compile(r"(?P<number>[1-9]\d{0,4})(?P<unit>[mhd])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}
# "GetMetricStatistics": the most data points of an answer.
_MOST_POINTS = 1440
_MOST_METRICS = 500  # of one GetMetricData
_MINUTE, _HOUR = 60, 3600
_RECENT = timedelta(minutes=15)


@dataclass(frozen=True, kw_only=True)
class Window:
    """From `start` to `end`, both in UTC."""

    start: datetime
    end: datetime

    @property
    def start_ms(self) -> int:
        """Milliseconds since 1970, as CloudWatch Logs counts."""
        return int(self.start.timestamp() * 1000)

    @property
    def end_ms(self) -> int:
        """Milliseconds since 1970, as CloudWatch Logs counts."""
        return int(self.end.timestamp() * 1000)

    @property
    def seconds(self) -> float:
        """Length in seconds."""
        return (self.end - self.start).total_seconds()

    def __str__(self) -> str:
        """Return the interval in ISO 8601."""
        return f"{utc_time(self.start.timestamp())}/{utc_time(self.end.timestamp())}"


def covered(asked: Window, group: Mapping[str, Any] | None, first_ms: int | None = None) -> Window:
    """Return the part of the window that the log group, as DescribeLogGroups returns it, covers.

    It begins after the group's creation and within its retention. A log whose first event (at `first_ms`) is older than
    the group was copied: its creation time is ignored.
    """
    start = asked.start
    if group and group.get("retentionInDays"):
        start = max(start, asked.end - timedelta(days=int(group["retentionInDays"])))
    created = int((group or {}).get("creationTime") or 0)
    if created and not (first_ms is not None and first_ms < created):
        start = max(start, datetime.fromtimestamp(created / 1000, UTC))
    return Window(start=min(start, asked.end - LEAST), end=asked.end)


def since(text: str, now: datetime | None = None) -> Window:
    """Return the window from a moment (RFC 3339, a date, or `90m`, `36h`, `14d` ago) until now; or raise UsageError."""
    end = now or datetime.now(UTC)
    ago = _AGO.fullmatch(text)
    try:
        start = end - timedelta(**{_UNITS[ago["unit"]]: int(ago["number"])}) if ago else _moment(text)
    except (ValueError, OverflowError) as error:
        raise UsageError(
            f"--since {text!r} is neither a time nor a length of time; nothing was touched",
            "give one, for example 14d, 36h, 90m, 2026-01-31 or 2026-01-31T12:00:00Z",
        ) from error
    if start >= end:
        raise UsageError(f"--since {text} is not in the past; nothing was touched", "give an earlier time")
    return Window(start=start, end=end)


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


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
    """Return a minute for up to a day, else as many hours as keep the answer in one piece."""
    if window.seconds <= _MINUTE * _MOST_POINTS:
        return _MINUTE
    return _HOUR * ceil(window.seconds / _HOUR / _MOST_POINTS)


def series(client: Any, metric: tuple[str, str], dimensions: dict[str, str], window: Window, statistic: str) -> Series:
    """Return the data points of a metric by Sum, Average, Minimum or Maximum, in the order of time."""
    answer = client.get_metric_statistics(
        **metric_of(*metric, dimensions),
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
    """Return the values of a metric by statistic, percentiles (`p99`) among them, one per day that has any."""
    measured = metric_of(*metric, dimensions)
    queries = [
        {"Id": statistic.lower(), "MetricStat": {"Metric": measured, "Period": 24 * _HOUR, "Stat": statistic}}
        for statistic in statistics
    ]
    values: dict[str, list[float]] = {statistic.lower(): [] for statistic in statistics}
    for result in results(client, queries, window):
        values[result["Id"]] += result["Values"]
    return {statistic: values[statistic.lower()] for statistic in statistics}


def latest(client: Any, metrics: Sequence[Metric]) -> list[float | None]:
    """Return the newest maximum of each metric within the last 15 minutes, None where there is no data."""
    end = datetime.now(UTC)
    queries = [
        {"Id": f"m{number}", "MetricStat": {"Metric": metric_of(*metric), "Period": _MINUTE, "Stat": "Maximum"}}
        for number, metric in enumerate(metrics)
    ]
    found: dict[str, float] = {}
    for result in results(client, queries, Window(start=end - _RECENT, end=end), ScanBy="TimestampDescending"):
        if result["Values"]:
            found.setdefault(result["Id"], float(result["Values"][0]))
    return [found.get(f"m{number}") for number in range(len(metrics))]


def results(client: Any, queries: Sequence[dict[str, Any]], window: Window, **options: str) -> Iterator[dict[str, Any]]:
    """Yield the results of GetMetricData for the queries, of which one call takes 500."""
    for first in range(0, len(queries), _MOST_METRICS):
        pages = client.get_paginator("get_metric_data").paginate(
            MetricDataQueries=queries[first : first + _MOST_METRICS],
            StartTime=window.start, EndTime=window.end, **options,
        )  # fmt: skip
        for page in pages:
            yield from page["MetricDataResults"]


def metric_of(namespace: str, name: str, dimensions: Mapping[str, str]) -> dict[str, Any]:
    """Return the metric as requests to CloudWatch name it."""
    return {
        "Namespace": namespace, "MetricName": name,
        "Dimensions": [{"Name": key, "Value": value} for key, value in dimensions.items()],
    }  # fmt: skip
