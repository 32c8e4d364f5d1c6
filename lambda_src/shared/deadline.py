"""The time an invocation has left: everything that waits or talks to AWS is bounded by it."""

import random
import time
from collections.abc import Callable
from typing import Protocol

MARGIN_SECONDS = 1.0
"""Time kept back for logging and for returning the answer."""
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.05, 2.0
MAX_ATTEMPTS = 10
"""Attempts of a request: with the pauses, 6 s of waiting on average before it fails for now."""


class Context(Protocol):
    """Part of Lambda's context object that handlers use."""

    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds until Lambda ends the invocation."""
        ...


class Deadline:
    """The end of an invocation, less a margin."""

    def __init__(
        self, context: Context, sleep: Callable[[float], None] = time.sleep, margin: float = MARGIN_SECONDS
    ) -> None:
        self._context = context
        self._sleep = sleep
        self._margin = margin

    def before(self, seconds: float) -> "Deadline":
        """Return a deadline that much earlier, which leaves time for the last steps."""
        return Deadline(self._context, self._sleep, self._margin + seconds)

    def remaining(self) -> float:
        """Return the seconds left for work; negative when there are none."""
        return self._context.get_remaining_time_in_millis() / 1000 - self._margin

    def passed(self) -> bool:
        """Return True if no time is left for work."""
        return self.remaining() <= 0

    def pause(self, attempt: int) -> bool:
        """Wait after the attempt of this number, from 0 (exponential, full jitter); False if it has to be the last."""
        longest = min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2**attempt)
        if attempt + 1 >= MAX_ATTEMPTS or longest >= self.remaining():
            return False
        self._sleep(random.uniform(0, longest))
        return True
