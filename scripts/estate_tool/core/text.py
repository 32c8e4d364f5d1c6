"""Text for people: control characters written out, lines wrapped, counts and spans of time in words.

No control character of others gets through to a terminal. Nothing but the standard library: set-up prints before there
is an environment.
"""

from __future__ import annotations

import contextlib
import re
import shutil
import sys
import textwrap
import time
from typing import TYPE_CHECKING, Any, TextIO, cast

if TYPE_CHECKING:
    from collections.abc import Iterator

# C0 and C1 but for the tab and the end of a line, DEL, what turns the direction of writing, other ends of lines,
# invisible tags, and halves of characters, which no encoding has.
_UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufff9-\ufffb\U000e0000-\U000e007f\ud800-\udfff]"
)
# Parts of lines that have to stay in one piece, to be copied.
_WHOLE = ("://", "scripts/", "--", "─")
_UNSAFE_IN_LINE = re.compile(f"{_UNSAFE.pattern}|[\t\n]")


def safe(text: str) -> str:
    """Return the text with its control characters written out, as JSON writes them: \\u001b. Lines stay lines."""
    return _UNSAFE.sub(_written_out, text)


def one_line(text: str) -> str:
    """Return the text, such as a name, on one line: tabs and ends of lines are written out, too."""
    return _UNSAFE_IN_LINE.sub(_written_out, text)


def wrapped(line: str, stream: TextIO) -> str:
    """Return the line broken between words where a terminal is narrower; whole if it holds a command or an address."""
    room = shutil.get_terminal_size().columns
    if not stream.isatty() or len(line) <= room or any(mark in line for mark in _WHOLE):
        return line
    indent = line[: len(line) - len(line.lstrip())] + "  "
    return textwrap.fill(line, room, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


def _written_out(found: re.Match[str]) -> str:
    code = ord(found[0])
    if code < 0x10000:
        return f"\\u{code:04x}"
    # As a pair of surrogates, so that a JSON text stays the same text.
    return f"\\u{0xD7C0 + (code >> 10):04x}\\u{0xDC00 + (code & 0x3FF):04x}"


class SafeStream:
    """A text stream that writes control characters out; the tool itself draws on `unfiltered`."""

    def __init__(self, stream: TextIO) -> None:
        self.unfiltered = stream
        self.written = False

    def write(self, text: str) -> int:
        """Write the text, filtered; remember that there was one."""
        self.written = self.written or bool(text)
        self.unfiltered.write(safe(text))
        return len(text)

    def writelines(self, lines: Any) -> None:
        """Write the texts, filtered."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        """Return an attribute of the stream itself."""
        return getattr(self.unfiltered, name)


def unfiltered(stream: TextIO) -> TextIO:
    """Return the stream on which colours and moving lines are drawn; texts of others have to be made `safe` first."""
    return getattr(stream, "unfiltered", stream)


@contextlib.contextmanager
def filtered() -> Iterator[None]:
    """Filter everything that is printed within the block."""
    out, err = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = (
        stream if isinstance(stream, SafeStream) else cast("TextIO", SafeStream(stream)) for stream in (out, err)
    )
    try:
        yield
    finally:
        sys.stdout, sys.stderr = out, err


def counted(number: float, noun: str, plural: str = "") -> str:
    """Return a number with its noun: `1 message`, `2,000 messages`, with `plural` where it is no -s."""
    return f"{number:,} {noun if number == 1 else plural or f'{noun}s'}"


def utc_time(moment: float) -> str:
    """Return a moment in seconds since 1970 as it is stored and shown: `2026-01-31T12:00:00Z`."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(moment))


def span(seconds: float) -> str:
    """Return a span of time by its largest unit but one: `0 s`, `4 min`, `2 h 05 min`, `3 days 2 h`."""
    minutes, hours, days = int(seconds // 60), int(seconds // 3600), int(seconds // 86400)
    if days:
        return f"{counted(days, 'day')} {hours % 24} h"
    if hours:
        return f"{hours} h {minutes % 60:02d} min"
    return f"{minutes} min" if minutes else f"{int(seconds)} s"
