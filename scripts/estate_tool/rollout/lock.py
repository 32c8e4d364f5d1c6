"""One rollout or teardown of an environment at a time.

On this machine by a lock that ends with its process; a real environment, which others may roll out as well, also by a
lease in the backend.
"""

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

    from estate_tool.core.environment import Environment
    from estate_tool.engine.cli import Pulumi

_POLL_SECONDS = 0.5


@contextlib.contextmanager
def taken(
    target: Environment, doing: str, *, changes: bool, new: bool = False, wait: bool, say: Callable[[str], None]
) -> Iterator[tuple[Pulumi, Callable[[], None]]]:
    """Take the environment for one command, and yield the engine, with a check that raises Failed when it is lost.

    Raises Failed, or with `wait` waits, while another command has it. A command that `changes` nothing takes no lease;
    one that makes a `new` environment may begin with none.
    """
    from estate_tool.rollout import lease, session

    with alone(target.name, doing, wait=wait, say=say), session.ready(target) as pulumi:
        # A local environment lies in this machine's own state folder.
        if target.local or not changes:
            yield pulumi, lambda: None
            return
        with lease.held(pulumi, doing, new=new, wait=wait, say=say) as still_ours:
            yield pulumi, still_ours


@contextlib.contextmanager
def alone(environment: str, doing: str, *, wait: bool, say: Callable[[str], None]) -> Iterator[None]:
    """Holds the environment while `doing` it; raises Failed, or with `wait` waits, while another process holds it.

    Other machines, and other checkouts, are held off by the lease.
    """
    path = home() / "rollouts" / f"{environment}.lock"
    for folder in (home(), path.parent):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        _take(handle, environment, wait, say)
        # The lock is the kernel's, which frees it however we end; its content only names the holder.
        _write(
            handle, {"pid": os.getpid(), "doing": doing, "since": datetime.now().astimezone().isoformat("T", "seconds")}
        )
        yield
    finally:
        os.close(handle)


def _take(handle: int, environment: str, wait: bool, say: Callable[[str], None]) -> None:
    reported = ""
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
                code="taken",
            )
        if holder != reported:
            say(f"waiting for {holder}")
            reported = holder
        time.sleep(_POLL_SECONDS)


def _write(handle: int, holder: dict[str, object]) -> None:
    os.ftruncate(handle, 0)
    os.pwrite(handle, json.dumps(holder).encode(), 0)


def _holder(handle: int) -> str:
    try:
        holder = json.loads(os.pread(handle, 4096, 0))
        return f"process {holder['pid']} ({holder['doing']}) since {holder['since']}"
    except (ValueError, KeyError, TypeError):
        return "another process, which has only just started"
