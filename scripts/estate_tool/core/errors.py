"""Errors a user is meant to read: what went wrong and what to do, with the exit code they end the command with."""

from __future__ import annotations

import sys
from typing import TextIO

from estate_tool.core.terminal import safe


class EstateError(Exception):
    """Ends a command with a message instead of a traceback."""

    exit_code = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class Failed(EstateError):
    """Something was tried and did not work (exit code 1)."""


class UsageError(EstateError):
    """The command line or the configuration is wrong; nothing was touched (exit code 2)."""

    exit_code = 2


def show(error: EstateError, stream: TextIO | None = None) -> None:
    """Write `error` for a person: the message, then what to do about it."""
    out = stream or sys.stderr
    print(safe(f"error: {error.message}"), file=out)
    for line in error.hint.split("\n") if error.hint else ():
        print(safe(f"  → {line}"), file=out)
