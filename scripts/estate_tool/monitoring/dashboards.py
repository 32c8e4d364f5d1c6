"""The deployed dashboard with the numbers it shows now, as one page that needs nothing else."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from estate_tool.core.environment import Environment

_COLOURS = ("#2e75b6", "#e07b00", "#2a9d4a", "#c0504d", "#8064a2", "#7f7f7f")
_START = re.compile(r"-P(?:(?P<days>\d+)D)?(?:T(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?)?")


def collect(environment: Environment, now: datetime | None = None) -> dict[str, Any]:
    """The dashboard's widgets in their order, with the states of alarms and the values of metrics."""
    cloudwatch = environment.client("cloudwatch")
    name = environment.names.of("dashboard", "estate")
    body = json.loads(cloudwatch.get_dashboard(DashboardName=name)["DashboardBody"])
    end = now or datetime.now(UTC)
    start = end - _reach(body.get("start", "-PT3H"))
    states = _states(cloudwatch, [arn for widget in body["widgets"] for arn in widget["properties"].get("alarms", [])])
    widgets = [_shown(cloudwatch, widget, states, start, end) for widget in body["widgets"]]
    return {"name": name, "environment": environment.name, "start": start.isoformat(timespec="seconds"),
            "end": end.isoformat(timespec="seconds"), "widgets": widgets}  # fmt: skip


def write(path: Path, collected: Mapping[str, Any]) -> None:
    """Write the page; what comes from the account is escaped. Raises Failed when it can't be written there."""
    from estate_tool.console import pages

    pages.write(path, "dashboard", dashboard=collected, colours=_COLOURS, script=pages.script())


def queries(properties: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the queries to GetMetricData for the plot of a metric widget."""
    found: list[dict[str, Any]] = []
    for number, entry in enumerate(properties["metrics"]):
        options = entry[-1] if isinstance(entry[-1], dict) else {}
        words = [word for word in entry if not isinstance(word, dict)]
        query = {"Id": options.get("id", f"q{number}"), "ReturnData": options.get("visible", True)}
        query |= {"Label": options["label"]} if "label" in options else {}
        if "expression" in options:
            found.append(query | {"Expression": options["expression"]})
            continue
        pairs = zip(words[2::2], words[3::2], strict=True)
        metric = {"Namespace": words[0], "MetricName": words[1]}
        metric |= {"Dimensions": [{"Name": key, "Value": value} for key, value in pairs]}
        statistic = options.get("stat") or properties.get("stat", "Average")
        period = options.get("period") or properties.get("period", 300)
        found.append(query | {"MetricStat": {"Metric": metric, "Period": period, "Stat": statistic}})
    return found


def _reach(text: str) -> timedelta:
    """Return the time back to the dashboard's start, from an ISO 8601 duration such as -PT3H."""
    found = _START.fullmatch(text)
    return (
        timedelta(**{unit: int(value or 0) for unit, value in found.groupdict().items()})
        if found
        else timedelta(hours=3)
    )


def _states(cloudwatch: Any, arns: Sequence[str]) -> dict[str, dict[str, str]]:
    """Name, state and reason of each alarm by its ARN."""
    names = [arn.rpartition(":alarm:")[2] for arn in arns]
    found: dict[str, dict[str, str]] = {}
    for first in range(0, len(names), 100):
        answer = cloudwatch.describe_alarms(
            AlarmNames=names[first : first + 100], AlarmTypes=["CompositeAlarm", "MetricAlarm"], MaxRecords=100
        )
        for one in answer.get("CompositeAlarms", []) + answer.get("MetricAlarms", []):
            told = {"name": one["AlarmName"], "state": one["StateValue"], "reason": one.get("StateReason", "")}
            found[one["AlarmArn"]] = told
    return found


def _shown(
    cloudwatch: Any, widget: Mapping[str, Any], states: Mapping[str, Any], start: datetime, end: datetime
) -> dict[str, Any]:
    properties = widget["properties"]
    if widget["type"] == "text":
        heading, _, text = properties["markdown"].partition("\n")
        return {"type": "text", "title": heading.lstrip("# "), "text": text}
    if widget["type"] == "alarm":
        listed = [states[arn] for arn in properties["alarms"] if arn in states]
        return {"type": "alarm", "title": properties.get("title", "Alarms"), "alarms": listed}
    limits = properties.get("annotations", {}).get("horizontal", [])
    series = _series(cloudwatch, queries(properties), start, end)
    return {"type": "metric", "title": properties.get("title", ""), "limits": limits, "series": series}


def _series(cloudwatch: Any, asked: list[dict[str, Any]], start: datetime, end: datetime) -> list[dict[str, Any]]:
    pages = cloudwatch.get_paginator("get_metric_data").paginate(
        MetricDataQueries=asked, StartTime=start, EndTime=end, ScanBy="TimestampAscending"
    )
    found: dict[str, dict[str, Any]] = {}
    for result in (one for page in pages for one in page["MetricDataResults"]):
        series = found.setdefault(result["Id"], {"label": result["Label"], "times": [], "values": []})
        series["times"] += [moment.astimezone(UTC).isoformat() for moment in result["Timestamps"]]
        series["values"] += result["Values"]
    return list(found.values())
