"""A pipe that children watch: when its writing end closes, however its owner died, they end too.

Works for SIGKILL and on every Unix, which PR_SET_PDEATHSIG (Linux, and bound to a thread) does not.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable

VARIABLE = "ESTATE_LIFELINE"


def open_lifeline() -> tuple[int, int]:
    """(reading end for the children, writing end to keep open and never hand on)."""
    reader, writer = os.pipe()
    os.set_inheritable(writer, False)
    return reader, writer


def watch(when_cut: Callable[[], object]) -> None:
    """Call `when_cut` in a thread once the owner of the lifeline is gone; no-op without a lifeline."""
    descriptor = os.environ.pop(VARIABLE, "")
    if not descriptor:
        return

    def wait() -> None:
        while os.read(int(descriptor), 1):
            pass
        when_cut()

    threading.Thread(target=wait, daemon=True, name="lifeline").start()
