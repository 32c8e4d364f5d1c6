"""HTML pages of results: one file each, one look, no script, no network."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from estate_tool.console.pages import plots
from estate_tool.console.pages.plots import PALETTE
from estate_tool.core.errors import Failed
from estate_tool.core.text import safe

if TYPE_CHECKING:
    from collections.abc import Mapping

_FOLDER = Path(__file__).parent
_INSTANT = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d)(?::\d\d(?:\.\d+)?)?(?:Z|\+00:00)")
_INTERVAL = re.compile(rf"{_INSTANT.pattern}/{_INSTANT.pattern}")


def write(path: Path, template: str, **values: Any) -> None:
    """Write the page of that template; raise Failed where the file can't be written."""
    text = _render(template, _readable(values))
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise Failed(
            f"the page can't be written to {path}: {error.strerror}", "give --html a file in a folder that exists"
        ) from error


def _render(template: str, values: Mapping[str, Any]) -> str:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    pages = Environment(
        loader=FileSystemLoader(_FOLDER), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    pages.filters |= {
        "usd": _usd, "quantity": _quantity, "number": _number, "utc": _utc, "length_of_time": _duration,
    }  # fmt: skip
    return pages.get_template(f"{template}.html.j2").render(
        bars=plots.bars, lines=plots.lines, palette=PALETTE, **values
    )


def _readable(value: Any) -> Any:
    """Write control characters out in every text of a JSON-like value."""
    if isinstance(value, str):
        return safe(value)
    if isinstance(value, dict):
        return {_readable(key): _readable(one) for key, one in value.items()}
    return [_readable(one) for one in value] if isinstance(value, list | tuple) else value


def _usd(amount: str | None) -> Any:
    """Return an amount in US dollars, with its exact value for machines; a dash where there is none."""
    from markupsafe import Markup

    if amount is None:
        return "–"
    value = Decimal(amount)
    return Markup('<data value="{}">{}${:,}</data>').format(amount, "−" if value < 0 else "", abs(value))


def _quantity(number: str) -> str:
    return f"{Decimal(number):,.2f}"


def _number(value: float | str | None) -> str:
    """Return a number with three decimals at most, a text with all of its own; a dash where there is none."""
    if value is None:
        return "–"
    if isinstance(value, str):
        return f"{Decimal(value):,}"
    return f"{value:,.3f}".rstrip("0").rstrip(".") if value % 1 else f"{value:,.0f}"


def _utc(text: str) -> str:
    """Return a text whose moments of ISO 8601 are written as people read them: `2026-01-31 12:00 UTC`."""
    return _INSTANT.sub(r"\1 \2 UTC", _INTERVAL.sub(r"\1 \2 to \3 \4 UTC", text))


def _duration(seconds: float) -> str:
    """`1 minute`, `5 minutes`, `6 hours`."""
    for unit, size in (("day", timedelta(days=1)), ("hour", timedelta(hours=1)), ("minute", timedelta(minutes=1))):
        number, rest = divmod(seconds, size.total_seconds())
        if number and not rest:
            return f"{number:.0f} {unit}{'' if number == 1 else 's'}"
    return f"{seconds:,.0f} seconds"
