from __future__ import annotations

import json
from typing import Any

import pytest

from local_aws.provider.diff import must_replace
from local_aws.provider.resources import TYPES
from local_aws.provider.wire import UNKNOWN
from tests.support.provider_cases import INPUTS, SURROUNDINGS, archive
from tests.unit.local_aws.provider.conftest import checked, comparison

OTHER_CODE, QUEUE_ARN, STREAM_ARN = archive("two"), SURROUNDINGS["queue_arn"], SURROUNDINGS["stream_arn"]
Properties = dict[str, Any]

TABLE, QUEUE, FUNCTION = "aws:dynamodb/table:Table", "aws:sqs/queue:Queue", "aws:lambda/function:Function"
MAPPING, ALIAS = "aws:lambda/eventSourceMapping:EventSourceMapping", "aws:lambda/alias:Alias"
ALARM, LOGS = "aws:cloudwatch/metricAlarm:MetricAlarm", "aws:cloudwatch/logGroup:LogGroup"
ROLE, POLICY, TOPIC = "aws:iam/role:Role", "aws:iam/rolePolicy:RolePolicy", "aws:sns/topic:Topic"
TARGET, SCALING = "aws:appautoscaling/target:Target", "aws:appautoscaling/policy:Policy"
ACTION = "aws:appautoscaling/scheduledAction:ScheduledAction"
COMPOSITE, PROVISIONED = (
    "aws:cloudwatch/compositeAlarm:CompositeAlarm",
    "aws:lambda/provisionedConcurrencyConfig:ProvisionedConcurrencyConfig",
)
PERMISSION = "aws:lambda/permission:Permission"


def decided(token: str, before: Properties, after: Properties, filled_in: Properties | None = None) -> dict[str, str]:
    """Diff of two sets of inputs; `filled_in` is what AWS added to the state."""
    old, _ = checked(token, {k: v for k, v in (INPUTS[token] | before).items() if v is not None})
    new, _ = checked(token, {k: v for k, v in (INPUTS[token] | before | after).items() if v is not None}, old)
    changes = comparison(token).changes(new, old | (filled_in or {}), old)
    return {path: "replace" if must_replace(TYPES[token], path) else "update" for path in changes}


@pytest.mark.parametrize("token", TYPES)
def test_the_same_inputs_are_no_change(token: str) -> None:
    assert decided(token, {}, {}) == {}


@pytest.mark.parametrize(
    ("token", "before", "after"),
    [
        (ROLE, {"name": "a"}, {"name": "b"}),
        (ROLE, {}, {"path": "/other/"}),
        (POLICY, {"name": "a"}, {"name": "b"}),
        (POLICY, {}, {"role": "other"}),
        (TABLE, {"name": "table-a"}, {"name": "table-b"}),
        (TABLE, {}, {"hashKey": "other", "attributes": [{"name": "other", "type": "S"}]}),
        (TABLE, {}, {"rangeKey": "r", "attributes": [{"name": "k", "type": "S"}, {"name": "r", "type": "S"}]}),
        (TARGET, {}, {"resourceId": "table/b"}),
        (TARGET, {}, {"scalableDimension": "dynamodb:table:ReadCapacityUnits"}),
        (TARGET, {}, {"serviceNamespace": "lambda"}),
        (SCALING, {"name": "a"}, {"name": "b"}),
        (SCALING, {}, {"resourceId": "table/b"}),
        (ACTION, {"name": "a"}, {"name": "b"}),
        (QUEUE, {"name": "a"}, {"name": "b"}),
        (QUEUE, {"name": "a"}, {"name": "a.fifo", "fifoQueue": True}),
        ("aws:sqs/queuePolicy:QueuePolicy", {}, {"queueUrl": "http://127.0.0.1/1/other"}),
        (LOGS, {"name": "/a"}, {"name": "/b"}),
        (LOGS, {"logGroupClass": "STANDARD"}, {"logGroupClass": "INFREQUENT_ACCESS"}),
        ("aws:cloudwatch/logMetricFilter:LogMetricFilter", {}, {"logGroupName": "/b"}),
        (ALARM, {"name": "a"}, {"name": "b"}),
        (COMPOSITE, {}, {"alarmName": "other"}),
        (COMPOSITE, {}, {"actionsEnabled": False}),
        ("aws:cloudwatch/dashboard:Dashboard", {}, {"dashboardName": "other"}),
        (FUNCTION, {"name": "a"}, {"name": "b"}),
        (ALIAS, {"name": "a"}, {"name": "b"}),
        (ALIAS, {}, {"functionName": "other"}),
        (PROVISIONED, {}, {"qualifier": "other"}),
        (PROVISIONED, {}, {"functionName": "other"}),
        ("aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig", {}, {"qualifier": "other"}),
        (MAPPING, {}, {"eventSourceArn": QUEUE_ARN + "-b"}),
        (MAPPING, {"eventSourceArn": STREAM_ARN, "startingPosition": "LATEST"}, {"startingPosition": "TRIM_HORIZON"}),
        (PERMISSION, {"statementId": "a"}, {"statementId": "b"}),
        (PERMISSION, {}, {"principal": "events.amazonaws.com"}),
        (TOPIC, {"name": "a"}, {"name": "b"}),
        ("aws:sns/topicPolicy:TopicPolicy", {}, {"arn": "arn:aws:sns:us-east-1:123456789012:topic-b"}),
        ("aws:sns/topicSubscription:TopicSubscription", {}, {"endpoint": QUEUE_ARN + "-b"}),
    ],
)
def test_a_change_of_identity_replaces_the_resource(token: str, before: Properties, after: Properties) -> None:
    assert "replace" in decided(token, before, after).values()


