"""`estate audit`: an account against the ten requirements, with evidence and money; reads only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from estate_tool.commands import arguments, reading_account
from estate_tool.console.output import print_result

if TYPE_CHECKING:
    import argparse

HELP = "show what is slow, dear and unsafe in any account, with evidence and money; reads only"
EXAMPLES = (
    ("estate audit --profile old-estate", "the account of that profile"),
    ("estate audit --region us-east-1 eu-west-1 --html audit.html", "two regions, as a page too"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Account, regions, window and the form of the result."""
    arguments.account(parser)
    parser.add_argument(
        "--region", nargs="+", metavar="REGION", help=f"regions to read (the profile's, or {arguments.DEFAULT_REGION})"
    )
    arguments.since(parser)
    parser.add_argument(
        "--code", action="store_true", help="download the functions' packages and compare the modules inside them"
    )
    arguments.html(parser)
    arguments.json_flag(parser)


def run(args: argparse.Namespace) -> int:
    """Audit and print; return 0 when nothing is found, 1 with findings, 2 when the account can't be read."""
    from estate_tool.audit import reader, report
    from estate_tool.audit.run import audit
    from estate_tool.monitoring import metrics
    from estate_tool.pricing import prices

    seen = metrics.since(args.since)
    session = reader.session(args.profile)
    regions = list(dict.fromkeys(args.region or [session.region_name or arguments.DEFAULT_REGION]))
    with reading_account("the account can't be audited") as show:
        result = audit(session, regions, seen, prices.read(), show, with_packages=args.code)
    arguments.write_page(report.write_page, result, args.html)
    print_result(result, report.lines(result), as_json=args.json)
    return 1 if result["findings"] else 0
