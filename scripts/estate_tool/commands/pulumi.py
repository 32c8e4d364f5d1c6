"""`estate pulumi`: the Pulumi engine that the tool uses, with any arguments of its own."""

from __future__ import annotations

import argparse
import itertools
import os
import signal
import sys
from typing import TYPE_CHECKING

from estate_tool.core.environment import is_local, resolve
from estate_tool.core.paths import VENV

if TYPE_CHECKING:
    from collections.abc import Sequence

HELP = "run the Pulumi engine that the tool uses; nothing has to be on PATH"
EXAMPLES = (
    ("estate pulumi login s3://BUCKET", "where the state of real environments is kept; once"),
    ("estate pulumi stack export --stack dev --cwd data", "a layer's state, as the engine keeps it"),
    ("estate pulumi preview --stack local --cwd data", "a local environment: its own backend and provider"),
)
# Further arguments, flags included, are passed to the engine: `estate pulumi --help` is its help.
PARSER = {"prefix_chars": "\0", "add_help": False}
# Commands that name a stack without a flag; flags may stand before them, with values.
_NAMES_A_STACK = ({"stack", "init"}, {"stack", "select"}, {"stack", "rm"}, {"cancel"})


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Take all arguments unparsed."""
    parser.add_argument("arguments", nargs=argparse.REMAINDER, metavar="ARGS", help="arguments of `pulumi`")


def run(args: argparse.Namespace) -> int:
    """Become the engine: its exit code, and signals to it, are this command's."""
    from estate_tool.rollout import session
    from estate_tool.setup.engine import ensure_engine

    name = local_stack(args.arguments)
    if name:
        with session.ready(resolve(name)):
            pass  # the embedded AWS runs, and the provider lies where the engine looks for it
    engine = ensure_engine()
    # The engine's host for Python takes the first `python` on PATH, and the programs need the one with the SDKs.
    front = [str(engine.folder), str(VENV / "bin")]
    os.environ["PATH"] = os.pathsep.join([*front, os.environ.get("PATH", os.defpath)])
    sys.stdout.flush()
    sys.stderr.flush()
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # Python ignores it, and would hand that on
    os.execv(engine.pulumi, ["pulumi", *args.arguments, *_kept_configuration(args.arguments)])


def _kept_configuration(arguments: Sequence[str]) -> list[str]:
    """Return the flag without which `stack rm` of one layer deletes the file that all layers are configured by."""
    words = [word for word in arguments if word in ("stack", "tag", "rm")]
    return ["--preserve-config"] if ("stack", "rm") in itertools.pairwise(words) else []


def local_stack(arguments: Sequence[str]) -> str:
    """Return the local environment that a command line of the engine names; empty when it names none.

    The engine runs with the variables of such an environment, otherwise with those of this process.
    """
    flags = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    flags.add_argument("-s", "--stack", nargs="?", default="", const="")
    given, rest = flags.parse_known_args(list(arguments))
    named = [given.stack]
    if any(words <= set(rest) for words in _NAMES_A_STACK):
        named += rest
    # A real environment is used with the user's own variables.
    return next((stack for name in named if is_local(stack := name.rpartition("/")[2])), "")
