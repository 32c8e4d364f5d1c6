"""Plots as data for the templates: bars with their values, and lines over time; colours by role."""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from math import floor, log10
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# On a white page, and on a dark one: at least 4.5 : 1 against both, so that text may have them too.
PALETTE = {
    "before": ("#666f79", "#9aa4af"),
    "now": ("#0969da", "#58a6ff"),
    "recommended": ("#1a7f37", "#3fb950"),
    "used at most": ("#7d4e2d", "#c99a6e"),
    "typical": ("#8250df", "#b392f0"),
    "p99": ("#b84a00", "#f0883e"),
    "cold start": ("#0e7490", "#39c5cf"),
    "limit": ("#cf222e", "#ff7b72"),
    "resource 1": ("#b32f8d", "#f778ba"),
    "resource 2": ("#806500", "#d9b300"),
    "resource 3": ("#3f37a6", "#8f8bf0"),
    "resource 4": ("#557300", "#a3cc33"),
    "resource 5": ("#a8506a", "#e6a1b3"),
    "resource 6": ("#2f6f8f", "#8cc8e8"),
}
# Names under which plots show these roles.
ROLES = {
    **{name: name for name in PALETTE if not name.startswith("resource")},
    "after": "now", "average": "typical", "p50": "typical", "most used": "used at most",
}  # fmt: skip
RESOURCES = tuple(name for name in PALETTE if name.startswith("resource"))


def variable(role: str) -> str:
    """Return the CSS variable of a role."""
    return f"var(--{role.replace(' ', '-')})"


def of_label(label: str, resources: list[str]) -> str:
    """Return the role for the label of a line: its own, or that of the resource which its first word names.

    `resources` are those named so far on the page; a new one is added. Past the palette, colours come again.
    """
    if label in ROLES:
        return ROLES[label]
    resource = label.split(" ", 1)[0]
    if resource not in resources:
        resources.append(resource)
    return RESOURCES[resources.index(resource) % len(RESOURCES)]


WIDTH, HEIGHT = 1000, 1000
_TICKS = 4
# Moments of a plot that show their values under the pointer, and values of all of them: pages stay small.
_MOST_HOVERED, _MOST_VALUES = 60, 300
# Limits this many times above everything measured are named, not drawn: the lines would lie flat.
_HIGHEST_LIMIT = 3
# The unit of a plot stands at the end of its title: `Duration (ms)`.
_UNIT = re.compile(r"\(([^()]*)\)$")
_DASHES = ("", "6 3", "2 3", "9 3 2 3")


def bars(labels: Sequence[str], groups: Mapping[str, Sequence[float | str | None]]) -> dict[str, Any]:
    """Return groups of bars side by side: one per label, in it a bar per role; numbers as they are to be read."""
    sizes = {name: [max(float(value or 0), 0.0) for value in values] for name, values in groups.items()}
    most = max((size for several in sizes.values() for size in several), default=0) or 1
    return {
        "keys": [{"name": name, "colour": variable(ROLES[name])} for name in groups],
        "groups": [
            {
                "label": label,
                "bars": [
                    {
                        "name": name, "colour": variable(ROLES[name]), "value": values[index],
                        "share": round(sizes[name][index] / most, 4),
                    }
                    for name, values in groups.items()
                ],
            }
            for index, label in enumerate(labels)
        ],
    }  # fmt: skip


