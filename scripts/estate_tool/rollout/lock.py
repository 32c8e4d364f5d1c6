"""One rollout or teardown of an environment at a time, on this machine: a lock that ends with its process."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import time
from datetime import datetime
from typing import TYPE_CHECKING

from estate_tool.core.errors import Failed
from estate_tool.core.paths import home

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_POLL_SECONDS = 0.5


@contextlib.contextmanager
def alone(environment: str, doing: str, *, wait: bool, say: Callable[[str], None]) -> Iterator[None]:
    """Holds the environment while `doing` it; raises Failed, or waits if told to, while another process holds it.

    Other machines, and other checkouts, are held off layer by layer by the engine's own locks.
    """
    path = home() / "rollouts" / f"{environment}.lock"
    for folder in (home(), path.parent):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        _take(handle, environment, wait, say)
        # The lock is the kernel's, which frees it however we end; what is written only tells others who holds it.
        _tell(
            handle, {"pid": os.getpid(), "doing": doing, "since": datetime.now().astimezone().isoformat("T", "seconds")}
        )
        yield
    finally:
        os.close(handle)


def _take(handle: int, environment: str, wait: bool, say: Callable[[str], None]) -> None:
    told = ""
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = _holder(handle)
        else:
            return
        if not wait:
            raise Failed(
                f"environment {environment} is taken by {holder}; nothing was touched",
                "wait for it to end, and run the same command again; or add --wait",
            )
        if holder != told:
            say(f"waiting for {holder}")
            told = holder
        time.sleep(_POLL_SECONDS)


def _tell(handle: int, holder: dict[str, object]) -> None:
    os.ftruncate(handle, 0)
    os.pwrite(handle, json.dumps(holder).encode(), 0)


def _holder(handle: int) -> str:
    try:
        holder = json.loads(os.pread(handle, 4096, 0))
        return f"process {holder['pid']} ({holder['doing']}) since {holder['since']}"
    except (ValueError, KeyError, TypeError):
        return "another process, which has only just started"
