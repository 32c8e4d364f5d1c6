"""Alarms of an environment, registered from their specifications, and composite alarms of symptoms."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws

from foundation.naming import Names, Tags
from observability.alarm_spec import SYMPTOMS, SYMPTOMS_RUNBOOK, AlarmSpec, Symptom, description
from observability.alarms import AlarmSets
from observability.config import Severity
from observability.quotas import CHILDREN_OF_AN_ALARM, split


@dataclass(frozen=True, kw_only=True)
class AlarmContext:
    """Names and tags of the environment, topics by severity, and the base of links to runbooks."""

    names: Names
    tags: Tags
    topics: Mapping[Severity, pulumi.Input[str]]
    runbooks: str


@dataclass(frozen=True, kw_only=True)
class EstateAlarms:
    """Specifications and names of all alarms; ARNs of those that page and of the others, composite ones first."""

    specs: AlarmSets
    names: Sequence[pulumi.Output[str]]
    page_arns: Sequence[pulumi.Input[str]]
    other_arns: Sequence[pulumi.Input[str]]


def build_alarms(sets: AlarmSets, context: AlarmContext) -> EstateAlarms:
    """Register all alarms."""
    made = {key: AlarmSet(f"{key.kind}-{key.name}", specs, context) for key, specs in sets.items()}
    single = [
        (spec, name, arn)
        for key, specs in sets.items()
        for spec, name, arn in zip(specs, made[key].alarm_names, made[key].alarm_arns, strict=True)
    ]
    shown_by: defaultdict[Symptom, list[pulumi.Output[str]]] = defaultdict(list)
    for spec, name, _ in single:
        if spec.symptom:
            shown_by[spec.symptom].append(name)
    symptoms = SymptomAlarms("estate", shown_by, context)
    by_severity = [(SYMPTOMS[symptom].severity, arn) for symptom, arn in symptoms.arns.items()]
    by_severity += [("ticket" if spec.symptom else spec.severity, arn) for spec, _, arn in single]
    return EstateAlarms(
        specs=sets,
        names=[*symptoms.alarm_names, *(name for _, name, _ in single)],
        page_arns=[arn for severity, arn in by_severity if severity == "page"],
        other_arns=[arn for severity, arn in by_severity if severity != "page"],
    )


def _alarm_options(parent: pulumi.Resource) -> pulumi.ResourceOptions:
    """Return the options of an alarm, metric or composite: its replacement is created before it is deleted.

    CloudWatch refuses to delete an alarm that a composite alarm names. Only a new name replaces an alarm, so both can
    exist: the new alarms are created, then the composite alarms over them, then the old ones are deleted in reverse
    order. With an explicit name, the provider would delete the old one first.
    """
    return pulumi.ResourceOptions(parent=parent, delete_before_replace=False)


class AlarmSet(pulumi.ComponentResource):
    """All alarms of a resource. Each notifies the topic of its severity, unless it has a symptom's composite alarm."""

    alarm_names: list[pulumi.Output[str]]
    alarm_arns: list[pulumi.Output[str]]

    def __init__(self, name: str, specs: Sequence[AlarmSpec], context: AlarmContext) -> None:
        super().__init__("estate:observability:AlarmSet", name)
        alarms = [self._build(spec, context) for spec in specs]
        self.alarm_names = [alarm.name for alarm in alarms]
        self.alarm_arns = [alarm.arn for alarm in alarms]
        self.register_outputs({"alarm_names": self.alarm_names})

    def _build(self, spec: AlarmSpec, context: AlarmContext) -> aws.cloudwatch.MetricAlarm:
        measured = _plain(spec) if spec.expression is None else _math(spec)
        return aws.cloudwatch.MetricAlarm(
            f"alarm-{spec.logical_name}",
            name=context.names.of("alarm", spec.logical_name),
            alarm_description=description(
                spec.severity, spec.summary, spec.remediation, f"{context.runbooks}/{spec.runbook}"
            ),
            comparison_operator=spec.comparison,
            threshold=spec.threshold,
            evaluation_periods=spec.periods,
            datapoints_to_alarm=spec.datapoints,
            treat_missing_data=spec.missing_data,
            # No notification of the state OK: a person closes a ticket, and lost events stay lost.
            alarm_actions=None if spec.symptom else [context.topics[spec.severity]],
            tags=context.tags.of("observability", spec.key.name),
            opts=_alarm_options(self),
            **measured,
        )


