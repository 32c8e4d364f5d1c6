from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import AfterValidator, BeforeValidator

from foundation.problems import InvalidConfiguration, Problem
from foundation.settings import (
    Flag,
    Settings,
    Text,
    Whole,
    choice,
    from_json,
    number,
    read_settings,
    rule,
    setting,
    settings,
)


class Pair(Settings):
    a: Annotated[Text, AfterValidator(rule(lambda value: value != "bad"))]
    b: Text
    c: Text | None = None


class Layer(Settings):
    hours: Whole = number(5, (1, 23), "Hours.", "h")
    some_days: Annotated[Literal[7, 14], BeforeValidator(choice)] = setting(14, "Days.")
    on: Flag = setting(False, "On.")
    name: Annotated[Text, AfterValidator(rule(str.islower))] | None = setting(None, "Name.", allowed="lower case")
    pairs: Annotated[tuple[Pair, ...], BeforeValidator(from_json)] = setting((), "Pairs.", allowed="pairs")


DECLARED = {each.key: each for each in settings(Layer)}


def _read(key: str, raw: Any) -> Any:
    return read_settings("layer", Layer, {key: raw}).model_dump(by_alias=True)[key]


def _problems(raw: dict[str, Any]) -> tuple[Problem, ...]:
    with pytest.raises(InvalidConfiguration) as caught:
        read_settings("layer", Layer, raw)
    return caught.value.problems


@pytest.mark.parametrize(
    ("key", "raw", "value"),
    [
        ("hours", "1", 1),
        ("hours", "23", 23),
        ("hours", 7, 7),
        ("hours", "+7", 7),
        ("someDays", "7", 7),
        ("someDays", 14, 14),
        ("on", "true", True),
        ("on", True, True),
        ("on", "False", False),
        ("name", "abc", "abc"),
        ("pairs", '[{"a": "1", "b": "2", "c": "3"}]', ({"a": "1", "b": "2", "c": "3"},)),
        ("pairs", '[{"a": "1", "b": "2"}]', ({"a": "1", "b": "2", "c": None},)),
        ("pairs", [], ()),
    ],
)
def test_values_are_read_as_their_type(key: str, raw: Any, value: Any) -> None:
    assert _read(key, raw) == value
    assert type(_read(key, raw)) is type(value)


@pytest.mark.parametrize(
    ("key", "raw"),
    [
        *(("hours", raw) for raw in ("0", "24", "1.5", "", "x", "1e1", "7 ", True, "٣", "9" * 30, [1])),
        *(("someDays", raw) for raw in ("30", "13", 0, "7.0", True)),
        *(("on", raw) for raw in ("yes", "1", 1, "")),
        *(("name", raw) for raw in ("ABC", "", 5, ["a"])),
        *(
            ("pairs", raw)
            for raw in ("{", '"a"', '[{"a": "1"}]', '[{"a": "1", "b": 2}]', '[{"a": "bad", "b": ""}]', "3")
        ),
        ("pairs", '[{"a": "1", "b": "2", "d": "3"}]'),
    ],
)
def test_other_values_are_rejected_with_key_value_and_what_is_allowed(key: str, raw: Any) -> None:
    assert _problems({key: raw}) == (Problem(where=f"layer:{key}", value=raw, allowed=DECLARED[key].allowed),)


@given(st.integers(-(10**20), 10**20))
def test_a_number_is_accepted_exactly_within_its_bounds(number: int) -> None:
    if 1 <= number <= 23:
        assert _read("hours", str(number)) == number
    else:
        assert len(_problems({"hours": str(number)})) == 1


def test_a_key_that_is_not_set_has_its_default() -> None:
    defaults = {"hours": 5, "some_days": 14, "on": False, "name": None, "pairs": ()}
    assert read_settings("layer", Layer, {}).model_dump() == defaults
    assert read_settings("layer", Layer, dict.fromkeys(DECLARED)).model_dump() == defaults


def test_an_unknown_key_is_rejected_and_the_closest_known_one_offered() -> None:
    (problem,) = _problems({"hour": "3"})
    assert problem.where == "layer:hour"
    assert problem.value == "3"
    assert "did you mean 'hours'?" in problem.allowed


def test_the_name_of_a_field_is_no_key() -> None:
    (problem,) = _problems({"some_days": "7"})
    assert (problem.where, "did you mean 'someDays'?" in problem.allowed) == ("layer:some_days", True)


def test_everything_wrong_is_reported_at_once() -> None:
    wheres = {problem.where for problem in _problems({"hours": "99", "someDayz": 7, "on": "maybe", "name": "ok"})}
    assert wheres == {"layer:hours", "layer:someDayz", "layer:on"}


def test_the_allowed_range_is_spelled_out_with_its_unit() -> None:
    assert DECLARED["hours"].allowed == "a whole number from 1 to 23 (h)"
    assert DECLARED["someDays"].allowed == "7 or 14"
