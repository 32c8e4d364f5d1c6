"""From datapoints to states: the worked examples of CloudWatch's user guide, and what must hold for any datapoints."""

from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from local_aws.server.alarm_states import COMPARISONS, SPARE, Missing, Rule, judge

TREATMENTS: tuple[Missing, ...] = get_args(Missing)
STATES = {"O": "OK", "A": "ALARM", "I": "INSUFFICIENT_DATA", "=": None}
# Datapoints (X breaches, 0 does not, - is missing; newest last), then the state when missing data is treated as
# missing, ignore, breaching, notBreaching; = keeps the current one.
THREE_OF_THREE = (("0-X-X", "OOOO"), ("0----", "OOOO"), ("-----", "I=AO"), ("0XX-X", "AAAA"), ("--X--", "A=AO"))
TWO_OF_THREE = (("0-X-X", "AAAA"), ("00X0X", "AAAA"), ("0-X--", "OOAO"), ("----0", "OOAO"), ("---X-", "A=AO"))
# "The alarm does not go immediately into ALARM state" with these, when three datapoints are needed.
TOO_EARLY = (("----X", "I=AO"), ("---X-", "I=AO"))
EXAMPLES = [
    *((3, *row) for row in THREE_OF_THREE), *((2, *row) for row in TWO_OF_THREE), *((3, *row) for row in TOO_EARLY),
]  # fmt: skip
VALUES = {"X": 2.0, "0": 0.0, "-": None}


def rule(*, datapoints: int, periods: int = 3, missing: Missing = "missing", above: float = 1.0) -> Rule:
    return Rule(
        comparison="GreaterThanThreshold", threshold=above, periods=periods, datapoints=datapoints, missing=missing
    )


def column(row: str) -> list[float | None]:
    return [VALUES[symbol] for symbol in row]


@pytest.mark.parametrize(("datapoints", "row", "states"), EXAMPLES)
def test_the_worked_examples_of_the_user_guide_hold(datapoints: int, row: str, states: str) -> None:
    for treatment, state in zip(("missing", "ignore", "breaching", "notBreaching"), states, strict=True):
        outcome = judge(rule(datapoints=datapoints, missing=treatment), column(row))
        assert outcome.state == STATES[state], f"{row} with {treatment}: {outcome}"


@pytest.mark.parametrize(("name", "below", "equal", "above"), [
    ("GreaterThanThreshold", "OK", "OK", "ALARM"),
    ("GreaterThanOrEqualToThreshold", "OK", "ALARM", "ALARM"),
    ("LessThanThreshold", "ALARM", "OK", "OK"),
    ("LessThanOrEqualToThreshold", "ALARM", "ALARM", "OK"),
])  # fmt: skip
def test_each_comparison_knows_its_edge(name: str, below: str, equal: str, above: str) -> None:
    one = Rule(comparison=name, threshold=5, periods=1, datapoints=1, missing="missing")
    assert [judge(one, [value]).state for value in (4.9, 5.0, 5.1)] == [below, equal, above]


def test_a_datapoint_counts_until_it_leaves_the_evaluation_range() -> None:
    one = rule(datapoints=1, periods=1, missing="notBreaching")
    states = [judge(one, [2.0, *[None] * later]).state for later in range(4)]
    assert states == ["ALARM"] * (1 + SPARE) + ["OK"]


def test_the_reason_names_the_values_and_the_threshold() -> None:
    reason = judge(rule(datapoints=2, missing="breaching"), [None, None, None, 0.0, 2.5]).reason
    assert reason == "Threshold Crossed: 2 of 3 datapoints [2.5, 0, missing] were greater than 1."


points = st.lists(st.sampled_from([2.0, 0.0, None]), min_size=5, max_size=5)


@settings(max_examples=150, deadline=None)
@given(values=points, datapoints=st.integers(1, 3))
def test_treatments_differ_only_where_something_is_missing(values: list[float | None], datapoints: int) -> None:
    states = [judge(rule(datapoints=datapoints, missing=one), values).state for one in TREATMENTS]
    if sum(value is not None for value in values) >= 3:
        assert len(set(states)) == 1
    calm = judge(rule(datapoints=datapoints, missing="notBreaching"), values).state
    alarmed = judge(rule(datapoints=datapoints, missing="breaching"), values).state
    assert not (calm == "ALARM" and alarmed == "OK")


@settings(max_examples=150, deadline=None)
@given(values=points, datapoints=st.integers(1, 3), missing=st.sampled_from(TREATMENTS))
def test_fewer_datapoints_needed_never_calm_an_alarm(
    values: list[float | None], datapoints: int, missing: Missing
) -> None:
    if judge(rule(datapoints=datapoints, missing=missing), values).state == "ALARM":
        assert judge(rule(datapoints=1, missing=missing), values).state == "ALARM"


def test_comparisons_on_anomaly_bands_are_not_claimed() -> None:
    assert not any("Upper" in name or "Lower" in name for name in COMPARISONS)
