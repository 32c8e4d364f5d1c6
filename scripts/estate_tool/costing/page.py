"""The cost report as a page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from estate_tool.console import pages
from estate_tool.costing.table import events_note, headline

if TYPE_CHECKING:
    from pathlib import Path

_DEAREST = 8


def write(told: dict[str, Any], path: Path) -> None:
    """Write the report, as `report.described` tells it, to that file."""
    lines = [
        {"label": f"{line['item']}: {line['what']}", "usd": line["after_usd"]}
        for component in told["components"]
        for line in component["lines"]
    ]
    pages.write(
        path,
        "cost",
        title=f"Cost of environment {told['environment']}",
        headline=headline(told),
        events=events_note(told) if told["events"] else "",
        told=told,
        dearest=sorted(lines, key=lambda line: -float(line["usd"]))[:_DEAREST],
    )
