"""RFC 3339 times, as far as the estate needs them: the hour in UTC, and whether the time is that hour's very start."""

import re
from datetime import UTC, datetime, timedelta, timezone
from typing import NamedTuple

_RFC3339 = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:[Zz]|([+-])(\d\d):(\d\d))",
    re.ASCII,
)
_HOUR = timedelta(hours=1)


class InvalidTime(ValueError):
    """The text is not an RFC 3339 time of the years 1 to 9999; the message has the reason."""


class Instant(NamedTuple):
    """The hour (UTC) a time lies in, and whether it is the start of that hour."""

    start: datetime
    on_the_hour: bool

    @property
    def hour(self) -> str:
        """The hour as the aggregates' range key has it."""
        return hour_key(self.start)

    def first_hour(self) -> str | None:
        """Return the first hour that does not begin before this time, or None after the last hour there is."""
        return self.hour if self.on_the_hour else _moved(self.start, _HOUR)

    def last_hour(self) -> str | None:
        """Return the last hour that begins before this time, or None if there is none."""
        return _moved(self.start, -_HOUR) if self.on_the_hour else self.hour


def hour_key(hour: datetime) -> str:
    """Return an hour in the one form it is stored in: 2013-01-01T05:00:00Z."""
    return f"{hour.year:04}-{hour.month:02}-{hour.day:02}T{hour.hour:02}:00:00Z"


def parse_time(text: str) -> Instant:
    """Return the instant of an RFC 3339 time: any offset, any number of fraction digits, leap seconds included."""
    match = _RFC3339.fullmatch(text)
    if match is None:
        raise InvalidTime("not an RFC 3339 time such as 2013-01-01T05:15:00Z or 2013-01-01T00:15:00.5-05:00")
    year, month, day, hour, minute, second = (int(part) for part in match.groups()[:6])
    fraction, sign, offset_hours, offset_minutes = match.groups()[6:]
    try:
        zone = _zone(sign, offset_hours, offset_minutes)
        utc = datetime(year, month, day, hour, minute, min(second, 59), tzinfo=zone).astimezone(UTC)
    except ValueError as error:
        raise InvalidTime(f"no such date or time of day ({error})") from error
    except OverflowError as error:
        raise InvalidTime("in UTC it lies outside the years 1 to 9999") from error
    if second >= 60 and not _is_leap_second(utc, second):
        raise InvalidTime("second 60 exists at 23:59 UTC of a month's last day only")
    on_the_hour = utc.minute == utc.second == 0 and not (fraction or "").strip("0")
    return Instant(utc.replace(minute=0, second=0), on_the_hour)


def _zone(sign: str | None, hours: str, minutes: str) -> timezone:
    if sign is None:
        return UTC
    if int(hours) > 23 or int(minutes) > 59:
        raise ValueError("offset must be within -23:59..+23:59")
    offset = timedelta(hours=int(hours), minutes=int(minutes))
    return timezone(-offset if sign == "-" else offset)


def _is_leap_second(utc: datetime, second: int) -> bool:
    """Leap seconds follow 23:59:59 UTC of a month's last day (RFC 3339, section 5.7)."""
    if second != 60 or (utc.hour, utc.minute) != (23, 59):
        return False
    not_the_end_of_time = utc.replace(year=min(utc.year, 9998))
    return (not_the_end_of_time + timedelta(days=1)).day == 1


def _moved(hour: datetime, step: timedelta) -> str | None:
    try:
        return hour_key(hour + step)
    except OverflowError:
        return None
