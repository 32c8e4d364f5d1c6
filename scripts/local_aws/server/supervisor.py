"""The one process that `estate local up` starts: it runs the emulator, which does not outlive it.

Usage: python -m local_aws.server supervisor FOLDER PORT READY_FD, in a session of its own, output into a log file.
READY_FD gets one line: "ready", or what went wrong.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import select
import shutil
import signal
import subprocess
import sys
import time
import traceback
from dataclasses import replace
from pathlib import Path

from estate_tool.core.embedded import ports, record
from estate_tool.core.embedded.record import start_identity
from local_aws.server import lifeline

LONGEST_START = 60.0
# The emulator's exit code when its last snapshot failed. Any other than 0 means the same.
NOT_SAVED = 3
# Longer than the emulator gives itself for its last snapshot.
LONGEST_END = 35.0
_FOR_DOWNLOADS = re.compile(r"(PATH|HOME|ESTATE_CACHE|XDG_CACHE_HOME|SSL_CERT_\w+|UV_\w+|\w+_proxy)$", re.I)
_KEPT_VARIABLES = (
    "PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "LD_LIBRARY_PATH", "SSL_CERT_FILE", "SSL_CERT_DIR",
    "ESTATE_ALARM_PERIOD_SECONDS", "LAMBDA_ACCOUNT_CONCURRENCY",
)  # fmt: skip


def main(arguments: list[str]) -> int:
    """Start the emulator, say so, wait for a signal or its death, and end everything."""
    folder, port, ready = Path(arguments[0]), int(arguments[1]), int(arguments[2])
    os.set_inheritable(ready, False)
    os.umask(0o077)
    supervisor, reason = Supervisor(folder, port), ""
    try:
        reason = supervisor.start()
        report(ready, reason or "ready")
        if not reason:
            os.close(ready)
            reason = supervisor.wait()
    except Exception as error:
        traceback.print_exc()
        reason = f"its supervisor failed: {error}"
        report(ready, reason)
    finally:
        supervisor.end(reason)
    return 0


def report(ready: int, message: str) -> None:
    """Answer the starting command, which may be gone; after a failure it waits until this process closes the pipe."""
    with contextlib.suppress(OSError):
        os.write(ready, message.encode())


class Supervisor:
    """Owner of the emulator, its lifeline and the record."""

    def __init__(self, folder: Path, port: int) -> None:
        self._folder = folder
        self._port = port
        self._emulator: subprocess.Popen[bytes] | None = None
        self._record = record.Record(
            pid=os.getpid(), identity=start_identity(os.getpid()) or "", port=port, started=time.time()
        )
        # Signals wake the select below through this pipe.
        self._signals, wake = os.pipe()
        os.set_blocking(wake, False)
        signal.set_wakeup_fd(wake)
        self._stopping = False
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._stop)
        signal.signal(signal.SIGCHLD, lambda *_: None)

    def _stop(self, *_: object) -> None:
        self._stopping = True

    def start(self) -> str:
        """Start the emulator and wait until it answers; return what went wrong, or nothing."""
        record.write(self._folder, self._record)
        temporary = self._folder / "tmp"
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir()
        reader, self._lifeline = lifeline.open_lifeline()
        with (self._folder / "emulator.log").open("ab") as log:
            self._emulator = subprocess.Popen(
                [sys.executable, "-u", "-m", "local_aws.server", "emulator"],
                env=self._environment(temporary) | {lifeline.VARIABLE: str(reader)},
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, pass_fds=(reader,),
            )  # fmt: skip
        os.close(reader)
        return self._wait_until_ready(self._emulator)

    def _wait_until_ready(self, emulator: subprocess.Popen[bytes]) -> str:
        deadline = time.monotonic() + LONGEST_START
        while not self._stopping:
            if dead := self._dead():
                return dead
            if time.monotonic() > deadline:
                return f"the emulator did not answer on port {self._port} within {LONGEST_START:.0f} s"
            answer = ports.ask(self._port)
            if answer is not None and answer.get("pid") == emulator.pid:
                return ""
            select.select([self._signals], [], [], 0.03)
        return "stopped while it was starting"

    def wait(self) -> str:
        """Sleep until a signal to stop (returns nothing) or until the emulator died (returns how)."""
        while not self._stopping:
            if dead := self._dead():
                return dead
            select.select([self._signals], [], [])
            os.read(self._signals, 4096)
        return ""

    def _dead(self) -> str:
        code = self._emulator.poll() if self._emulator else None
        if self._emulator is None or code is None:
            return ""
        how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
        return f"the emulator (PID {self._emulator.pid}) {how}"

    def end(self, reason: str) -> None:
        """End the emulator, in good order as far as time allows, leave the reason, and take everything along.

        The record goes only when all is saved: a full disk, on which no reason can be left, can't keep it from staying.
        """
        saved = self._end_emulator()
        if self._stopping:
            reason = "" if saved else record.UNSAVED
        with contextlib.suppress(OSError):
            print(f"{time.strftime('%Y-%m-%d %H:%M:%S')} ended: {reason or 'stopped'}", flush=True)
        with contextlib.suppress(OSError):
            if reason:
                record.write(self._folder, replace(self._record, ended=reason))
            else:
                record.remove(self._folder)
        # We lead the group: whatever the emulator left behind goes with us.
        os.killpg(os.getpgrp(), signal.SIGKILL)

    def _end_emulator(self) -> bool:
        """End the emulator and wait for it; True if nothing that it held is lost."""
        if self._emulator is None:
            return True
        self._emulator.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            # A signal ends it before it serves anybody; later it saves, and leaves with 0 when it could.
            return self._emulator.wait(LONGEST_END) in (0, -signal.SIGTERM)
        return False

    def _environment(self, temporary: Path) -> dict[str, str]:
        """Return all that the emulator gets: no AWS settings, proxies or Python settings of the user's are among it."""
        kept = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
        return kept | {
            "PYTHONPATH": os.pathsep.join(str(path) for path in Path(__file__).resolve().parents[2:4]),
            # For the packages of functions alone: the user's index, proxies and certificates.
            "ESTATE_DOWNLOADS": json.dumps({k: v for k, v in os.environ.items() if _FOR_DOWNLOADS.match(k)}),
            "TMPDIR": str(temporary),
            # Lambda's clock; and no settings of the user's for boto3 in the handlers.
            "TZ": ":UTC",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "ESTATE_AWS_FOLDER": str(self._folder),
            "BIND_HOST": ports.HOST,
            "GATEWAY_PORT": str(self._port),
            "AUTH": "true",
            "MINISTACK_ACCOUNT_ID": "123456789012",
            "MINISTACK_REGION": "us-east-1",
            "STATE_DIR": str(self._folder / "files"),
            "PERSIST_STATE": "0",
            "LOG_LEVEL": "WARNING",
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
            # macOS refuses forks, which `snapshot` needs, in some programs with threads.
            "OBJC_DISABLE_INITIALIZE_FORK_SAFETY": "YES",
        }
