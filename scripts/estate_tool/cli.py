"""The command line: `estate COMMAND …`."""

from __future__ import annotations

import argparse
import contextlib
import importlib
import json
import os
import re
import signal
import sys
from typing import TYPE_CHECKING, Any, NoReturn

from estate_tool.core.errors import FULL, EstateError, Interrupted, UsageError, refused, show
from estate_tool.core.text import filtered

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import FrameType

COMMANDS = (
    "audit", "adopt", "deploy", "destroy", "status", "drift", "doctor", "send", "query", "logs", "invoke", "redrive",
    "rightsize", "cost", "dashboard", "fire-drill", "permissions", "tags", "sample", "new", "lock", "local", "pulumi",
    "completion",
)  # fmt: skip
# Without a command: the state of this machine, and the next step.
OVERVIEW = "overview"
_EPILOG = """\
a first time through, on this machine alone:
  scripts/estate deploy
  scripts/estate sample flights --limit 1000 | scripts/estate send - --wait
  scripts/estate query flight.departed --subject UA
  scripts/estate destroy

`estate COMMAND --help` has examples. ENV is an environment: local and local-NAME run on the embedded AWS, every
other name is a real account.
exit codes: 0 done; 1 failed, with what was done and how to go on; 2 wrong usage or configuration, nothing was changed
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return the exit code: 0 done, 1 failed, 2 wrong usage or configuration."""
    # SIGTERM and SIGHUP interrupt: calls in flight are finished, and the result so far is reported.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    with filtered():
        return _ran(arguments)


def _ran(arguments: Sequence[str] | None) -> int:
    words = sys.argv[1:] if arguments is None else list(arguments)
    args = argparse.Namespace(json="--json" in words)
    try:
        parser(_command(words)).parse_args(words, args)
        code = int(args.run(args))
        # Flushed here, so that a full disk or a closed pipe is reported before Python ends.
        sys.stdout.flush()
        return code
    except EstateError as error:
        return _ended(error, args)
    except KeyboardInterrupt:
        return _ended(Interrupted("interrupted"), args)
    except BrokenPipeError:
        _write_no_more()  # the reader, such as `head`, has gone
        return 0
    except Exception as error:
        expected = _explained(error)
        if expected is None:
            raise
        return _ended(expected, args)


def _command(words: Sequence[str]) -> str | None:
    """Return the name of the command, if one is given; raise UsageError for an unknown one."""
    if not words:
        return OVERVIEW
    name = words[0]
    if name in COMMANDS or name.startswith("-"):
        return name
    from foundation.problems import known_names

    raise UsageError(f"there is no command {name!r}", known_names(COMMANDS, name), code="unknown_name")


def _ended(error: EstateError, args: argparse.Namespace) -> int:
    """Report the error that ended a command, as JSON too where nothing was printed; return the exit code."""
    show(error)
    if getattr(args, "json", False) and not getattr(sys.stdout, "written", True):
        print(json.dumps(error.to_dict(), indent=2, ensure_ascii=False), flush=True)
    return error.exit_code


def _write_no_more() -> None:
    """Send the rest of stdout nowhere, also when Python ends."""
    with contextlib.suppress(OSError):  # a test's stdout has no number
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _interrupt(number: int, frame: FrameType | None) -> None:
    """Interrupt as Ctrl-C does, also in the background of a shell, where Ctrl-C is ignored."""
    handler = signal.getsignal(signal.SIGINT)
    (handler if callable(handler) else signal.default_int_handler)(number, frame)


def _explained(error: Exception) -> EstateError | None:
    """Return the error to show for a refusal of the operating system or of AWS; None for a defect."""
    if type(error).__module__.startswith("botocore."):
        from estate_tool.core.aws_errors import explained

        return explained(error)
    if not isinstance(error, OSError):
        return None
    if error.errno in FULL:
        _write_no_more()
    return refused(error)


class _Parser(argparse.ArgumentParser):
    """Parser whose errors are UsageErrors, with the nearest name where a name is wrong."""

    def error(self, message: str) -> NoReturn:
        """Print the usage and raise UsageError."""
        self.print_usage(sys.stderr)
        raise UsageError(message, f"see all flags: {self.prog.replace('estate', 'scripts/estate', 1)} --help")

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is not None and value not in action.choices:
            from foundation.problems import one_of

            raise argparse.ArgumentError(action, f"{value!r} is not allowed: give {one_of(action.choices, str(value))}")


def parser(only: str | None = None) -> argparse.ArgumentParser:
    """Return the parser of all commands, or of `only` one, as loading each takes time."""
    whole = _Parser(
        prog="estate",
        description="Rolls the estate out, looks at it, sends events through it and tears it down.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    whole.add_argument("--version", action=_Version, nargs=0, help="versions of the tool, the engine and the SDK")
    if only == OVERVIEW:
        whole.set_defaults(run=importlib.import_module("estate_tool.commands.overview").run)
        return whole
    commands = whole.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name in (only,) if only in COMMANDS else COMMANDS:
        module = importlib.import_module(f"estate_tool.commands.{name.replace('-', '_')}")
        command = commands.add_parser(
            name,
            help=module.HELP,
            description=module.__doc__,
            epilog=_examples(module.EXAMPLES),
            formatter_class=argparse.RawDescriptionHelpFormatter,
            **getattr(module, "PARSER", {}),
        )
        module.add_arguments(command)
        command.set_defaults(run=module.run)
    return whole


class _Version(argparse.Action):
    """Print the versions and end; they are looked up only then."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from estate_tool.setup import project

        print("\n".join(project.lines()))
        parser.exit()


def _examples(examples: Sequence[tuple[str, str]]) -> str:
    """Return commands as they are typed in the checkout, each below its description."""
    lines = ["examples:"]
    for command, what in examples:
        lines += [f"  # {what}", "  " + re.sub(r"\bestate (?=[a-z])", "scripts/estate ", command, count=1)]
    return "\n".join(lines)
