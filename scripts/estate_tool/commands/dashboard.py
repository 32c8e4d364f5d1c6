"""`estate dashboard`: the deployed dashboard with live numbers as one page."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from estate_tool.commands import arguments

if TYPE_CHECKING:
    import argparse

HELP = "the dashboard with live numbers as one HTML page"
EXAMPLES = (("estate dashboard --html estate.html", "the dashboard with its live numbers, as one file"),)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """ENV, where the page goes, and the form of the answer."""
    arguments.environment(parser)
    parser.add_argument("--html", required=True, type=Path, metavar="FILE", help="write the page to this file")
    arguments.json_flag(parser)


def run(args: argparse.Namespace) -> int:
    """Asks for every number that the dashboard shows, and writes the page."""
    from estate_tool.core import environment
    from estate_tool.core.aws_errors import reaching
    from estate_tool.monitoring import dashboards

    target = environment.resolve(args.environment)
    with reaching(target):
        collected = dashboards.collect(target)
    dashboards.write(args.html, collected)
    plots = sum(widget["type"] == "metric" for widget in collected["widgets"])
    answer = {"environment": target.name, "dashboard": collected["name"], "file": str(args.html), "plots": plots}
    print(json.dumps(answer) if args.json else f"{args.html}: {collected['name']}, {plots} plots")
    return 0
