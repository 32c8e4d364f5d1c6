"""What an alarm is before it has the names and ARNs of an environment: plain data, checked."""

from dataclasses import dataclass
from typing import Literal

from observability.metrics import Metric, Reference

Severity = Literal["page", "ticket"]
Comparison = Literal["GreaterThanThreshold", "GreaterThanOrEqualToThreshold"]


@dataclass(frozen=True, kw_only=True)
class AlarmSpec:
    """One alarm, without the names and ARNs that only a deployed environment has.

    `word` says what is watched and ends the alarm's name. Without an `expression` there is one metric; with one it is
    metric math over m1, m2, … in the order of `metrics`. It goes off when `datapoints` of the last `periods`, each
    `period_seconds` long, compare so with the threshold; `on_demand_threshold` takes its place when the table turns out
    to be billed on demand. A `page` wakes somebody up, a `ticket` waits for the morning.
    """

    subject: Reference
    word: str
    meaning: str
    action: str
    metrics: tuple[Metric, ...]
    threshold: float
    severity: Severity
    expression: str | None = None
    on_demand_threshold: float | None = None
    comparison: Comparison = "GreaterThanThreshold"
    period_seconds: int = 60
    periods: int = 1
    datapoints: int = 1
    missing: Literal["notBreaching", "missing", "ignore", "breaching"] = "notBreaching"

    def __post_init__(self) -> None:
        """ValueError when CloudWatch would refuse the alarm."""
        if not 1 <= self.datapoints <= self.periods:
            raise ValueError(f"{self.purpose}: {self.datapoints} datapoints of {self.periods} periods")
        if not self.metrics or (self.expression is None and len(self.metrics) > 1):
            raise ValueError(f"{self.purpose}: one metric, or several and an expression")

    @property
    def purpose(self) -> str:
        """The alarm's name between its kind and the suffix."""
        return f"{self.subject.label}-{self.word}"

    @property
    def description(self) -> str:
        """What somebody who gets the notification reads: how urgent, what it means, what to do."""
        return f"[{self.severity}] {self.meaning} What to do: {self.action}"
