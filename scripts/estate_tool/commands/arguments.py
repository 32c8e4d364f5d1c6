"""Arguments that commands have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING

from estate_tool.environment import DEFAULT

if TYPE_CHECKING:
    import argparse


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


def wait_flag(parser: argparse.ArgumentParser) -> None:
    """--wait."""
    parser.add_argument("--wait", action="store_true", help="wait for another rollout or teardown of ENV to end")


def json_flag(parser: argparse.ArgumentParser) -> None:
    """--json."""
    parser.add_argument("--json", action="store_true", help="the result as JSON on stdout, everything else on stderr")
