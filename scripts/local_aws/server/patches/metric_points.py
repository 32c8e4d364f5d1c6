"""Metrics as alarms and graphs see them: one value per period, by exactly the dimensions asked for, and metric math."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from local_aws.server.metric_math import Series, Unsupported, evaluate, names
from local_aws.server.patches.target import cloudwatch

Query = dict[str, Any]


@dataclass(frozen=True)
class Window:
    """`count` periods that lie one behind the other, the first beginning at `start`; times in seconds.

    `scale` is how long a period is in truth, as a share of what it is called: below 1 when time is made to run faster.
    """

    start: float
    count: int
    scale: float = 1.0


def of_metric(
    metric: Mapping[str, Any], statistic: str, period: int, window: Window, unit: str | None = None
) -> Series:
    """The metric's statistic in each period of the window."""
    dimensions = cloudwatch._dims_from_list(metric.get("Dimensions") or [])
    key = (metric.get("Namespace", ""), metric.get("MetricName", ""), cloudwatch._dims_key(dimensions))
    length = period * window.scale
    periods: list[list[dict[str, Any]]] = [[] for _ in range(window.count)]
    for point in cloudwatch._metrics.get(key) or ():
        place = int((point["Timestamp"] - window.start) // length)
        if 0 <= place < window.count and unit in (None, point.get("Unit")):
            periods[place].append(point)
    return Series(tuple(_statistic(points, statistic) for points in periods), period)


def _statistic(points: list[dict[str, Any]], statistic: str) -> float | None:
    stats = cloudwatch._calc_stats(points)
    value = cloudwatch._stat_value(stats, statistic, points) if stats else None
    return None if value is None else float(value)


def of_queries(queries: Sequence[Query], window_of: Mapping[int, Window], period: int) -> dict[str, Series]:
    """The series of each query by its id, expressions after what they are made of. `Unsupported` when one has none.

    `period` is that of expressions; `window_of` has a window for each period that occurs.
    """
    found: dict[str, Series] = {}
    for query in queries:
        if stat := query.get("MetricStat"):
            own = int(stat["Period"])
            found[query["Id"]] = of_metric(stat["Metric"], stat["Stat"], own, window_of[own], stat.get("Unit"))
    metrics = tuple(found)
    waiting = [query for query in queries if query.get("Expression")]
    ids = {query["Id"] for query in queries}
    while waiting:
        ready = [one for one in waiting if names(one["Expression"]) & ids <= found.keys()]
        if not ready:
            raise Unsupported(f"the expression of {waiting[0]['Id']} refers to itself")
        for query in ready:
            series = evaluate(query["Expression"], found, metrics, window_of[period].count)
            found[query["Id"]] = Series(series.values, period)
        waiting = [one for one in waiting if one not in ready]
    return found


def period_of(queries: Sequence[Query], default: int = 60) -> int:
    """The period of a request's expressions: that of its metrics."""
    stated = [query.get("Period") or (query.get("MetricStat") or {}).get("Period") for query in queries]
    return next((int(one) for one in stated if one), default)
