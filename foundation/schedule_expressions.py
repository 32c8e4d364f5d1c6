"""Schedule expressions of EventBridge Scheduler ("Schedule types" in its user guide), and time zones."""

import calendar
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

ALLOWED = (
    "rate(5 minutes), cron(minutes hours day-of-month month day-of-week year) such as cron(0 6 ? * MON-FRI *), or "
    "at(2027-03-31T06:00:00)"
)
_FORM = re.compile(r"(rate|cron|at)\((.*)\)", re.DOTALL)
_RATE = re.compile(r"([1-9][0-9]{0,8}) (minute|hour|day)(s?)")
_SECONDS = {"minute": 60, "hour": 3_600, "day": 86_400}
_MONTHS = {name.upper(): number for number, name in enumerate(calendar.month_abbr) if name}
_DAYS = {name: number for number, name in enumerate(("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"), start=1)}
# Name, least and greatest value, names of values.
_FIELDS: tuple[tuple[str, int, int, Mapping[str, int]], ...] = (
    ("minutes", 0, 59, {}),
    ("hours", 0, 23, {}),
    ("day-of-month", 1, 31, {}),
    ("month", 1, 12, _MONTHS),
    ("day-of-week", 1, 7, _DAYS),
    ("year", 1970, 2199, {}),
)
_FOUR_YEARS, _MONTHS_OF_FOUR_YEARS = 1461, 48
_SECONDS_OF_A_MONTH = 730 * 3_600
DayRule = Callable[[date], bool]


@dataclass(frozen=True, kw_only=True)
class Cron:
    """Times of a day, and the rule for days; both in the schedule's time zone."""

    minutes: frozenset[int]
    hours: frozenset[int]
    is_day: DayRule
    years: frozenset[int]

    def days(self) -> Iterator[date]:
        """Yield the days of four years on which it runs, the year field aside."""
        first = date(2025, 1, 1)
        return (day for day in (first + timedelta(days=number) for number in range(_FOUR_YEARS)) if self.is_day(day))


def problem(expression: object) -> str:
    """Return why EventBridge Scheduler would refuse the expression; "" if it takes it."""
    try:
        parse(expression)
    except ValueError as error:
        return str(error)
    return ""


def parse(expression: object) -> int | Cron | datetime:
    """Return the seconds of a rate, a Cron, or the time of a one-time schedule; raise ValueError for others.

    The time is naive, in the schedule's time zone.
    """
    form = _FORM.fullmatch(expression) if isinstance(expression, str) else None
    if form is None:
        raise ValueError(ALLOWED)
    kind, text = form.groups()
    if kind == "rate":
        return _rate(text)
    return _cron(text) if kind == "cron" else _moment(text)


def rate_seconds(expression: str) -> int | None:
    """Return the seconds between two runs of a rate; None of other expressions."""
    parsed = parse(expression)
    return parsed if isinstance(parsed, int) else None


def runs_a_month(expression: str) -> float:
    """Return the runs of an average month of 730 hours; 0 of a schedule that runs once."""
    parsed = parse(expression)
    if isinstance(parsed, int):
        return _SECONDS_OF_A_MONTH / parsed
    if isinstance(parsed, datetime):
        return 0.0
    return len(parsed.minutes) * len(parsed.hours) * sum(1 for _ in parsed.days()) / _MONTHS_OF_FOUR_YEARS


def _rate(text: str) -> int:
    found = _RATE.fullmatch(text)
    if found is None or (found[1] == "1") == bool(found[3]):
        raise ValueError("a whole number and a unit: rate(1 minute), rate(5 minutes), rate(1 hour), rate(2 days)")
    return int(found[1]) * _SECONDS[found[2]]


def _moment(text: str) -> datetime:
    try:
        moment = datetime.strptime(text, "%Y-%m-%dT%H:%M:%S")
    except ValueError:
        moment = None
    if moment is None or moment.isoformat() != text:
        raise ValueError("a date and time that exist, without a zone: at(2027-03-31T06:00:00)")
    return moment


