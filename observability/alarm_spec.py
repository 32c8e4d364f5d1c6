"""What an alarm is before it has the names and ARNs of an environment: plain data, checked."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from observability.config import Severity
from observability.metrics import Metric, Reference

Symptom = Literal["events-lost", "events-late", "queries-slow"]
Comparison = Literal["GreaterThanThreshold", "GreaterThanOrEqualToThreshold", "LessThanThreshold"]

# What the runbooks stand in, one file per kind of resource with a heading per word.
RUNBOOKS = {"function": "functions", "queue": "queues", "dlq": "failure-queues", "table": "tables"}


@dataclass(frozen=True)
class Silence:
    """How an alarm takes periods without data (`treat_missing_data`), and why."""

    treatment: Literal["notBreaching", "ignore"]
    why: str


NOT_CALLED = Silence("notBreaching", "Lambda publishes nothing while the function is not called")
NOTHING_WAITS = Silence("notBreaching", "SQS publishes nothing for a queue that was empty and unused for six hours")
STILL_WAITING = Silence("ignore", "a gap does not say that the messages are gone; an emptied queue publishes zeros")
FILLED = Silence("notBreaching", "DynamoDB publishes only what is not zero; the expression takes gaps as zeros")


@dataclass(frozen=True, kw_only=True)
class Deployed:
    """What thresholds follow from that only the deployed resource tells; each kind of resource has some of it."""

    billing: str = "provisioned"
    memory_mb: float = 0
    warm_percent: float = 0
    visibility_seconds: float = 0


@dataclass(frozen=True, kw_only=True)
class AlarmSpec:
    """One alarm, without the names and ARNs that only a deployed environment has.

    `word` says what is watched, ends the alarm's name and is the heading of its runbook; `rule` says the threshold in
    words. Without an `expression` there is one metric; with one it is metric math over m1, m2, … in the order of
    `metrics`. It goes off when `datapoints` of the last `periods`, each `period_seconds` long, compare so with the
    threshold. Every alarm writes a ticket; the composite alarm of its `symptom`, where it has one, pages.
    """

    subject: Reference
    word: str
    meaning: str
    action: str
    rule: str
    metrics: tuple[Metric, ...]
    threshold: float | Callable[[Deployed], float]
    silence: Silence
    symptom: Symptom | None = None
    expression: str | None = None
    comparison: Comparison = "GreaterThanThreshold"
    period_seconds: int = 60
    periods: int = 1
    datapoints: int = 1

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
    def runbook(self) -> str:
        """The file of the runbook and its heading, as they stand in a link."""
        return f"{RUNBOOKS[self.subject.kind]}.md#{self.word}"

    def limit(self, deployed: Deployed) -> float:
        """The threshold for the resource as it is deployed."""
        return self.threshold(deployed) if callable(self.threshold) else self.threshold


def description(severity: Severity, meaning: str, action: str, runbook: str) -> str:
    """What somebody who gets the notification reads: how urgent, what it means, what to do, where there is more."""
    return f"[{severity}] {meaning} What to do: {action} Runbook: {runbook}"
