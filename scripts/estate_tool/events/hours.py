"""Hours that a query counts: whole ones, those that begin at or after `--from` and before `--to`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from estate_tool.core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from shared.times import Instant

_HOUR = timedelta(hours=1)


def counted(start: str | None, end: str | None) -> dict[str, Any]:
    """Return the first counted moment and the end, in UTC, with what of the asked time is left out, or is beyond it.

    Raises UsageError for what is no time, and for a start after the end.
    """
    first, last = _moment("--from", start), _moment("--to", end)
    if first and last and first > last:
        raise UsageError(f"--from {start} is after --to {end}; nothing was asked", "exchange them")
    begin, stop = first and _next_hour(first), last and _next_hour(last)
    if first and last and begin and stop and begin >= stop:
        return {"from": None, "to": None, "left_out": [[_text(first), _text(last)]], "beyond": None}
    return {
        "from": begin and _text(begin), "to": stop and _text(stop),
        "left_out": [[_text(first), _text(begin)]] if first and begin and first < begin else [],
        "beyond": [_text(last), _text(stop)] if last and stop and last < stop else None,
    }  # fmt: skip


def notes(hours: Mapping[str, Any]) -> Iterator[str]:
    """Yield a line where whole hours are not exactly what was asked for."""
    if hours["left_out"] or hours["beyond"]:
        parts = [f"{start} to {end} is left out" for start, end in hours["left_out"]]
        if hours["beyond"]:
            parts.append("{} to {} is counted with its hour".format(*hours["beyond"]))
        yield f"whole hours are counted: {'; '.join(parts)}"


def _moment(flag: str, text: str | None) -> datetime | None:
    from shared.times import InvalidTime, parse_time

    if text is None:
        return None
    try:
        instant: Instant = parse_time(text)
    except InvalidTime as error:
        raise UsageError(f"{flag} {text!r}: {error}", "for example: 2013-01-01T05:00:00Z") from error
    try:
        return datetime.fromisoformat(text.upper()).astimezone(UTC)
    except (ValueError, OverflowError):  # a leap second
        return instant.start + (timedelta(0) if instant.on_the_hour else _HOUR - timedelta(seconds=1))


def _next_hour(moment: datetime) -> datetime | None:
    """Return the first full hour at or after the moment; None after the last one there is."""
    hour = moment.replace(minute=0, second=0, microsecond=0)
    try:
        return hour if hour == moment else hour + _HOUR
    except OverflowError:
        return None


def _text(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")
