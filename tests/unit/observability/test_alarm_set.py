"""Specifications become alarms of CloudWatch, argument by argument."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pulumi
import pytest

from foundation.naming import Names
from observability.alarm_set import AlarmSet, AlarmSetArgs
from observability.alarm_spec import AlarmSpec
from observability.metrics import Metric, Reference
from tests.support.mocks import record

TABLE = Reference("table", "events")
PHYSICAL = {TABLE: "table-events-dev", Reference("function", "ingest"): "lambda-ingest-dev"}
TOPIC = "arn:aws:sns:us-east-1:123456789012:topic-alerts-dev"

PLAIN = AlarmSpec(
    subject=Reference("function", "ingest"),
    word="errors",
    meaning="It fails.",
    action="mend it.",
    metrics=(
        Metric(
            namespace="AWS/Lambda",
            name="Errors",
            statistic="Sum",
            dimensions={"FunctionName": Reference("function", "ingest")},
        ),
    ),
    threshold=3,
    severity="ticket",
    period_seconds=300,
    periods=3,
    datapoints=2,
    missing="breaching",
)
MATH = AlarmSpec(
    subject=TABLE,
    word="faults",
    meaning="It fails.",
    action="mend it.",
    metrics=tuple(
        Metric(
            namespace="AWS/DynamoDB",
            name="SystemErrors",
            statistic="Sum",
            dimensions={"TableName": TABLE, "Operation": operation},
        )
        for operation in ("PutItem", "Query")
    ),
    expression="FILL(m1, 0) + FILL(m2, 0)",
    threshold=0,
    severity="page",
)


def alarm(spec: AlarmSpec, *, billing: str | None = None) -> Mapping[str, Any]:
    def program() -> None:
        args = AlarmSetArgs(
            specs=[spec],
            names=pulumi.Output.from_input(Names("dev")),
            physical={reference: pulumi.Output.from_input(name) for reference, name in PHYSICAL.items()},
            topic_arn=TOPIC,
            tags={"Component": "ingest"},
            billing=None if billing is None else pulumi.Output.from_input(billing),
        )
        AlarmSet("set", args)

    recording = record(program)
    made = recording.one("cloudwatch/metricAlarm:MetricAlarm")
    assert made.parent == recording.one("estate:observability:AlarmSet").urn
    assert made.name == f"alarm-{spec.purpose}"
    return made.inputs


def test_an_alarm_on_one_metric_has_every_property_of_its_specification():
    assert alarm(PLAIN) == {
        "name": "alarm-ingest-errors-dev",
        "alarmDescription": "[ticket] It fails. What to do: mend it.",
        "namespace": "AWS/Lambda",
        "metricName": "Errors",
        "statistic": "Sum",
        "dimensions": {"FunctionName": "lambda-ingest-dev"},
        "period": 300,
        "comparisonOperator": "GreaterThanThreshold",
        "threshold": 3,
        "evaluationPeriods": 3,
        "datapointsToAlarm": 2,
        "treatMissingData": "breaching",
        "alarmActions": [TOPIC],
        "okActions": [TOPIC],
        "tags": {"Component": "ingest"},
    }


def test_a_percentile_is_an_extended_statistic():
    inputs = alarm(replace(PLAIN, metrics=(replace(PLAIN.metrics[0], statistic="p99"),)))
    assert inputs["extendedStatistic"] == "p99"
    assert "statistic" not in inputs


def test_metric_math_returns_the_expression_and_nothing_else():
    inputs = alarm(MATH)
    result, *metrics = inputs["metricQueries"]
    assert result == {"id": "result", "expression": "FILL(m1, 0) + FILL(m2, 0)", "label": "faults", "returnData": True}
    assert [(query["id"], query["returnData"]) for query in metrics] == [("m1", False), ("m2", False)]
    assert metrics[1]["metric"] == {
        "namespace": "AWS/DynamoDB",
        "metricName": "SystemErrors",
        "stat": "Sum",
        "period": 60,
        "dimensions": {"TableName": "table-events-dev", "Operation": "Query"},
    }


def test_metric_math_leaves_out_what_cloudwatch_refuses_beside_it():
    assert {"metricName", "namespace", "period", "statistic", "extendedStatistic", "dimensions"}.isdisjoint(alarm(MATH))


@pytest.mark.parametrize(("billing", "threshold"), [("provisioned", 10), ("on-demand", 99), (None, 10)])
def test_the_threshold_follows_how_the_table_is_billed(billing: str | None, threshold: float):
    spec = replace(MATH, threshold=10, on_demand_threshold=99)
    assert alarm(spec, billing=billing)["threshold"] == threshold


def test_billing_changes_no_threshold_that_does_not_depend_on_it():
    assert alarm(MATH, billing="on-demand")["threshold"] == 0
