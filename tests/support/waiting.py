"""Waiting for what others do."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

PAUSE = 0.05  # seconds between two looks
T = TypeVar("T")


def expect_soon(look: Callable[[], T], what: str, seconds: float = 30.0) -> T:
    """Return the result of `look` as soon as it is true; AssertionError with `what` when it never is."""
    deadline = time.monotonic() + seconds
    while True:
        found = look()
        if found:
            return found
        assert time.monotonic() < deadline, f"not within {seconds:.0f} s: {what}"
        time.sleep(PAUSE)
