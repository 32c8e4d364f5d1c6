"""The cost report as a page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from estate_tool.console import pages
from estate_tool.costing.table import events_note, headline

if TYPE_CHECKING:
    from pathlib import Path


def write(told: dict[str, Any], path: Path) -> None:
    """Write the report, as `report.described` tells it, to that file."""
    components, functions = told["components"], told["functions"]
    names = [one["component"] for one in components]
    lines = [
        (f"{line['item']}: {line['what']}", float(line["after_usd"])) for one in components for line in one["lines"]
    ]
    most = sorted(lines, key=lambda line: -line[1])[:8]
    sums = {way: [float(one[f"{way}_usd"]) for one in components] for way in ("before", "after")}
    speed = {
        "average": [one["billed_ms"] for one in functions],
        "p99": [one["p99_ms"] or 0 for one in functions],
        "cold start": [one["init_ms"] or 0 for one in functions],
    }
    pages.write(
        path,
        "cost",
        title=f"Cost of environment {told['environment']}",
        script=pages.script(),
        headline=headline(told),
        events=events_note(told) if told["events"] else "",
        told=told,
        plot_components=pages.bars("Before and after", names, sums, "US dollars a month"),
        plot_money=pages.bars(
            "Where the money goes now", [name for name, _ in most], {"after": [usd for _, usd in most]},
            "US dollars a month",
        ),
        plot_speed=pages.bars("How fast", [one["function"] for one in functions], speed, "milliseconds"),
    )  # fmt: skip
