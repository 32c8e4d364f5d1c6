"""Composite alarms over the alarms of single resources: one for each symptom that users would notice."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from foundation.naming import Names
from observability.alarm_set import alarm_options
from observability.alarm_spec import Symptom, description
from observability.config import Severity
from observability.quotas import CHILDREN_OF_AN_ALARM, split

RUNBOOK = "symptoms.md"


@dataclass(frozen=True)
class SymptomText:
    """The severity of a symptom, what it means, and what to do first."""

    severity: Severity
    summary: str
    remediation: str


SYMPTOMS: Mapping[Symptom, SymptomText] = {
    # The alarm of each arrival pages; this one holds as long as anything waits, and must not mute the next.
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


@dataclass(frozen=True, kw_only=True)
class SymptomAlarmsArgs:
    """Names of the alarms that show each symptom, and the topics to notify.

    `runbooks` is the beginning of links to the runbooks.
    """

    shown_by: Mapping[Symptom, Sequence[pulumi.Output[str]]]
    names: Names
    topics: Mapping[Severity, pulumi.Input[str]]
    runbooks: str
    tags: dict[str, str]


class SymptomAlarms(pulumi.ComponentResource):
    """One composite alarm for each symptom that alarms of the estate show: one cause notifies once."""

    alarm_names: list[pulumi.Output[str]]
    arns: dict[Symptom, pulumi.Output[str]]

    def __init__(self, name: str, args: SymptomAlarmsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("estate:observability:SymptomAlarms", name, None, opts)
        alarms: dict[Symptom, aws.cloudwatch.CompositeAlarm] = {
            symptom: self._build(name, symptom, args) for symptom in SYMPTOMS if args.shown_by.get(symptom)
        }
        self.alarm_names = [alarm.alarm_name for alarm in alarms.values()]
        self.arns = {symptom: alarm.arn for symptom, alarm in alarms.items()}
        self.register_outputs({"alarm_names": self.alarm_names})

    def _build(self, name: str, symptom: Symptom, args: SymptomAlarmsArgs) -> aws.cloudwatch.CompositeAlarm:
        text = SYMPTOMS[symptom]
        topic = args.topics[text.severity]
        logical_name = f"{name}-{symptom}"
        # From the outputs of the alarms, so that it is made after them and deleted before them.
        rule = pulumi.Output.all(*self._children(logical_name, args.shown_by[symptom], args)).apply(any_of)
        return aws.cloudwatch.CompositeAlarm(
            f"alarm-{logical_name}",
            alarm_name=args.names.of("alarm", logical_name),
            alarm_description=description(
                text.severity, text.summary, text.remediation, f"{args.runbooks}/{RUNBOOK}#{symptom}"
            ),
            alarm_rule=rule,
            alarm_actions=[topic],
            # Somebody who was woken up waits for the end.
            ok_actions=[topic] if text.severity == "page" else None,
            tags=args.tags,
            opts=alarm_options(self),
        )

    def _children(
        self, logical_name: str, names: Sequence[pulumi.Output[str]], args: SymptomAlarmsArgs
    ) -> Sequence[pulumi.Output[str]]:
        """Return the alarms themselves, or composite alarms without actions over parts of them where they are many."""
        parts = split(names, CHILDREN_OF_AN_ALARM)
        if len(parts) == 1:
            return names
        return [
            self._part(f"{logical_name}-{number}", part, args).alarm_name for number, part in enumerate(parts, start=1)
        ]

    def _part(
        self, logical_name: str, names: Sequence[pulumi.Output[str]], args: SymptomAlarmsArgs
    ) -> aws.cloudwatch.CompositeAlarm:
        return aws.cloudwatch.CompositeAlarm(
            f"alarm-{logical_name}",
            alarm_name=args.names.of("alarm", logical_name),
            alarm_description=f"A part of the symptom's alarm, which may name {CHILDREN_OF_AN_ALARM} others at most.",
            alarm_rule=pulumi.Output.all(*names).apply(any_of),
            tags=args.tags,
            opts=alarm_options(self),
        )


def any_of(alarm_names: Sequence[str]) -> str:
    """Return the rule of a composite alarm over any of these."""
    return " OR ".join(f'ALARM("{name}")' for name in alarm_names)
