"""Progress on stderr: lines that stay, and one moving line on a terminal, elsewhere a line now and then.

The moving line is drawn by rich, with the time of the step; set-up, which runs before rich is there, prints lines.
"""

from __future__ import annotations

import contextlib
import functools
import os
import sys
import time
from importlib.util import find_spec
from typing import TYPE_CHECKING, TextIO, cast

from estate_tool.core.text import SafeStream, one_line, safe, unfiltered

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.console import Console

_SECONDS_BETWEEN = 0.1
# In a log file.
_SECONDS_BETWEEN_LINES = 20.0


def say(text: str) -> None:
    """Print a line that stays."""
    print(text, file=sys.stderr, flush=True)


def duration(seconds: float) -> str:
    """`7 s`, `3 min 05 s`."""
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"


@functools.lru_cache(maxsize=4)
def console_on(stream: TextIO) -> Console:
    """Return the one console that draws on a stream; colours only on a terminal whose owner wants them."""
    from rich.console import Console

    terminal = stream.isatty()
    plain = not terminal or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return Console(
        file=stream, force_terminal=terminal, color_system=None if plain else "standard", markup=False,
        highlight=False, emoji=False, legacy_windows=False,
    )  # fmt: skip


class Progress:
    """Progress of a step that is called `doing`; the line disappears at its end."""

    def __init__(
        self, doing: str = "", stream: TextIO | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._out = unfiltered(stream or sys.stderr)
        self._clock = clock
        self._moves = self._out.isatty() and find_spec("rich") is not None
        self._shown_at = float("-inf")
        self._began = self._line_at = clock()
        self._live: _Live | None = None
        if doing:
            self.show(lambda: doing)

    def show(self, text: Callable[[], str]) -> None:
        """Show `text` in place of what was shown before, unless that was a moment ago."""
        now = self._clock()
        if now - self._shown_at < _SECONDS_BETWEEN:
            return
        self._shown_at = now
        if self._moves:
            doing = one_line(text())
            self._live = self._live or _Live(self._out, doing)
            self._live.update(doing)
        elif now - self._line_at >= _SECONDS_BETWEEN_LINES:
            self.line(f"{text()} · {duration(now - self._began)}")

    def line(self, text: str) -> None:
        """Print a line that stays."""
        if self._live:
            self._live.line(safe(text))
        else:
            print(safe(text), file=self._out, flush=True)
        self._line_at = self._clock()

    def end(self) -> None:
        """Remove the moving line."""
        if self._live:
            self._live.stop()
            self._live = None

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()


class _Live:
    """Moving line of a terminal; lines that others print to stderr meanwhile stand above it."""

    def __init__(self, stream: TextIO, doing: str) -> None:
        from rich.file_proxy import FileProxy
        from rich.progress import Progress as Bar
        from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn
        from rich.table import Column

        self._console = console_on(stream)
        text = TextColumn("{task.description}", markup=False, table_column=Column(no_wrap=True, overflow="ellipsis"))
        self._bar = Bar(
            SpinnerColumn(), text, TimeElapsedColumn(), console=self._console, transient=True, redirect_stdout=False,
            redirect_stderr=False,
        )  # fmt: skip
        self._task = self._bar.add_task(doing)
        self._bar.start()
        self._stderr = sys.stderr
        if unfiltered(sys.stderr) is stream:
            sys.stderr = cast("TextIO", SafeStream(cast("TextIO", FileProxy(self._console, stream))))

    def update(self, text: str) -> None:
        """Show another text."""
        self._bar.update(self._task, description=text)

    def line(self, text: str) -> None:
        """Print a line above."""
        self._console.print(text, soft_wrap=True)

    def stop(self) -> None:
        """Remove the line."""
        sys.stderr.flush()
        sys.stderr = self._stderr
        self._bar.stop()


@contextlib.contextmanager
def shown(doing: str = "") -> Iterator[Callable[[str], None]]:
    """Show the progress of a step that is called `doing`, and leave nothing of it behind."""
    with Progress(doing) as progress:
        yield lambda text: progress.show(lambda: text)
