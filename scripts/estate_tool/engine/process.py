"""The engine as a process: started, interrupted, ended with this one, and its event log."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from estate_tool.core.errors import Failed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

_POLL_SECONDS = 0.05


@dataclass(frozen=True, kw_only=True)
class Served:
    """Services of this process at a port of the loopback; `variables` with its address are the engine's environment's.

    `load` has them load what they need. It is called when the engine has been started, and must not wait.
    """

    port: int
    variables: Mapping[str, str]
    load: Callable[[], object]


# PR_SET_PDEATHSIG of prctl(2): the kernel kills the command when its parent ends. It survives the exec. The parent
# may have ended before the call, hence the second look at whose child this is.
_SETPRIV = ["setpriv", "--pdeathsig", "KILL", "--", "sh", "-c", '[ "$PPID" = "$0" ] && exec "$@"']
_LAUNCHER = """
import ctypes, os, signal, sys
ctypes.CDLL(None).prctl(1, signal.SIGKILL)
if os.getppid() == int(sys.argv[1]):
    os.execvp(sys.argv[2], sys.argv[2:])
"""


@contextlib.contextmanager
def started(
    command: list[str], folder: Path, environ: Mapping[str, str], *, merge: bool = True
) -> Iterator[subprocess.Popen[str]]:
    """Start the process; kill it if the block fails. In a process group of its own, it gets Ctrl-C once, from us."""
    try:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT if merge else subprocess.PIPE,
            text=True,
            errors="replace",
            process_group=0,
            umask=0o077,  # states and logs are for their owner alone
        )
    except FileNotFoundError as error:
        raise Failed("there is no `pulumi` on this machine", "get it: scripts/setup.sh") from error
    with process:
        try:
            yield process
        except BaseException:
            if process.poll() is None:
                process.kill()
            raise


def wait(process: subprocess.Popen[str]) -> str:
    """Return the process's output when it has ended. Ctrl-C makes the engine finish what it does and stop."""
    asked = 0
    while True:
        try:
            output, _ = process.communicate()
        except KeyboardInterrupt:
            asked += 1
            # The engine takes a second interrupt as an order to drop everything.
            process.send_signal(signal.SIGINT)
            continue
        if asked:
            raise KeyboardInterrupt
        return output


def exit_reason(code: int) -> str:
    """Describe the end of a process that printed nothing."""
    return f"pulumi ended with {code}" if code > 0 else f"pulumi was ended from outside, by signal {-code}"


class EventReader(threading.Thread):
    """Follows an event log, one JSON object per line, until `finish` is called."""

    def __init__(self, path: Path, on_event: Callable[[Mapping[str, Any]], None]) -> None:
        super().__init__(daemon=True)
        self._path = path
        self._on_event = on_event
        self._written = threading.Event()

    def run(self) -> None:
        """Hand every event on; the thread's own loop."""
        rest = ""
        with self._path.open(encoding="utf-8") as log:
            while True:
                complete = self._written.is_set()
                *lines, rest = (rest + log.read()).split("\n")
                for line in lines:
                    self._on_event(json.loads(line))
                if complete:
                    return
                self._written.wait(_POLL_SECONDS)

    def finish(self) -> None:
        """Read the rest; the engine must have ended."""
        self._written.set()
        self.join()


def killed_with_parent(command: list[str]) -> list[str]:
    """Return the command line of a process that the kernel kills with this one; elsewhere than on Linux, the same.

    It has to be started from the main thread. An engine that outlives us has lost the provider and the program, which
    we serve to it. What it was just creating it would write off as failed, and the resource would be lost; killed, it
    leaves a note of it in the state.
    """
    if not sys.platform.startswith("linux"):
        return command
    if _has_setpriv():
        return [*_SETPRIV, str(os.getpid()), *command]
    return [sys.executable, "-I", "-S", "-B", "-c", _LAUNCHER, str(os.getpid()), *command]


@functools.cache
def _has_setpriv() -> bool:
    """Return True if util-linux is here, and not too old; it starts in 2 ms, an interpreter in 50."""
    try:
        return subprocess.run([*_SETPRIV[:4], "true"], capture_output=True, check=False).returncode == 0
    except OSError:
        return False
