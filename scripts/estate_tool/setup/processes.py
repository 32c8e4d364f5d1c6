"""Runs the tools the set-up is made of: their output goes to a log, the last line of it to the progress."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO

from estate_tool.console.report import Report, duration
from estate_tool.core import paths
from estate_tool.core.errors import Failed
from estate_tool.setup.failures import explain, writing

# Would send uv or pip to another environment than the one named on their command line.
_MISLEADING = ("VIRTUAL_ENV", "CONDA_PREFIX", "UV_PYTHON", "UV_SYSTEM_PYTHON", "PIP_TARGET", "PIP_PREFIX", "PIP_ROOT")
_TAIL_LINES = 60


def environ(**more: str) -> dict[str, str]:
    """The environment for the tools: the user's own (proxies, mirrors, certificates), without what misleads them."""
    kept = {name: value for name, value in os.environ.items() if name not in _MISLEADING}
    return kept | {"PIP_USER": "0", "PIP_DISABLE_PIP_VERSION_CHECK": "1", "UV_PYTHON_DOWNLOADS": "never"} | more


def base_python() -> Path:
    """The interpreter behind any virtual environment we may be running in."""
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
