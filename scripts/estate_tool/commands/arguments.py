"""Arguments that commands have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING

from estate_tool.core.environment import DEFAULT
from estate_tool.core.errors import UsageError

if TYPE_CHECKING:
    import argparse

    from foundation.naming import Names

# Of an account that is read without any environment.
DEFAULT_REGION = "us-east-1"


def environment(parser: argparse.ArgumentParser) -> None:
    """ENV: the stack's name."""
    parser.add_argument(
        "environment",
        nargs="?",
        default=DEFAULT,
        metavar="ENV",
        help="environment, the stack's name: `local` (the default) and `local-NAME` run on the embedded AWS, "
        "every other name is a real account",
    )


def function(parser: argparse.ArgumentParser) -> None:
    """FUNCTION: a name of the catalog."""
    parser.add_argument("function", metavar="FUNCTION", help="the function's name in the catalog, or in AWS")


def declared_function(name: str, names: Names) -> str:
    """Return the catalog's name of a function that goes by this name, there or in AWS; raise UsageError."""
    from foundation.catalog import CATALOG
    from foundation.problems import there_are

    known = {form: each.name for each in CATALOG.functions for form in (names.function(each.name), each.name)}
    if name not in known:
        there = there_are((each.name for each in CATALOG.functions), name)
        raise UsageError(f"there is no function {name} in the catalog", there, code="unknown_name")
    return known[name]


def wait_flag(parser: argparse.ArgumentParser) -> None:
    """--wait."""
    parser.add_argument("--wait", action="store_true", help="wait for another rollout or teardown of ENV to end")


def lose_data_flag(parser: argparse.ArgumentParser) -> None:
    """--lose-data NAME…."""
    parser.add_argument(
        "--lose-data",
        nargs="+",
        action="extend",
        metavar="NAME",
        help="agree to lose what these tables, queues and log groups hold: all that the rollout would lose, no more",
    )


def since(parser: argparse.ArgumentParser, otherwise: str = "") -> None:
    """--since: the window that is measured; two weeks, or what is there `otherwise` (None then)."""
    from estate_tool.monitoring.metrics import DEFAULT as TWO_WEEKS

    parser.add_argument(
        "--since",
        default=None if otherwise else TWO_WEEKS,
        metavar="T",
        help=f"from this time on, or so long ago: 90m, 36h, 14d (the default is {otherwise or TWO_WEEKS})",
    )


def account(parser: argparse.ArgumentParser) -> None:
    """--profile: the account to read, without any environment."""
    parser.add_argument("--profile", metavar="NAME", help="profile of the AWS configuration (the usual credentials)")


def html(parser: argparse.ArgumentParser) -> None:
    """--html FILE."""
    from pathlib import Path

    parser.add_argument(
        "--html", type=Path, metavar="FILE", help="write the result as a page too: one file that needs no network"
    )


def json_flag(parser: argparse.ArgumentParser) -> None:
    """--json."""
    parser.add_argument("--json", action="store_true", help="the result as JSON on stdout, everything else on stderr")
