"""`estate query`: hourly counts, sums, means and standard deviations of a type of events."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from estate_tool.commands import arguments, connected
from estate_tool.console.output import print_result
from estate_tool.core import environment
from estate_tool.core.text import wrapped

if TYPE_CHECKING:
    import argparse

HELP = "what the aggregates say about a type of events"
EXAMPLES = (
    ("estate query flight.departed --subject UA", "hours and totals of one subject"),
    ("estate query flight.departed dev --from 2013-01-01T00:00:00Z --to 2013-02-01T00:00:00Z", "a month, in dev"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the question, ENV and the form of the answer."""
    parser.add_argument("type", metavar="TYPE", help="the events' type, for example flight.departed")
    arguments.environment(parser)
    parser.add_argument("--subject", metavar="S", help='only this subject, "" for events without one (default: all)')
    parser.add_argument("--from", dest="start", metavar="T", help="from this time on, for example 2013-01-01T00:00:00Z")
    parser.add_argument("--to", dest="end", metavar="T", help="up to, and without, this time")
    arguments.json_flag(parser)


def run(args: argparse.Namespace) -> int:
    """Ask the query function and print its answer; for a type without events, the types that there are."""
    from estate_tool.events import query

    counted = query.counted_hours(args.start, args.end)
    question = {"type": args.type, "subject": args.subject, "from": args.start, "to": args.end}
    target = environment.resolve(args.environment)
    with connected(target, "asking the aggregates"):
        answer = query.ask(target, question)
        types = None if answer["buckets"] else query.stored_types(target)
    answer |= {"counted": counted, "types": types}
    print_result(answer, query.lines(answer), as_json=args.json)
    for line in (*query.hour_notes(counted), *query.type_hint(args.type, types)):
        print(wrapped(line, sys.stderr), file=sys.stderr)
    return 0