def _cron(text: str) -> Cron:
    fields = text.split()
    if len(fields) != len(_FIELDS):
        names = " ".join(name for name, *_ in _FIELDS)
        raise ValueError(f"six fields, here there are {len(fields)}: cron({names})")
    if (fields[2] == "?") == (fields[4] == "?"):
        raise ValueError("? in exactly one of day-of-month and day-of-week: cron(0 6 * * ? *), cron(0 6 ? * MON *)")
    minutes, hours, months, years = (_values(fields[at], at) for at in (0, 1, 3, 5))
    rules = [_day_of_week(part) for part in fields[4].split(",")]
    if fields[4] == "?":
        rules = [_day_of_month(part) for part in fields[2].split(",")]
    cron = Cron(
        minutes=minutes,
        hours=hours,
        is_day=lambda day: day.month in months and any(rule(day) for rule in rules),
        years=years,
    )
    if next(cron.days(), None) is None:
        raise ValueError("a day that exists in these months")
    return cron


def _values(field: str, at: int) -> frozenset[int]:
    return frozenset(value for part in field.split(",") for value in _part(part, at))


def _part(part: str, at: int) -> range:
    """Return the values of `*`, `5`, `1-5`, `*/5`, `0/5` or `10-30/5`."""
    _, least, greatest, _ = _FIELDS[at]
    base, slash, step = part.partition("/")
    first, dash, last = base.partition("-")
    if base == "*":
        low, high = least, greatest
    else:
        low = _value(first, at, part)
        high = _value(last, at, part) if dash else greatest if slash else low
    if high < low or (slash and not (step.isascii() and step.isdigit() and int(step))):
        raise _refused(part, at)
    return range(low, high + 1, int(step) if slash else 1)


def _value(text: str, at: int, part: str) -> int:
    _, least, greatest, names = _FIELDS[at]
    number = names.get(text.upper(), int(text) if text.isascii() and text.isdigit() else least - 1)
    if not least <= number <= greatest:
        raise _refused(part, at)
    return number


def _refused(part: str, at: int) -> ValueError:
    name, least, greatest, names = _FIELDS[at]
    also = f" or {next(iter(names))} to {list(names)[-1]}" if names else ""
    return ValueError(
        f"{least} to {greatest}{also} in {name}, alone, in lists, ranges (1-5) and steps (0/5), not {part!r}"
    )


def _last_of_month(day: date) -> int:
    return calendar.monthrange(day.year, day.month)[1]


def _day_of_month(part: str) -> DayRule:
    if part == "L":
        return lambda day: day.day == _last_of_month(day)
    if part == "LW":
        return lambda day: day.day == _nearest_weekday(day, _last_of_month(day))
    if part.endswith("W"):
        wanted = _value(part[:-1], 2, part)
        return lambda day: wanted <= _last_of_month(day) and day.day == _nearest_weekday(day, wanted)
    values = frozenset(_part(part, 2))
    return lambda day: day.day in values


def _nearest_weekday(day: date, wanted: int) -> int:
    """Return the day from Monday to Friday nearest to that day of the month, within the month."""
    weekday, last = day.replace(day=wanted).isoweekday(), _last_of_month(day)
    if weekday == 6:
        return wanted - 1 if wanted > 1 else wanted + 2
    if weekday == 7:
        return wanted + 1 if wanted < last else wanted - 2
    return wanted


def _day_of_week(part: str) -> DayRule:
    if part == "?":
        return lambda _: True
    name, sharp, nth = part.partition("#")
    if sharp:
        wanted = _value(name, 4, part)
        if nth not in ("1", "2", "3", "4", "5"):
            raise _refused(part, 4)
        return lambda day: _number(day) == wanted and (day.day - 1) // 7 + 1 == int(nth)
    if part == "L":
        return lambda day: _number(day) == _DAYS["SAT"]
    if part.endswith("L"):
        wanted = _value(part[:-1], 4, part)
        return lambda day: _number(day) == wanted and day.day + 7 > _last_of_month(day)
    values = frozenset(_part(part, 4))
    return lambda day: _number(day) in values


def _number(day: date) -> int:
    """Return the day of the week as the expressions count it: 1 is Sunday."""
    return day.isoweekday() % 7 + 1


TIME_ZONES = "a name of the IANA time zone database, such as Europe/Berlin"


def is_time_zone(value: str) -> bool:
    """True if the zone is known; without a time zone database on this computer every name passes, and AWS decides."""
    return _is_known(value) or not _is_known("Europe/London")


def _is_known(zone: str) -> bool:
    try:
        return ZoneInfo(zone).key == zone
    except (OSError, ValueError, LookupError):
        return False
