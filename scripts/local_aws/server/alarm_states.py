"""From datapoints to a state, as in "Configuring how CloudWatch alarms treat missing data" of the user guide."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

State = Literal["OK", "ALARM", "INSUFFICIENT_DATA"]
Missing = Literal["missing", "ignore", "breaching", "notBreaching"]

# How many more datapoints than the evaluation periods are looked at in case some are missing, as in the guide.
SPARE = 2

COMPARISONS: Mapping[str, tuple[Callable[[float, float], bool], str]] = {
    "GreaterThanThreshold": (operator.gt, "greater than"),
    "GreaterThanOrEqualToThreshold": (operator.ge, "greater than or equal to"),
    "LessThanThreshold": (operator.lt, "less than"),
    "LessThanOrEqualToThreshold": (operator.le, "less than or equal to"),
}


@dataclass(frozen=True, kw_only=True)
class Rule:
    """Comparison of an alarm, and the datapoints (M of N) that have to breach."""

    comparison: str
    threshold: float
    periods: int
    datapoints: int
    missing: Missing

    @property
    def reach(self) -> int:
        """The evaluation range, in datapoints."""
        return self.periods + SPARE

    def breaches(self, value: float) -> bool:
        """True if the datapoint is beyond the threshold."""
        return COMPARISONS[self.comparison][0](value, self.threshold)


@dataclass(frozen=True)
class Evaluation:
    """The new state, None when the current one stays, and the reason."""

    state: State | None
    reason: str


def judge(rule: Rule, values: Sequence[float | None]) -> Evaluation:
    """Return the state that follows from the last `rule.reach` datapoints, oldest first, None where missing."""
    recent = list(values)[-rule.reach :]
    ages = [age for age, value in enumerate(reversed(recent)) if value is not None]
    found = [value for value in reversed(recent) if value is not None][: rule.periods]
    breaching = sum(rule.breaches(value) for value in found)
    filled = rule.periods - len(found)
    if filled and not found and rule.missing in ("missing", "ignore"):
        reason = f"Insufficient Data: {rule.periods} datapoints were unknown."
        return Evaluation(None if rule.missing == "ignore" else "INSUFFICIENT_DATA", reason)
    if rule.missing == "breaching":
        breaching += filled
    waited_enough = bool(ages) and ages[len(found) - 1] + 1 >= rule.datapoints
    if filled and rule.missing in ("missing", "ignore") and 0 < breaching == len(found) < rule.datapoints:
        # Nothing but breaches, too few of them: an alarm only when the oldest has waited long enough for a better one.
        early: State = "ALARM" if waited_enough else "INSUFFICIENT_DATA"
        return Evaluation(None if rule.missing == "ignore" else early, _reason(rule, found, breaching, filled))
    state: State = "ALARM" if breaching >= rule.datapoints else "OK"
    return Evaluation(state, _reason(rule, found, breaching, filled))


def _reason(rule: Rule, found: Sequence[float], breaching: int, filled: int) -> str:
    """Return the reason as CloudWatch words it, newest datapoint first."""
    outcome = "Threshold Crossed" if breaching >= rule.datapoints else "Threshold not crossed"
    listed = ", ".join([*(f"{value:g}" for value in found), *["missing"] * filled])
    verb, words = "was" if breaching == 1 else "were", COMPARISONS[rule.comparison][1]
    return f"{outcome}: {breaching} of {rule.periods} datapoints [{listed}] {verb} {words} {rule.threshold:g}."
