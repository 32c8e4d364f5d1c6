"""Schedule expressions: the examples of EventBridge Scheduler's user guide, and slips that it would refuse."""

from datetime import date

import pytest

from foundation.schedule_expressions import Cron, parse, problem, rate_seconds, runs_a_month

# Expression, and runs of an average month: by hand, from 730 hours or 365.25 / 12 days.
VALID = {
    "rate(1 minute)": 43_800,
    "rate(5 minutes)": 8_760,
    "rate(1 hour)": 730,
    "rate(2 days)": 730 / 48,
    "cron(0 10 * * ? *)": 365.25 / 12,
    "cron(0/15 8-17 * * ? *)": 40 * 365.25 / 12,
    "cron(*/20 * L * ? *)": 72,
    "cron(0 8 1 * ? *)": 1,
    "cron(30 9 ? JAN,Jul TUE#2 2027-2030)": 2 / 12,
    "cron(0 0 29 2 ? *)": 1 / 48,
    "at(2027-03-31T06:00:00)": 0,
}
INVALID = {
    "5 minutes": "rate(5 minutes)",
    "": "rate(5 minutes)",
    "rate(0 minutes)": "a whole number",
    "rate(1 minutes)": "rate(1 minute)",
    "rate(5 minute)": "rate(5 minutes)",
    "rate(5 seconds)": "a whole number",
    "rate(1.5 hours)": "a whole number",
    "cron(0 6 * * *)": "here there are 5",
    "cron(0 6 * * * *)": "? in exactly one",
    "cron(0 6 ? * ? *)": "? in exactly one",
    "cron(60 6 * * ? *)": "0 to 59 in minutes",
    "cron(0 24 * * ? *)": "0 to 23 in hours",
    "cron(0 6 32 * ? *)": "1 to 31 in day-of-month",
    "cron(0 6 * 13 ? *)": "1 to 12 or JAN to DEC in month",
    "cron(0 6 ? * MOO *)": "1 to 7 or SUN to SAT in day-of-week",
    "cron(0 6 ? * MON#6 *)": "day-of-week",
    "cron(0 6 * * ? 1969)": "1970 to 2199 in year",
    "cron(0/0 6 * * ? *)": "steps",
    "cron(10-5 6 * * ? *)": "ranges",
    "cron(0 6 31 4,6 ? *)": "a day that exists",
    "cron(0 6 30W 2 ? *)": "a day that exists",
    "at(2027-02-29T06:00:00)": "a date and time that exist",
    "at(2027-3-31T6:00:00)": "a date and time that exist",
    "at(2027-03-31T06:00:00Z)": "without a zone",
    "at(2027-03-31)": "a date and time that exist",
}


@pytest.mark.parametrize(("expression", "runs"), VALID.items())
def test_a_valid_expression_runs_so_often_in_a_month(expression: str, runs: float) -> None:
    assert problem(expression) == ""
    assert runs_a_month(expression) == pytest.approx(runs)


@pytest.mark.parametrize(("expression", "allowed"), INVALID.items())
def test_an_invalid_expression_is_refused_with_what_is_allowed(expression: str, allowed: str) -> None:
    assert allowed in problem(expression)


@pytest.mark.parametrize("value", [None, 5, b"rate(5 minutes)", ("rate(5 minutes)",)])
def test_a_value_that_is_no_text_is_refused(value: object) -> None:
    assert problem(value)


# By the calendar of 2025: the first of February is a Saturday, the last day of May and of August a weekend's.
@pytest.mark.parametrize(
    ("days", "found"),
    [
        ("? * 6L", [(1, 31), (2, 28), (3, 28)]),
        ("? 2 L", [(2, 1), (2, 8), (2, 15), (2, 22)]),
        ("? * MON#1", [(1, 6), (2, 3), (3, 3)]),
        ("1W * ?", [(1, 1), (2, 3), (3, 3)]),
        ("LW * ?", [(1, 31), (2, 28), (3, 31)]),
        ("16W 3 ?", [(3, 17)]),
        ("15W 3 ?", [(3, 14)]),
        ("LW 5,8 ?", []),
    ],
)  # fmt: skip
def test_days_follow_the_calendar(days: str, found: list[tuple[int, int]]) -> None:
    cron = parse(f"cron(0 6 {days} *)")
    assert isinstance(cron, Cron)
    assert [(day.month, day.day) for day in cron.days() if day < date(2025, 4, 1)] == found


def test_the_last_weekday_is_a_friday_where_the_month_ends_at_a_weekend() -> None:
    cron = parse("cron(0 6 LW 5,8 ? *)")
    assert isinstance(cron, Cron)
    assert [day for day in cron.days() if day.year == 2025] == [date(2025, 5, 30), date(2025, 8, 29)]


def test_only_rates_have_seconds_between_two_runs() -> None:
    assert [rate_seconds(text) for text in ("rate(3 hours)", "cron(0 * * * ? *)")] == [10_800, None]
