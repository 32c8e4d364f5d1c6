"""Health of a deployed environment, by what its state names."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from estate_tool.rollout import health
from tests.unit.tool.conftest import stubbed_client

if TYPE_CHECKING:
    from tests.unit.tool.conftest import Estate


class Provisioned:
    """Lambda with one provisioned alias, ready or not."""

    class exceptions:  # noqa: N801 – as boto3 has it
        ClientError = ClientError

    def __init__(self, status: str | None) -> None:
        self.status = status

    def get_provisioned_concurrency_config(self, **asked: str) -> dict[str, Any]:
        assert asked == {"FunctionName": "lambda-query-dev", "Qualifier": "live"}
        if self.status is None:
            raise ClientError({"Error": {"Code": "ProvisionedConcurrencyConfigNotFoundException"}}, "Get")
        return {"RequestedProvisionedConcurrentExecutions": 2, "Status": self.status}


FUNCTION = "arn:aws:lambda:us-east-1:1:function:a:live"
STREAM = "arn:aws:dynamodb:us-east-1:1:table/table-events-dev/stream/2026"
RESOURCES = [
    {"type": health.QUEUE, "id": "https://sqs/1/queue-ingest-dev", "inputs": {"name": "queue-ingest-dev"}},
    {"type": health.QUEUE, "id": "https://sqs/1/dlq-ingest-dev"},
    {"type": health.QUEUE, "id": "https://sqs/1/gone-dev"},
    *({"type": health.ALARMS[0], "id": f"alarm-{name}-dev"} for name in ("fine", "ringing", "quiet", "gone")),
    {"type": health.MAPPING, "inputs": {"functionName": FUNCTION, "eventSourceArn": STREAM}},
    {"type": health.MAPPING, "inputs": {"functionName": "b", "eventSourceArn": "arn:aws:sqs:us-east-1:1:queue"}},
    {"type": health.PROVISIONED, "inputs": {"functionName": "lambda-query-dev", "qualifier": "live"}},
]  # fmt: skip


@pytest.fixture
def unwell(estate: Estate) -> Estate:
    """An environment with an alarm in ALARM, a failed message, and metrics."""
    sqs, cloudwatch = estate.client("sqs"), estate.client("cloudwatch")
    sqs.send_message(QueueUrl=estate.queue_url("dlq-ingest-dev"), MessageBody="m")
    for name, state in (("fine", "OK"), ("ringing", "ALARM"), ("quiet", "INSUFFICIENT_DATA")):
        cloudwatch.put_metric_alarm(
            AlarmName=f"alarm-{name}-dev", MetricName="m", Namespace="n", Statistic="Sum", Period=60,
            EvaluationPeriods=1, Threshold=1, ComparisonOperator="GreaterThanThreshold",
        )  # fmt: skip
        cloudwatch.set_alarm_state(AlarmName=f"alarm-{name}-dev", StateValue=state, StateReason="because")
    for namespace, metric, key, name, value in (
        ("AWS/SQS", "ApproximateAgeOfOldestMessage", "QueueName", "dlq-ingest-dev", 90.0),
        ("AWS/Lambda", "IteratorAge", "FunctionName", "a", 2500.0),
    ):
        datum = {"MetricName": metric, "Dimensions": [{"Name": key, "Value": name}], "Value": value,
                 "Timestamp": datetime.now(UTC) - timedelta(minutes=2)}  # fmt: skip
        cloudwatch.put_metric_data(Namespace=namespace, MetricData=[datum])
    estate.clients["lambda"] = Provisioned("READY")
    return estate


def test_health_is_read_by_what_the_state_names(unwell: Estate) -> None:
    found = health.read(unwell.client, RESOURCES)
    alarms = found["alarms"]
    assert (alarms["total"], alarms["missing"]) == (4, ["alarm-gone-dev"])
    assert [(one["alarm"], one["state"], one["reason"]) for one in alarms["not_ok"]] == [
        ("alarm-ringing-dev", "ALARM", "because"), ("alarm-quiet-dev", "INSUFFICIENT_DATA", "because"),
    ]  # fmt: skip
    assert found["queues"] == [
        {"queue": "dlq-ingest-dev", "messages": 1, "dead_letters": True, "oldest_seconds": 90.0},
        {"queue": "gone-dev", "messages": None, "dead_letters": False, "oldest_seconds": None},
        {"queue": "queue-ingest-dev", "messages": 0, "dead_letters": False, "oldest_seconds": 0},
    ]
    assert found["streams"] == [{"function": "a", "table": "table-events-dev", "lag_seconds": 2.5}]
    assert found["provisioned_concurrency"] == [
        {
            "function": "lambda-query-dev",
            "alias": "live",
            "requested": 2,
            "allocated": 0,
            "status": "READY",
            "used": None,
        }
    ]
    assert health.problems(found) == [
        "alarm-ringing-dev is in ALARM", "alarm-gone-dev is deployed and not in AWS", "dlq-ingest-dev holds 1 failed",
        "gone-dev is deployed and not in AWS",
    ]  # fmt: skip


@pytest.mark.parametrize(("state", "shown"), [("FAILED", "FAILED"), (None, "MISSING"), ("READY", None)])
def test_provisioned_concurrency_that_is_not_there_is_a_problem(
    estate: Estate, state: str | None, shown: str | None
) -> None:
    estate.clients["lambda"] = Provisioned(state)
    found = health.read(estate.client, RESOURCES[-1:])
    assert health.problems(found) == ([f"provisioned concurrency of lambda-query-dev is {shown}"] if shown else [])


def test_a_part_that_may_not_be_read_is_named_and_the_rest_is_shown(
    unwell: Estate, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, stub = stubbed_client("cloudwatch")
    stub.add_client_error("describe_alarms", "AccessDenied", "no")
    monkeypatch.setattr(unwell.client("cloudwatch"), "describe_alarms", client.describe_alarms)
    found = health.read(unwell.client, RESOURCES)
    assert (found["alarms"], list(found["unknown"]), len(found["queues"])) == (None, ["alarms"], 3)
    assert "alarms can't be read" in health.problems(found)[0]


def test_without_metrics_depths_are_known_and_ages_are_not(unwell: Estate, monkeypatch: pytest.MonkeyPatch) -> None:
    client, stub = stubbed_client("cloudwatch")
    for _ in range(3):
        stub.add_client_error("get_metric_data", "AccessDenied", "no")
    monkeypatch.setattr(unwell.client("cloudwatch"), "get_paginator", client.get_paginator)
    found = health.read(unwell.client, RESOURCES)
    assert list(found["unknown"]) == ["metrics"]
    assert (found["queues"][0]["messages"], found["queues"][0]["oldest_seconds"]) == (1, None)
    assert found["streams"][0]["lag_seconds"] is None
