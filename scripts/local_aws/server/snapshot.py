"""Snapshots of the emulator's state on disk: after changes, in the background, all services as of one instant.

The emulator itself saves only when it is shut down in good order, service by service. Here the process forks between
two requests; the child, a frozen copy of the memory, writes one file and puts it in place in one step. A crash
therefore loses what happened in the last moments, but never leaves one service newer than another.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import copy
import gc
import json
import os
import secrets
import signal
import time
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from estate_tool.core import paths

# A tenth of the time for snapshots: the next one waits ten times as long as the last one took.
_REST_FACTOR = 10
_SHORTEST_REST = 0.2
_LONGEST_SAVE = 120

State = dict[str, Any]


class Unreadable(Exception):
    """Saved state that can't be loaded; the message has the reason."""


def load(path: Path, scoped: Scoped) -> State:
    """Return the saved state, {} when nothing was saved yet.

    Raises `Unreadable` when the file is damaged, or when another user may have written it.
    """
    remove_unfinished(path)
    try:
        if problem := paths.distrusted(path):
            raise Unreadable(problem)
        return decode(path.read_bytes(), scoped)
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise Unreadable(f"{path} can't be read: {error!r}") from error


def remove_unfinished(path: Path) -> None:
    """Delete temporary files of a process that was killed while it wrote."""
    for unfinished in path.parent.glob(f".{path.name}.*"):
        unfinished.unlink(missing_ok=True)


def save(path: Path, collect: Callable[[], State], scoped: Scoped) -> None:
    """Replace the file by the state that `collect` returns, atomically."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with temporary.open("wb") as file:
            os.fchmod(file.fileno(), 0o600)
            file.write(encode(collect(), scoped))
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


class Keeper:
    """Saves the state some moments after it was touched. Lives on the emulator's event loop."""

    def __init__(self, path: Path, collect: Callable[[], State], kept: int, scoped: Scoped) -> None:
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
        """Schedule a save after a change. From the event loop's thread only."""
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
        """Save before the process ends; a save under way is older and is aborted, so that it can't come last."""
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
    """Write in the forked child and exit without Python's clean-up, which is the parent's."""
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
    """Close the parent's sockets and pipes, which would stay open after its end."""
    for descriptor in [int(path.name) for path in Path("/dev/fd").iterdir()]:
        if descriptor > 2 and descriptor not in kept:
            with contextlib.suppress(OSError):
                os.close(descriptor)


# --- format ----------------------------------------------------------------------------------------------------------

FORMAT = 3
# ministack's dictionaries by account, and by account and region: a factory by the name of the class.
Scoped = Mapping[str, Callable[[], Any]]


def encode(states: Mapping[str, Any], scoped: Scoped) -> bytes:
    """Return the file's content; TypeError for an object of a class that it has no form for."""
    tag = secrets.token_hex(16)

    def tagged(value: Any) -> dict[str, Any]:
        name = type(value).__name__
        if name in scoped:
            return {tag: name, "value": [[_key(key), item] for key, item in value._data.items()]}
        if isinstance(value, bytes | bytearray):
            return {tag: "bytes", "value": base64.b64encode(value).decode()}
        if isinstance(value, set | frozenset):
            return {tag: "set", "value": list(value)}
        raise TypeError(f"a {name} can't be part of the saved state")

    def _key(key: Any) -> Any:
        return {tag: "tuple", "value": [_key(part) for part in key]} if isinstance(key, tuple) else key

    head = json.dumps({"format": FORMAT, "mark": tag})
    return f"{head}\n{json.dumps(states, default=tagged, separators=(',', ':'))}\n".encode()


def decode(content: bytes, scoped: Scoped) -> dict[str, Any]:
    """Return the states; ValueError when the content is not what `encode` returns."""
    head, _, body = content.partition(b"\n")
    header = json.loads(head)
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        raise ValueError("it was written by another version of the estate")
    tag = header["mark"]

    def untagged(value: dict[str, Any]) -> Any:
        kind = value.get(tag)
        if kind is None:
            return value
        content = value["value"]
        if kind == "bytes":
            return base64.b64decode(content)
        if kind == "tuple":
            return tuple(content)
        if kind == "set":
            return set(content)
        made = scoped[kind]()
        made._data.update(content)
        return made

    states: dict[str, Any] = json.loads(body, object_hook=untagged)
    return states
