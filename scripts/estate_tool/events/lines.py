"""Numbered lines out of a stream of bytes that may be of any length, and what keeps one from being a message."""

from __future__ import annotations

import itertools
import json
import re
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from estate_tool.core.errors import Failed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_PIECE = 65_536
# What a message may not hold (Amazon SQS API Reference, SendMessage). A decoded text has no surrogates.
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ufffd\U00010000-\U0010ffff]")
_ONLY_OPENS = re.compile(r"[\s\[{]+")


class Line(NamedTuple):
    """A line that is not blank: its number, counted from 1, its text without the end, and why no queue can carry it."""

    number: int
    text: str
    problem: str = ""


class Lines:
    """Reads a stream line by line; no more than one line, cut off at `longest` bytes, is held in memory.

    `number` and `bytes_read` say how far it has come.
    """

    def __init__(self, stream: BinaryIO, *, longest: int, first: int = 1) -> None:
        self._stream = stream
        self._longest = longest
        self._first = first
        self.bytes_read = 0
        self.number = 0

    def __iter__(self) -> Iterator[Line]:
        """The lines that are not blank, from number `first` on."""
        while raw := self._next():
            self.number += 1
            if self.number == 1:
                raw = raw.removeprefix(_BYTE_ORDER_MARK)
            content = raw.rstrip(b"\r\n")
            if self.number >= self._first and content.strip():
                yield self._line(self.number, content)

    def _next(self) -> bytes:
        """The next line; of one that is too long, just enough to see that."""
        # One byte more than the longest line and its end can have.
        raw = rest = self._stream.readline(self._longest + 3)
        self.bytes_read += len(raw)
        while rest and not rest.endswith(b"\n"):
            rest = self._stream.readline(_PIECE)
            self.bytes_read += len(rest)
        return raw

    def _line(self, number: int, content: bytes) -> Line:
        if len(content) > self._longest:
            return Line(number, "", f"the line has more than the {self._longest:,} bytes that fit a message")
        try:
            text = content.decode("utf-8")
        except UnicodeDecodeError as error:
            return Line(number, "", f"the line is not UTF-8 text: byte {error.start + 1} is wrong")
        forbidden = _FORBIDDEN.search(text)
        if forbidden:
            place = f"character {forbidden.start() + 1} of the line is U+{ord(forbidden[0]):04X}"
            return Line(number, "", f"{place}, which no message can hold")
        return Line(number, text)


class LongerDocument(Failed):
    """The lines are parts of JSON documents, where each is to be an event of its own."""


def one_document_each(lines: Iterable[Line]) -> Iterator[Line]:
    """Yield the lines; raise LongerDocument at once if the first two are parts of one document."""
    source = iter(lines)
    begin = list(itertools.islice(source, 2))
    if (
        len(begin) == 2
        and _goes_on(begin[0].text)
        and (_ONLY_OPENS.fullmatch(begin[0].text) or _partial(begin[1].text))
    ):
        raise _longer(begin[0])
    yield from begin
    yield from source


def _longer(first: Line) -> LongerDocument:
    from shared.json_text import DOCUMENTS, ELEMENTS

    array = first.text.lstrip().startswith("[")
    kind, way = ("a JSON array", ELEMENTS) if array else ("JSON objects", DOCUMENTS)
    return LongerDocument(
        f"line {first.number} begins {kind} of several lines, and each event has to be one line; nothing was sent",
        f"send what this prints: {way}",
    )


def _partial(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return True
    return False


def _goes_on(text: str) -> bool:
    """True for the beginning of an object or array that ends between two of its parts, as no line cut off does."""
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        return text.lstrip()[:1] in ("[", "{") and error.pos >= len(text.rstrip())
    except (ValueError, RecursionError):
        pass
    return False
