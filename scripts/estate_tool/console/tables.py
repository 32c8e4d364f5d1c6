"""Tables for people, by rich: as wide as the terminal, whole columns left out where it is narrow."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from itertools import zip_longest
from typing import TYPE_CHECKING

from rich.cells import cell_len

from estate_tool.core.text import one_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

RULE: tuple[str, ...] = ()
"""Row that is drawn as a line across the table."""
_GAP = 2
_LEAST = 8


@dataclass(frozen=True)
class Column:
    """Column of a table.

    `drop`: a narrow terminal leaves out columns with the highest number first, and those with 0 never. `wrap`: its
    text may be continued on further lines, between words.
    """

    title: str
    drop: int = 0
    left: bool = False
    wrap: bool = False


def number(value: float | None) -> str:
    """Return the text of a number's cell; a dash for one that is not known."""
    return "–" if value is None else f"{value:,}"


def table(
    columns: Sequence[Column | str], rows: Sequence[Sequence[str]], *, indent: int = 0, width: int | None = None
) -> Iterator[str]:
    """Yield the lines of a table of at most `width` characters (the terminal's, or 80); the first column is left.

    Cells are other people's text: control characters are written out, and markup is text. Columns that had to be left
    out are named in a line below.
    """
    known = [Column(one, left=not index) if isinstance(one, str) else one for index, one in enumerate(columns)]
    shown = [[one_line(cell) for cell in row] or ["\0"] + [""] * (len(known) - 1) for row in rows]
    room = (width or shutil.get_terminal_size().columns) - indent
    kept = _fitting(known, shown, room)
    drawn = _drawn([known[index] for index in kept], [[row[index] for index in kept] for row in shown], room)
    across = "─" * max(map(len, drawn), default=0)
    yield from (" " * indent + (across if line == "\0" else line) for line in drawn)
    if left_out := [one.title for index, one in enumerate(known) if index not in kept]:
        yield f"{' ' * indent}not shown in {room + indent} columns: {', '.join(left_out)}"


def _fitting(columns: Sequence[Column], rows: Sequence[Sequence[str]], room: int) -> list[int]:
    """Return the indices of the columns that fit side by side without a word being cut."""
    needed = [_needed(one, [row[index] for row in rows]) for index, one in enumerate(columns)]
    kept = list(range(len(columns)))
    while sum(needed[index] + _GAP for index in kept) - _GAP > room:
        last = max(kept, key=lambda index: (columns[index].drop, index))
        if not columns[last].drop:
            break
        kept.remove(last)
    return kept


def _needed(column: Column, cells: Sequence[str]) -> int:
    texts = [column.title, *cells]
    return max(cell_len(part) for text in texts for part in ((text.split() or [""]) if column.wrap else [text]))


def _drawn(columns: Sequence[Column], rows: Sequence[Sequence[str]], room: int) -> list[str]:
    """Return the lines; by hand, as rich's own table takes 15 s for the 35,000 rows of a year."""
    whole = [[one.title for one in columns], *rows]
    widths = [max(cell_len(row[index]) for row in whole) for index in range(len(columns))]
    least = [_needed(one, [row[index] for row in rows]) for index, one in enumerate(columns)]
    too_much = sum(widths) + _GAP * (len(widths) - 1) - room
    # The widest columns that may be wrapped give way first; if that is not enough, all do.
    for given in (least, [_LEAST] * len(columns)):
        for index in sorted(range(len(columns)), key=lambda index: given[index] - widths[index]):
            give = max(min(widths[index] - given[index], too_much), 0)
            widths[index], too_much = widths[index] - give, too_much - give
    return [line for row in whole for line in _lines(columns, row, widths)]


def _lines(columns: Sequence[Column], row: Sequence[str], widths: Sequence[int]) -> Iterator[str]:
    parts = [_wrapped(cell, width) for cell, width in zip(row, widths, strict=True)]
    for line in zip_longest(*parts, fillvalue=""):
        cells = (
            text + " " * (width - cell_len(text)) if one.left else " " * (width - cell_len(text)) + text
            for one, text, width in zip(columns, line, widths, strict=True)
        )
        yield (" " * _GAP).join(cells).rstrip()


def _wrapped(cell: str, width: int) -> list[str]:
    if cell_len(cell) <= width:
        return [cell]
    from rich.console import Console
    from rich.text import Text

    return [line.plain.rstrip() for line in Text(cell).wrap(Console(width=width), width)]
