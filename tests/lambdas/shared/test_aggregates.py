"""Layout of an aggregate in its item."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.aggregates import numbers_of, summary_of
from shared.exact import exact
from shared.statistics import Summary
from tests.support.samples import ODD_NAMES, literals


def item_of(numbers: dict[str, str]) -> dict[str, dict[str, str]]:
    head = {"series": {"S": "s"}, "hour": {"S": "h"}, "type": {"S": "t"}, "subject": {"S": "count:x"}}
    return {**head, **{name: {"N": number} for name, number in numbers.items()}}


@given(st.lists(st.dictionaries(st.sampled_from(ODD_NAMES) | st.text(max_size=4), literals(), max_size=4), max_size=5))
def test_what_is_stored_can_be_read_back(events: list[dict[str, str]]) -> None:
    summary = Summary()
    for event in events:
        summary.add_event({field: exact(literal) for field, literal in event.items()})
    again = summary_of(item_of(numbers_of(summary)))
    assert (again.events, again.fields) == (summary.events, summary.fields)


def test_ordinary_numbers_are_readable_in_the_table() -> None:
    summary = Summary()
    summary.add_event({"dep_delay": Decimal("-3.5"), "distance": Decimal(2475)})
    assert numbers_of(summary) == {
        "count": "1",
        "count:dep_delay": "1",
        "sum:dep_delay": "-3.5",
        "squares:dep_delay": "12.25",
        "count:distance": "1",
        "sum:distance": "2475",
        "squares:distance": "6125625",
    }


def test_numbers_of_many_digits_take_further_windows() -> None:
    summary = Summary()
    summary.add_event({"n": Decimal("1E+20")})
    assert numbers_of(summary) == {
        "count": "1",
        "count:n": "1",
        "sum+1:n": "0.00000001",
        "squares+1:n": "1000000000000",
    }


@pytest.mark.parametrize("name", ODD_NAMES)
def test_no_field_name_is_taken_for_another_attribute(name: str) -> None:
    summary = Summary()
    summary.add_event({name: Decimal(3)})
    assert not {"series", "hour", "type", "subject"} & set(numbers_of(summary))
    assert summary_of(item_of(numbers_of(summary))).fields == summary.fields