def _plain(spec: AlarmSpec) -> dict[str, Any]:
    """Return the arguments of an alarm on one metric; percentiles have an argument of their own."""
    metric = spec.metrics[0]
    statistic = "extended_statistic" if metric.statistic.startswith("p") else "statistic"
    return {
        "namespace": metric.namespace,
        "metric_name": metric.name,
        statistic: metric.statistic,
        "period": spec.period_seconds,
        "dimensions": metric.dimensions,
    }


def _math(spec: AlarmSpec) -> dict[str, Any]:
    """Return the arguments of an alarm on metric math: the expression, and its metrics m1, m2, …"""
    result = {"id": "result", "expression": spec.expression, "label": spec.alarm_type, "return_data": True}
    inputs = [
        {
            "id": f"m{number}",
            "metric": {
                "namespace": metric.namespace,
                "metric_name": metric.name,
                "stat": metric.statistic,
                "period": spec.period_seconds,
                "dimensions": metric.dimensions,
            },
            "return_data": False,
        }
        for number, metric in enumerate(spec.metrics, start=1)
    ]
    return {"metric_queries": [result, *inputs]}


class SymptomAlarms(pulumi.ComponentResource):
    """A composite alarm for each symptom of the estate's alarms, so that one cause notifies once."""

    alarm_names: list[pulumi.Output[str]]
    arns: dict[Symptom, pulumi.Output[str]]

    def __init__(
        self, name: str, shown_by: Mapping[Symptom, Sequence[pulumi.Output[str]]], context: AlarmContext
    ) -> None:
        super().__init__("estate:observability:SymptomAlarms", name)
        self._context = context
        alarms: dict[Symptom, aws.cloudwatch.CompositeAlarm] = {
            symptom: self._build(name, symptom, shown_by[symptom]) for symptom in SYMPTOMS if shown_by.get(symptom)
        }
        self.alarm_names = [alarm.alarm_name for alarm in alarms.values()]
        self.arns = {symptom: alarm.arn for symptom, alarm in alarms.items()}
        self.register_outputs({"alarm_names": self.alarm_names})

    def _build(
        self, name: str, symptom: Symptom, alarms: Sequence[pulumi.Output[str]]
    ) -> aws.cloudwatch.CompositeAlarm:
        text = SYMPTOMS[symptom]
        topic = self._context.topics[text.severity]
        logical_name = f"{name}-{symptom}"
        runbook = f"{self._context.runbooks}/{SYMPTOMS_RUNBOOK}#{symptom}"
        parts = split(alarms, CHILDREN_OF_AN_ALARM)
        if len(parts) > 1:
            part_of = f"A part of the symptom's alarm, which may name {CHILDREN_OF_AN_ALARM} others at most."
            numbered = [(f"{logical_name}-{number}", part) for number, part in enumerate(parts, start=1)]
            alarms = [self._composite(part_name, part_of, part).alarm_name for part_name, part in numbered]
        return self._composite(
            logical_name,
            description(text.severity, text.summary, text.remediation, runbook),
            alarms,
            alarm_actions=[topic],
            # The person on call waits for the end of a page.
            ok_actions=[topic] if text.severity == "page" else None,
        )

    def _composite(
        self, logical_name: str, text: str, alarms: Sequence[pulumi.Output[str]], **actions: Any
    ) -> aws.cloudwatch.CompositeAlarm:
        return aws.cloudwatch.CompositeAlarm(
            f"alarm-{logical_name}",
            alarm_name=self._context.names.of("alarm", logical_name),
            alarm_description=text,
            # From the outputs of the alarms, so that it is created after them and deleted before them.
            alarm_rule=pulumi.Output.all(*alarms).apply(any_of),
            tags=self._context.tags.of("observability", "alerts"),
            opts=_alarm_options(self),
            **actions,
        )


def any_of(alarm_names: Sequence[str]) -> str:
    """Return the rule of a composite alarm over any of these."""
    return " OR ".join(f'ALARM("{name}")' for name in alarm_names)