def lines(widget: Mapping[str, Any], start: str, end: str, resources: list[str]) -> dict[str, Any]:
    """Return a plot over time of a widget's series (`label`, `times`, `values`) and its limits (`label`, `value`)."""
    first, last = datetime.fromisoformat(start), datetime.fromisoformat(end)
    series, limits = widget["series"], widget["limits"]
    values = [value for one in series for value in one["values"]]
    ceiling = max(values, default=0) * _HIGHEST_LIMIT
    drawn = [one for one in limits if not values or ceiling == 0 or one["value"] <= ceiling]
    low = min([0.0, *values])
    high = _rounded_up(max([*values, *(one["value"] for one in drawn), 0.0]))
    spans = _Scale(first, last, low, high)
    styles = _styles([one["label"] for one in series], resources)
    return {
        "unit": unit[1] if (unit := _UNIT.search(widget["title"])) else "",
        "high": high, "middle": (low + high) / 2, "low": low, "ticks": _ticks(first, last),
        "curves": [
            {**style, **spans.curve(one, widget["period"])} for one, style in zip(series, styles, strict=True)
        ],
        "styles": styles,
        "limits": [
            {**one, "y": round(spans.y(one["value"])) if one in drawn else None} for one in limits
        ],
        "moments": _moments(series, spans),
    }  # fmt: skip


class _Scale:
    """Places in the drawing of moments and values."""

    def __init__(self, first: datetime, last: datetime, low: float, high: float) -> None:
        self._first, self._seconds = first, max((last - first).total_seconds(), 1)
        self._low, self._range = low, (high - low) or 1

    def x(self, moment: datetime) -> float:
        return min(max(WIDTH * (moment - self._first).total_seconds() / self._seconds, 0), WIDTH)

    def y(self, value: float) -> float:
        return HEIGHT * (1 - (value - self._low) / self._range)

    def curve(self, series: Mapping[str, Any], period: float) -> dict[str, str]:
        """Return the path of a line that breaks where a period has no value, and that of points alone between two."""
        runs, former = list[list[str]](), None
        for text, value in zip(series["times"], series["values"], strict=True):
            moment = datetime.fromisoformat(text)
            if former is None or moment - former > timedelta(seconds=1.5 * period):
                runs.append([])
            runs[-1].append(f"{self.x(moment):.0f} {self.y(value):.0f}")
            former = moment
        return {
            "path": "".join(f"M{'L'.join(run)}" for run in runs if len(run) > 1),
            "dots": "".join(f"M{run[0]}h0" for run in runs if len(run) == 1),
        }


def _styles(labels: Sequence[str], resources: list[str]) -> list[dict[str, str]]:
    """Return one colour for one resource; lines of a plot that share it differ by their dashes."""
    seen: Counter[str] = Counter()
    styles = list[dict[str, str]]()
    for label in labels:
        role = of_label(label, resources)
        styles.append({"colour": variable(role), "dash": _DASHES[seen[role] % len(_DASHES)]})
        seen[role] += 1
    return styles


def _rounded_up(value: float) -> float:
    """Return the next of 1, 2, 5 or 10 times a power of ten."""
    if value <= 0:
        return 1.0
    size = 10.0 ** floor(log10(value))
    return next(size * step for step in (1, 2, 4, 5, 10) if size * step >= value)


def _ticks(first: datetime, last: datetime) -> list[str]:
    form = "%H:%M" if last - first <= timedelta(days=2) else "%d %b"
    return [(first + (last - first) * part / _TICKS).astimezone(UTC).strftime(form) for part in range(_TICKS + 1)]


def _moments(series: Sequence[Mapping[str, Any]], spans: _Scale) -> list[dict[str, Any]]:
    """Return moments with the values of all lines, for the pointer."""
    by_moment: dict[str, list[tuple[str, float]]] = {}
    for one in series:
        for moment, value in zip(one["times"], one["values"], strict=True):
            by_moment.setdefault(moment, []).append((one["label"], value))
    most = max(min(_MOST_HOVERED, _MOST_VALUES // max(len(series), 1)), 1)
    step = -(-len(by_moment) // most) or 1
    kept = sorted(by_moment)[::-step][::-1]  # the latest among them
    width = WIDTH / max(len(kept), 12)
    return [
        {"time": moment, "values": by_moment[moment], "x": round(spans.x(datetime.fromisoformat(moment)) - width / 2),
         "width": round(width)}
        for moment in kept
    ]  # fmt: skip