@pytest.mark.parametrize(
    ("token", "before", "after", "paths"),
    [
        (ROLE, {}, {"description": "new"}, {"description"}),
        (POLICY, {}, {"policy": json.dumps({"Statement": [{"Effect": "Deny", "Action": "*",
         "Resource": "*"}]})}, {"policy"}),
        (TABLE, {}, {"streamEnabled": True, "streamViewType": "NEW_IMAGE"}, {"streamEnabled", "streamViewType"}),
        (TABLE, {}, {"billingMode": "PROVISIONED", "readCapacity": 1, "writeCapacity": 1},
         {"billingMode", "readCapacity", "writeCapacity"}),
        (TABLE, {"ttl": {"enabled": True, "attributeName": "a"}}, {"ttl": {"enabled": True, "attributeName": "b"}},
         {"ttl.attributeName"}),
        (TARGET, {}, {"maxCapacity": 9}, {"maxCapacity"}),
        (SCALING, {}, {"targetTrackingScalingPolicyConfiguration": {
            "targetValue": 50, "scaleInCooldown": 60, "scaleOutCooldown": 0, "predefinedMetricSpecification":
            {"predefinedMetricType": "DynamoDBReadCapacityUtilization"}}},
         {"targetTrackingScalingPolicyConfiguration.targetValue"}),
        (QUEUE, {}, {"visibilityTimeoutSeconds": 60}, {"visibilityTimeoutSeconds"}),
        (QUEUE, {"tags": {"A": "1", "B": "2"}}, {"tags": {"A": "3"}}, {"tags.A", "tags.B", "tagsAll.A", "tagsAll.B"}),
        (LOGS, {"retentionInDays": 14}, {"retentionInDays": None}, {"retentionInDays"}),
        (ALARM, {}, {"threshold": 1}, {"threshold"}),
        (ALARM, {"alarmActions": ["a"]}, {"alarmActions": ["a", "b"]}, {"alarmActions"}),
        (FUNCTION, {}, {"memorySize": 256}, {"memorySize"}),
        (FUNCTION, {}, {"code": OTHER_CODE}, {"code"}),
        (FUNCTION, {"environment": {"variables": {"A": "1", "B": "2"}}}, {"environment": {"variables": {"A": "1"}}},
         {"environment.variables.B"}),
        (FUNCTION, {"deadLetterConfig": {"targetArn": QUEUE_ARN}}, {"deadLetterConfig": None}, {"deadLetterConfig"}),
        (ALIAS, {}, {"functionVersion": "2"}, {"functionVersion"}),
        (PROVISIONED, {}, {"provisionedConcurrentExecutions": 5}, {"provisionedConcurrentExecutions"}),
        (MAPPING, {}, {"batchSize": 5}, {"batchSize"}),
        (MAPPING, {}, {"functionName": "other"}, {"functionName"}),
        (TOPIC, {"displayName": "a"}, {"displayName": None}, {"displayName"}),
    ],
)  # fmt: skip
def test_everything_else_is_changed_in_place(
    token: str, before: Properties, after: Properties, paths: set[str]
) -> None:
    assert decided(token, before, after) == dict.fromkeys(paths, "update")


