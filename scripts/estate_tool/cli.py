"""The command line: `estate COMMAND …`."""

from __future__ import annotations

import argparse
import contextlib
import errno
import importlib
import json
import os
import re
import signal
import sys
from typing import TYPE_CHECKING, Any, TextIO, cast

from estate_tool.core.errors import EstateError, Failed, show
from estate_tool.core.terminal import filtered

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import FrameType

COMMANDS = (
    "audit", "adopt", "deploy", "destroy", "status", "drift", "doctor", "send", "query", "logs", "invoke", "redrive",
    "rightsize", "cost", "dashboard", "fire-drill", "permissions", "tags", "sample", "new", "lock", "local", "pulumi",
    "completion",
)  # fmt: skip
_INTERRUPTED = 130
_EPILOG = """\
a first time through, on this machine alone:
  scripts/estate deploy
  scripts/estate sample flights --limit 1000 | scripts/estate send - --wait
  scripts/estate query flight.departed --subject UA
  scripts/estate destroy

`estate COMMAND --help` has examples. ENV is an environment: local and local-NAME run on the embedded AWS, every
other name is a real account.
exit codes: 0 done; 1 failed, says what was done and how to go on; 2 wrong usage or configuration, nothing was touched
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; returns the exit code: 0 done, 1 failed, 2 wrong usage or configuration."""
    # Being told to end is being interrupted: what is in flight is finished, and what was done is said.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    with filtered():
        return _ran(arguments)


def _ran(arguments: Sequence[str] | None) -> int:
    args = argparse.Namespace()
    try:
        words = sys.argv[1:] if arguments is None else arguments
        args = parser(words[0] if words else None).parse_args(words)
        _watch_stdout()
        code = int(args.run(args))
        # Here, where a full disk or a reader that has gone is still told, and not when Python ends.
        sys.stdout.flush()
        return code
    except EstateError as error:
        return _ended(error, args)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return _INTERRUPTED
    except BrokenPipeError:
        _write_no_more()  # the reader, such as `head`, has gone
        return 0
    except Exception as error:
        expected = _explained(error)
        if expected is None:
            raise
        return _ended(expected, args)


def _ended(error: EstateError, args: argparse.Namespace) -> int:
    """Tell why a command ended, also in JSON where that was asked for and none was printed; return the exit code."""
    show(error)
    if getattr(args, "json", False) and not getattr(sys.stdout, "written", True):
        print(json.dumps({"ok": False, "error": error.message, "hint": error.hint}, indent=2), flush=True)
    return error.exit_code


class _Watched:
    """A stream that remembers whether anything was written to it."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.written = False

    def write(self, text: str) -> int:
        """Write to the stream."""
        self.written = self.written or bool(text)
        return self._stream.write(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def _watch_stdout() -> None:
    sys.stdout = cast("TextIO", _Watched(sys.stdout))


def _write_no_more() -> None:
    """Send the rest of stdout nowhere, also when Python ends."""
    with contextlib.suppress(OSError):  # a test's stdout has no number
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _interrupt(number: int, frame: FrameType | None) -> None:
    """Does what Ctrl-C would do now, also where a shell started this in the background, deaf to Ctrl-C."""
    handler = signal.getsignal(signal.SIGINT)
    (handler if callable(handler) else signal.default_int_handler)(number, frame)


def _explained(error: Exception) -> EstateError | None:
    """The message for what the operating system or AWS refused, wherever that was; None for a defect."""
    if type(error).__module__.startswith("botocore."):
        from estate_tool.core.aws_errors import explained

        return explained(error)
    return _refused(error) if isinstance(error, OSError) else None


def _refused(error: OSError) -> Failed:
    """Return the error for a refusal of the operating system: what, where, and what to do."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        _write_no_more()
    where = f"{error.filename}: " if error.filename else ""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        hint = "free some space and run the same command again; it goes on where it stopped"
    elif error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        hint = "make it writable for you; ESTATE_HOME and ESTATE_CACHE move local state and cache to other folders"
    else:
        hint = "scripts/estate doctor tells what is missing on this machine"
    return Failed(f"{where}{error.strerror or error}", hint)


def parser(only: str | None = None) -> argparse.ArgumentParser:
    """Return the command line: whole, or with the command `only`, as each takes its time to load."""
    whole = argparse.ArgumentParser(
        prog="estate",
        description="Rolls the estate out, looks at it, sends events through it and tears it down.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    whole.add_argument("--version", action=_Version, nargs=0, help="versions of the tool, the engine and the SDK")
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
    """Prints the versions and ends; what they are is looked up only then."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from estate_tool.setup import versions

        print("\n".join(versions.lines()))
        parser.exit()


def _examples(examples: Sequence[tuple[str, str]]) -> str:
    """Commands as they are typed in the checkout, each below what it is for."""
    lines = ["examples:"]
    for command, what in examples:
        lines += [f"  # {what}", "  " + re.sub(r"\bestate (?=[a-z])", "scripts/estate ", command, count=1)]
    return "\n".join(lines)
