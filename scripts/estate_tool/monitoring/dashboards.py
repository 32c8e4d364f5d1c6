"""The deployed dashboard with the numbers it shows now, as one page that needs nothing else."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from estate_tool.monitoring.alarms import by_name
from estate_tool.monitoring.metrics import Window, metric_of, results

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from estate_tool.core.environment import Environment

# Periods of GetMetricData that divide a day, in seconds, and the most points that a line of a plot has with them.
_PERIODS = (60, 300, 900, 3600, 21_600, 86_400)
_MOST_POINTS = 180
# "GetMetricData": periods of data that is older than this have to be multiples of so many seconds.
_KEPT = ((timedelta(days=63), 3600), (timedelta(days=15), 300))


def collect(environment: Environment, window: Window | None = None) -> dict[str, Any]:
    """Return the dashboard's widgets in their order, with the states of alarms and the values of metrics.

    The window is the dashboard's own, up to now, if none is given. In a longer one points stand further apart, so that
    a line has at most 180 of them; `period` of a widget is their distance in seconds.
    """
    cloudwatch = environment.client("cloudwatch")
    name = environment.names.of("dashboard", "estate")
    body = json.loads(cloudwatch.get_dashboard(DashboardName=name)["DashboardBody"])
    seen = window or own_window(body, datetime.now(UTC))
    states = _states(cloudwatch, [arn for widget in body["widgets"] for arn in widget["properties"].get("alarms", [])])
    widgets = [_shown(cloudwatch, widget, states, seen) for widget in body["widgets"]]
    return {"name": name, "environment": environment.name, "start": seen.start.isoformat(timespec="seconds"),
            "end": seen.end.isoformat(timespec="seconds"), "widgets": widgets}  # fmt: skip


def write(path: Path, collected: dict[str, Any]) -> None:
    """Write the page; text from the account is escaped. Raise Failed when it can't be written there."""
    from estate_tool.console import pages

    periods = sorted({widget["period"] for widget in collected["widgets"] if widget["type"] == "metric"})
    pages.write(path, "dashboard", title=collected["name"], dashboard=collected, periods=periods)


def queries(properties: Mapping[str, Any], seconds: int = 0) -> list[dict[str, Any]]:
    """Return the queries to GetMetricData for the plot of a metric widget, with periods of at least so many seconds."""
    found: list[dict[str, Any]] = []
    for number, entry in enumerate(properties["metrics"]):
        options = entry[-1] if isinstance(entry[-1], dict) else {}
        names = [name for name in entry if not isinstance(name, dict)]
        query = {"Id": options.get("id", f"q{number}"), "ReturnData": options.get("visible", True)}
        query |= {"Label": options["label"]} if "label" in options else {}
        if "expression" in options:
            found.append(query | {"Expression": options["expression"]})
            continue
        metric = metric_of(names[0], names[1], dict(zip(names[2::2], names[3::2], strict=True)))
        statistic = options.get("stat") or properties.get("stat", "Average")
        period = max(options.get("period") or _period(properties), seconds)
        found.append(query | {"MetricStat": {"Metric": metric, "Period": period, "Stat": statistic}})
    return found


def own_window(body: Mapping[str, Any], now: datetime) -> Window:
    """Return the window that the dashboard opens with, up to now."""
    return Window(start=now - _reach(body.get("start", "-PT3H")), end=now)


def fitting_period(window: Window, now: datetime) -> int:
    """Return the shortest period in seconds with at most 180 points in the window, of which there is data."""
    least = next((size for age, size in _KEPT if now - window.start > age), 60)
    fitting = (one for one in _PERIODS if one >= least and window.seconds / one <= _MOST_POINTS)
    return next(fitting, _PERIODS[-1])


def _period(properties: Mapping[str, Any]) -> int:
    return int(properties.get("period", 300))


def _reach(text: str) -> timedelta:
    """Return the time back to the dashboard's start, from an ISO 8601 duration such as -PT3H."""
    from pydantic import TypeAdapter, ValidationError

    try:
        return -TypeAdapter(timedelta).validate_python(text)
    except ValidationError:
        return timedelta(hours=3)


def _states(cloudwatch: Any, arns: Sequence[str]) -> dict[str, dict[str, str]]:
    """Return name, state and reason of each alarm by its ARN."""
    return {
        one["AlarmArn"]: {"name": one["AlarmName"], "state": one["StateValue"], "reason": one.get("StateReason", "")}
        for one in by_name(cloudwatch, [arn.rpartition(":alarm:")[2] for arn in arns])
    }


def _shown(cloudwatch: Any, widget: Mapping[str, Any], states: Mapping[str, Any], window: Window) -> dict[str, Any]:
    properties = widget["properties"]
    if widget["type"] == "text":
        heading, _, text = properties["markdown"].partition("\n")
        return {"type": "text", "title": heading.lstrip("# "), "text": text}
    if widget["type"] == "alarm":
        listed = [states[arn] for arn in properties["alarms"] if arn in states]
        return {"type": "alarm", "title": properties.get("title", "Alarms"), "alarms": listed}
    limits = properties.get("annotations", {}).get("horizontal", [])
    seconds = fitting_period(window, datetime.now(UTC))
    series = _series(cloudwatch, queries(properties, seconds), window)
    return {"type": "metric", "title": properties.get("title", ""), "limits": limits,
            "period": max(seconds, _period(properties)), "series": series}  # fmt: skip


def _series(cloudwatch: Any, queries: list[dict[str, Any]], window: Window) -> list[dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for result in results(cloudwatch, queries, window, ScanBy="TimestampAscending"):
        series = found.setdefault(result["Id"], {"label": result["Label"], "times": [], "values": []})
        series["times"] += [moment.astimezone(UTC).isoformat() for moment in result["Timestamps"]]
        series["values"] += result["Values"]
    return list(found.values())
