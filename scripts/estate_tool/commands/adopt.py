"""`estate adopt`: declarations of functions that run elsewhere, written for review; reads only."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from estate_tool.commands import arguments, reading_account
from estate_tool.console.output import print_result

if TYPE_CHECKING:
    import argparse

HELP = "write the declarations that functions of any account would have here; reads only"
EXAMPLES = (
    ("estate adopt orders-function invoices-function --out adopted", "two functions, with what they use"),
    ("estate adopt 'prod-*' --out adopted --profile old-estate --region eu-west-1", "all of these names"),
    ("estate adopt OrdersFunction --out adopted --code --name OrdersFunction=orders", "with its code, by this name"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """NAME…, the folder, the account, and what is read of it."""
    parser.add_argument("names", nargs="+", metavar="NAME", help="names, ARNs or patterns ('prod-*') of functions")
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="a new folder, or an empty one")
    arguments.account(parser)
    parser.add_argument("--region", metavar="REGION", help="region to read (the profile's, or us-east-1)")
    arguments.since(parser)
    parser.add_argument(
        "--name", action="append", default=[], metavar="OLD=NEW",
        help="logical name of a function, table or queue, instead of the one derived from its name",
    )  # fmt: skip
    parser.add_argument(
        "--code", action="store_true",
        help="download the functions' packages, write their files, and narrow wildcards to what the code calls",
    )  # fmt: skip
    arguments.json_flag(parser)


def run(args: argparse.Namespace) -> int:
    """Read, translate, write; return 0, or raise with nothing written."""
    from estate_tool.adopt import names
    from estate_tool.adopt import run as run_
    from estate_tool.audit import reader
    from estate_tool.monitoring import metrics
    from estate_tool.pricing import prices

    seen, chosen = metrics.since(args.since), names.given(args.name)
    session = reader.session(args.profile)
    region = args.region or session.region_name or arguments.DEFAULT_REGION
    with reading_account("nothing was written") as show:
        result = run_.adopt(
            reader.Reader(session, region), args.names, args.out, seen, prices.read(), show,
            chosen=chosen, with_code=args.code,
        )  # fmt: skip
    print_result(result, run_.lines(result), as_json=args.json)
    return 0
