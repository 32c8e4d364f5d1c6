"""Identity of a process: a PID alone does not do, because the system gives numbers out again."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


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
    # The name in parentheses may itself hold blanks and parentheses; what follows the last one is regular.
    fields = stat.rpartition(")")[2].split()
    state, started = fields[0], fields[19]
    return None if state in "ZX" else f"{boot}/{started}"


def _from_ps(pid: int) -> str | None:
    done = subprocess.run(
        ["ps", "-o", "stat=,lstart=", "-p", str(pid)], capture_output=True, text=True, check=False, timeout=10
    )
    state, _, started = done.stdout.strip().partition(" ")
    return started.strip() if done.returncode == 0 and started and not state.startswith("Z") else None
