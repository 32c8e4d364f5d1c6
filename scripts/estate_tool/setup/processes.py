"""Processes of set-up: one at a time by locks, output in a log, failures with their cause; nothing half-made."""

from __future__ import annotations

import errno
import fcntl
import os
import re
import selectors
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from estate_tool.console.progress import Report, duration
from estate_tool.core import paths
from estate_tool.core.errors import EstateError, Failed

ELSEWHERE = "ESTATE_CACHE names the cache folder; it may lie anywhere you can write"

# Would send uv or pip to another environment than the one named on their command line.
_MISLEADING = ("VIRTUAL_ENV", "CONDA_PREFIX", "UV_PYTHON", "UV_SYSTEM_PYTHON", "PIP_TARGET", "PIP_PREFIX", "PIP_ROOT")
_TAIL_LINES = 60

# What uv, pip and go print for the same few causes; the first pattern that is found decides.
_CAUSES = [
    (
        re.compile(r"no space left|os error 28\b|disk quota", re.I),
        "no space left on the disk",
        f"free some space and run the same command again\n{ELSEWHERE}",
    ),
    (
        re.compile(r"signal: killed|out of memory|cannot allocate memory", re.I),
        "the machine has too little memory",
        "it takes about 2 GB; end other programs, or use a machine with more",
    ),
    (
        re.compile(r"permission denied|os error 13\b|read-only file system|os error 30\b", re.I),
        "no permission to write",
        f"make the checkout and the cache folder writable for you\n{ELSEWHERE}",
    ),
    (
        re.compile(r"hash mismatch|do not match the hashes|checksum mismatch|security error", re.I),
        "a download has not the hash that the lock file names",
        "do not use it; try again, and ask who runs the registry or proxy in between if it stays",
    ),
    (
        re.compile(
            r"dns error|error sending request|tcp connect|connect(ion)? (refused|reset|error)|timed? ?out"
            r"|name resolution|no such host|network is unreachable|failed to establish|proxyerror|network connectivity"
            r"|certificate",
            re.I,
        ),
        "the package registry can't be reached",
        """check the network and run the same command again; what is already there is kept
behind a proxy, HTTPS_PROXY and SSL_CERT_FILE are honoured; UV_DEFAULT_INDEX (Python) and GOPROXY (Go) name a mirror""",
    ),
]


def explain(doing: str, output: str, log: Path) -> Failed:
    """Return the error for a tool that failed while `doing` something; `log` has its whole `output`."""
    for pattern, cause, hint in _CAUSES:
        if pattern.search(output):
            return Failed(f"{doing}: {cause}", f"{hint}\nthe whole output: {log}")
    said = [line for line in output.splitlines() if line.strip()][-6:]
    return Failed("\n  ".join([f"{doing} failed:", *said]), f"the whole output: {log}")


@contextmanager
def writing(what: str, folder: Path) -> Iterator[None]:
    """Report a failure to write `what` into `folder` as a message; other errors pass."""
    try:
        yield
    except EstateError:
        raise
    except OSError as error:
        raise _unwritable(what, Path(error.filename) if isinstance(error.filename, str) else folder, error) from error


def _unwritable(what: str, at: Path, error: OSError) -> Failed:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        hint = "free some space and run the same command again"
    else:
        hint = "make that folder writable for you"
    cache = paths.cache()
    if at.is_relative_to(cache) or cache.is_relative_to(at):
        hint += f"\n{ELSEWHERE}"
    return Failed(f"can't write {what}: {at}: {error.strerror or error}", hint)


def environ(**more: str) -> dict[str, str]:
    """Return the user's environment (proxies, mirrors, certificates) without what misleads the tools."""
    kept = {name: value for name, value in os.environ.items() if name not in _MISLEADING}
    return kept | {"PIP_USER": "0", "PIP_DISABLE_PIP_VERSION_CHECK": "1", "UV_PYTHON_DOWNLOADS": "never"} | more


def base_python() -> Path:
    """Return the interpreter behind any virtual environment we may be running in."""
    return Path(sys.executable).resolve()


