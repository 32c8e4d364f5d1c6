"""Processes of set-up: one at a time by locks, output in a log, failures with their cause; nothing half-made."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from estate_tool.console.progress import say, shown
from estate_tool.core import paths
from estate_tool.core.errors import Failed

ELSEWHERE = "ESTATE_CACHE names the cache folder; it may lie anywhere you can write"

# Would send uv or pip to another environment than the one named on their command line.
_MISLEADING = ("VIRTUAL_ENV", "CONDA_PREFIX", "UV_PYTHON", "UV_SYSTEM_PYTHON", "PIP_TARGET", "PIP_PREFIX", "PIP_ROOT")
_TAIL_LINES = 60

# Messages of uv, pip and go, with the cause and the hint; the first pattern that is found decides.
_CAUSES = [
    (
        r"no space left|os error 28\b|disk quota",
        "no space left on the disk",
        f"free some space and run the same command again\n{ELSEWHERE}",
    ),
    (
        r"signal: killed|out of memory|cannot allocate memory",
        "the machine has too little memory",
        "it takes about 2 GB; end other programs, or use a machine with more",
    ),
    (
        r"permission denied|os error 13\b|read-only file system|os error 30\b",
        "no permission to write",
        f"make the checkout and the cache folder writable for you\n{ELSEWHERE}",
    ),
    (
        r"hash mismatch|do not match the hashes|checksum mismatch|security error",
        "a download does not have the hash in the lock file",
        "do not use it; try again, and if it stays, ask the operator of the registry or proxy in between",
    ),
    (
        (
            r"dns error|error sending request|tcp connect|connect(ion)? (refused|reset|error)|timed? ?out"
            r"|name resolution|no such host|network is unreachable|failed to establish|proxyerror|network connectivity"
            r"|certificate"
        ),
        "the package registry can't be reached",
        """check the network and run the same command again; what is already there is kept
behind a proxy, HTTPS_PROXY and SSL_CERT_FILE are honoured; UV_DEFAULT_INDEX (Python) and GOPROXY (Go) name a mirror""",
    ),
]


def explain(doing: str, output: str, log: Path) -> Failed:
    """Return the error for a tool that failed while `doing` something; `log` has its whole `output`."""
    for pattern, cause, hint in _CAUSES:
        if re.search(pattern, output, re.I):
            return Failed(f"{doing}: {cause}", f"{hint}\nthe whole output: {log}")
    last = [line for line in output.splitlines() if line.strip()][-6:]
    return Failed("\n  ".join([f"{doing} failed:", *last]), f"the whole output: {log}")


def environ(**more: str) -> dict[str, str]:
    """Return the user's environment (proxies, mirrors, certificates) without variables that mislead the tools."""
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
    env: Mapping[str, str],
    cwd: Path | None = None,
    captured: bool = False,
    progress: Callable[[list[str]], str] = lambda lines: lines[-1].strip(),
) -> str:
    """Run `command`, appending its output to the log named `log`; raise `Failed` with the cause when it fails.

    `progress` turns the lines that came since its last call into a text for the moving line. Standard output is
    returned where it is `captured`, and goes to the log otherwise. When we are interrupted, the command is stopped.
    """
    file = paths.cache() / "logs" / f"{log}.log"
    file.parent.mkdir(parents=True, exist_ok=True)
    words = [str(part) for part in command]
    with file.open("ab") as out, tempfile.TemporaryFile() as answer:
        out.write(f"\n$ {' '.join(words)}\n".encode())
        out.flush()
        begin = out.tell()  # before the command writes: it shares the position
        stdout = answer if captured else out
        try:
            process = subprocess.Popen(
                words, cwd=cwd, env=dict(env), stdin=subprocess.DEVNULL, stdout=stdout, stderr=out
            )
        except OSError as error:
            raise Failed(f"{doing}: {command[0]} can't be started: {error.strerror}") from error
        tail = _followed(process, file, begin, doing, progress)
        if process.returncode:
            raise explain(doing, "\n".join(tail), file)
        answer.seek(0)
        return answer.read().decode(errors="replace")


def _followed(
    process: subprocess.Popen[bytes], log: Path, begin: int, doing: str, progress: Callable[[list[str]], str]
) -> Sequence[str]:
    """Wait for the process, showing what it logs from the offset `begin` on; return the last lines of that."""
    tail: deque[str] = deque(maxlen=_TAIL_LINES)
    rest, text, ended = "", doing, False
    with log.open(encoding="utf-8", errors="replace") as written, shown(doing) as show:
        written.seek(begin)
        try:
            while not ended:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(timeout=1)
                    ended = True
                *lines, rest = (rest + written.read() + "\n" * ended).split("\n")
                if new := [line for line in lines if line.strip()]:
                    tail.extend(new)
                    text = f"{doing} · {progress(new)}"
                show(text)
        except BaseException:
            _stop(process)
            raise
    return tail


def _stop(process: subprocess.Popen[bytes]) -> None:
    # As Ctrl-C does, which go takes as a request to stop the compilers it has started.
    process.send_signal(signal.SIGINT)
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@contextlib.contextmanager
def hold(path: Path, what: str) -> Iterator[None]:
    """Hold the lock file `path` while `what` is being made; wait while another process holds it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+", encoding="ascii") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            say(f"set-up: waiting for process {lock.read() or '(unknown)'}, which is making {what}")
            fcntl.flock(lock, fcntl.LOCK_EX)
        # The lock is the kernel's; the number is for the message to a waiting person.
        lock.truncate(0)
        print(os.getpid(), end="", file=lock, flush=True)
        yield


@contextlib.contextmanager
def beside(folder: Path) -> Iterator[Path]:
    """Make a new folder beside `folder`, to be renamed to it when it is complete; leftovers of it are removed.

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
