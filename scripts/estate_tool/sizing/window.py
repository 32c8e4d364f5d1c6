"""The time that is looked at."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from estate_tool.errors import UsageError

# What the functions' logs are kept for by default.
DEFAULT = "14d"
_AGO = re.compile(r"(?P<number>[1-9]\d{0,4})(?P<unit>[mhd])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}


@dataclass(frozen=True, kw_only=True)
class Window:
    """From `start` to `end`, both in UTC."""

    start: datetime
    end: datetime

    @property
    def start_ms(self) -> int:
        """Milliseconds since 1970, as CloudWatch Logs counts."""
        return int(self.start.timestamp() * 1000)

    @property
    def end_ms(self) -> int:
        """Milliseconds since 1970, as CloudWatch Logs counts."""
        return int(self.end.timestamp() * 1000)

    def __str__(self) -> str:
        """As an interval of ISO 8601."""
        return f"{instant(self.start)}/{instant(self.end)}"


def instant(moment: datetime) -> str:
    """A moment in UTC, to the second: `2026-01-31T12:00:00Z`."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def since(text: str, now: datetime | None = None) -> Window:
    """The window from a moment (RFC 3339, or a date) or so long ago (`90m`, `36h`, `14d`) until now; or UsageError."""
    end = now or datetime.now(UTC)
    ago = _AGO.fullmatch(text)
    try:
        start = end - timedelta(**{_UNITS[ago["unit"]]: int(ago["number"])}) if ago else _moment(text)
    except (ValueError, OverflowError) as error:
        raise UsageError(
            f"--since {text!r} is neither a time nor a length of time; nothing was touched",
            "give one, for example 14d, 36h, 90m, 2026-01-31 or 2026-01-31T12:00:00Z",
        ) from error
    if start >= end:
        raise UsageError(f"--since {text} is not in the past; nothing was touched", "give an earlier time")
    return Window(start=start, end=end)


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
