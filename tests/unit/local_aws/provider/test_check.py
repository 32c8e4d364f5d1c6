from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from local_aws.provider.resources import TYPES
from local_aws.provider.wire import UNKNOWN
from tests.unit.local_aws.provider.conftest import checked
from tests.unit.local_aws.provider.samples import CODE, LEAST, POLICY, QUEUE_ARN, ROLE_ARN, STREAM_ARN

Properties = dict[str, Any]
Failures = Callable[[str, Properties], dict[str, str]]

ROLE, TABLE, QUEUE = "aws:iam/role:Role", "aws:dynamodb/table:Table", "aws:sqs/queue:Queue"
FUNCTION, ALIAS = "aws:lambda/function:Function", "aws:lambda/alias:Alias"
MAPPING = "aws:lambda/eventSourceMapping:EventSourceMapping"
ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm"
PROVISIONED = "aws:lambda/provisionedConcurrencyConfig:ProvisionedConcurrencyConfig"


@pytest.mark.parametrize("token", TYPES)
def test_the_least_of_every_type_is_accepted(token: str, failures: Failures) -> None:
    assert failures(token, LEAST[token]) == {}


@pytest.mark.parametrize("token", TYPES)
def test_inputs_not_known_yet_are_accepted(token: str, failures: Failures) -> None:
    assert failures(token, dict.fromkeys(LEAST[token], UNKNOWN)) == {}


def test_a_misspelt_property_is_reported_with_the_right_one(failures: Failures) -> None:
    found = failures(FUNCTION, LEAST[FUNCTION] | {"memorysize": 512, "environment": {"variabels": {}}})

    assert found["memorysize"] == 'unknown property; did you mean "memorySize"?'
    assert found["environment.variabels"] == 'unknown property; did you mean "variables"?'


def test_a_missing_property_is_reported_with_its_type(failures: Failures) -> None:
    assert failures(ALIAS, {"functionName": "lambda-a"}) == {"functionVersion": "missing; a string is required"}


@pytest.mark.parametrize(
    ("token", "change", "path", "reason"),
    [
        (FUNCTION, {"memorySize": "512"}, "memorySize", 'expected a whole number, found the string "512"'),
        (FUNCTION, {"memorySize": 512.5}, "memorySize", "expected a whole number, found the number 512.5"),
        (FUNCTION, {"publish": 1}, "publish", "expected true or false, found the number 1"),
        (FUNCTION, {"timeout": True}, "timeout", "expected a whole number, found true"),
        (FUNCTION, {"code": "code.zip"}, "code", 'expected an archive, found the string "code.zip"'),
        (FUNCTION, {"handler": CODE}, "handler", "expected a string, found an archive"),
        (FUNCTION, {"architectures": "arm64"}, "architectures", 'expected a list, found the string "arm64"'),
        (FUNCTION, {"architectures": [64]}, "architectures[0]", "expected a string, found the number 64"),
        (FUNCTION, {"environment": []}, "environment", "expected an object, found a list"),
        (
            FUNCTION,
            {"environment": {"variables": {"A": 5}}},
            "environment.variables.A",
            "expected a string, found the number 5",
        ),
        (FUNCTION, {"deadLetterConfig": {}}, "deadLetterConfig.targetArn", "missing; a string is required"),
        (TABLE, {"attributes": [{"name": "k"}]}, "attributes[0].type", "missing; a string is required"),
        (QUEUE, {"tags": {"A": 1}}, "tags.A", "expected a string, found the number 1"),
    ],
)
def test_a_wrong_type_is_reported_with_its_value(
    token: str, change: Properties, path: str, reason: str, failures: Failures
) -> None:
    assert failures(token, LEAST[token] | change) == {path: reason}


def test_everything_that_is_wrong_is_reported_at_once(failures: Failures) -> None:
    found = failures(FUNCTION, {"role": 1, "nonsense": 1, "timeout": "a"})

    assert found.keys() == {"role", "nonsense", "timeout"}


