"""Asks before something that can't be taken back, or that costs money."""

from __future__ import annotations

import sys

from estate_tool.core.errors import UsageError


def confirm(what: str, how_to_skip: str) -> None:
    """Returns when a person says yes; raises UsageError when they don't or when nobody is there to ask."""
    if not sys.stdin.isatty():
        raise UsageError(f"{what}: nobody is there to ask; nothing was touched", how_to_skip)
    print(f"{what}? [y/N] ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise UsageError("not confirmed; nothing was touched")
