"""Leftovers of a killed engine in a file backend: locks, and files half written.

Locks in other backends, buckets and services, are known from the engine's diagnostics only.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
import subprocess
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from estate_tool.core.errors import Failed
from foundation.layers import project

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_SETTLE_SECONDS = 2.0
# As the engine's backend for files and buckets words it (`checkForLock` in pkg/backend/diy/lock.go).
_NAMED = re.compile(r": created by (.+)@(\S+) \(pid (\d+)\) at (\S+)")
_LOCKED = ("the stack is currently locked by", "Another update is currently in progress")


@dataclass(frozen=True, kw_only=True)
class Lock:
    """Content of an engine's lock (`lockContent` of its backend for files and buckets)."""

    pid: int
    user: str
    host: str
    since: datetime

    def __str__(self) -> str:
        """Return the holder, for a person."""
        return f"process {self.pid} of {self.user} on {self.host} since {self.since.astimezone():%Y-%m-%d %H:%M:%S}"


def state_folder(variables: Mapping[str, str]) -> Path | None:
    """Return the folder of the engine's file backend; None when it keeps its state elsewhere."""
    url = variables.get("PULUMI_BACKEND_URL") or _logged_in(variables)
    if not url.startswith("file://"):
        return None
    path = unquote(urlsplit(url).path if url.startswith("file:///") else url.removeprefix("file://").partition("?")[0])
    return Path(path).expanduser() / ".pulumi"


def _logged_in(variables: Mapping[str, str]) -> str:
    folder = Path(variables.get("PULUMI_HOME") or "~/.pulumi").expanduser()
    with contextlib.suppress(OSError, ValueError, AttributeError):
        return str(json.loads((folder / "credentials.json").read_text(encoding="utf-8")).get("current", ""))
    return ""


def fix(state: Path) -> None:
    """Remove empty attribute files, over which the engine stumbles with nothing but `EOF`, and files half written.

    The engine writes a state beside the old one and renames it, but the attributes in two steps: an empty file first.
    """
    for unfinished in state.rglob("*.tmp"):
        with contextlib.suppress(FileNotFoundError):
            # One that is being written is renamed long before.
            if time.time() - unfinished.stat().st_mtime > _SETTLE_SECONDS:
                unfinished.unlink()
    for attributes in state.rglob("*.attrs"):
        with contextlib.suppress(FileNotFoundError):
            if attributes.stat().st_size == 0:
                attributes.unlink()


def free_dead(state: Path, layer: str, stack: str, say: Callable[[str], None]) -> None:
    """Remove locks of a layer's stack whose process is gone; raise Failed when a living one may hold it."""
    for path in _lock_files(state, layer, stack):
        lock = _read(path)
        if lock is None:
            if path.exists():
                _remove(path)
        elif _alive(lock):
            raise Failed(f"layer {layer} of {stack} is held by {lock}", _hint(layer, stack))
        else:
            say(f"freed the lock of {lock}, which has ended")
            _remove(path)


def named(diagnostic: str) -> list[Lock]:
    """Return the locks that a diagnostic of the engine names."""
    return [
        Lock(pid=int(pid), user=user, host=host, since=datetime.fromisoformat(since))
        for user, host, pid, since in _NAMED.findall(diagnostic)
    ]


def are_dead(locks: Sequence[Lock]) -> bool:
    """Return True if these are all of processes that have ended: of this machine; others can't be checked from here."""
    return bool(locks) and not any(map(_alive, locks))


def explained(diagnostic: str, layer: str, stack: str) -> str:
    """Return the engine's diagnostic; with what to do when it is about a lock."""
    return f"{diagnostic}\n{_hint(layer, stack)}" if any(text in diagnostic for text in _LOCKED) else diagnostic


def _hint(layer: str, stack: str) -> str:
    return (
        "wait for it to end, and run the same command again; "
        f"only if you know that it runs no more: scripts/estate pulumi cancel --yes --cwd {layer} --stack {stack}"
    )


def _lock_files(state: Path, layer: str, stack: str) -> list[Path]:
    folder = state / "locks" / "organization" / project(layer) / stack
    return [path for path in folder.iterdir() if path.suffix != ".attrs"] if folder.is_dir() else []


def _read(path: Path) -> Lock | None:
    """Return a lock's content; None if it was just removed, or if its writer was killed before the end."""
    deadline = time.monotonic() + _SETTLE_SECONDS
    while True:
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            since = datetime.fromisoformat(content["timestamp"])
            return Lock(pid=int(content["pid"]), user=content["username"], host=content["hostname"], since=since)
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError):
            if time.monotonic() > deadline:
                return None
        time.sleep(0.1)


def _alive(lock: Lock) -> bool:
    """Return True if the lock's process may live: one of another machine can't be checked from here."""
    if lock.host != socket.gethostname():
        return True
    try:
        os.kill(lock.pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return _is_engine(lock.pid)


def _is_engine(pid: int) -> bool:
    """Return True if the process is a pulumi, and not another one that was given a dead one's number."""
    if Path("/proc/self/stat").exists():  # Linux, where `ps` need not be installed
        with contextlib.suppress(OSError):
            command, _, rest = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(") ")
            return "(pulumi" in command and not rest.startswith("Z")
        return False
    asked = subprocess.run(["ps", "-o", "comm=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return Path(asked.stdout.strip()).name.startswith("pulumi")


def _remove(path: Path) -> None:
    for part in (path, path.with_name(f"{path.name}.attrs")):
        part.unlink(missing_ok=True)