@pytest.mark.parametrize(
    ("token", "change", "path", "part"),
    [
        (FUNCTION, {"memorySize": 127}, "memorySize", "is 127; allowed are 128 to 10240"),
        (FUNCTION, {"memorySize": 10241}, "memorySize", "allowed are 128 to 10240"),
        (FUNCTION, {"timeout": 901}, "timeout", "allowed are 1 to 900"),
        (FUNCTION, {"reservedConcurrentExecutions": -2}, "reservedConcurrentExecutions", "is -2"),
        (FUNCTION, {"name": "a b"}, "name", 'is "a b"'),
        (FUNCTION, {"name": "a" * 65}, "name", "has 65 characters; allowed are 1 to 64"),
        (FUNCTION, {"architectures": ["arm"]}, "architectures[0]", "allowed are x86_64, arm64"),
        (FUNCTION, {"architectures": ["arm64"] * 2}, "architectures", "has 2 members"),
        (FUNCTION, {"loggingConfig": {"logFormat": "json"}}, "loggingConfig.logFormat", "allowed are JSON, Text"),
        (FUNCTION, {"vpcConfig": {"subnetIds": [], "securityGroupIds": []}}, "vpcConfig", "not supported by the local"),
        (ALIAS, {"functionVersion": "one"}, "functionVersion", 'is "one"'),
        (PROVISIONED, {"qualifier": "$LATEST"}, "qualifier", "$LATEST"),
        (MAPPING, {"startingPosition": "LATEST"}, "startingPosition", "an SQS source does not have it"),
        (MAPPING, {"bisectBatchOnFunctionError": True}, "bisectBatchOnFunctionError", "an SQS source does not have it"),
        (MAPPING, {"eventSourceArn": STREAM_ARN}, "startingPosition", "a stream needs LATEST or TRIM_HORIZON"),
        (MAPPING, {"eventSourceArn": STREAM_ARN, "startingPosition": "LATEST",
         "scalingConfig": {"maximumConcurrency": 2}},
         "scalingConfig", "a stream does not have it"),
        (MAPPING, {"scalingConfig": {"maximumConcurrency": 1}}, "scalingConfig.maximumConcurrency",
         "allowed are 2 to 1000"),
        (QUEUE, {"name": "a.b"}, "name", 'is "a.b"'),
        (QUEUE, {"redrivePolicy": "{"}, "redrivePolicy", "is not JSON"),
        (QUEUE, {"tags": {str(i): "x" for i in range(51)}}, "tags", "AWS allows 50"),
        (QUEUE, {"region": "eu-west-1"}, "region", "not supported by the local"),
        (QUEUE, {"tags": {"aws:mine": "x"}}, "tags.aws:mine", 'does not start with "aws:"'),
        (QUEUE, {"tags": {"A": "x" * 257}}, "tags.A", "AWS allows 256"),
        ("aws:cloudwatch/logMetricFilter:LogMetricFilter", {"name": "a:b"}, "name", 'is "a:b"'),
        (ALARM, {"dimensions": {str(i): "x" for i in range(31)}}, "dimensions", "has 31 members"),
        ("aws:appautoscaling/scheduledAction:ScheduledAction", {"schedule": "0 6 * * *"}, "schedule", "0 6 * * *"),
        (TABLE, {"billingMode": "PROVISIONED"}, "readCapacity", "billing mode PROVISIONED needs at least 1"),
        (ROLE, {"assumeRolePolicy": "{}"}, "assumeRolePolicy", 'it needs "Statement"'),
        (ROLE, {"assumeRolePolicy": '{"Statement": [{"Effect": "allow"}]}'}, "assumeRolePolicy", '"Allow" or "Deny"'),
        ("aws:iam/rolePolicy:RolePolicy", {"policy": json.dumps(json.loads(POLICY) | {"Id": "x" * 10240})}, "policy",
         "10240"),
        ("aws:lambda/functionUrl:FunctionUrl", {"authorizationType": "NONE"}, "authorizationType", "AWS_IAM"),
        ("aws:scheduler/schedule:Schedule",
         {"target": {"arn": QUEUE_ARN, "roleArn": ROLE_ARN, "retryPolicy": {"maximumRetryAttempts": 186}}},
         "target.retryPolicy.maximumRetryAttempts", "is 186; allowed are 0 to 185"),
    ],
)  # fmt: skip
def test_limits_that_aws_enforces_are_enforced(
    token: str, change: Properties, path: str, part: str, failures: Failures
) -> None:
    inputs = {name: value for name, value in (LEAST[token] | change).items() if value is not None}

    found = failures(token, inputs)

    assert list(found) == [path]
    assert part in found[path]


