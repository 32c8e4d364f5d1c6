from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foundation.problems import InvalidConfiguration, Problem
from foundation.settings import Setting, boolean, choice, integer, objects, read_settings, text

HOURS = integer("hours", default=5, minimum=1, maximum=23, unit="h", about="Hours.")
DAYS = choice("days", default=14, choices=(7, 14), about="Days.")
ON = boolean("on", default=False, about="On.")
NAME = text("name", default=None, valid=str.islower, allowed="lower case", about="Name.")
PAIRS = objects(
    "pairs", fields=("a", "b"), optional=("c",), valid=lambda pair: pair["a"] != "bad", allowed="pairs", about="Pairs."
)
ALL = (HOURS, DAYS, ON, NAME, PAIRS)


def _read(setting: Setting, raw: Any) -> Any:
    return read_settings("layer", ALL, {setting.key: raw})[setting.key]


def _problems(raw: dict[str, Any]) -> tuple[Problem, ...]:
    with pytest.raises(InvalidConfiguration) as caught:
        read_settings("layer", ALL, raw)
    return caught.value.problems


@pytest.mark.parametrize(
    ("setting", "raw", "value"),
    [
        (HOURS, "1", 1),
        (HOURS, "23", 23),
        (HOURS, 7, 7),
        (HOURS, "+7", 7),
        (DAYS, "7", 7),
        (DAYS, 14, 14),
        (ON, "true", True),
        (ON, True, True),
        (ON, "False", False),
        (NAME, "abc", "abc"),
        (PAIRS, '[{"a": "1", "b": "2", "c": "3"}]', ({"a": "1", "b": "2", "c": "3"},)),
        (PAIRS, '[{"a": "1", "b": "2"}]', ({"a": "1", "b": "2"},)),
        (PAIRS, [], ()),
    ],
)
def test_values_are_read_as_their_type(setting: Setting, raw: Any, value: Any) -> None:
    assert _read(setting, raw) == value
    assert type(_read(setting, raw)) is type(value)


@pytest.mark.parametrize(
    ("setting", "raw"),
    [
        *((HOURS, raw) for raw in ("0", "24", "1.5", "", "x", "1e1", "7 ", True, "٣", "9" * 30, [1])),
        *((DAYS, raw) for raw in ("30", "13", 0, "7.0", True)),
        *((ON, raw) for raw in ("yes", "1", 1, "")),
        *((NAME, raw) for raw in ("ABC", "", 5, ["a"])),
        *((PAIRS, raw) for raw in ("{", '"a"', '[{"a": "1"}]', '[{"a": "1", "b": 2}]', '[{"a": "bad", "b": ""}]', "3")),
        (PAIRS, '[{"a": "1", "b": "2", "d": "3"}]'),
    ],
)
def test_other_values_are_rejected_with_key_value_and_what_is_allowed(setting: Setting, raw: Any) -> None:
    assert _problems({setting.key: raw}) == (Problem(where=f"layer:{setting.key}", value=raw, allowed=setting.allowed),)


@given(st.integers(-(10**20), 10**20))
def test_a_number_is_accepted_exactly_within_its_bounds(number: int) -> None:
    if 1 <= number <= 23:
        assert _read(HOURS, str(number)) == number
    else:
        assert len(_problems({"hours": str(number)})) == 1


def test_what_is_not_set_has_its_default() -> None:
    defaults = {"hours": 5, "days": 14, "on": False, "name": None, "pairs": ()}
    assert read_settings("layer", ALL, {}) == defaults
    assert read_settings("layer", ALL, dict.fromkeys(defaults)) == defaults


def test_an_unknown_key_is_rejected_and_the_closest_known_one_offered() -> None:
    (problem,) = _problems({"hour": "3"})
    assert problem.where == "layer:hour"
    assert problem.value == "3"
    assert "did you mean 'hours'?" in problem.allowed


def test_everything_wrong_is_told_at_once() -> None:
    wheres = {problem.where for problem in _problems({"hours": "99", "dayz": 7, "on": "maybe", "name": "ok"})}
    assert wheres == {"layer:hours", "layer:dayz", "layer:on"}


def test_the_allowed_range_is_spelled_out_with_its_unit() -> None:
    assert HOURS.allowed == "a whole number from 1 to 23 (h)"
    assert DAYS.allowed == "7 or 14"
