"""`estate dashboard`: the deployed dashboard with live numbers as one page."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from estate_tool.commands import arguments, connected
from estate_tool.console.output import print_result
from estate_tool.core import environment
from estate_tool.core.text import counted

if TYPE_CHECKING:
    import argparse

HELP = "the dashboard with live numbers as one HTML page"
EXAMPLES = (
    ("estate dashboard --html estate.html", "the dashboard with its live numbers, as one file"),
    ("estate dashboard dev --since 14d --html estate.html", "of the last two weeks"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """ENV, the file of the page, the window, and the form of the answer."""
    arguments.environment(parser)
    parser.add_argument("--html", required=True, type=Path, metavar="FILE", help="write the page to this file")
    arguments.since(parser, otherwise="the dashboard's own, 3 hours")
    arguments.json_flag(parser)


def run(args: argparse.Namespace) -> int:
    """Ask for every number that the dashboard shows, and write the page."""
    from estate_tool.monitoring import dashboards, metrics

    seen = metrics.since(args.since) if args.since else None
    target = environment.resolve(args.environment)
    with connected(target, "reading the dashboard's numbers"):
        collected = dashboards.collect(target, seen)
    dashboards.write(args.html, collected)
    plots = sum(widget["type"] == "metric" for widget in collected["widgets"])
    answer = {"environment": target.name, "dashboard": collected["name"], "file": str(args.html), "plots": plots}
    answer |= {key: collected[key] for key in ("start", "end", "widgets")}
    print_result(answer, [f"{args.html}: {collected['name']}, {counted(plots, 'plot')}"], as_json=args.json)
    return 0
