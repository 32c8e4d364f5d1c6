"""The one process that `estate local up` starts: it runs the emulator and its companion, and none of them outlives it.

Usage: python -m local_aws.server supervisor FOLDER PORT READY_FD, in a session of its own, output into a log file.
READY_FD gets one line: "ready", or what went wrong.
"""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import signal
import subprocess
import sys
import time
import traceback
from dataclasses import dataclass, replace
from pathlib import Path

from local_aws.server import lifeline, ports, record
from local_aws.server.identity import start_identity

LONGEST_START = 60.0
# The emulator's exit code when its last snapshot failed.
NOT_SAVED = 3
# Longer than the emulator gives itself for its last snapshot.
LONGEST_END = 35.0
_KEPT_VARIABLES = (
    "PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "LD_LIBRARY_PATH", "SSL_CERT_FILE", "SSL_CERT_DIR",
    "ESTATE_ALARM_PERIOD_SECONDS", "LAMBDA_ACCOUNT_CONCURRENCY",
)  # fmt: skip


@dataclass(frozen=True)
class Child:
    """A process that we run, and the port on which it must answer."""

    name: str
    port: int
    process: subprocess.Popen[bytes]


def main(arguments: list[str]) -> int:
    """Start the children, say so, wait for a signal or a death, and end everything."""
    folder, port, ready = Path(arguments[0]), int(arguments[1]), int(arguments[2])
    os.set_inheritable(ready, False)
    supervisor, reason = Supervisor(folder, port), ""
    try:
        reason = supervisor.start()
        tell(ready, reason or "ready")
        if not reason:
            os.close(ready)
            reason = supervisor.wait()
    except Exception as error:
        traceback.print_exc()
        reason = f"its supervisor failed: {error}"
        tell(ready, reason)
    finally:
        supervisor.end(reason)
    return 0


def tell(ready: int, message: str) -> None:
    """Answer the one who started us, who may be gone. Who hears of a failure waits until the pipe closes with us."""
    with contextlib.suppress(OSError):
        os.write(ready, message.encode())


class Supervisor:
    """Owner of the children, the lifeline and the record."""

    def __init__(self, folder: Path, port: int) -> None:
        self._folder = folder
        self._port = port
        self._children: list[Child] = []
        self._record = record.Record(
            pid=os.getpid(), identity=start_identity(os.getpid()) or "", port=port, companion_port=port + 1,
            started=time.time(),
        )  # fmt: skip
        # Signals wake the select below through this pipe.
        self._signals, wake = os.pipe()
        os.set_blocking(wake, False)
        signal.set_wakeup_fd(wake)
        self._told_to_stop = False
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._stop)
        signal.signal(signal.SIGCHLD, lambda *_: None)

    def _stop(self, *_: object) -> None:
        self._told_to_stop = True

    def start(self) -> str:
        """Start both children and wait until they answer; what went wrong, or nothing."""
        record.write(self._folder, self._record)
        temporary = self._folder / "tmp"
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir()
        reader, self._lifeline = lifeline.open_lifeline()
        environment = self._environment(temporary) | {lifeline.VARIABLE: str(reader)}
        for name, port in (("emulator", self._port), ("companion", self._port + 1)):
            with (self._folder / f"{name}.log").open("ab") as log:
                process = subprocess.Popen(
                    [sys.executable, "-u", "-m", "local_aws.server", name],
                    env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, pass_fds=(reader,),
                )  # fmt: skip
            self._children.append(Child(name, port, process))
        os.close(reader)
        return self._wait_until_ready()

    def _wait_until_ready(self) -> str:
        deadline = time.monotonic() + LONGEST_START
        waiting = list(self._children)
        while waiting and not self._told_to_stop:
            if dead := self._dead():
                return dead
            if time.monotonic() > deadline:
                return f"the {waiting[0].name} did not answer on port {waiting[0].port} within {LONGEST_START:.0f} s"
            waiting = [child for child in waiting if not self._answers(child)]
            select.select([self._signals], [], [], 0.03)
        return "stopped while it was starting" if self._told_to_stop else ""

    @staticmethod
    def _answers(child: Child) -> bool:
        told = ports.ask(child.port)
        return told is not None and told.get("pid") == child.process.pid

    def wait(self) -> str:
        """Sleep until told to stop (nothing) or until a child died (which)."""
        while not self._told_to_stop:
            if dead := self._dead():
                return dead
            select.select([self._signals], [], [])
            os.read(self._signals, 4096)
        return ""

    def _dead(self) -> str:
        for child in self._children:
            code = child.process.poll()
            if code is not None:
                how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
                return f"the {child.name} (PID {child.process.pid}) {how}"
        return ""

    def end(self, reason: str) -> None:
        """End the children, in good order as far as time allows, leave the reason, and take everything along."""
        for child in self._children:
            child.process.terminate()
        deadline = time.monotonic() + LONGEST_END
        for child in self._children:
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.process.wait(max(0.0, deadline - time.monotonic()))
        if any(child.process.poll() == NOT_SAVED for child in self._children):
            reason = reason or record.UNSAVED
        print(f"{time.strftime('%Y-%m-%d %H:%M:%S')} ended: {reason or 'told to stop'}", flush=True)
        with contextlib.suppress(OSError):
            if reason:
                record.write(self._folder, replace(self._record, ended=reason))
            else:
                record.remove(self._folder)
        # We lead the group: whatever a child left behind goes with us.
        os.killpg(os.getpgrp(), signal.SIGKILL)

    def _environment(self, temporary: Path) -> dict[str, str]:
        """All that the children get: nothing of the user's AWS settings, proxies or Python settings reaches them."""
        kept = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
        return kept | {
            "PYTHONPATH": str(Path(__file__).resolve().parents[2]),
            "TMPDIR": str(temporary),
            # Lambda's clock; and no settings of the user's for boto3 in the handlers.
            "TZ": ":UTC",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "ESTATE_AWS_FOLDER": str(self._folder),
            "ESTATE_COMPANION_PORT": str(self._port + 1),
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
