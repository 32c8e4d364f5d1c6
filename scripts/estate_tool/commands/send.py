"""`estate send`: events from a file, or from stdin, into the ingest queue."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import stat
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from estate_tool.commands import arguments
from estate_tool.console.progress import Progress, say
from estate_tool.core import environment
from estate_tool.core.aws_errors import reaching
from estate_tool.core.errors import Failed, UsageError
from estate_tool.core.text import counted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from estate_tool.core.environment import Environment
    from estate_tool.events.ledger import Ledger

HELP = "send events (CloudEvents, one per line) and, with --wait, see them aggregated"
EXAMPLES = (
    ("estate send events.ndjson --wait", "send a file and see it counted"),
    ("estate send - dev --json", "what stdin brings, into dev, with the counts as JSON"),
)
STDIN = "-"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the file, ENV and the options."""
    parser.add_argument(
        "file", metavar="FILE",
        help="CloudEvents as JSON, one per line (docs/events.md), `data` an object; `-` reads them from stdin",
    )  # fmt: skip
    arguments.environment(parser)
    parser.add_argument("--raw", action="store_true", help="send lines that are no valid events too, as they are")
    parser.add_argument(
        "--wait", action="store_true", help="return when everything is in the aggregates or a dead-letter queue"
    )
    parser.add_argument(
        "--timeout", type=arguments.seconds(), default=600.0, metavar="S",
        help="with --wait, give up when nothing more arrives for S seconds (600)",
    )  # fmt: skip
    parser.add_argument(
        "--from-line", type=arguments.whole("lines"), default=1, metavar="N", help="leave the lines before line N out"
    )
    arguments.json_flag(parser)


def run(args: argparse.Namespace) -> int:
    """Send, wait with --wait, and print the counts, also when it ends early."""
    with _opened(args.file) as stream:
        result = _send(args, stream, environment.resolve(args.environment))
    if result["rejected"]:
        raise Failed(
            f"{result['rejected']:,} of {counted(result['read'], 'line')} not sent, for the reasons above",
            "correct them and send the file again: what is sent twice is counted once"
            + ("" if args.raw else "\nor send them as they are, to end in the dead-letter queue: --raw"),
        )
    return 0


def _send(args: argparse.Namespace, stream: BinaryIO, target: Environment) -> dict[str, Any]:
    from estate_tool.events.ledger import Ledger
    from estate_tool.events.send import Transfer
    from estate_tool.events.settlement import follow

    started = time.monotonic()
    ledger, progress = Ledger(follow=args.wait), Progress()
    transfer = Transfer(target, ledger, progress, raw=args.raw, first_line=args.from_line, size=_size(stream))
    finished = False
    try:
        with progress, reaching(target):
            transfer.send(stream)
            if args.wait:
                follow(target, ledger, args.timeout, progress)
        finished = True
    finally:
        result = _result(ledger, transfer.through_line, time.monotonic() - started, followed=args.wait)
        if args.json:
            print(json.dumps(result), flush=True)
        elif ledger.read or finished:
            print("\n".join(_lines(result)), flush=True)
    return result


def _result(ledger: Ledger, through_line: int, seconds: float, *, followed: bool) -> dict[str, Any]:
    """Return the counts as `--json` prints them."""
    return {
        "read": ledger.read, "sent": ledger.sent, "rejected": ledger.rejected,
        "aggregated": ledger.aggregated if followed else None,
        "dead_lettered": ledger.dead_lettered if followed else None,
        "duplicates": ledger.duplicates, "seconds": round(seconds, 3),
        "counted_before": ledger.counted_before if followed else None,
        "missing": ledger.missing if followed else None, "through_line": through_line,
    }  # fmt: skip


def _lines(result: dict[str, Any]) -> Iterator[str]:
    """Yield the counts for people."""
    sent, seconds, followed = result["sent"], result["seconds"], result["aggregated"] is not None
    yield (
        f"{sent:,} of {counted(result['read'], 'line')} sent, {result['rejected']:,} rejected, in {seconds:.1f} s "
        f"({sent / max(seconds, 0.001):,.0f}/s{', the wait included' if followed else ''})"
    )
    if followed:
        missing = f", {result['missing']:,} not accounted for" if result["missing"] else ""
        yield (
            f"{counted(result['aggregated'], 'new event')} aggregated, {result['counted_before']:,} counted before, "
            f"{counted(result['duplicates'], 'duplicate')}, {result['dead_lettered']:,} in a dead-letter queue{missing}"
        )
        if result["counted_before"] and not result["aggregated"]:
            yield "nothing new: these events had all been sent before, and are counted once"
    elif sent:
        repeated = f"{result['duplicates']:,} of them repeat an event of this send; " if result["duplicates"] else ""
        yield f"{repeated}an event that was sent before is not counted again; --wait counts the new ones"


@contextlib.contextmanager
def _opened(name: str) -> Iterator[BinaryIO]:
    if name == STDIN:
        if sys.stdin.isatty():
            say("reading events from the terminal, one per line; Ctrl-D ends them")
        yield sys.stdin.buffer
        return
    with contextlib.ExitStack() as closing:
        try:
            stream = closing.enter_context(Path(name).open("rb"))
        except OSError as error:
            raise UsageError(
                f"can't read {name}: {error.strerror or error}",
                "give a file of CloudEvents, one per line, or - for stdin\nsome to try: scripts/estate sample flights",
            ) from error
        yield stream


def _size(stream: BinaryIO) -> int | None:
    """Return the bytes of a regular file; None for a pipe or a terminal."""
    with contextlib.suppress(OSError):
        status = os.fstat(stream.fileno())
        if stat.S_ISREG(status.st_mode):
            return status.st_size
    return None
