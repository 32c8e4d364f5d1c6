from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from local_aws.provider.resources import TYPES
from local_aws.provider.wire import UNKNOWN
from tests.support.provider_cases import CASES, INPUTS, SURROUNDINGS, Case, archive, filled, policy
from tests.unit.local_aws.provider.conftest import checked

CODE, POLICY = archive("one"), policy(Action="sqs:SendMessage", Resource="*")
ROLE_ARN, QUEUE_ARN, STREAM_ARN = (SURROUNDINGS[name] for name in ("role_arn", "queue_arn", "stream_arn"))
STREAM = {"eventSourceArn": STREAM_ARN, "startingPosition": "LATEST", "scalingConfig": None}
Properties = dict[str, Any]
Failures = Callable[[str, Properties], dict[str, str]]

ROLE, TABLE, QUEUE = "aws:iam/role:Role", "aws:dynamodb/table:Table", "aws:sqs/queue:Queue"
FUNCTION, ALIAS = "aws:lambda/function:Function", "aws:lambda/alias:Alias"
MAPPING = "aws:lambda/eventSourceMapping:EventSourceMapping"
ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm"
PROVISIONED = "aws:lambda/provisionedConcurrencyConfig:ProvisionedConcurrencyConfig"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.type)
def test_inputs_of_every_type_are_accepted_before_and_after_a_change(case: Case, failures: Failures) -> None:
    for inputs in (case.inputs, case.inputs | case.change):
        given = {name: value for name, value in filled(inputs, SURROUNDINGS).items() if value is not None}
        assert failures(case.type, given) == {}


@pytest.mark.parametrize("token", TYPES)
def test_inputs_not_known_yet_are_accepted(token: str, failures: Failures) -> None:
    assert failures(token, dict.fromkeys(INPUTS[token], UNKNOWN)) == {}


def test_a_misspelt_property_is_reported_with_the_right_one(failures: Failures) -> None:
    found = failures(FUNCTION, INPUTS[FUNCTION] | {"memorysize": 512, "environment": {"variabels": {}}})

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
    assert failures(token, INPUTS[token] | change) == {path: reason}


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
        (MAPPING, STREAM | {"scalingConfig": {"maximumConcurrency": 2}}, "scalingConfig", "a stream does not have it"),
        (MAPPING, {"scalingConfig": {"maximumConcurrency": 1}}, "scalingConfig.maximumConcurrency",
         "allowed are 2 to 1000"),
        (QUEUE, {"name": "a.b"}, "name", 'is "a.b"'),
        (QUEUE, {"name": "ä"}, "name", 'is "ä"'),
        (QUEUE, {"visibilityTimeoutSeconds": 43201}, "visibilityTimeoutSeconds", "is 43201; allowed are 0 to 43200"),
        (QUEUE, {"redrivePolicy": "{"}, "redrivePolicy", "is not JSON"),
        ("aws:sns/topic:Topic", {"name": "a.b"}, "name", 'is "a.b"'),
        *[("aws:s3/bucket:Bucket", {"bucket": name}, "bucket", f'is "{name}"')
          for name in ("Upper", "-a-", "a..b", "192.168.5.4", "xn--bucket", "bucket-s3alias")],
        ("aws:s3/bucket:Bucket", {"bucket": "ab"}, "bucket", "has 2 characters; allowed are 3 to 63"),
        (MAPPING, {"filterCriteria": {"filters": [{"pattern": "{}"}] * 11}}, "filterCriteria.filters", "has 11"),
        *[(MAPPING, STREAM | {"maximumRecordAgeInSeconds": age}, "maximumRecordAgeInSeconds", f'is "{age}"')
          for age in (0, 59)],
        (MAPPING, STREAM | {"maximumRecordAgeInSeconds": 604801}, "maximumRecordAgeInSeconds", "is 604801"),
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
    inputs = {name: value for name, value in (INPUTS[token] | change).items() if value is not None}

    found = failures(token, inputs)

    assert list(found) == [path]
    assert part in found[path]


def test_defaults_of_the_official_provider_are_filled_in() -> None:
    given = {"name": "lambda-a", "role": ROLE_ARN, "code": CODE, "memorySize": 512}
    defaults = {
        "packageType": "Zip", "publish": False, "reservedConcurrentExecutions": -1, "skipDestroy": False, "timeout": 3,
    }  # fmt: skip
    assert checked(FUNCTION, given)[0] == given | defaults | {"tagsAll": {}, "__defaults": [*defaults]}


def test_a_name_that_is_not_given_is_made_up_once() -> None:
    again, _ = checked(QUEUE, {}, olds={"name": "orders-once", "__defaults": ["name"]}, name="orders")
    named, _ = checked(QUEUE, {"name": "mine"})
    withdrawn, _ = checked(QUEUE, {}, olds=named)

    assert again["name"] == "orders-once"
    assert withdrawn["name"] != "mine"


@pytest.mark.parametrize(
    ("token", "inputs", "name", "pattern"),
    [
        (QUEUE, {}, "orders", "orders-[0-9a-f]{7}"),
        (ROLE, {"assumeRolePolicy": POLICY}, "n" * 100, "n{57}[0-9a-f]{7}"),
        (QUEUE, {"namePrefix": "mine-"}, "orders", "mine-[0-9a-f]{7}"),
        (QUEUE, {"namePrefix": UNKNOWN}, "orders", None),
        (QUEUE, {"fifoQueue": True}, "n" * 100, r"n{68}[0-9a-f]{7}\.fifo"),
    ],
)
def test_a_made_up_name_fits_into_the_limit_and_follows_its_prefix(
    token: str, inputs: Properties, name: str, pattern: str | None
) -> None:
    made = checked(token, inputs, name=name)[0]["name"]
    assert made is UNKNOWN if pattern is None else re.fullmatch(pattern, made)


def test_tags_of_the_resource_override_default_tags() -> None:
    inputs, _ = checked(QUEUE, {"tags": {"A": "mine"}}, default_tags={"A": "theirs", "B": "theirs"})

    assert inputs["tags"] == {"A": "mine"}
    assert inputs["tagsAll"] == {"A": "mine", "B": "theirs"}


def test_types_without_tags_get_none() -> None:
    inputs, _ = checked(ALIAS, INPUTS[ALIAS], default_tags={"A": "x"})

    assert "tagsAll" not in inputs


def test_a_document_given_as_an_object_becomes_the_text_that_aws_takes() -> None:
    document = json.loads(POLICY)
    inputs, found = checked("aws:iam/rolePolicy:RolePolicy", {"role": "r", "policy": document})

    assert found == []
    assert json.loads(inputs["policy"]) == document


def test_a_table_may_leave_on_demand_without_a_word_of_its_units() -> None:
    on_demand = INPUTS[TABLE] | {"billingMode": "PAY_PER_REQUEST"}
    provisioned = INPUTS[TABLE] | {"billingMode": "PROVISIONED"}
    assert checked(TABLE, provisioned, olds=on_demand)[1] == []
    assert [path for path, _ in checked(TABLE, provisioned, olds={})[1]] == ["readCapacity"]


@pytest.mark.parametrize("age", [-1, 60, 99, 100, 604800])
def test_record_ages_from_a_minute_on_and_none_are_accepted(age: int, failures: Failures) -> None:
    inputs = INPUTS[MAPPING] | STREAM | {"maximumRecordAgeInSeconds": age}
    assert failures(MAPPING, {name: value for name, value in inputs.items() if value is not None}) == {}
