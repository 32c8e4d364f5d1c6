"""One set-up at a time, and nothing half-made: locks that end with their process, and folders to build in."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from estate_tool.console.report import Report, duration
from estate_tool.setup.failures import writing


@contextmanager
def hold(path: Path, what: str, report: Report) -> Iterator[None]:
    """Hold the lock file `path` while `what` is being made; wait, with progress, while another process holds it."""
    with writing("a lock file", path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        _wait(handle, what, report)
        # The lock is the kernel's; the number is for the message to a waiting person.
        with writing("a lock file", path.parent):
            os.ftruncate(handle, 0)
            os.pwrite(handle, str(os.getpid()).encode(), 0)
        yield
    finally:
        os.close(handle)


@contextmanager
def beside(folder: Path) -> Iterator[Path]:
    """A new folder beside `folder`, to be renamed to it when it is complete; whatever is left of it is removed.

    Its name is new each time: a tool that outlives a killed set-up may still be writing into the last one.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    _remove_leftovers(folder)
    made = Path(tempfile.mkdtemp(prefix=f"{folder.name}.new-", dir=folder.parent))
    made.chmod(0o755)  # as any other folder; mkdtemp's are for their owner alone
    try:
        yield made
    finally:
        _remove_leftovers(folder)


def _remove_leftovers(folder: Path) -> None:
    for leftover in folder.parent.glob(f"{folder.name}.new-*"):
        shutil.rmtree(leftover, ignore_errors=True)


def _wait(handle: int, what: str, report: Report) -> None:
    began = time.monotonic()
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() - began < 1:
                report.line(f"set-up: waiting for process {_holder(handle)}, which is making {what}")
        else:
            return
        time.sleep(1)
        report.moving(f"set-up: waiting for {what} · {duration(time.monotonic() - began)}")


def _holder(handle: int) -> str:
    return os.pread(handle, 32, 0).decode(errors="replace") or "(unknown)"
