"""Items and texts that anybody may have written: each is read, none is believed or an error."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from estate_tool.core.untrusted import foreign_reason, member, name_of
from tests.support.failed_messages import EVENT, event, key
from tests.support.fuzz import JSON, fuzzed


@pytest.mark.parametrize(
    ("item", "why"),
    [
        ({"event_key": {"S": "ab" * 32}, "event": {"S": EVENT}}, "its key is that of another event"),
        ({"event_key": {"S": key(1).hex().upper()}, "event": {"S": EVENT}}, "its key is none of an event"),
        ({"event_key": {"S": "x"}}, "its key is none of an event"),
        ({"event_key": {"N": "5"}}, "its key is none of an event"),
        ({}, "its key is none of an event"), ({"event_key": {"S": key(1).hex()}}, "it holds no event"),
        ({"event_key": {"S": key(1).hex()}, "event": {"M": {}}}, "it holds no event"),
        (
            {"event_key": {"S": key(1).hex()}, "event": {"S": "hello"}},
            'the event is not JSON: Expecting value at character 1 of "hello"',
        ),
        ({"event_key": {"S": key(1).hex()}, "event": {"S": EVENT}}, ""),
    ],
)  # fmt: skip
def test_an_item_is_an_event_by_its_key_and_what_it_holds(item: Any, why: str) -> None:
    assert foreign_reason(item) == why


def test_a_binary_key_names_its_item_in_base64() -> None:
    assert name_of({"event_key": {"B": b"\x00\xff"}}) == "AP8="


@pytest.mark.parametrize("number", ["0.1", "1e400", "-0.0", "123456789012345678901234567890.5", "1E-7", "5"])
def test_the_numbers_of_a_payload_stay_as_they_are_written(number: str) -> None:
    assert member(f'{{"p": {{"v": {number}, "t": "{number}"}}}}', "p") == f'{{"v": {number}, "t": "{number}"}}'.encode()


@fuzzed()
@given(
    st.dictionaries(
        st.sampled_from(["event_key", "event", "x"]), st.one_of(JSON, st.fixed_dictionaries({"S": st.text()}))
    )
)
def test_any_item_is_named_and_none_is_an_event_by_chance(item: Any) -> None:
    assert foreign_reason(item)
    assert 0 < len(name_of(item)) <= 80
    assert foreign_reason(item | {"event_key": {"S": key(7).hex()}, "event": {"S": event(7)}}) == ""
