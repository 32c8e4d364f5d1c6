"""Polling with a deadline."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

PAUSE = 0.05  # seconds between two looks at first; a tenth of the time waited later
LONGEST_PAUSE = 0.3
T = TypeVar("T")


def expect_soon(look: Callable[[], T | None], what: str, seconds: float = 30.0) -> T:
    """Return the result of `look` as soon as it is true; AssertionError with `what` when it never is."""
    begun = time.monotonic()
    while True:
        found = look()
        if found:
            return found
        waited = time.monotonic() - begun
        assert waited < seconds, f"not within {seconds:.0f} s: {what}"
        time.sleep(min(max(PAUSE, waited / 10), LONGEST_PAUSE))
