"""Specifications become alarms of CloudWatch, argument by argument."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from foundation.naming import Names, Tags
from observability.alarm_set import AlarmContext, AlarmSet
from observability.alarm_spec import AlarmSpec, Key
from observability.config import SEVERITIES
from observability.metrics import Metric
from tests.support.mocks import record

TABLE = Key("table", "events")
TOPICS = {severity: f"arn:aws:sns:us-east-1:123456789012:topic-{severity}-dev" for severity in SEVERITIES}
TOPIC = TOPICS["ticket"]

PLAIN = AlarmSpec(
    key=Key("function", "ingest"),
    alarm_type="errors",
    summary="It fails.",
    remediation="fix it.",
    metrics=(
        Metric(
            namespace="AWS/Lambda",
            name="Errors",
            statistic="Sum",
            dimensions={"FunctionName": "lambda-ingest-dev"},
        ),
    ),
    rule="over 3",
    threshold=3,
    period_seconds=300,
    periods=3,
    datapoints=2,
    missing_data="ignore",
)
MATH = AlarmSpec(
    key=TABLE,
    alarm_type="faults",
    summary="It fails.",
    remediation="fix it.",
    metrics=tuple(
        Metric(
            namespace="AWS/DynamoDB",
            name="SystemErrors",
            statistic="Sum",
            dimensions={"TableName": "table-events-dev", "Operation": operation},
        )
        for operation in ("PutItem", "Query")
    ),
    expression="FILL(m1, 0) + FILL(m2, 0)",
    rule="over 0",
    threshold=0,
)


def alarm(spec: AlarmSpec) -> Mapping[str, Any]:
    def program() -> None:
        tags = Tags(project="estate", environment="dev", owner="team", cost_center="42")
        AlarmSet(
            "set", [spec], AlarmContext(names=Names("dev"), topics=TOPICS, tags=tags, runbooks="https://wiki/books")
        )

    recording = record(program)
    made = recording.one("cloudwatch/metricAlarm:MetricAlarm")
    assert made.parent == recording.one("estate:observability:AlarmSet").urn
    assert made.name == f"alarm-{spec.logical_name}"
    return made.inputs


def test_an_alarm_on_one_metric_has_every_property_of_its_specification():
    assert alarm(PLAIN) == {
        "name": "alarm-ingest-errors-dev",
        "alarmDescription": "[ticket] It fails. What to do: fix it. Runbook: https://wiki/books/functions.md#errors",
        "namespace": "AWS/Lambda",
        "metricName": "Errors",
        "statistic": "Sum",
        "dimensions": {"FunctionName": "lambda-ingest-dev"},
        "period": 300,
        "comparisonOperator": "GreaterThanThreshold",
        "threshold": 3,
        "evaluationPeriods": 3,
        "datapointsToAlarm": 2,
        "treatMissingData": "ignore",
        "alarmActions": [TOPIC],
        "tags": Tags(project="estate", environment="dev", owner="team", cost_center="42").of("observability", "ingest"),
    }


def test_a_page_notifies_the_topic_of_pages_and_a_child_of_a_composite_alarm_no_topic():
    paging = alarm(replace(PLAIN, severity="page"))
    assert paging["alarmActions"] == [TOPICS["page"]]
    assert paging["alarmDescription"].startswith("[page] ")
    assert "alarmActions" not in alarm(replace(PLAIN, symptom="events-late"))


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