def run(
    command: Sequence[str | Path],
    *,
    doing: str,
    log: str,
    report: Report,
    env: Mapping[str, str],
    cwd: Path | None = None,
    to: Path | None = None,
    progress: Callable[[list[str]], str] = lambda lines: lines[-1].strip(),
) -> None:
    """Run `command`, appending its output to the log named `log`; raises `Failed` with the cause when it fails.

    `progress` turns the lines that came since its last call into what is shown beside the elapsed time. `to` takes
    standard output away from the log into a file. When we are interrupted, the command is stopped.
    """
    logs = paths.cache() / "logs"
    file = logs / f"{log}.log"
    with writing("a log", logs), _appending(file) as out, (to or Path(os.devnull)).open("wb") as aside:
        out.write(f"\n$ {' '.join(map(str, command))}\n".encode())
        out.flush()
        streams = (aside, subprocess.PIPE) if to else (subprocess.PIPE, subprocess.STDOUT)
        process = _started(command, doing, streams, env, cwd)
        stream = process.stderr if to else process.stdout
        assert stream is not None  # one of the two is a pipe
        try:
            tail = _follow(
                stream, out, lambda said, since: report.moving(f"{doing} · {duration(since)} · {said}"), progress
            )
            code = process.wait()
        except BaseException:
            _stop(process)
            raise
    if code != 0:
        raise explain(doing, "\n".join(tail), file)


def _started(
    command: Sequence[str | Path],
    doing: str,
    streams: tuple[IO[bytes] | int, int],
    env: Mapping[str, str],
    cwd: Path | None,
) -> subprocess.Popen[bytes]:
    words, (stdout, stderr) = [str(part) for part in command], streams
    try:
        return subprocess.Popen(words, cwd=cwd, env=dict(env), stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr)
    except OSError as error:
        raise Failed(f"{doing}: {command[0]} can't be started: {error.strerror}") from error


def _appending(log: Path) -> IO[bytes]:
    log.parent.mkdir(parents=True, exist_ok=True)
    return log.open("ab")


def _follow(
    stream: IO[bytes], log: IO[bytes], show: Callable[[str, float], None], progress: Callable[[list[str]], str]
) -> deque[str]:
    began = time.monotonic()
    tail: deque[str] = deque(maxlen=_TAIL_LINES)
    said, rest = "", b""
    with selectors.DefaultSelector() as selector:
        selector.register(stream, selectors.EVENT_READ)
        while True:
            if selector.select(timeout=1.0):
                chunk = os.read(stream.fileno(), 65536)
                log.write(chunk)
                log.flush()
                *lines, rest = (rest + chunk if chunk else rest + b"\n").split(b"\n")
                new = [text for line in lines if (text := line.decode(errors="replace")).strip()]
                tail.extend(new)
                said = progress(new) if new else said
                if not chunk:
                    return tail
            show(said, time.monotonic() - began)


def _stop(process: subprocess.Popen[bytes]) -> None:
    # As Ctrl-C does, which go takes as a request to stop the compilers it has started.
    process.send_signal(signal.SIGINT)
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@contextmanager
def hold(path: Path, what: str, report: Report) -> Iterator[None]:
    """Hold the lock file `path` while `what` is being made; wait, with progress, while another process holds it."""
    with writing("a lock file", path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        _wait(handle, what, report)
        # The lock is the kernel's; the number is for the message to a waiting person.
        with writing("a lock file", path.parent):
            os.ftruncate(handle, 0)
            os.pwrite(handle, str(os.getpid()).encode(), 0)
        yield
    finally:
        os.close(handle)


@contextmanager
def beside(folder: Path) -> Iterator[Path]:
    """Make a new folder beside `folder`, to be renamed to it when it is complete; whatever is left of it is removed.

    Its name is new each time: a tool that outlives a killed set-up may still be writing into the last one.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    _remove_leftovers(folder)
    made = Path(tempfile.mkdtemp(prefix=f"{folder.name}.new-", dir=folder.parent))
    made.chmod(0o755)  # as any other folder; mkdtemp's are for their owner alone
    try:
        yield made
    finally:
        _remove_leftovers(folder)


def _remove_leftovers(folder: Path) -> None:
    for leftover in folder.parent.glob(f"{folder.name}.new-*"):
        shutil.rmtree(leftover, ignore_errors=True)


def _wait(handle: int, what: str, report: Report) -> None:
    began = time.monotonic()
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() - began < 1:
                report.line(f"set-up: waiting for process {_holder(handle)}, which is making {what}")
        else:
            return
        time.sleep(1)
        report.moving(f"set-up: waiting for {what} · {duration(time.monotonic() - began)}")


def _holder(handle: int) -> str:
    return os.pread(handle, 32, 0).decode(errors="replace") or "(unknown)"
