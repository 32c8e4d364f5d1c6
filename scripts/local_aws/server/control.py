"""Start, stop and reset of a checkout's embedded AWS, from outside of its process."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import re
import select
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

from estate_tool.core import paths
from estate_tool.core.embedded import credentials, ports, record
from estate_tool.core.embedded.paths import ACCOUNT, REGION, LocalAwsPaths
from estate_tool.core.embedded.record import knows_us, start_identity, status
from estate_tool.core.errors import EstateError, Failed

Report = Callable[[str], None]
LONGEST_START = 60.0
# Longer than the emulator gives itself for its last snapshot.
LONGEST_END = 35.0
_LOG = "emulator.log"
_FOR_DOWNLOADS = re.compile(r"(PATH|HOME|ESTATE_CACHE|XDG_CACHE_HOME|SSL_CERT_\w+|UV_\w+|\w+_proxy)$", re.I)
_KEPT_VARIABLES = (
    "PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "LD_LIBRARY_PATH", "SSL_CERT_FILE", "SSL_CERT_DIR",
    "ESTATE_ALARM_PERIOD_SECONDS", "LAMBDA_ACCOUNT_CONCURRENCY",
)  # fmt: skip
_LOG_LIMIT = 5_000_000
_PROBE_BYTES = 1_000_000


def up(local: LocalAwsPaths, report: Report, python: Callable[[], Path]) -> bool:
    """Start the embedded AWS; False when it already runs. `python` returns the emulator's interpreter.

    Raises `Failed` when it can't be started, with the reason and a fix.
    """
    started = False
    if not status(local).answering:
        with _writing(local), _alone(local, report):
            started = not _running_here(local, report)
            if started:
                _start(local, report, python())
    return started


def down(local: LocalAwsPaths, report: Report) -> bool:
    """Save the state and stop the embedded AWS with all of its processes; False when it was not running.

    Raises `Failed` when it can't be stopped, or is stopped but could not save its last changes.
    """
    if not local.folder.exists():
        return False
    with _writing(local), _alone(local, report):
        found = record.read(local.folder)
        running = found is not None and found.alive
        if found and running:
            _stop(found)
        left = record.read(local.folder)
        record.remove(local.folder)
        _wait_for_emulator(local)
    if running and left:
        raise Failed(
            f"the embedded AWS is stopped, but {left.ended or record.UNSAVED}",
            f"what was saved before is still there; is the disk full? Its logs: {local.folder}/*.log",
        )
    return running


def reset(local: LocalAwsPaths, report: Report) -> None:
    """Stop the embedded AWS and delete its state, and Pulumi's state of it."""
    down(local, report)
    with _writing(local), _alone(local, report):
        for folder in (local.folder, local.home / "state"):
            if folder.exists():
                shutil.rmtree(folder)


def _running_here(local: LocalAwsPaths, report: Report) -> bool:
    """Return True if it answers on the configured port; raise `Failed` when it runs on another one.

    Wait for a start or a stop under way: the command that began it may have been killed.
    """
    waiting_since = time.monotonic()
    while (found := record.read(local.folder)) is not None and found.alive:
        if found.port != local.port:
            raise Failed(
                f"this checkout's embedded AWS runs on port {found.port}, and ESTATE_PORT is {local.port}",
                "stop it first: scripts/estate local down",
            )
        answer = ports.ask(found.port, credentials.read(local.home), timeout=10)
        if answer is not None:
            if knows_us(answer):
                return True
            raise Failed(
                f"the embedded AWS (PID {found.pid}) does not know the credentials in {local.home / credentials.FILE}",
                "scripts/estate local down, then up again",
            )
        waited = time.monotonic() - waiting_since
        if waited > LONGEST_END and time.time() - found.started > LONGEST_START:
            raise Failed(
                f"the embedded AWS (PID {found.pid}) runs, but port {found.port} does not answer",
                f"scripts/estate local down, then up again; its logs: {local.folder}/*.log",
            )
        if waited > 1:
            report(f"embedded AWS: waiting for PID {found.pid} to answer or to end")
        time.sleep(0.05 if waited < 1 else 1)
    return False


def _start(local: LocalAwsPaths, report: Report, python: Path) -> None:
    _wait_for_emulator(local)
    if not ports.is_free(local.port):
        raise _taken(local)
    credentials.read_or_create(local.home)
    for folder in (local.folder, local.folder / "files"):
        paths.make_private_folder(folder)
    for unfinished in local.folder.glob(f".{record.NAME}.*"):
        unfinished.unlink(missing_ok=True)
    _refuse_old_state(local)
    _try_to_write(local.folder / ".probe")
    log = local.folder / _LOG
    if log.exists() and log.stat().st_size > _LOG_LIMIT:
        log.replace(log.with_suffix(".log.1"))
    report(f"embedded AWS: starting on 127.0.0.1, port {local.port}")
    answer = _launch(local, python)
    if answer != "ready":
        raise Failed(
            f"the embedded AWS did not start: {answer or 'its process ended silently'}\n{_last_lines(local)}",
            f"the logs: {local.folder}/*.log",
        )


def _launch(local: LocalAwsPaths, python: Path) -> str:
    """Start the emulator in a session of its own; return its answer: "ready", or the reason why not."""
    reader, writer = os.pipe()
    command = [str(python), "-u", "-m", "local_aws.server", str(local.folder), str(local.port), str(writer)]
    with (local.folder / _LOG).open("ab") as log:
        os.fchmod(log.fileno(), 0o600)
        try:
            subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, pass_fds=(writer,),
                env=_environment(local), cwd="/",
            )  # fmt: skip
        except OSError as error:
            return f"its Python {python} can't be started: {error.strerror}"
        finally:
            os.close(writer)
    with os.fdopen(reader, "rb") as answer:
        ready, _, _ = select.select([answer], [], [], LONGEST_START + 10)
        return answer.read().decode(errors="replace") if ready else "its process does not answer"


