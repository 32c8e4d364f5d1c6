"""`estate new`: the declaration, handler, size and tests of a new function."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from estate_tool.commands import arguments
from estate_tool.console.output import print_result
from estate_tool.core.errors import UsageError

if TYPE_CHECKING:
    from foundation.model import Function, Trigger

HELP = "write declaration, handler and tests of a new function"
EXAMPLES = (
    ('estate new lookup --description "Reports if an event is stored."', "a function that is called directly"),
    ("estate new late-orders --trigger queue:orders", "for the messages of a queue that the catalog declares"),
    ("estate new audit-trail --trigger stream:events", "for the new items of a table with a stream"),
    ("estate new sweep --trigger schedule:'rate(5 minutes)'", "at times: rate(…), cron(…) or at(…)"),
)
_LONGEST_DESCRIPTION = 90
_NEXT = """\
next:
  1. write what it does:            lambda_src/{package}/handler.py
     and what it may use, as grants: foundation/catalog.py
  2. the documents that show it:    make docs
     and its permissions, proven:   make permissions
  3. look, then roll out:           scripts/estate deploy --preview"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """FUNCTION and its declaration."""
    parser.add_argument("function", metavar="FUNCTION", help="its name: a-z, 0-9 and single hyphens")
    parser.add_argument(
        "--trigger", default="none", metavar="queue:NAME|stream:TABLE|schedule:EXPRESSION|none",
        help="a queue or a table with a stream, as the catalog declares them; times, as EventBridge Scheduler "
        "writes them; none (default): it is called directly",
    )  # fmt: skip
    parser.add_argument("--timeout", type=int, default=10, metavar="SECONDS", help="of one call (default: 10)")
    parser.add_argument("--description", metavar="TEXT", help=f"a sentence, at most {_LONGEST_DESCRIPTION} characters")
    arguments.json_flag(parser)


def run(args: argparse.Namespace) -> int:
    """Check the declaration together with the catalog, then write all files or none."""
    from estate_tool.scaffold import function as scaffold

    function = declared(args)
    _validate(function)
    written = scaffold.write(function)
    answer = {"function": function.name, "trigger": args.trigger, "written": written}
    lines = [*(f"  {path}" for path in written), _NEXT.format(package=function.package)]
    print_result(answer, lines, as_json=args.json)
    return 0


def declared(args: argparse.Namespace) -> Function:
    """Return the declaration that the arguments ask for; raise UsageError."""
    from foundation.model import Function

    description = args.description or f"Function {args.function}."
    if not _is_plain(description):
        raise UsageError(
            f"--description is {description!r}; nothing was written",
            f'give one line of at most {_LONGEST_DESCRIPTION} printable characters, without " and \\',
        )
    package = args.function.replace("-", "_")
    return Function(
        name=args.function, handler=f"{package}.handler.handle", description=description,
        timeout_seconds=args.timeout, trigger=_trigger(args.trigger),
    )  # fmt: skip


def _is_plain(text: str) -> bool:
    fits = len(text) <= _LONGEST_DESCRIPTION and text.isprintable() and not set(text) & {'"', "\\"}
    return fits and bool(text.strip())


def _trigger(text: str) -> Trigger | None:
    from estate_tool.scaffold.catalog_file import TRIGGERS

    kind, _, name = text.partition(":")
    if text == "none":
        return None
    if kind in TRIGGERS and name:
        type_, key = TRIGGERS[kind]
        values: dict[str, Any] = {key: name}
        return type_(**values)
    allowed = "give queue:NAME, stream:TABLE, schedule:EXPRESSION or none"
    raise UsageError(f"--trigger is {text!r}; nothing was written", allowed)


def _validate(declared: Function) -> None:
    """Raise UsageError, with what there is and what to declare, if the catalog would not be valid with it."""
    from dataclasses import replace

    from foundation.catalog import CATALOG
    from foundation.problems import InvalidConfiguration
    from foundation.validation import validate

    if declared.name in {function.name for function in CATALOG.functions}:
        there = ", ".join(function.name for function in CATALOG.functions)
        raise UsageError(f"function {declared.name} is declared already; nothing was written", f"there are: {there}")
    try:
        validate(replace(CATALOG, functions=(*CATALOG.functions, declared)))
    except InvalidConfiguration as error:
        raise UsageError(f"{error}\nnothing was written", _hint(declared)) from error


def _hint(declared: Function) -> str:
    from foundation.model import QueueTrigger, StreamTrigger

    if isinstance(declared.trigger, QueueTrigger):
        return (
            "a queue of its own has to be declared first, under `queues` in foundation/catalog.py, for example: "
            f'Queue(name="{declared.name}")'
        )
    if isinstance(declared.trigger, StreamTrigger):
        return "a stream is declared with its table in foundation/catalog.py: Table(…, stream=True)"
    return "what can be declared: docs/adding-a-function.md"
