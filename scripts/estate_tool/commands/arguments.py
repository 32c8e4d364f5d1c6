"""Arguments that commands have in common."""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from estate_tool.core.environment import DEFAULT
from estate_tool.core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from foundation.model import Function
    from foundation.naming import Names

# Of an account that is read without any environment.
DEFAULT_REGION = "us-east-1"


def environment(parser: argparse.ArgumentParser) -> None:
    """ENV: the stack's name."""
    parser.add_argument(
        "environment", nargs="?", default=DEFAULT, metavar="ENV",
        help="environment, the stack's name: `local` (the default) and `local-NAME` run on the embedded AWS, "
        "every other name is a real account",
    )  # fmt: skip


def function(parser: argparse.ArgumentParser) -> None:
    """FUNCTION: a name of the catalog."""
    parser.add_argument("function", metavar="FUNCTION", help="the function's name in the catalog, or in AWS")


def declared_function(name: str, names: Names | None = None) -> Function:
    """Return the catalog's function of this name, there or, with `names`, in AWS; raise UsageError."""
    from foundation.catalog import CATALOG
    from foundation.problems import known_names

    declared = {each.name: each for each in CATALOG.functions}
    deployed = {names.function(each.name): each for each in CATALOG.functions} if names else {}
    if found := declared.get(name) or deployed.get(name):
        return found
    raise UsageError(f"there is no function {name} in the catalog", known_names(declared, name), code="unknown_name")


def layer(parser: argparse.ArgumentParser, note: str = "") -> None:
    """--layer: one of the four."""
    from foundation.layers import LAYER_NAMES

    parser.add_argument("--layer", choices=LAYER_NAMES, help=f"only this layer{note}")


def script(verb: str, name: str, layer_name: str | None = None) -> str:
    """Return the command that deploys or destroys an environment, or one layer of it."""
    return (f"scripts/{verb}_layer.sh {layer_name}" if layer_name else f"scripts/{verb}_all.sh") + typed(name)


def typed(name: str) -> str:
    """Return the last word of a command line for an environment, after a space; nothing for the default."""
    return "" if name == DEFAULT else f" {name}"


def yes(parser: argparse.ArgumentParser, text: str = "don't ask before changing a real account") -> None:
    """--yes."""
    parser.add_argument("--yes", action="store_true", help=text)


def wait_flag(parser: argparse.ArgumentParser) -> None:
    """--wait."""
    parser.add_argument("--wait", action="store_true", help="wait for another rollout or teardown of ENV to end")


def lose_data_flag(parser: argparse.ArgumentParser) -> None:
    """--lose-data NAME…."""
    parser.add_argument(
        "--lose-data", nargs="+", action="extend", metavar="NAME",
        help="agree to lose what these tables, queues and log groups hold: all that the rollout would lose, no more",
    )  # fmt: skip


def since(parser: argparse.ArgumentParser, otherwise: str = "") -> None:
    """--since: the window that is measured; two weeks, or what is there `otherwise` (None then)."""
    from estate_tool.monitoring.metrics import DEFAULT as TWO_WEEKS

    parser.add_argument(
        "--since", default=None if otherwise else TWO_WEEKS, metavar="T",
        help=f"from this time on, or so long ago: 90m, 36h, 14d (the default is {otherwise or TWO_WEEKS})",
    )  # fmt: skip


def account(parser: argparse.ArgumentParser) -> None:
    """--profile: the account to read, without any environment."""
    parser.add_argument("--profile", metavar="NAME", help="profile of the AWS configuration (the usual credentials)")


def html(parser: argparse.ArgumentParser) -> None:
    """--html FILE."""
    parser.add_argument(
        "--html", type=Path, metavar="FILE", help="write the result as a page too: one file that needs no network"
    )


def write_page(write: Callable[[Any, Path], None], result: Any, path: Path | None) -> None:
    """Write the page that --html asks for, if it does."""
    if path:
        write(result, path)
        print(f"{path} is written", file=sys.stderr)


def json_flag(parser: argparse.ArgumentParser) -> None:
    """--json."""
    parser.add_argument("--json", action="store_true", help="the result as JSON on stdout, everything else on stderr")


def json_file(name: str) -> bytes:
    """Return the bytes of --payload, a file or - for stdin; raise UsageError unless they are JSON in UTF-8."""
    where = "stdin" if name == "-" else name
    try:
        payload = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
        json.loads(payload.decode("utf-8"))
    except OSError as error:
        reason = error.strerror or error
        raise UsageError(f"--payload {where} can't be read: {reason}", "give a file that holds JSON, or -") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"--payload {where} is no text in UTF-8: {error}", "give a file that holds JSON") from error
    except (ValueError, RecursionError) as error:
        hint = 'give JSON, for example {"type": "t"}'
        raise UsageError(f"--payload {where} is no JSON: {error}; nothing was called", hint) from error
    return payload


def whole(what: str, least: int = 1) -> Callable[[str], int]:
    """Return the type of an argument that is a whole number, `least` or more."""

    def parse(text: str) -> int:
        if text.isdecimal() and int(text) >= least:
            return int(text)
        raise argparse.ArgumentTypeError(f"{text!r} is no number of {what}: give a whole number, {least} or more")

    return parse


def seconds(least: float = 0.001, most: float = 1e9) -> Callable[[str], float]:
    """Return the type of an argument that is a number of seconds within these bounds."""

    def parse(text: str) -> float:
        with contextlib.suppress(ValueError):
            if least <= float(text) <= most:
                return float(text)
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds from {least:g} to {most:g}")

    return parse
