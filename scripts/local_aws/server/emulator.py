"""The emulator's process: ministack with our corrections, its state kept on disk.

Runs in ministack's own environment, in a session of its own, started by `control` with the variables that it sets.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import logging
import os
import shutil
import signal
import subprocess
import threading
import time
import traceback
import warnings
from dataclasses import replace
from pathlib import Path

from estate_tool.core.embedded import ports, record
from estate_tool.core.embedded.record import start_identity
from estate_tool.core.errors import EstateError
from local_aws.server import patches, snapshot
from local_aws.server.control import LONGEST_START


def main(arguments: list[str]) -> int:
    """Serve until a signal to stop; arguments are the folder, the port and a descriptor for the answer to `control`."""
    folder, port, ready = Path(arguments[0]), int(arguments[1]), int(arguments[2])
    process = Process(folder, port, ready)
    try:
        _serve(folder, port, process)
    except (snapshot.Unreadable, EstateError) as error:
        process.end(f"The saved state can't be used: {error}")
    except BaseException as error:
        traceback.print_exc()
        process.end(f"it failed: {error!r}")
    return 0


def _serve(folder: Path, port: int, process: Process) -> None:
    # Python warns of forks in programs with threads; the child of `snapshot` uses none.
    warnings.filterwarnings("ignore", category=DeprecationWarning, message=".*fork")
    os.environ.pop("PYTHONPATH", None)  # Lambda workers inherit the environment and must not see the estate's tool
    logging.getLogger("hypercorn.access").disabled = True
    # Held until this process and its last snapshot are done; two emulators on one state would destroy it.
    lock = (folder / "emulator.lock").open("a")
    fcntl.flock(lock, fcntl.LOCK_EX)
    shutil.rmtree(folder / "tmp", ignore_errors=True)
    (folder / "tmp").mkdir()
    patches.apply()
    from local_aws.server.application import Application  # after ministack, which reads its settings when it is loaded

    application = Application(folder, lock.fileno(), process.end)
    application.restore()
    threading.Thread(target=process.answer_when_ready, daemon=True, name="ready").start()
    asyncio.run(application.serve(port))


class Process:
    """Record of this process, its answer to the command that started it, and its end."""

    def __init__(self, folder: Path, port: int, ready: int) -> None:
        os.umask(0o077)
        os.set_inheritable(ready, False)
        self.port = port
        self._folder, self._ready = folder, ready
        self._record = record.Record(
            pid=os.getpid(), identity=start_identity(os.getpid()) or "", port=port, started=time.time()
        )
        record.write(folder, self._record)
        self._held_open = _kill_group_at_the_end()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, lambda *_: self.end())

    def answer_when_ready(self) -> None:
        """Report to the command that started this process as soon as the port answers."""
        deadline = time.monotonic() + LONGEST_START
        while (ports.ask(self.port) or {}).get("pid") != os.getpid():
            if time.monotonic() > deadline:
                self.end(f"it did not answer on port {self.port} within {LONGEST_START:.0f} s")
            time.sleep(0.03)
        self._report("ready")
        os.close(self._ready)
        self._ready = -1

    def _report(self, message: str) -> None:
        with contextlib.suppress(OSError):  # the command may be gone; after the start there is no descriptor
            os.write(self._ready, message.encode())

    def end(self, reason: str = "") -> None:
        """Kill the process group at once, processes of functions included; record `reason`, why it ended by itself.

        Without one the record goes: a full disk, on which no reason can be left, can't keep it from staying.
        """
        with contextlib.suppress(OSError):
            print(f"{time.strftime('%Y-%m-%d %H:%M:%S')} ended: {reason or 'stopped'}", flush=True)
        with contextlib.suppress(OSError):
            if reason:
                record.write(self._folder, replace(self._record, ended=reason))
            else:
                record.remove(self._folder)
        self._report(reason or "stopped while it was starting")
        os.killpg(os.getpgrp(), signal.SIGKILL)


def _kill_group_at_the_end() -> int:
    """Start a shell that kills what is left of this process group when this process has ended, however it ended.

    Return the descriptor whose closing by the kernel is the sign for it.
    """
    reader, writer = os.pipe()
    subprocess.Popen(["/bin/sh", "-c", "read -r _; kill -KILL 0"], stdin=reader)
    os.close(reader)
    return writer
