"""`estate logs`: what a function logs, now and as it comes."""

from __future__ import annotations

import json
import sys
from itertools import islice
from typing import TYPE_CHECKING

from estate_tool.commands import arguments
from estate_tool.console.output import print_result
from estate_tool.core import environment
from estate_tool.core.aws_errors import reaching
from estate_tool.core.text import utc_time

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable

    from estate_tool.monitoring.function_logs import LogEvent

HELP = "show what a function logs; --follow goes on with what comes"
EXAMPLES = (
    ("estate logs ingest", "the last 15 minutes of the local environment"),
    ("estate logs aggregate dev --since 6h --errors", "errors alone, of the last 6 hours of dev"),
    ("estate logs query dev --follow", "as they come, until Ctrl-C"),
)
DEFAULT_SINCE = "15m"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """FUNCTION, ENV, the time and the choice of lines."""
    arguments.function(parser)
    arguments.environment(parser)
    parser.add_argument("--follow", action="store_true", help="go on with new lines until interrupted")
    parser.add_argument(
        "--since", default=DEFAULT_SINCE, metavar="T",
        help=f"from this time on, or so long ago: {DEFAULT_SINCE} (the default), 36h, 2026-01-31T12:00:00Z",
    )  # fmt: skip
    parser.add_argument("--errors", action="store_true", help="errors, and reports of calls that failed, alone")
    parser.add_argument(
        "--json", action="store_true", help="the result as JSON; with --follow an object a line, as they come"
    )


def run(args: argparse.Namespace) -> int:
    """Read the function's log group and print its events, oldest first."""
    from estate_tool.monitoring import function_logs, metrics

    seen = metrics.since(args.since)
    target = environment.resolve(args.environment)
    function = arguments.declared_function(args.function, target.names).name
    group = target.names.log_group(function)
    with reaching(target):
        client = target.client("logs")
        if args.follow:
            _stream(function_logs.follow(client, group, seen.start_ms, errors=args.errors), as_json=args.json)
            return 0
        found = function_logs.read(client, group, seen.start_ms, errors=args.errors, end_ms=seen.end_ms)
        if not args.json:
            _stream(islice(found, function_logs.MOST_EVENTS), as_json=False)
            _print_rest(next(found, None))
            return 0
        events = list(islice(found, function_logs.MOST_EVENTS))
        rest = next(found, None)
    answer = {
        "environment": target.name, "function": function, "log_group": group, "from": utc_time(seen.start.timestamp()),
        "to": utc_time(seen.end.timestamp()), "errors_only": args.errors, "complete": rest is None,
        "events": [event.to_dict() for event in events],
    }  # fmt: skip
    print_result(answer, (), as_json=True)
    _print_rest(rest)
    return 0


def _stream(events: Iterable[LogEvent], *, as_json: bool) -> None:
    """Print events one by one, each at once."""
    from estate_tool.monitoring import function_logs

    for event in events:
        print(json.dumps(event.to_dict(), ensure_ascii=False) if as_json else function_logs.line(event), flush=True)


def _print_rest(rest: LogEvent | None) -> None:
    if rest is not None:
        from estate_tool.monitoring.function_logs import MOST_EVENTS

        moment = rest.to_dict()["time"]
        print(f"{MOST_EVENTS:,} lines are shown, there are more: --since {moment} goes on", file=sys.stderr)
