"""The engine as a process: how it is started, interrupted and ended."""

from __future__ import annotations

import contextlib
import signal
import subprocess
from typing import TYPE_CHECKING

from estate_tool.core.errors import Failed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path


@contextlib.contextmanager
def started(
    command: list[str], folder: Path, environ: Mapping[str, str], *, merge: bool = True
) -> Iterator[subprocess.Popen[str]]:
    """The process, ended with the block. It has its own process group, so that Ctrl-C reaches it once, through us."""
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
    """The process's output when it has ended. Ctrl-C makes the engine finish what is in flight and stop."""
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


def ended(code: int) -> str:
    """Describe the end of a process that printed nothing."""
    return f"pulumi ended with {code}" if code > 0 else f"pulumi was ended from outside, by signal {-code}"
