"""Kills of the processes that a command under test has started, found in /proc."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import signal
    import subprocess
    from collections.abc import Callable, Iterator

VICTIMS = ("tool", "engine", "provider")
HERE = Path("/proc/self/task").exists()
NOT_HERE = "finds the engine in /proc, which is Linux's"
PAUSE = 0.005


def child(parent: int | None, *, called: str) -> int | None:
    """Return the first child of a process that has this in its command line, if any."""
    for children in Path(f"/proc/{parent}/task").glob("*/children"):
        for process in children.read_text().split():
            if called in Path(f"/proc/{process}/cmdline").read_text().replace("\0", " "):
                return int(process)
    return None


def find(victim: str, tool: int) -> int | None:
    """Return the tool itself, the engine that it runs, or the provider of the engine; None while there is none."""
    if victim == "tool":
        return tool
    engine = child(tool, called="--event-log")
    return engine if victim == "engine" else child(engine, called="local_aws.provider")


def kill(process: subprocess.Popen[str], victim: str, how: signal.Signals) -> bool:
    """Signal the victim as soon as there is one; False if the tool ended before."""
    while process.poll() is None:
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            found = find(victim, process.pid)
            if found is not None:
                os.kill(found, how)
                return True
        time.sleep(PAUSE)
    return False


@contextlib.contextmanager
def killed_when(
    process: subprocess.Popen[str], victim: str, how: signal.Signals, moment: Callable[[], bool]
) -> Iterator[list[bool]]:
    """Signal the victim, beside the block, once the moment has come; the list holds at the end if that was in time."""
    done: list[bool] = []

    def watch() -> None:
        while process.poll() is None:
            if moment():
                done.append(kill(process, victim, how))
                return
            time.sleep(PAUSE)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield done
    finally:
        watcher.join()
