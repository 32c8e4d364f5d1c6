"""Alarm specifications and symptoms, before they have the names and ARNs of an environment. Plain data, checked."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from observability.config import Level, Severity
from observability.metrics import Metric

Symptom = Literal["events-lost", "events-late", "queries-slow"]
Kind = Literal["function", "queue", "dlq", "table", "account", "topic", "schedule"]
Treatment = Literal["notBreaching", "ignore", "breaching"]
Comparison = Literal["GreaterThanThreshold", "GreaterThanOrEqualToThreshold", "LessThanThreshold"]

# The runbook of each kind of resource, with a heading for every alarm type.
RUNBOOKS: dict[Kind, str] = {
    "function": "functions", "queue": "queues", "dlq": "failure-queues", "table": "tables", "account": "account",
    "topic": "topics", "schedule": "schedules",
}  # fmt: skip


@dataclass(frozen=True)
class Key:
    """The kind of a monitored resource and its name in the catalog; a `dlq` has its queue's or function's name."""

    kind: Kind
    name: str

    @property
    def label(self) -> str:
        """The unique label: the bare name of a function, kind and name of other resources."""
        return self.name if self.kind == "function" else f"{self.kind}-{self.name}"


@dataclass(frozen=True, kw_only=True)
class AlarmSpec:
    """An alarm without the ARNs of a deployed environment.

    `alarm_type` ends the alarm's name and is the heading of its runbook; `rule` is the threshold as text. Without an
    `expression` there is one metric; with one it is metric math over m1, m2, … in the order of `metrics`. The alarm is
    in ALARM when `datapoints` of the last `periods`, each `period_seconds` long, meet the comparison. It notifies the
    topic of its severity itself, unless it is a child of the composite alarm of its `symptom`. Missing data is not
    breaching by default: most metrics are published only while something happens.
    """

    key: Key
    alarm_type: str
    summary: str
    remediation: str
    rule: str
    metrics: tuple[Metric, ...]
    threshold: float = 0
    level: Level = "standard"
    severity: Severity = "ticket"
    symptom: Symptom | None = None
    expression: str | None = None
    comparison: Comparison = "GreaterThanThreshold"
    missing_data: Treatment = "notBreaching"
    period_seconds: int = 60
    periods: int = 1
    datapoints: int = 1

    def __post_init__(self) -> None:
        """Raise ValueError if CloudWatch would refuse the alarm."""
        if not 1 <= self.datapoints <= self.periods:
            raise ValueError(f"{self.logical_name}: {self.datapoints} datapoints of {self.periods} periods")
        if not self.metrics or (self.expression is None and len(self.metrics) > 1):
            raise ValueError(f"{self.logical_name}: one metric, or several and an expression")
        if len(self.metrics) > MOST_METRICS:
            raise ValueError(f"{self.logical_name}: {len(self.metrics)} metrics, over {MOST_METRICS}")
        longest = WEEK if self.period_seconds >= HOUR else DAY
        if self.periods * self.period_seconds > longest:
            raise ValueError(
                f"{self.logical_name}: {self.periods} periods of {self.period_seconds} s, over {longest} s"
            )

    @property
    def logical_name(self) -> str:
        """The alarm's name between its kind and the suffix."""
        return f"{self.key.label}-{self.alarm_type}"

    @property
    def runbook(self) -> str:
        """The file of the runbook and its heading, as a link."""
        return f"{RUNBOOKS[self.key.kind]}.md#{self.alarm_type}"


# Metrics of an alarm's metric math ("Create a CloudWatch alarm based on a metric math expression").
MOST_METRICS = 10
# The longest evaluation range of an alarm, with periods under an hour and with longer ones ("PutMetricAlarm"); seconds.
HOUR, DAY, WEEK = 3_600, 86_400, 604_800


SYMPTOMS_RUNBOOK = "symptoms.md"


@dataclass(frozen=True)
class SymptomText:
    """The severity of a symptom, its summary and its remediation."""

    severity: Severity
    summary: str
    remediation: str


SYMPTOMS: Mapping[Symptom, SymptomText] = {
    # Each arrival pages by its own alarm; this one stays in ALARM while messages wait, and must not mute the next.
    "events-lost": SymptomText(
        "ticket",
        "Events failed for good and wait in a dead-letter queue.",
        "run `estate redrive --dry-run`; the alarms `depth` name the queues.",
    ),
    "events-late": SymptomText(
        "page",
        "Events wait longer than they should before they are stored or counted.",
        "open the dashboard at `Are they late?`; the alarm that set it off names the queue or function that is behind.",
    ),
    "queries-slow": SymptomText(
        "page",
        "Queries are slow, throttled or failing.",
        "open the dashboard at `Functions`; the alarm that set it off shows if calls are slow, refused or failing.",
    ),
}


def description(severity: Severity, summary: str, remediation: str, runbook: str) -> str:
    """Return the text of the notification: urgency, summary, remediation, link to the runbook."""
    return f"[{severity}] {summary} What to do: {remediation} Runbook: {runbook}"
