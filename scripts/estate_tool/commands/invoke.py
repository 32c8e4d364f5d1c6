"""`estate invoke`: one call of a function, with its answer and the end of its log."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from estate_tool.commands import arguments, connected
from estate_tool.console.output import print_result
from estate_tool.core import environment
from estate_tool.core.errors import UsageError

if TYPE_CHECKING:
    import argparse

HELP = "call a function with a payload; its answer, and the end of its log"
EXAMPLES = (
    ("estate invoke query --payload question.json", "with what a file holds"),
    ("estate invoke query dev --payload - --json", "in dev, with what stdin holds, for scripts"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """FUNCTION, ENV and the payload."""
    arguments.function(parser)
    arguments.environment(parser)
    parser.add_argument("--payload", required=True, metavar="FILE", help="file that holds JSON, or - for stdin")
    arguments.json_flag(parser)


def run(args: argparse.Namespace) -> int:
    """Call the alias that triggers call, once; the log goes to stderr, the answer to stdout. 1 if it failed."""
    from estate_tool.core.untrusted import decoded, is_json
    from estate_tool.events import invocation

    target = environment.resolve(args.environment)
    function = arguments.declared_function(args.function, target.names).name
    payload = _payload(args.payload)
    with connected(target, f"calling {function}"):
        answer = invocation.invoke(invocation.client(target), target.names.function(function), payload)
    if args.json:
        result = decoded(answer.text) if is_json(answer.text) else answer.text
        report = {
            "environment": target.name, "function": function, "ok": answer.error is None, "error": answer.error,
            "version": answer.version, "seconds": round(answer.seconds, 3), "answer": result, "log": list(answer.log),
        }  # fmt: skip
        print_result(report, (), as_json=True)
        return 1 if answer.error else 0
    for line in answer.log:
        print(line, file=sys.stderr)
    print(answer.text)
    if answer.error:
        print(f"error: {function} failed: {answer.error}", file=sys.stderr)
        print(f"  → its log: scripts/estate logs {function} {target.name} --errors", file=sys.stderr)
    return 1 if answer.error else 0


def _payload(name: str) -> bytes:
    from estate_tool.events.invocation import LARGEST_BYTES

    payload = arguments.json_file(name)
    if len(payload) > LARGEST_BYTES:
        where = "stdin" if name == "-" else name
        raise UsageError(
            f"--payload {where} has {len(payload):,} bytes; nothing was called",
            f"Lambda takes at most {LARGEST_BYTES:,} in a call that waits for its answer",
        )
    return payload
