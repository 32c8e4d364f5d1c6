"""`estate lock`: the third-party packages of a function, each with version and hashes."""

from __future__ import annotations

import argparse

from estate_tool.commands import arguments
from estate_tool.console.output import print_result

HELP = "lock the third-party packages of a function, with versions and hashes"
EXAMPLES = (
    ("estate lock query", "lambda_src/query/requirements.txt, from the names in requirements.in beside it"),
    ("estate lock query --upgrade", "the same, at the newest versions that requirements.in allows"),
)
_NEXT = """\
next:
  1. for tests and the type checker: the same names in `dev` of pyproject.toml, then: scripts/setup.sh lock=NAME
  2. look, then roll out:            scripts/estate deploy --preview"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """FUNCTION and how far to go."""
    parser.add_argument("function", metavar="FUNCTION", help="a function's name in the catalog")
    parser.add_argument("--upgrade", action="store_true", help="take the newest versions; without it, locked ones stay")
    arguments.json_flag(parser)


def run(args: argparse.Namespace) -> int:
    """Write the lock file; the old one stays when that fails."""
    from compute.packaging import SOURCE
    from estate_tool.setup import locks

    lock = SOURCE / arguments.declared_function(args.function).package / "requirements.txt"
    locked = locks.make_for_function(lock, args.function, upgrade=args.upgrade)
    file = f"{SOURCE.name}/{lock.parent.name}/{lock.name}"
    answer = {"function": args.function, "written": [file], "packages": locked}
    print_result(answer, [f"{file}:", *(f"  {package}" for package in locked), _NEXT], as_json=args.json)
    return 0
