"""The parts of a dashboard's JSON ("Dashboard body structure and syntax"), and how they are laid out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from observability.metrics import Metric, Reference

GRID_COLUMNS = 24
MAXIMUM_ALARMS = 100  # per alarm widget

Widget = dict[str, Any]


@dataclass(frozen=True)
class Line:
    """One curve: a metric and how the legend calls it. `per_second` divides a sum by the length of its period."""

    metric: Metric
    label: str
    per_second: bool = False


@dataclass(frozen=True)
class Limit:
    """A horizontal line at a value that matters."""

    label: str
    value: float


@dataclass(frozen=True, kw_only=True)
class Graphs:
    """Draws metrics of one environment: its region, and the physical names of what is measured."""

    region: str
    physical: Mapping[Reference, str]

    def graph(self, title: str, lines: Sequence[Line], limits: Sequence[Limit] = ()) -> Widget:
        """A plot over time; what counts is drawn from zero."""
        properties: dict[str, Any] = {
            "title": title,
            "view": "timeSeries",
            "region": self.region,
            "period": 60,
            "metrics": [entry for number, line in enumerate(lines, start=1) for entry in self._entries(line, number)],
            "yAxis": {"left": {"min": 0, "showUnits": False}},
        }
        if limits:
            horizontal = [{"label": limit.label, "value": limit.value} for limit in limits]
            properties["annotations"] = {"horizontal": horizontal}
        return {"type": "metric", "properties": properties}

    def _entries(self, line: Line, number: int) -> list[list[Any]]:
        metric = line.metric
        options: dict[str, Any] = {"stat": metric.statistic, "label": line.label}
        entry: list[Any] = [metric.namespace, metric.name]
        for key, value in metric.dimensions.items():
            entry += [key, self.physical[value] if isinstance(value, Reference) else value]
        if not line.per_second:
            return [[*entry, options]]
        rate = {"id": f"rate{number}", "expression": f"m{number} / PERIOD(m{number})", "label": line.label}
        return [[rate], [*entry, {**options, "id": f"m{number}", "visible": False}]]


def heading(text: str, explanation: str) -> Widget:
    """A question, and how to read what stands below it."""
    return {"type": "text", "properties": {"markdown": f"## {text}\n{explanation}", "background": "transparent"}}


def alarm_states(title: str, arns: Sequence[str]) -> list[Widget]:
    """The states of all alarms; in several widgets when there are more than one can show."""
    parts = [arns[start : start + MAXIMUM_ALARMS] for start in range(0, len(arns), MAXIMUM_ALARMS)]
    return [{"type": "alarm", "properties": {"title": title, "alarms": list(part)}} for part in parts]


def layout(rows: Sequence[tuple[int, Sequence[Widget]]]) -> list[Widget]:
    """Widgets with their places: rows of a height, none empty, each divided evenly among its widgets."""
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
