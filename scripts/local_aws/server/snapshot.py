"""Keeps the emulator's state on disk: after changes, in the background, all services as of one instant.

The emulator itself saves only when it is shut down in good order, service by service. Here the process forks between
two requests; the child, a frozen copy of the memory, writes one file and puts it in place in one step. A crash
therefore loses what happened in the last moments, but never leaves one service newer than another.
"""

from __future__ import annotations

import asyncio
import contextlib
import copy
import gc
import os
import signal
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from estate_tool.core import paths
from local_aws.server import state_format

# A tenth of the time for snapshots: the next one waits ten times as long as the last one took.
_REST_FACTOR = 10
_SHORTEST_REST = 0.2
_LONGEST_SAVE = 120

State = dict[str, Any]


class Unreadable(Exception):
    """Saved state that can't be loaded; the message has the reason."""


def load(path: Path, scoped: state_format.Scoped) -> State:
    """Return what `save` wrote, {} when nothing was saved yet.

    Raises `Unreadable` when the file can't be understood, or when somebody else may have written it.
    """
    remove_unfinished(path)
    try:
        if problem := paths.distrusted(path):
            raise Unreadable(problem)
        return state_format.decode(path.read_bytes(), scoped)
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise Unreadable(f"{path} can't be read: {error!r}") from error


def remove_unfinished(path: Path) -> None:
    """Delete what a killed process left of a file that it was writing."""
    for unfinished in path.parent.glob(f".{path.name}.*"):
        unfinished.unlink(missing_ok=True)


def save(path: Path, collect: Callable[[], State], scoped: state_format.Scoped) -> None:
    """Write what `collect` returns; either the whole file is replaced or nothing."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with temporary.open("wb") as file:
            os.fchmod(file.fileno(), 0o600)
            file.write(state_format.encode(collect(), scoped))
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


class Keeper:
    """Saves the state some moments after it was touched. Lives on the emulator's event loop."""

    def __init__(self, path: Path, collect: Callable[[], State], kept: int, scoped: state_format.Scoped) -> None:
        """`kept` is a descriptor that the writing child keeps open: its lock shows that the state is still in use."""
        self._path = path
        self._scoped = scoped
        self._kept = kept
        self._collect = collect
        self._child = 0
        self._wake = asyncio.Event()
        self.saved_at: float | None = None
        self.error = ""

    def touch(self) -> None:
        """Something changed. From the event loop's thread only."""
        self._wake.set()

    async def run(self) -> None:
        """Save after changes until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            started = time.monotonic()
            child, reader = self._fork()
            await asyncio.to_thread(self._reap, child, reader)
            rest = max(_SHORTEST_REST, _REST_FACTOR * (time.monotonic() - started))
            if self.error:
                self._wake.set()
            await asyncio.sleep(rest)

    def save_now(self) -> None:
        """Save and wait for it; for the end. What is being saved already is older and must not come after it."""
        if self._child:
            with contextlib.suppress(OSError):
                os.kill(self._child, signal.SIGKILL)
                os.waitpid(self._child, 0)
            remove_unfinished(self._path)
        self._reap(*self._fork())

    def _fork(self) -> tuple[int, int]:
        """Start the child that saves; return its PID and the pipe to which it writes an error."""
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            _write_and_exit(lambda: save(self._path, self._collect, self._scoped), writer, self._kept)
        os.close(writer)
        self._child = child
        return child, reader

    def _reap(self, child: int, reader: int) -> None:
        with os.fdopen(reader, "rb") as answer:
            error = answer.read().decode(errors="replace")
        try:
            _, status = os.waitpid(child, 0)
        except ChildProcessError:
            # `save_now` was faster, and this save no longer counts.
            return
        self._child = 0
        if status and not error:
            error = f"the process that writes it ended with status {status}"
        if error and error != self.error:
            # The log may lie on the very disk that is full.
            with contextlib.suppress(OSError):
                print(f"the state could not be saved: {error}", flush=True)
        self.error = error
        if not error:
            self.saved_at = time.time()


def _write_and_exit(write: Callable[[], None], writer: int, kept: int) -> None:
    """In the forked child: write and leave without any of Python's tidying up, which belongs to the parent."""
    code = 1
    try:
        gc.disable()
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.alarm(_LONGEST_SAVE)
        _close_all_but({writer, kept})
        # The memory is a private copy already.
        copy.deepcopy = lambda value, *_: value
        write()
        code = 0
    except OSError as error:
        os.write(writer, str(error).encode())
    except BaseException:
        os.write(writer, traceback.format_exc().encode())
    finally:
        os._exit(code)


def _close_all_but(kept: set[int]) -> None:
    """Let go of the parent's sockets and lifelines, or they would outlive it."""
    for descriptor in [int(path.name) for path in Path("/dev/fd").iterdir()]:
        if descriptor > 2 and descriptor not in kept:
            with contextlib.suppress(OSError):
                os.close(descriptor)
