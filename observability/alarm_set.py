"""Alarms of one resource, registered with CloudWatch from their specifications."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws

from foundation.naming import Names
from observability.alarm_spec import AlarmSpec, description
from observability.config import Severity


@dataclass(frozen=True, kw_only=True)
class AlarmSetArgs:
    """Alarm definitions of one resource, the environment's names, the topics to notify, tags.

    `runbooks` is the beginning of links to the runbooks.
    """

    specs: Sequence[AlarmSpec]
    names: Names
    topics: Mapping[Severity, pulumi.Input[str]]
    tags: dict[str, str]
    runbooks: str


def alarm_options(parent: pulumi.Resource) -> pulumi.ResourceOptions:
    """Return the options of an alarm, metric or composite: its replacement is made before it goes.

    CloudWatch keeps an alarm that a composite alarm names from being deleted. Nothing but its name has an alarm
    replaced, so both can be there: first the new alarms, then the composite alarms over them, then the old ones go in
    reverse order. With an explicit name, the provider would have the old one go first.
    """
    return pulumi.ResourceOptions(parent=parent, delete_before_replace=False)


class AlarmSet(pulumi.ComponentResource):
    """All alarms of one resource. Each notifies the topic of its severity, unless a composite alarm does so for it."""

    alarm_names: list[pulumi.Output[str]]
    alarm_arns: list[pulumi.Output[str]]

    def __init__(self, name: str, args: AlarmSetArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("estate:observability:AlarmSet", name, None, opts)
        alarms = [self._build(spec, args) for spec in args.specs]
        self.alarm_names = [alarm.name for alarm in alarms]
        self.alarm_arns = [alarm.arn for alarm in alarms]
        self.register_outputs({"alarm_names": self.alarm_names})

    def _build(self, spec: AlarmSpec, args: AlarmSetArgs) -> aws.cloudwatch.MetricAlarm:
        measured = _plain(spec) if spec.expression is None else _math(spec)
        return aws.cloudwatch.MetricAlarm(
            f"alarm-{spec.logical_name}",
            name=args.names.of("alarm", spec.logical_name),
            alarm_description=description(
                spec.severity, spec.summary, spec.remediation, f"{args.runbooks}/{spec.runbook}"
            ),
            comparison_operator=spec.comparison,
            threshold=spec.threshold,
            evaluation_periods=spec.periods,
            datapoints_to_alarm=spec.datapoints,
            treat_missing_data=spec.missing_data.treatment,
            # No notification of the state OK: a ticket is closed by a person, and a loss is not over after minutes.
            alarm_actions=None if spec.symptom else [args.topics[spec.severity]],
            tags=args.tags,
            opts=alarm_options(self),
            **measured,
        )


def _plain(spec: AlarmSpec) -> dict[str, Any]:
    """The arguments of an alarm on one metric; percentiles have an argument of their own."""
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
    """The arguments of an alarm on metric math: the expression, and the metrics m1, m2, … that it is about."""
    result = aws.cloudwatch.MetricAlarmMetricQueryArgs(
        id="result", expression=spec.expression, label=spec.alarm_type, return_data=True
    )
    inputs = [
        aws.cloudwatch.MetricAlarmMetricQueryArgs(
            id=f"m{number}",
            metric=aws.cloudwatch.MetricAlarmMetricQueryMetricArgs(
                namespace=metric.namespace,
                metric_name=metric.name,
                stat=metric.statistic,
                period=spec.period_seconds,
                dimensions=metric.dimensions,
            ),
            return_data=False,
        )
        for number, metric in enumerate(spec.metrics, start=1)
    ]
    return {"metric_queries": [result, *inputs]}
