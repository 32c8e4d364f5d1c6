"""Record of the supervisor: its process, start and port."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from estate_tool.core.embedded.process_identity import start_identity

NAME = "server.json"
UNSAVED = "its last changes could not be saved; emulator.log has the reason"


@dataclass(frozen=True, kw_only=True)
class Record:
    """Record of a running supervisor. `ended` is the reason for which it stopped by itself; empty while it runs."""

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
    """Put the record in place in one step, so that no reader meets half of it."""
    temporary = folder / f".{NAME}.{os.getpid()}"
    temporary.write_text(json.dumps(asdict(record)))
    temporary.replace(folder / NAME)


def read(folder: Path) -> Record | None:
    """Return the record, None when there is none or it can't be understood (a write that was cut off).

    Fields that another version of the estate added are ignored.
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
