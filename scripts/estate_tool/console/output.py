"""Lines of a result on stdout."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from estate_tool.core.text import wrapped

if TYPE_CHECKING:
    from collections.abc import Iterable


def show(lines: Iterable[str]) -> None:
    """Print the lines and flush, so that a reader that has gone is noticed here, and not when Python ends."""
    for line in (part for text in lines for part in text.split("\n")):
        print(wrapped(line, sys.stdout))
    sys.stdout.flush()
