"""Widgets of a dashboard ("Dashboard body structure and syntax"), and their layout."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from observability.metrics import Metric
from observability.quotas import ALARMS_OF_A_WIDGET, split

GRID_COLUMNS = 24
LIMIT_COLOR = "#d62728"

Widget = dict[str, Any]


@dataclass(frozen=True)
class Line:
    """A curve: a metric and its label in the legend. A `formula` is drawn instead, with {m} for the metric."""

    metric: Metric
    label: str
    formula: str = ""


@dataclass(frozen=True)
class Limit:
    """A horizontal line at a value."""

    label: str
    value: float


def graph(title: str, lines: Sequence[Line], limits: Sequence[Limit] = ()) -> Widget:
    """Return a plot over time, with an axis from zero."""
    properties: dict[str, Any] = {
        "title": title,
        "view": "timeSeries",
        "region": None,  # of the dashboard, which sets it
        "period": 60,
        "metrics": [entry for number, line in enumerate(lines, start=1) for entry in _entries(line, number)],
        "yAxis": {"left": {"min": 0, "showUnits": False}},
    }
    if limits:
        horizontal = [{"label": limit.label, "value": limit.value, "color": LIMIT_COLOR} for limit in limits]
        properties["annotations"] = {"horizontal": horizontal}
    return {"type": "metric", "properties": properties}


def _entries(line: Line, number: int) -> list[list[Any]]:
    metric = line.metric
    options: dict[str, Any] = {"stat": metric.statistic, "label": line.label}
    entry: list[Any] = [metric.namespace, metric.name]
    for key, value in metric.dimensions.items():
        entry += [key, value]
    if not line.formula:
        return [[*entry, options]]
    drawn = {"id": f"e{number}", "expression": line.formula.format(m=f"m{number}"), "label": line.label}
    return [[drawn], [*entry, {**options, "id": f"m{number}", "visible": False}]]


def heading(text: str, explanation: str) -> Widget:
    """Return the heading of a section, with an explanation."""
    return {"type": "text", "properties": {"markdown": f"## {text}\n{explanation}", "background": "transparent"}}


def alarm_states(title: str, arns: Sequence[Any]) -> list[Widget]:
    """Return the states of alarms, latest changes first, in as many widgets as their quota asks for."""
    shown = {"title": title, "sortBy": "stateUpdatedTimestamp"}
    parts = split(arns, ALARMS_OF_A_WIDGET)
    return [{"type": "alarm", "properties": {**shown, "alarms": list(part)}} for part in parts]


def layout(rows: Sequence[tuple[int, Sequence[Widget]]]) -> list[Widget]:
    """Return widgets with their positions: rows of a height, none empty, each divided evenly among its widgets."""
    placed: list[Widget] = []
    top = 0
    for height, widgets in rows:
        width = GRID_COLUMNS // len(widgets)
        placed += [
            {**widget, "x": column * width, "y": top, "width": width, "height": height}
            for column, widget in enumerate(widgets)
        ]
        top += height
    return placed