@pytest.mark.parametrize(
    ("token", "before", "after", "filled_in"),
    [
        # AWS filled in what was not given.
        (TABLE, {}, {}, {"readCapacity": 0, "writeCapacity": 0, "pointInTimeRecovery": {"enabled": False}}),
        (TABLE, {"pointInTimeRecovery": {"enabled": True}}, {},
         {"pointInTimeRecovery": {"enabled": True, "recoveryPeriodInDays": 35}}),
        (FUNCTION, {"loggingConfig": {"logFormat": "JSON"}}, {},
         {"loggingConfig": {"logFormat": "JSON", "logGroup": "/aws/lambda/a", "systemLogLevel": "INFO"}}),
        (MAPPING, {}, {}, {"batchSize": 10, "maximumRetryAttempts": -1}),
        (MAPPING, {"batchSize": 10}, {"batchSize": None}, {}),
        # The same in another spelling.
        (TABLE, {"attributes": [{"name": "k", "type": "S"}, {"name": "r", "type": "S"}], "rangeKey": "r"},
         {"attributes": [{"name": "r", "type": "S"}, {"name": "k", "type": "S"}]}, {}),
        (POLICY, {"policy": '{"Statement": [{"Effect": "Allow", "Action": ["a", "b"], "Resource": ["*"]}]}'},
         {"policy": '{"Statement": {"Resource": "*", "Action": ["b", "a"], "Effect": "Allow"}}'}, {}),
        (QUEUE, {"redrivePolicy": '{"maxReceiveCount": 5, "deadLetterTargetArn": "a"}'},
         {"redrivePolicy": '{"deadLetterTargetArn":"a","maxReceiveCount":5}'}, {}),
        (ALARM, {"alarmActions": ["a", "b"]}, {"alarmActions": ["b", "a"]}, {}),
        (ALARM, {"threshold": 1}, {"threshold": 1.0}, {}),
        (ALIAS, {}, {"functionName": "arn:aws:lambda:us-east-1:123456789012:function:lambda-a"}, {}),
        (MAPPING, {"functionName": "lambda-a:live"}, {},
         {"functionName": "arn:aws:lambda:us-east-1:123456789012:function:lambda-a:live"}),
        (ACTION, {"startTime": "2030-01-01T01:00:00+01:00"}, {"startTime": "2030-01-01T00:00:00Z"}, {}),
        (QUEUE, {"tags": None}, {"tags": {}}, {}),
    ],
)  # fmt: skip
def test_equal_values_in_another_form_are_no_change(
    token: str, before: Properties, after: Properties, filled_in: Properties
) -> None:
    assert decided(token, before, after, filled_in) == {}


def test_drift_found_by_a_refresh_is_a_change() -> None:
    inputs, _ = checked(FUNCTION, INPUTS[FUNCTION])
    live = inputs | {"memorySize": 3008}

    assert comparison(FUNCTION).changes(inputs, live, live) == {"memorySize": "UPDATE"}


def test_the_kind_of_change_is_reported() -> None:
    old, _ = checked(FUNCTION, INPUTS[FUNCTION] | {"description": "a", "tags": {"A": "1"}})
    new, _ = checked(FUNCTION, INPUTS[FUNCTION] | {"tags": {"A": "2"}, "kmsKeyArn": "k"}, old)

    changes = comparison(FUNCTION).changes(new, old, old)

    assert changes == {"description": "DELETE", "tags.A": "UPDATE", "tagsAll.A": "UPDATE", "kmsKeyArn": "ADD"}


def test_an_input_not_known_yet_is_a_change() -> None:
    old, _ = checked(ALIAS, INPUTS[ALIAS])
    new, _ = checked(ALIAS, INPUTS[ALIAS] | {"functionVersion": UNKNOWN, "functionName": UNKNOWN}, old)

    assert comparison(ALIAS).changes(new, old, old) == {"functionName": "UPDATE", "functionVersion": "UPDATE"}


def test_tags_with_unusual_keys_have_readable_paths() -> None:
    old, _ = checked(QUEUE, {"tags": {"a:b c": "1"}})
    new, _ = checked(QUEUE, {"tags": {"a:b c": "2"}}, old)

    assert 'tags["a:b c"]' in comparison(QUEUE).changes(new, old, old)
