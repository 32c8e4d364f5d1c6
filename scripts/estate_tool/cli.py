"""The command line: `estate COMMAND …`."""

from __future__ import annotations

import argparse
import errno
import importlib
import os
import signal
import sys
from typing import TYPE_CHECKING

from estate_tool.errors import EstateError, Failed, show

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import FrameType

_COMMANDS = (
    "deploy", "destroy", "status", "drift", "doctor", "send", "query", "redrive", "rightsize", "cost", "dashboard",
    "fire-drill", "permissions", "tags", "sample", "local",
)  # fmt: skip
_INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; returns the exit code: 0 done, 1 failed, 2 wrong usage or configuration."""
    # Being told to end is being interrupted: what is in flight is finished, and what was done is said.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    try:
        args = command_line().parse_args(arguments)
        return int(args.run(args))
    except EstateError as error:
        show(error)
        return error.exit_code
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return _INTERRUPTED
    except BrokenPipeError:
        # The reader, such as `head`, has gone; nothing more may be written, not even at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        show(_explained(error))
        return Failed.exit_code


def _interrupt(number: int, frame: FrameType | None) -> None:
    """Does what Ctrl-C would do now, also where a shell started this in the background, deaf to Ctrl-C."""
    handler = signal.getsignal(signal.SIGINT)
    (handler if callable(handler) else signal.default_int_handler)(number, frame)


def _explained(error: OSError) -> Failed:
    """What the operating system refused, where, and what to do about it."""
    where = f"{error.filename}: " if error.filename else ""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        hint = "free some space and run the same command again; it goes on where it stopped"
    elif error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        hint = "make it writable for you; ESTATE_HOME and ESTATE_CACHE move local state and cache to other folders"
    else:
        hint = "scripts/estate doctor tells what is missing on this machine"
    return Failed(f"{where}{error.strerror or error}", hint)


def command_line() -> argparse.ArgumentParser:
    """Every command with its arguments."""
    parser = argparse.ArgumentParser(
        prog="estate",
        description="Rolls the estate out, looks at it, sends events through it and tears it down.",
        epilog="exit codes: 0 done; 1 failed, says what was done and how to go on; 2 wrong usage or configuration, "
        "nothing was touched",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name in _COMMANDS:
        module = importlib.import_module(f"estate_tool.commands.{name.replace('-', '_')}")
        command = commands.add_parser(name, help=module.HELP, description=module.__doc__)
        module.add_arguments(command)
        command.set_defaults(run=module.run)
    return parser
