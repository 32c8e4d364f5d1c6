"""A line that says where a long step stands, made and shown no more often than a person can read it."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

from estate_tool.console.report import Report

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_SECONDS_BETWEEN = 0.1


class Progress:
    """Hands a report its moving line now and then."""

    def __init__(self, report: Report, clock: Callable[[], float] = time.monotonic) -> None:
        self.report = report
        self._clock = clock
        self._shown_at = float("-inf")

    def show(self, text: Callable[[], str]) -> None:
        """Show `text` in place of what was shown before, unless that was a moment ago."""
        now = self._clock()
        if now - self._shown_at >= _SECONDS_BETWEEN:
            self._shown_at = now
            self.report.moving(text())


@contextlib.contextmanager
def shown() -> Iterator[Callable[[str], None]]:
    """Shows where something stands, and leaves nothing of it behind."""
    progress = Progress(Report())
    try:
        yield lambda text: progress.show(lambda: text)
    finally:
        progress.report.end()
