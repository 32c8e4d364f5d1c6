"""The cost report as a page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from estate_tool.console import pages
from estate_tool.costing.table import events_note, headline

if TYPE_CHECKING:
    from pathlib import Path

_DEAREST = 8


def write(report: dict[str, Any], path: Path) -> None:
    """Write the report of `report.cost_report` to that file."""
    lines = [
        {"label": f"{line['item']}: {line['what']}", "usd": line["after_usd"]}
        for component in report["components"]
        for line in component["lines"]
    ]
    pages.write(
        path,
        "cost",
        title=f"Cost of environment {report['environment']}",
        headline=headline(report),
        events=events_note(report) if report["events"] else "",
        report=report,
        dearest=sorted(lines, key=lambda line: -float(line["usd"]))[:_DEAREST],
    )