def test_defaults_of_the_official_provider_are_filled_in() -> None:
    inputs, _ = checked(FUNCTION, LEAST[FUNCTION] | {"name": "lambda-a", "memorySize": 512})

    assert inputs["timeout"] == 3
    assert inputs["reservedConcurrentExecutions"] == -1
    assert inputs["memorySize"] == 512
    assert inputs["__defaults"] == ["packageType", "publish", "reservedConcurrentExecutions", "skipDestroy", "timeout"]


def test_a_name_that_is_not_given_is_made_up_once() -> None:
    first, _ = checked(QUEUE, {}, name="orders")
    again, _ = checked(QUEUE, {}, olds=first, name="orders")

    assert first["name"].startswith("orders-")
    assert len(first["name"]) == len("orders-") + 7
    assert again["name"] == first["name"]


def test_a_made_up_name_fits_into_the_limit_and_follows_its_prefix() -> None:
    long, _ = checked("aws:iam/role:Role", LEAST[ROLE], name="n" * 100)
    prefixed, _ = checked(QUEUE, {"namePrefix": "mine-"})
    fifo, _ = checked(QUEUE, {"fifoQueue": True})

    assert len(long["name"]) == 64
    assert prefixed["name"].startswith("mine-")
    assert fifo["name"].endswith(".fifo")


def test_a_name_that_was_given_is_not_kept_when_it_is_withdrawn() -> None:
    named, _ = checked(QUEUE, {"name": "mine"})
    withdrawn, _ = checked(QUEUE, {}, olds=named)

    assert withdrawn["name"] != "mine"


def test_tags_of_the_resource_override_default_tags() -> None:
    inputs, _ = checked(QUEUE, {"tags": {"A": "mine"}}, default_tags={"A": "theirs", "B": "theirs"})

    assert inputs["tags"] == {"A": "mine"}
    assert inputs["tagsAll"] == {"A": "mine", "B": "theirs"}


def test_types_without_tags_get_none() -> None:
    inputs, _ = checked(ALIAS, LEAST[ALIAS], default_tags={"A": "x"})

    assert "tagsAll" not in inputs


def test_a_document_given_as_an_object_becomes_the_text_that_aws_takes() -> None:
    document = json.loads(POLICY)
    inputs, found = checked("aws:iam/rolePolicy:RolePolicy", {"role": "r", "policy": document})

    assert found == []
    assert json.loads(inputs["policy"]) == document


def test_a_queue_mapping_accepts_the_properties_of_queues(failures: Failures) -> None:
    inputs = {"functionName": "f", "eventSourceArn": QUEUE_ARN, "batchSize": 100, "maximumBatchingWindowInSeconds": 1}

    assert failures(MAPPING, inputs | {"functionResponseTypes": ["ReportBatchItemFailures"]}) == {}


def test_a_table_may_leave_on_demand_without_a_word_of_its_units() -> None:
    on_demand = LEAST[TABLE] | {"billingMode": "PAY_PER_REQUEST"}
    provisioned = LEAST[TABLE] | {"billingMode": "PROVISIONED"}
    assert checked(TABLE, provisioned, olds=on_demand)[1] == []
    assert [path for path, _ in checked(TABLE, provisioned, olds={})[1]] == ["readCapacity"]
