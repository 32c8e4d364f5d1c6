"""The time that is looked at."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from estate_tool.core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

# What the functions' logs are kept for by default.
DEFAULT = "14d"
# What is looked at is never shorter.
LEAST = timedelta(minutes=1)
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


def covered(asked: Window, group: Mapping[str, Any] | None, first_ms: int | None = None) -> Window:
    """Return the part of the window of which the log group (as DescribeLogGroups returns it) can know anything.

    Neither what was before the group was made nor what its retention has deleted. A log that holds events (`first_ms`
    is the time of the first one) from before it was made was copied: its creation time is ignored then.
    """
    start = asked.start
    if group and group.get("retentionInDays"):
        start = max(start, asked.end - timedelta(days=int(group["retentionInDays"])))
    created = int((group or {}).get("creationTime") or 0)
    if created and not (first_ms is not None and first_ms < created):
        start = max(start, datetime.fromtimestamp(created / 1000, UTC))
    return Window(start=min(start, asked.end - LEAST), end=asked.end)


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