def _environment(local: LocalAwsPaths) -> dict[str, str]:
    """Return the emulator's whole environment, without the user's settings of AWS, proxies and Python."""
    kept = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
    return kept | {
        "PYTHONPATH": os.pathsep.join(str(path) for path in Path(__file__).resolve().parents[2:4]),
        # For the packages of functions alone: the user's index, proxies and certificates.
        "ESTATE_DOWNLOADS": json.dumps({k: v for k, v in os.environ.items() if _FOR_DOWNLOADS.match(k)}),
        "TMPDIR": str(local.folder / "tmp"),
        # Lambda's clock; and no settings of the user's for boto3 in the handlers.
        "TZ": ":UTC",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "ESTATE_AWS_FOLDER": str(local.folder),
        "BIND_HOST": ports.HOST,
        "GATEWAY_PORT": str(local.port),
        "AUTH": "true",
        "MINISTACK_ACCOUNT_ID": ACCOUNT,
        "MINISTACK_REGION": REGION,
        "STATE_DIR": str(local.folder / "files"),
        "PERSIST_STATE": "0",
        "LOG_LEVEL": "WARNING",
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        # macOS refuses forks, which `snapshot` needs, in some programs with threads.
        "OBJC_DISABLE_INITIALIZE_FORK_SAFETY": "YES",
    }


def _stop(found: record.Record) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(found.pid, signal.SIGTERM)
    if not _until(lambda: start_identity(found.pid) != found.identity, LONGEST_END + 5):
        # It leads a group of its own, to which all of its children belong.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(found.pid, signal.SIGKILL)
        if not _until(lambda: start_identity(found.pid) != found.identity, 5):
            raise Failed(
                f"the embedded AWS (PID {found.pid}) can't be stopped", f"kill it by hand: kill -9 -{found.pid}"
            )


def _until(condition: Callable[[], bool], seconds: float) -> bool:
    """Wait for the condition; False when it does not come true in time."""
    deadline = time.monotonic() + seconds
    while not (true := condition()) and time.monotonic() < deadline:
        time.sleep(0.01)
    return true


def _lock(file: IO[str]) -> bool:
    with contextlib.suppress(BlockingIOError):
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False


def _taken(local: LocalAwsPaths) -> EstateError:
    """Return the error that names the port's owner: another checkout's embedded AWS, or a process if known."""
    port, other = local.port, ports.ask(local.port)
    suggestion = f"choose another port, for example: export ESTATE_PORT={ports.free_port()}"
    if other and other["home"] == str(local.home):
        return Failed(
            f"port {port} is held by an embedded AWS of this checkout, whose record is gone from {local.folder}",
            f"end it: kill {other['pid']}",
        )
    if other:
        return Failed(
            f"port {port} belongs to the embedded AWS of another checkout, which lives in {other['home']}",
            f"{suggestion}\nor stop that one: scripts/estate local down, in its checkout",
        )
    who = ports.listener(port) or "a process of another user"
    return Failed(f"port {port} on 127.0.0.1, which the embedded AWS needs, is taken by {who}", suggestion)


@contextlib.contextmanager
def _alone(local: LocalAwsPaths, report: Report) -> Iterator[None]:
    """Lock against other commands that start, stop or reset. The kernel frees the lock when its holder ends."""
    paths.make_private_folder(local.home)
    with (local.home / "aws.lock").open("a") as lock:
        os.fchmod(lock.fileno(), 0o600)
        if not _lock(lock):
            report("embedded AWS: waiting for another command that starts or stops it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _wait_for_emulator(local: LocalAwsPaths) -> None:
    """Wait until a killed emulator's last snapshot has ended: no other emulator may start before."""
    path = local.folder / "emulator.lock"
    if not path.exists():
        return
    with path.open("a") as lock:
        if not _until(lambda: _lock(lock), LONGEST_END):
            raise Failed(
                f"an emulator that is not on record still uses {local.folder}",
                f"find it and end it: {ports.listener(local.port) or 'a process named ministack'}",
            )


@contextlib.contextmanager
def _writing(local: LocalAwsPaths) -> Iterator[None]:
    """Raise `Failed` with a fix when the disk is full or not writable."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            hint = "free some space and run the same command again"
        else:
            hint = "make it writable for you"
        raise Failed(
            f"can't keep the embedded AWS's files: {error.filename or local.folder}: {error.strerror or error}",
            f"{hint}, or set ESTATE_HOME to another folder",
        ) from error


def _refuse_old_state(local: LocalAwsPaths) -> None:
    """Raise `Failed` for a state of a format that could run code when it is read, which earlier versions wrote."""
    old = local.folder / "state.pickle"
    if old.exists():
        raise Failed(
            f"{old} was written by an earlier version of the estate, in a format that is no longer read",
            "forget what is in it, and deploy anew: scripts/estate local reset",
        )


def _try_to_write(probe: Path) -> None:
    """Detect a full disk here, where it can be reported."""
    try:
        probe.write_bytes(bytes(_PROBE_BYTES))
    finally:
        probe.unlink(missing_ok=True)


def _last_lines(local: LocalAwsPaths, count: int = 8) -> str:
    with contextlib.suppress(OSError):
        text = (local.folder / _LOG).read_text(errors="replace")
        return "\n".join(f"  {line}" for line in text.splitlines()[-count:])
    return ""
