"""Metrics of alarms that notify, by themselves or through a composite alarm."""

from __future__ import annotations

from typing import Any

import boto3
from botocore.stub import Stubber

from estate_tool.audit.alarms import watched
from estate_tool.audit.reader import Reader


def _alarm(name: str, actions: list[str], enabled: bool = True) -> dict[str, Any]:
    return {
        "AlarmName": name, "AlarmArn": f"arn:aws:cloudwatch:us-east-1:111122223333:alarm:{name}",
        "AlarmActions": actions, "ActionsEnabled": enabled,
    }  # fmt: skip


def _metric(name: str) -> dict[str, Any]:
    return {
        "Namespace": "AWS/Lambda", "MetricName": "Errors", "Dimensions": [{"Name": "FunctionName", "Value": name}],
    }  # fmt: skip


def test_alarms_count_that_notify_by_themselves_or_through_a_composite() -> None:
    composites = [
        {"AlarmName": "all", "AlarmRule": 'ALARM("child") OR ALARM(inner)', "AlarmActions": ["topic"]},
        {"AlarmName": "inner", "AlarmRule": f"OK({_alarm('grandchild', [])['AlarmArn']}) AND NOT ALARM(all)"},
        {"AlarmName": "unheard", "AlarmRule": "ALARM(silent)"},
    ]
    simple = [_alarm(name, []) | _metric(name) for name in ("child", "grandchild", "silent")]
    simple += [_alarm("heard", ["topic"]) | _metric("heard"), _alarm("off", ["topic"], enabled=False) | _metric("off")]
    queries = [{"Id": "q", "MetricStat": {"Metric": _metric("maths"), "Period": 60, "Stat": "Sum"}}, {"Id": "sum"}]
    simple += [_alarm("maths", ["topic"]) | {"Metrics": queries}]
    reader = Reader(boto3.Session(aws_access_key_id="a", aws_secret_access_key="b"), "us-east-1")
    with Stubber(reader.client("cloudwatch")) as stub:
        stub.add_response("describe_alarms", {"MetricAlarms": simple}, {"AlarmTypes": ["MetricAlarm"]})
        stub.add_response("describe_alarms", {"CompositeAlarms": composites}, {"AlarmTypes": ["CompositeAlarm"]})
        found = watched(reader)
    assert found == {
        ("AWS/Lambda", "Errors", frozenset({("FunctionName", name)}))
        for name in ("heard", "child", "grandchild", "maths")
    }
