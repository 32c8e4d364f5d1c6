"""Progress of a long step: lines that stay, and one line that is rewritten in place where a terminal shows it."""

from __future__ import annotations

import shutil
import sys
import time
from typing import TextIO

from estate_tool.core.text import one_line, safe, unfiltered


class Report:
    """Writes progress to `stream` (stderr by default), where a log file gets a moving line only now and then."""

    def __init__(self, stream: TextIO | None = None, seconds_between: float = 20.0) -> None:
        self._out = unfiltered(stream or sys.stderr)
        self._in_place = self._out.isatty()
        self._seconds_between = seconds_between
        self._shown_at = time.monotonic()
        self._open = False

    def line(self, text: str) -> None:
        """A line that stays."""
        self._clear()
        print(safe(text), file=self._out, flush=True)
        self._shown_at = time.monotonic()

    __call__ = line

    def moving(self, text: str) -> None:
        """Show the progress of the step: in place on a terminal, elsewhere a line every `seconds_between`."""
        if self._in_place:
            width = shutil.get_terminal_size().columns - 1
            self._out.write(f"\r\x1b[K{one_line(text)[:width]}")
            self._out.flush()
            self._open = True
        elif time.monotonic() - self._shown_at >= self._seconds_between:
            self.line(text)

    def end(self) -> None:
        """Remove the moving line, before somebody else writes."""
        self._clear()
        self._out.flush()

    def _clear(self) -> None:
        if self._open:
            self._out.write("\r\x1b[K")
            self._open = False


def duration(seconds: float) -> str:
    """`7 s`, `3 min 05 s`."""
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"
