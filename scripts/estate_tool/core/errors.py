"""Errors for the user: message, hint and the exit code of the command."""

from __future__ import annotations

import errno
import sys
from typing import Any, TextIO

from estate_tool.core.text import safe, wrapped

# Numbers of the operating system for a disk without room.
FULL = (errno.ENOSPC, errno.EDQUOT)


class EstateError(Exception):
    """Error that ends a command with a message instead of a traceback.

    `code` is the stable name of the kind of error for scripts; docs/schemas/error.schema.json lists all of them.
    """

    exit_code = 1
    code = "failed"

    def __init__(self, message: str, hint: str = "", *, code: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.code = code or self.code

    def to_dict(self) -> dict[str, Any]:
        """Return the error as `--json` prints it (docs/schemas/error.schema.json)."""
        return {"ok": False, "error": self.message, "hint": self.hint, "code": self.code}


class Failed(EstateError):
    """Failure of something that was tried (exit code 1)."""


class UsageError(EstateError):
    """Wrong command line or configuration; nothing was changed (exit code 2)."""

    exit_code = 2
    code = "usage"


class Interrupted(EstateError):
    """End by Ctrl-C, or by a signal to end (exit code 130)."""

    exit_code = 130
    code = "interrupted"


def refused(error: OSError) -> Failed:
    """Return the error for a refusal of the operating system: what, where, and what to do."""
    where = f"{error.filename}: " if error.filename else ""
    if error.errno in FULL:
        hint = "free some space and run the same command again; it goes on where it stopped"
    elif error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        hint = "make it writable for you; ESTATE_HOME and ESTATE_CACHE move local state and cache to other folders"
    else:
        hint = "see what is missing on this machine: scripts/estate doctor"
    return Failed(f"{where}{error.strerror or error}", hint, code="operating_system")


def show(error: EstateError, stream: TextIO | None = None) -> None:
    """Write `error` for a person: the message, then what to do about it."""
    out = stream or sys.stderr
    lines = [*f"error: {error.message}".split("\n"), *(f"  → {line}" for line in filter(None, error.hint.split("\n")))]
    for line in lines:
        print(wrapped(safe(line), out), file=out)
