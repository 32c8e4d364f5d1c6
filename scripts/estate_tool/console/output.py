"""Results on stdout, and confirmations."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from estate_tool.core.errors import UsageError
from estate_tool.core.text import wrapped

if TYPE_CHECKING:
    from collections.abc import Iterable


def print_result(answer: Any, lines: Iterable[str], *, as_json: bool) -> None:
    """Print the result of a command: as JSON, else its lines."""
    if as_json:
        print(json.dumps(answer, indent=2, ensure_ascii=False), flush=True)
    else:
        show(lines)


def show(lines: Iterable[str]) -> None:
    """Print the lines and flush, so that a reader that has gone is noticed here, and not when Python ends."""
    for line in (part for text in lines for part in text.split("\n")):
        print(wrapped(line, sys.stdout))
    sys.stdout.flush()


def confirm(what: str, how_to_skip: str) -> None:
    """Return when a person confirms; raise UsageError when they don't, or when there is no terminal to ask on."""
    if not sys.stdin.isatty():
        raise UsageError(
            f"{what}: not a terminal, cannot ask for confirmation; nothing was changed", how_to_skip, code="unconfirmed"
        )
    print(f"{what}? [y/N] ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise UsageError("not confirmed; nothing was changed", code="unconfirmed")
