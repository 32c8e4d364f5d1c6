import json
from dataclasses import replace
from typing import Any

import pulumi
import pytest

from compute.config import Provisioning
from compute.function import ServerlessFunction, ServerlessFunctionArgs
from foundation.model import Function
from foundation.resource_policies import queue_policy
from tests.support.declarations import COUNT, READ, STORE, TAGS
from tests.support.mocks import Recording, record

PROVISIONING = Provisioning(
    minimum=1, maximum=5, utilization_percent=70, peak_minimum=2, peak_start_hour=7, peak_end_hour=19, timezone="UTC"
)
CONSUMED = "arn:aws:sqs:us-east-1:123456789012:dlq-inbox-dev"
OUTPUTS = ("name", "alias_name", "alias_arn", "version", "log_group", "failure_queue_arn", "memory_mb")


def _record(function: Function = COUNT, **changes: Any) -> Recording:
    args = ServerlessFunctionArgs(
        function=function,
        physical_name=f"lambda-{function.name}-dev",
        log_group_name=f"/aws/lambda/lambda-{function.name}-dev",
        failure_queue_name=f"dlq-{function.name}-dev",
        role_arn="arn:aws:iam::123456789012:role/some",
        runtime="python3.12",
        code=pulumi.AssetArchive({"handler.py": pulumi.StringAsset("")}),
        memory_mb=640,
        environment={"TABLE_TOTALS": "table-totals-dev"},
        log_retention_days=7,
        provisioning=PROVISIONING,
        suffix="dev",
        tags=TAGS,
    )

    def program() -> None:
        built = ServerlessFunction(function.name, replace(args, **changes))
        for key in OUTPUTS:
            pulumi.export(key, getattr(built, key))

    return record(program)


@pytest.fixture(scope="module")
def count() -> Recording:
    return _record()


def test_the_log_group_stands_before_the_function_and_expires(count: Recording) -> None:
    group = count.one("LogGroup")
    assert group.inputs["name"] == "/aws/lambda/lambda-count-dev"
    assert group.inputs["retentionInDays"] == 7
    assert group.urn in count.one("lambda/function:Function").dependencies


def test_a_failure_queue_of_its_own_has_its_policy(count: Recording) -> None:
    policy = count.one("sqs/queuePolicy:QueuePolicy").inputs
    assert json.loads(policy["policy"]) == queue_policy(count.outputs["failure_queue_arn"])
    assert _record(failure_queue=(CONSUMED, "https://inbox")).of("sqs/queuePolicy:QueuePolicy") == []


def test_the_function_logs_to_that_group_as_json(count: Recording) -> None:
    logging = count.one("lambda/function:Function").inputs["loggingConfig"]
    assert logging == {"logFormat": "JSON", "logGroup": "/aws/lambda/lambda-count-dev"}


def test_the_function_is_as_declared(count: Recording) -> None:
    inputs = count.one("lambda/function:Function").inputs
    assert inputs["architectures"] == ["arm64"]
    assert (inputs["memorySize"], inputs["timeout"]) == (640, COUNT.timeout_seconds)
    assert (inputs["name"], inputs["handler"]) == ("lambda-count-dev", "count.handler.handle")
    assert inputs["role"] == "arn:aws:iam::123456789012:role/some"
    assert inputs["environment"]["variables"] == {
        "TABLE_TOTALS": "table-totals-dev",
        "DEAD_LETTER_QUEUE": "https://sqs.us-east-1.amazonaws.com/123456789012/dlq-count-dev",
    }
    assert inputs["runtime"] == "python3.12"


def test_the_function_can_be_called_at_any_concurrency(count: Recording) -> None:
    assert "reservedConcurrentExecutions" not in count.one("lambda/function:Function").inputs


def test_a_version_is_published_and_the_alias_points_to_it_not_to_latest(count: Recording) -> None:
    function, alias = count.one("lambda/function:Function"), count.one("Alias")
    assert function.inputs["publish"] is True
    assert alias.inputs["functionVersion"] == function.outputs["version"] != "$LATEST"
    assert alias.inputs["functionName"] == "lambda-count-dev"
    # Weights and provisioned concurrency exclude each other.
    assert "routingConfig" not in alias.inputs


def test_asynchronous_calls_of_the_alias_are_retried_within_bounds(count: Recording) -> None:
    config = count.one("FunctionEventInvokeConfig").inputs
    assert (config["functionName"], config["qualifier"]) == ("lambda-count-dev", count.one("Alias").inputs["name"])
    assert 0 <= config["maximumRetryAttempts"] <= 2
    assert 60 <= config["maximumEventAgeInSeconds"] <= 21_600


def test_without_a_consumed_queue_the_function_has_a_failure_queue_of_its_own(count: Recording) -> None:
    queue = count.one("sqs/queue:Queue")
    assert queue.inputs["name"] == "dlq-count-dev"
    assert queue.inputs["messageRetentionSeconds"] == 14 * 86_400
    assert queue.inputs["sqsManagedSseEnabled"] is True
    function = count.one("lambda/function:Function").inputs
    assert function["deadLetterConfig"] == {"targetArn": queue.outputs["arn"]}
    assert count.outputs["failure_queue_arn"] == queue.outputs["arn"]


def test_with_a_consumed_queue_failures_go_to_its_dead_letters() -> None:
    recording = _record(STORE, failure_queue=(CONSUMED, "https://inbox"))
    assert recording.of("sqs/queue:Queue") == []
    assert recording.one("lambda/function:Function").inputs["deadLetterConfig"] == {"targetArn": CONSUMED}
    assert recording.outputs["failure_queue_arn"] == CONSUMED


@pytest.mark.parametrize("function", [COUNT, STORE])
def test_a_function_that_is_not_critical_has_no_provisioned_concurrency(function: Function) -> None:
    recording = _record(function)
    types = {item.type.split(":")[-1] for item in recording.resources}
    assert not types & {"ProvisionedConcurrencyConfig", "Target", "Policy", "ScheduledAction"}


def test_a_critical_function_has_provisioned_concurrency_on_its_alias() -> None:
    recording = _record(READ)
    config = recording.one("ProvisionedConcurrencyConfig")
    assert config.inputs["functionName"] == "lambda-read-dev"
    assert config.inputs["qualifier"] == recording.one("Alias").inputs["name"]
    assert recording.one("Alias").urn in config.dependencies


def test_outputs_lead_to_the_alias_the_logs_and_the_failures(count: Recording) -> None:
    assert count.outputs == {
        "name": "lambda-count-dev",
        "alias_name": "live",
        "alias_arn": "arn:aws:lambda:us-east-1:123456789012:function:lambda-count-dev:live",
        "version": count.one("lambda/function:Function").outputs["version"],
        "log_group": "/aws/lambda/lambda-count-dev",
        "failure_queue_arn": "arn:aws:sqs:us-east-1:123456789012:dlq-count-dev",
        "memory_mb": 640,
    }


def test_concurrency_is_reserved_where_it_is_declared(count: Recording) -> None:
    assert "reservedConcurrentExecutions" not in count.one("lambda/function:Function").inputs
    reserved = _record(replace(COUNT, reserved_concurrency=7)).one("lambda/function:Function")
    assert reserved.inputs["reservedConcurrentExecutions"] == 7
