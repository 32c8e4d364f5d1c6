"""CloudWatch: alarms keep their whole definition; GetMetricData calculates, by all dimensions of a metric.

ministack drops an alarm's metric math, invents a statistic for percentiles, and answers expressions with an error.
GetMetricStatistics rounds the start down to its minute ("GetMetricStatistics", StartTime).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from local_aws.server.metric_math import Series, Unsupported, evaluate, names
from local_aws.server.patches.target import cloudwatch

Query = dict[str, Any]


@dataclass(frozen=True)
class Window:
    """`count` consecutive periods from `start` on; times in seconds.

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
        index = int((point["Timestamp"] - window.start) // length)
        if 0 <= index < window.count and unit in (None, point.get("Unit")):
            periods[index].append(point)
    return tuple(_statistic(points, statistic) for points in periods)


def _statistic(points: list[dict[str, Any]], statistic: str) -> float | None:
    stats = cloudwatch._calc_stats(points)
    value = cloudwatch._stat_value(stats, statistic, points) if stats else None
    return None if value is None else float(value)


def of_queries(queries: Sequence[Query], window_of: Mapping[int, Window], period: int) -> dict[str, Series]:
    """Return the series of each query by its ID, metrics first. `Unsupported` when an expression has none.

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
            found[query["Id"]] = evaluate(query["Expression"], found, metrics, window_of[period].count, period)
        waiting = [one for one in waiting if one not in ready]
    return found


def period_of(queries: Sequence[Query]) -> int:
    """Return the period of a request's expressions: that of its metrics."""
    stated = [query.get("Period") or (query.get("MetricStat") or {}).get("Period") for query in queries]
    return next((int(one) for one in stated if one), 60)


# --- API -------------------------------------------------------------------------------------------------------------

# Of the request, what ministack does not keep.
_KEPT = ("Metrics", "ExtendedStatistic", "EvaluateLowSampleCountPercentile", "ThresholdMetricId", "Unit")
# What ministack makes up for an alarm on the result of queries.
_OF_ONE_METRIC = ("MetricName", "Namespace", "Statistic", "Period", "Dimensions")
_MOST_PERIODS = 100_800

Answer = tuple[int, dict[str, str], bytes]


def apply() -> None:
    """Make the corrections."""
    put = cloudwatch._put_metric_alarm

    def whole(params: Any, data: dict[str, Any], is_cbor: bool, is_json: bool = False) -> Answer:
        refusal = _refusal(data) if is_cbor or is_json else ""
        if refusal:
            return _error("ValidationError", refusal, is_cbor, is_json)
        answer: Answer = put(params, data, is_cbor, is_json)
        if answer[0] == 200 and (is_cbor or is_json):
            _complete(cloudwatch._alarms[data["AlarmName"]], data)
        return answer

    statistics = cloudwatch._get_metric_statistics

    def from_its_minute(params: Any, data: dict[str, Any], is_cbor: bool, is_json: bool = False) -> Answer:
        start = cloudwatch._parse_ts(data.get("StartTime")) if is_cbor or is_json else None
        answer: Answer = statistics(
            params, data if start is None else {**data, "StartTime": math.floor(start / 60) * 60}, is_cbor, is_json
        )
        return answer

    cloudwatch._put_metric_alarm = whole
    cloudwatch._get_metric_statistics = from_its_minute
    cloudwatch._get_metric_data = _get_metric_data


def _complete(alarm: dict[str, Any], data: dict[str, Any]) -> None:
    alarm.update({name: data[name] for name in _KEPT if data.get(name) is not None})
    if data.get("Metrics"):
        for name in _OF_ONE_METRIC:
            alarm.pop(name, None)
    elif data.get("ExtendedStatistic"):
        alarm.pop("Statistic", None)


def _refusal(data: dict[str, Any]) -> str:
    """Return the reason for which AWS refuses this alarm, "" if it does not."""
    queries = data.get("Metrics") or []
    if bool(queries) == bool(data.get("MetricName")):
        return "Either MetricName or Metrics has to be given, and not both"
    returned = sum(query.get("ReturnData", True) for query in queries)
    if queries and returned != 1 and not data.get("ThresholdMetricId"):
        return f"Exactly one of Metrics has to have ReturnData true, {returned} have"
    if data.get("Statistic") and data.get("ExtendedStatistic"):
        return "Statistic and ExtendedStatistic can't be given together"
    if data.get("Period") and data["Period"] not in (10, 20, 30) and data["Period"] % 60:
        return f"Period {data['Period']} is neither 10, 20, 30 nor a multiple of 60"
    if not data.get("EvaluationPeriods"):
        return "EvaluationPeriods is required"
    if data.get("DatapointsToAlarm", 1) > data["EvaluationPeriods"]:
        return "DatapointsToAlarm can't be larger than EvaluationPeriods"
    return ""


def _error(code: str, message: str, is_cbor: bool, is_json: bool) -> Answer:
    answer: Answer = cloudwatch._error(code, message, 400, use_json=is_json, use_cbor=is_cbor)
    return answer


def _get_metric_data(_params: Any, data: dict[str, Any], is_cbor: bool, is_json: bool = False) -> Answer:
    """Answer every query that returns data, newest first by default."""
    if not (is_cbor or is_json):
        return _error(
            "InvalidAction", "GetMetricData is answered in the protocols CBOR and JSON only", is_cbor, is_json
        )
    queries = data.get("MetricDataQueries") or []
    start, end = cloudwatch._parse_ts(data.get("StartTime")), cloudwatch._parse_ts(data.get("EndTime"))
    if start is None or end is None or start >= end:
        return _error("ValidationError", "StartTime has to be before EndTime", is_cbor, is_json)
    common = period_of(queries)
    periods = {int(query["MetricStat"]["Period"]) for query in queries if query.get("MetricStat")} | {common}
    windows = {period: _window(start, end, period) for period in periods}
    if any(window.count > _MOST_PERIODS for window in windows.values()):
        message = f"You have requested more than {_MOST_PERIODS} datapoints of one query"
        return _error("ValidationError", message, is_cbor, is_json)
    try:
        series = of_queries(queries, windows, common)
    except Unsupported as error:
        return _error("ValidationError", f"Error in expression: {error}", is_cbor, is_json)
    newest_first = data.get("ScanBy", "TimestampDescending") == "TimestampDescending"
    results = [
        _result(query, series[query["Id"]], windows, common, newest_first)
        for query in queries
        if query.get("ReturnData", True)
    ]
    if is_cbor:
        results = [cloudwatch._cbor_metric_data_result(result) for result in results]
    answer: Answer = (cloudwatch._cbor_ok if is_cbor else cloudwatch._json_ok)({"MetricDataResults": results})
    return answer


def _window(start: float, end: float, period: int) -> Window:
    """The periods that AWS takes: from the one that the start lies in, up to the end."""
    first = math.floor(start / period) * period
    return Window(first, math.ceil((end - first) / period))


def _result(
    query: Query, series: Series, windows: Mapping[int, Window], common: int, newest_first: bool
) -> dict[str, Any]:
    stat = query.get("MetricStat") or {}
    period = int(stat.get("Period") or common)
    points = [
        (cloudwatch._ts_iso(windows[period].start + index * period), value)
        for index, value in enumerate(series)
        if value is not None
    ]
    if newest_first:
        points.reverse()
    default = stat.get("Metric", {}).get("MetricName") or query["Id"]
    return {
        "Id": query["Id"], "Label": query.get("Label") or default, "StatusCode": "Complete",
        "Timestamps": [moment for moment, _ in points], "Values": [value for _, value in points],
    }  # fmt: skip
