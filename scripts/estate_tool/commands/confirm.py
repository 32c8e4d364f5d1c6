"""Confirmation of something that can't be undone, or that costs money."""

from __future__ import annotations

import sys

from estate_tool.core.errors import UsageError


def confirm(what: str, how_to_skip: str) -> None:
    """Return when a person confirms; raise UsageError when they don't, or when there is no terminal to ask on."""
    if not sys.stdin.isatty():
        raise UsageError(
            f"{what}: not a terminal, cannot ask for confirmation; nothing was changed", how_to_skip, code="unconfirmed"
        )
    print(f"{what}? [y/N] ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise UsageError("not confirmed; nothing was changed", code="unconfirmed")
