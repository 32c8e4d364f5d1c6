"""The record that the supervisor leaves for those who ask: who runs, since when, on which ports."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from estate_tool.core.embedded.process_identity import start_identity

NAME = "server.json"
UNSAVED = "its last changes could not be saved; emulator.log says why"


@dataclass(frozen=True, kw_only=True)
class Record:
    """A supervisor's own account. `ended` says why it stopped by itself; empty while it runs."""

    pid: int
    identity: str
    port: int
    started: float
    ended: str = ""

    @property
    def alive(self) -> bool:
        """True if the very process that wrote this is still running."""
        return not self.ended and start_identity(self.pid) == self.identity


def write(folder: Path, record: Record) -> None:
    """Put the record in place in one step, so that nobody reads half of it."""
    temporary = folder / f".{NAME}.{os.getpid()}"
    temporary.write_text(json.dumps(asdict(record)))
    temporary.replace(folder / NAME)


def read(folder: Path) -> Record | None:
    """Return the record, None when there is none or it can't be understood (then nobody wrote it whole).

    What another version of the estate wrote beside the fields known here does not matter.
    """
    known = {field.name for field in fields(Record)}
    try:
        written = json.loads((folder / NAME).read_text())
        return Record(**{name: value for name, value in written.items() if name in known})
    except (OSError, ValueError, TypeError, AttributeError):
        return None


def remove(folder: Path) -> None:
    """Forget the record."""
    (folder / NAME).unlink(missing_ok=True)
