"""Rows of text in columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from estate_tool.core.terminal import one_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


def columns(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """The titles and rows, the first column to the left, all others to the right."""
    shown = [[one_line(cell) for cell in row] for row in (titles, *rows)]
    widths = [max(map(len, column)) for column in zip(*shown, strict=True)]
    for row in shown:
        first, *others = (
            cell.rjust(width) if place else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        yield "  ".join((first, *others)).rstrip()
