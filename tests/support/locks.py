"""Locks as the engine writes them into a file backend."""

from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

HERE = socket.gethostname()


def lock(state: Path, pid: int, host: str = HERE) -> Path:
    """The file of a lock that a process holds on data's stack `dev`."""
    path = state / "locks" / "organization" / "estate-data" / "dev" / "a.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    holder = {"pid": pid, "username": "ann", "hostname": host, "timestamp": "2026-01-02T03:04:05.123456789Z"}
    path.write_text(json.dumps(holder))
    path.with_name(f"{path.name}.attrs").write_text("{}")
    return path
