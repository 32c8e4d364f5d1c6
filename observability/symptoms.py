"""Composite alarms over what the alarms of single resources have in common: what users would notice. They page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from foundation.naming import Names
from observability.alarm_spec import Symptom, description
from observability.quotas import CHILDREN_OF_AN_ALARM, split

RUNBOOK = "symptoms.md"

# What each means, and what to do first.
SYMPTOMS: Mapping[Symptom, tuple[str, str]] = {
    "events-lost": (
        "Events failed for good: they wait in a failure queue, or did not even reach one.",
        "run `estate redrive --dry-run`; the tickets name the queues and functions.",
    ),
    "events-late": (
        "Events wait longer than they should before they are stored or counted.",
        "open the dashboard at `Are they late?`; the tickets name the queue or function that is behind.",
    ),
    "queries-slow": (
        "Who asks for aggregates waits for too long, is refused, or gets errors.",
        "open the dashboard at `Functions`; the tickets say whether calls are slow, cold, refused or failing.",
    ),
}


@dataclass(frozen=True, kw_only=True)
class SymptomAlarmsArgs:
    """The names of the alarms that show each symptom, and where the composite alarms publish.

    `runbooks` is where the runbooks' links begin.
    """

    shown_by: Mapping[Symptom, Sequence[pulumi.Output[str]]]
    names: pulumi.Output[Names]
    topic_arn: pulumi.Input[str]
    runbooks: str
    tags: pulumi.Input[dict[str, str]]


class SymptomAlarms(pulumi.ComponentResource):
    """One composite alarm for each symptom that alarms of the estate show: one cause pages once."""

    alarm_names: list[pulumi.Output[str]]
    alarm_arns: list[pulumi.Output[str]]

    def __init__(self, name: str, args: SymptomAlarmsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("estate:observability:SymptomAlarms", name, None, opts)
        alarms = [self._build(name, symptom, args) for symptom in SYMPTOMS if args.shown_by.get(symptom)]
        self.alarm_names = [alarm.alarm_name for alarm in alarms]
        self.alarm_arns = [alarm.arn for alarm in alarms]
        self.register_outputs({"alarm_names": self.alarm_names})

    def _build(self, name: str, symptom: Symptom, args: SymptomAlarmsArgs) -> aws.cloudwatch.CompositeAlarm:
        meaning, action = SYMPTOMS[symptom]
        purpose = f"{name}-{symptom}"
        # From the outputs of the alarms, so that it comes after them and goes before them.
        rule = pulumi.Output.all(*self._children(purpose, args.shown_by[symptom], args)).apply(any_of)
        return aws.cloudwatch.CompositeAlarm(
            f"alarm-{purpose}",
            alarm_name=args.names.apply(lambda names: names.of("alarm", purpose)),
            alarm_description=description("page", meaning, action, f"{args.runbooks}/{RUNBOOK}#{symptom}"),
            alarm_rule=rule,
            alarm_actions=[args.topic_arn],
            ok_actions=[args.topic_arn],
            tags=args.tags,
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _children(
        self, purpose: str, names: Sequence[pulumi.Output[str]], args: SymptomAlarmsArgs
    ) -> Sequence[pulumi.Output[str]]:
        """Return the alarms themselves, or composite alarms without actions over parts of them where they are many."""
        parts = split(names, CHILDREN_OF_AN_ALARM)
        if len(parts) == 1:
            return names
        return [self._part(f"{purpose}-{number}", part, args).alarm_name for number, part in enumerate(parts, start=1)]

    def _part(
        self, purpose: str, names: Sequence[pulumi.Output[str]], args: SymptomAlarmsArgs
    ) -> aws.cloudwatch.CompositeAlarm:
        return aws.cloudwatch.CompositeAlarm(
            f"alarm-{purpose}",
            alarm_name=args.names.apply(lambda names: names.of("alarm", purpose)),
            alarm_description=f"A part of the symptom's alarm, which may name {CHILDREN_OF_AN_ALARM} others at most.",
            alarm_rule=pulumi.Output.all(*names).apply(any_of),
            tags=args.tags,
            opts=pulumi.ResourceOptions(parent=self),
        )


def any_of(alarm_names: Sequence[str]) -> str:
    """The rule of a composite alarm that goes off with any of these."""
    return " OR ".join(f'ALARM("{name}")' for name in alarm_names)
