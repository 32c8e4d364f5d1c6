"""`estate cost`: what the estate costs a month, before and after it was put in order."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from estate_tool.commands import arguments, connected
from estate_tool.console.output import print_result
from estate_tool.core import environment

if TYPE_CHECKING:
    import argparse

HELP = "price a month of the estate, from what it did or from a stated load, before and after"
EXAMPLES = (
    ("estate cost dev", "a month at the load of the last 14 days"),
    ("estate cost --load load.yaml --html cost.html", "of a load you state, as a page too"),
    ("estate cost pr-17 --idle", "what an environment costs in which nothing happens"),
    ("estate cost --load load.yaml --compare main.json", "against what `cost --json` wrote of another commit"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """ENV, what is priced, and the form of the result."""
    arguments.environment(parser)
    arguments.since(parser)
    what = parser.add_mutually_exclusive_group()
    what.add_argument(
        "--load", type=Path, metavar="FILE", help="price this load (YAML or JSON, docs/cost.md) instead of measuring"
    )
    what.add_argument(
        "--idle", action="store_true",
        help="price a month without a single event, from the configuration alone: what is kept ready, item by item",
    )  # fmt: skip
    what.add_argument(
        "--refresh-prices", action="store_true",
        help="write today's prices of the Price List API, asked through ENV's account, into the file of prices",
    )  # fmt: skip
    parser.add_argument(
        "--compare", metavar="OTHER",
        help="what it costs more or less than OTHER: an environment, or a file that `cost --json` wrote, of another "
        "commit perhaps; as a Markdown table",
    )  # fmt: skip
    arguments.html(parser)
    arguments.json_flag(parser)


def run(args: argparse.Namespace) -> int:
    """Measure or read the load, price it and print the report; change nothing but the file of prices."""
    from estate_tool.costing import rendering, report
    from estate_tool.pricing import prices

    if args.refresh_prices:
        target = environment.resolve(args.environment)
        with connected(target, "asking for today's prices"):
            refreshed = prices.refresh(target)
        print_result(refreshed, prices.refresh_lines(refreshed), as_json=args.json)
        return 0
    load, basis = _load(args)
    result = report.cost_report(load, prices.read(), basis)
    lines = rendering.lines(result)
    if args.compare:
        result["compare"] = _compared(args, result)
        lines = rendering.markdown(result["compare"], args.load.name if args.load else args.environment)
    arguments.write_page(rendering.write_page, result, args.html)
    print_result(result, lines, as_json=args.json)
    return 0


def _compared(args: argparse.Namespace, result: dict[str, Any]) -> dict[str, Any]:
    from estate_tool.costing import rendering, report
    from estate_tool.pricing import prices

    path = Path(args.compare)
    if path.suffix or path.exists():
        return rendering.difference(result, rendering.saved_report(path), path.name)
    load, basis = _idle(args.compare) if args.idle else _measured(args.compare, args.since)
    other = report.cost_report(load, prices.read(), basis)
    return rendering.difference(result, other, args.compare)


def _load(args: argparse.Namespace) -> tuple[Any, dict[str, Any]]:
    if args.load:
        from estate_tool.costing import statement

        return statement.read(args.load), {"environment": args.environment, "basis": "stated", "load": str(args.load)}
    return _idle(args.environment) if args.idle else _measured(args.environment, args.since)


def _idle(name: str) -> tuple[Any, dict[str, Any]]:
    from estate_tool.core import configuration
    from estate_tool.costing import idle

    return idle.load(configuration.load(name)), {"environment": name, "basis": "idle"}


def _measured(name: str, since: str) -> tuple[Any, dict[str, Any]]:
    from estate_tool.costing import measure
    from estate_tool.monitoring import metrics

    seen = metrics.since(since)
    target = environment.resolve(name)
    with connected(target, f"measuring environment {name}") as show:
        return measure.measured(target, seen, show)
