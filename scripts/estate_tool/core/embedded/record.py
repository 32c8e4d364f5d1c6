"""Record of the embedded AWS's process, and its status by the record and by the answer of its port."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from estate_tool.core.embedded import credentials, ports

if TYPE_CHECKING:
    from estate_tool.core.embedded.paths import LocalAwsPaths

NAME = "server.json"
UNSAVED = "its last changes could not be saved; emulator.log has the reason"


def start_identity(pid: int) -> str | None:
    """Return the identity of process `pid`, unlike that of any other with this number; None when it is not running.

    Linux: the boot's id and the start in clock ticks since boot (proc(5)); elsewhere: the start time that ps prints.
    A zombie counts as not running.
    """
    if pid <= 0:
        return None
    if sys.platform.startswith("linux"):
        return _from_proc(pid)
    return _from_ps(pid)


def _from_proc(pid: int) -> str | None:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return None
    # The name in parentheses may itself hold blanks and parentheses; the rest, after the last one, is regular.
    fields = stat.rpartition(")")[2].split()
    state, started = fields[0], fields[19]
    return None if state in "ZX" else f"{boot}/{started}"


def _from_ps(pid: int) -> str | None:
    done = subprocess.run(
        ["ps", "-o", "stat=,lstart=", "-p", str(pid)], capture_output=True, text=True, check=False, timeout=10
    )
    state, _, started = done.stdout.strip().partition(" ")
    return started.strip() if done.returncode == 0 and started and not state.startswith("Z") else None


@dataclass(frozen=True, kw_only=True)
class Record:
    """Record of a running emulator. `ended` is the reason for which it stopped by itself; empty while it runs."""

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
    """Write the record in one step, so that no reader meets half of it."""
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


@dataclass(frozen=True, kw_only=True)
class Status:
    """Status of the embedded AWS. `problem` is for people and empty when all is well.

    `identity` differs for one that was started anew with nothing in it.
    """

    running: bool
    answering: bool
    port: int
    pid: int | None = None
    uptime_seconds: float | None = None
    problem: str = ""
    identity: str = ""
    resources: dict[str, int] = field(default_factory=dict)


def status(local: LocalAwsPaths) -> Status:
    """Return the status by the record and by the port's answer."""
    found = read(local.folder)
    if found is None or not found.alive:
        reason = found.ended or "it was killed, or the machine was restarted" if found else ""
        problem = f"it stopped by itself: {reason}" if reason else ""
        return Status(running=False, answering=False, port=local.port, problem=problem)
    # It is ours and lives: on a busy machine, with thousands of events under way, it may take a while to answer.
    answer = ports.ask(found.port, credentials.read(local.home), timeout=10)
    problem = ""
    if found.port != local.port:
        problem = f"it runs on port {found.port}, and ESTATE_PORT is {local.port}"
    elif answer is None:
        problem = f"port {found.port} does not answer"
    elif not knows_us(answer):
        problem = f"it does not know the credentials in {local.home / credentials.FILE}"
    elif answer["save_error"]:
        problem = f"its state can't be saved: {answer['save_error']}"
    known = answer if answer and knows_us(answer) else {}
    return Status(
        running=True, answering=bool(known) and found.port == local.port, port=found.port, pid=found.pid,
        uptime_seconds=time.time() - found.started, problem=problem,
        identity=known.get("identity", ""), resources=known.get("resources", {}),
    )  # fmt: skip


def knows_us(answer: dict[str, Any]) -> bool:
    """Return True if the answer is the one for the administrator."""
    return "identity" in answer
