"""Commands that end with the process that started them, however it ended."""

from __future__ import annotations

import functools
import os
import subprocess
import sys

# PR_SET_PDEATHSIG of prctl(2): the kernel kills the command when its parent ends. It survives the exec. The parent
# may have ended before the call, hence the second look at whose child this is.
_SETPRIV = ["setpriv", "--pdeathsig", "KILL", "--", "sh", "-c", '[ "$PPID" = "$0" ] && exec "$@"']
_LAUNCHER = """
import ctypes, os, signal, sys
ctypes.CDLL(None).prctl(1, signal.SIGKILL)
if os.getppid() == int(sys.argv[1]):
    os.execvp(sys.argv[2], sys.argv[2:])
"""


def bound_to_us(command: list[str]) -> list[str]:
    """The command line, to be started from the main thread, that ends with this process; on Linux, elsewhere as it is.

    An engine that outlives us has lost the provider and the program, which we serve to it. What it was just creating
    it would write off as failed, and the resource would be lost; killed, it leaves a note of it in the state.
    """
    if not sys.platform.startswith("linux"):
        return command
    if _has_setpriv():
        return [*_SETPRIV, str(os.getpid()), *command]
    return [sys.executable, "-I", "-S", "-B", "-c", _LAUNCHER, str(os.getpid()), *command]


@functools.cache
def _has_setpriv() -> bool:
    """True if util-linux is here, and not too old; it starts in 2 ms, an interpreter in 50."""
    try:
        return subprocess.run([*_SETPRIV[:4], "true"], capture_output=True, check=False).returncode == 0
    except OSError:
        return False
