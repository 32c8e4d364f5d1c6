"""RFC 3339 times."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.times import InvalidTime, parse_time


@pytest.mark.parametrize(
    ("text", "hour"),
    [
        ("2013-01-01T05:15:00Z", "2013-01-01T05:00:00Z"),
        ("2013-01-01t05:59:59.999999999999z", "2013-01-01T05:00:00Z"),
        ("2013-01-01T00:15:00-05:00", "2013-01-01T05:00:00Z"),
        ("2013-01-01T05:15:00+05:30", "2012-12-31T23:00:00Z"),
        ("2013-01-01T05:15:00-00:00", "2013-01-01T05:00:00Z"),
        ("2012-02-29T00:00:00Z", "2012-02-29T00:00:00Z"),
        ("2016-12-31T23:59:60Z", "2016-12-31T23:00:00Z"),
        ("2015-06-30T18:59:60.5-05:00", "2015-06-30T23:00:00Z"),
        ("2000-02-29T23:59:60Z", "2000-02-29T23:00:00Z"),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"),
        ("9999-12-31T23:59:60Z", "9999-12-31T23:00:00Z"),
        ("0001-01-01T00:30:00-23:59", "0001-01-02T00:00:00Z"),
    ],
)
def test_the_hour_is_that_of_utc(text: str, hour: str) -> None:
    assert parse_time(text).hour == hour


@pytest.mark.parametrize(
    "text",
    [
        "", "2013-01-01", "2013-01-01T05:15:00", "2013-01-01 05:15:00Z", "2013-01-01T05:15Z", "2013-01-01T05:15:00.Z",
        "2013-01-01T05:15:00,5Z", "2013-01-01T05:15:00+0500", "2013-01-01T05:15:00+24:00",
        "2013-01-01T05:15:00+05:60", "2013-1-1T05:15:00Z", "2013-01-01T05:15:00Z\n", " 2013-01-01T05:15:00Z",
        "2013-01-01T24:00:00Z", "2013-01-01T05:60:00Z", "2013-01-01T05:15:61Z", "2013-01-01T05:15:60Z",
        "2016-12-30T23:59:60Z", "2016-12-31T23:59:60+01:00", "2013-02-29T00:00:00Z", "2013-13-01T00:00:00Z",
        "0000-01-01T00:00:00Z", "0001-01-01T00:00:00+00:01", "9999-12-31T23:59:59-00:01", "٢٠١٣-01-01T05:15:00Z",
    ],
)  # fmt: skip
def test_an_invalid_time_is_refused(text: str) -> None:
    with pytest.raises(InvalidTime):
        parse_time(text)


offsets = st.integers(-(24 * 60 - 1), 24 * 60 - 1)


@given(st.datetimes(datetime(2, 1, 1), datetime(9998, 12, 31)), offsets, st.booleans())
def test_any_offset_gives_the_hour_python_computes(moment: datetime, minutes: int, fraction: bool) -> None:
    local = moment.replace(tzinfo=timezone(timedelta(minutes=minutes)), microsecond=moment.microsecond * fraction)
    instant = parse_time(local.isoformat())
    utc = local.astimezone(UTC)
    assert instant.start == utc.replace(minute=0, second=0, microsecond=0)
    assert instant.on_the_hour == (instant.start == utc)


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("2013-01-01T05:00:00Z", "2013-01-01T05:00:00Z", "2013-01-01T04:00:00Z"),
        ("2013-01-01T05:00:00.000Z", "2013-01-01T05:00:00Z", "2013-01-01T04:00:00Z"),
        ("2013-01-01T05:00:00.0001Z", "2013-01-01T06:00:00Z", "2013-01-01T05:00:00Z"),
        ("2013-01-01T05:00:01Z", "2013-01-01T06:00:00Z", "2013-01-01T05:00:00Z"),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z", None),
        ("9999-12-31T23:30:00Z", None, "9999-12-31T23:00:00Z"),
    ],
)
def test_a_range_begins_with_the_first_hour_not_before_and_ends_with_the_last_before(
    text: str, first: str | None, last: str | None
) -> None:
    assert (parse_time(text).first_hour(), parse_time(text).last_hour()) == (first, last)
