"""Statistics out of exact moments, and their layout in an aggregate's item."""

import statistics
from decimal import Decimal, localcontext
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.aggregates import numbers_of, summary_of
from shared.exact import exact, plain
from shared.statistics import Moments, Summary, deviation, from_dict, mean, merge, of_value, to_dict
from tests.support.samples import ODD_NAMES, literals


def moments_of(numbers: list[str]) -> Moments:
    moments = Moments(0, Decimal(0), Decimal(0))
    for number in numbers:
        moments = moments.plus(of_value(exact(number)))
    return moments


def test_a_worked_example() -> None:
    moments = moments_of(["2", "4", "4", "4", "5", "5", "7", "9"])
    assert moments == (8, Decimal(40), Decimal(232))
    assert (plain(mean(moments)), plain(deviation(moments))) == ("5", "2")


@pytest.mark.parametrize("number", ["0", "-3.5", "1e-130", "9.9e125", "0." + "3" * 38])
def test_one_value_is_its_own_mean_and_does_not_deviate(number: str) -> None:
    moments = moments_of([number])
    assert Fraction(mean(moments)) == Fraction(number)
    assert plain(deviation(moments)) == "0"


def test_values_that_differ_in_the_last_digits_only_do_not_cancel_out() -> None:
    moments = moments_of(["1000000000000000000000000000000000001", "1000000000000000000000000000000000003"])
    assert plain(deviation(moments)) == "1"


def test_a_deviation_is_rounded_once() -> None:
    # Half the distance of these is 1 + 5e-38 + 1e-43: rounded to, say, 42 digits first, the last step would go down.
    moments = moments_of(["2", "-1.000002e-37"])
    assert plain(deviation(moments)) == "1." + 36 * "0" + "1"


@given(st.lists(literals(), min_size=1, max_size=12))
def test_mean_and_deviation_are_right_to_38_digits(numbers: list[str]) -> None:
    values = [Fraction(number) for number in numbers]
    moments = moments_of(numbers)
    with localcontext(prec=300, Emin=-99999, Emax=99999):
        exact_mean = sum(values, Fraction(0)) / len(values)
        expected_mean = Decimal(exact_mean.numerator) / exact_mean.denominator
        variance = statistics.pvariance(values)
        expected_deviation = (Decimal(variance.numerator) / variance.denominator).sqrt()
        assert abs(mean(moments) - expected_mean) <= abs(expected_mean) * Decimal("5.1e-38")
        assert abs(deviation(moments) - expected_deviation) <= expected_deviation * Decimal("5.1e-38")


def _summary(events: list[dict[str, str]]) -> Summary:
    summary = Summary()
    for event in events:
        summary.add_event({field: exact(number) for field, number in event.items()})
    return summary


fields = st.sampled_from(ODD_NAMES) | st.text(max_size=4)
events = st.lists(st.dictionaries(fields, literals(), max_size=4), max_size=5)
summaries = st.builds(_summary, events)


@given(summaries)
def test_a_description_can_be_read_back_without_loss(summary: Summary) -> None:
    again = from_dict(to_dict(summary))
    assert (again.events, again.fields) == (summary.events, summary.fields)


@given(st.lists(events, max_size=4))
def test_merged_pages_are_the_whole(pages: list[list[dict[str, str]]]) -> None:
    whole = _summary([event for page in pages for event in page])
    assert merge(to_dict(_summary(page)) for page in pages) == to_dict(whole)


def test_a_description_has_the_documented_keys() -> None:
    assert to_dict(_summary([{"b": "1.5", "a": "2"}, {"b": "-2.50"}])) == {
        "count": 2,
        "data": {
            "a": {"count": 1, "sum": "2", "mean": "2", "stddev": "0", "sum_of_squares": "4"},
            "b": {"count": 2, "sum": "-1", "mean": "-0.5", "stddev": "2", "sum_of_squares": "8.5"},
        },
    }


@given(summaries)
def test_an_item_can_be_read_back_and_no_field_is_taken_for_another_attribute(summary: Summary) -> None:
    numbers = numbers_of(summary)
    head = {"series": {"S": "s"}, "hour": {"S": "h"}, "type": {"S": "t"}, "subject": {"S": "count:x"}}
    assert not head.keys() & numbers.keys()
    again = summary_of({**head, **{name: {"N": number} for name, number in numbers.items()}})
    assert (again.events, again.fields) == (summary.events, summary.fields)


def test_ordinary_numbers_are_readable_in_the_table_and_long_ones_take_further_windows() -> None:
    assert numbers_of(_summary([{"dep_delay": "-3.5", "distance": "2475", "n": "1E+20"}])) == {
        "count": "1",
        "count:dep_delay": "1", "sum:dep_delay": "-3.5", "squares:dep_delay": "12.25",
        "count:distance": "1", "sum:distance": "2475", "squares:distance": "6125625",
        "count:n": "1", "sum+1:n": "0.00000001", "squares+1:n": "1000000000000",
    }  # fmt: skip
