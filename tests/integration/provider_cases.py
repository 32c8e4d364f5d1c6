"""One life of every resource type: what it is made with, what changes, what drifts, and how it is imported."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from local_aws.provider.wire import Archive

Properties = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """`inputs` refer to the surroundings by "{name}"; `drift` changes the live resource behind the provider's back."""

    token: str
    inputs: Properties
    change: Properties  # inputs that differ in the update
    imports: str  # over the state
    drift: Callable[[Any, Properties], object] | None = None  # (client factory, state)
    drifted: str = ""  # the property that shows it
    remains: bool = False  # AWS always has one: removed means back to the one it is born with
    unreadable: frozenset[str] = field(default_factory=frozenset)  # inputs that AWS does not return

    @property
    def name(self) -> str:
        return self.token.rsplit(":", 1)[-1]


def archive(text: str) -> Archive:
    """A function's code; the hash is the engine's business, here the text stands for it."""
    asset = {_SIGNATURE: _ASSET, "hash": text, "text": f"def handle(event, context):\n    return {text!r}\n"}
    return Archive({_SIGNATURE: _ARCHIVE, "hash": text, "assets": {"main.py": asset}})


_SIGNATURE = "4dabf18193072939515e22adb298388d"
_ASSET = "c44067f5952c0a294b673a41bacd8c17"
_ARCHIVE = "0def7320c3a5731c473e5ecbe6d01bc7"

_TAGS: Mapping[str, str] = {"Project": "estate", "Layer": "data"}
_OTHER_TAGS: Mapping[str, str] = {"Project": "estate", "Owner": "someone"}


def policy(action: str, resource: str, **principal: str) -> str:
    who = {"Principal": principal} if principal else {}
    return json.dumps({
        "Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": [action], "Resource": resource} | who],
    })  # fmt: skip


def trust(service: str) -> str:
    return json.dumps({
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}],
    })  # fmt: skip


_ALARM: Properties = {
    "comparisonOperator": "GreaterThanThreshold",
    "evaluationPeriods": 3,
    "datapointsToAlarm": 2,
    "threshold": 0,
    "metricName": "Errors",
    "namespace": "AWS/Lambda",
    "period": 60,
    "statistic": "Sum",
    "dimensions": {"FunctionName": "{function}", "Resource": "{function}:live"},
    "alarmActions": ["{topic_arn}"],
    "treatMissingData": "notBreaching",
    "tags": dict(_TAGS),
}
_MATH: Properties = {
    "comparisonOperator": "GreaterThanThreshold",
    "evaluationPeriods": 1,
    "threshold": 10,
    "metricQueries": [
        {"id": "filled", "expression": "FILL(m, 0)", "label": "throttled", "returnData": True},
        {
            "id": "m",
            "metric": {
                "metricName": "ReadThrottleEvents",
                "namespace": "AWS/DynamoDB",
                "period": 60,
                "stat": "Sum",
                "dimensions": {"TableName": "{table}"},
            },
        },
    ],
}
_SCALED = {
    "resourceId": "table/{table}",
    "scalableDimension": "dynamodb:table:ReadCapacityUnits",
    "serviceNamespace": "dynamodb",
}

CASES = [
    Case(
        "aws:iam/role:Role",
        {
            "name": "role-case",
            "assumeRolePolicy": trust("lambda.amazonaws.com"),
            "description": "one",
            "tags": dict(_TAGS),
        },
        {
            "description": "two",
            "maxSessionDuration": 7200,
            "tags": dict(_OTHER_TAGS),
            "assumeRolePolicy": trust("sqs.amazonaws.com"),
        },
        "{name}",
        lambda client, state: client("iam").untag_role(RoleName=state["name"], TagKeys=["Owner"]),
        "tags",
    ),
    Case(
        "aws:iam/rolePolicy:RolePolicy",
        {"name": "case", "role": "{role}", "policy": policy("sqs:SendMessage", "{queue_arn}")},
        {"policy": policy("sqs:ReceiveMessage", "{queue_arn}")},
        "{role}:{name}",
        lambda client, state: client("iam").put_role_policy(
            RoleName=state["role"], PolicyName=state["name"], PolicyDocument=policy("sqs:*", "*")
        ),
        "policy",
    ),
    Case(
        "aws:dynamodb/table:Table",
        {
            "name": "table-case",
            "billingMode": "PROVISIONED",
            "readCapacity": 2,
            "writeCapacity": 3,
            "hashKey": "k",
            "rangeKey": "r",
            "attributes": [{"name": "r", "type": "N"}, {"name": "k", "type": "S"}],
            "streamEnabled": True,
            "streamViewType": "NEW_IMAGE",
            "ttl": {"attributeName": "expires_at", "enabled": True},
            "pointInTimeRecovery": {"enabled": True},
            "serverSideEncryption": {"enabled": True},
            "tags": dict(_TAGS),
        },
        {
            "billingMode": "PAY_PER_REQUEST",
            "readCapacity": None,
            "writeCapacity": None,
            "tags": dict(_OTHER_TAGS),
            "pointInTimeRecovery": {"enabled": False},
            "ttl": {"attributeName": "other", "enabled": True},
        },
        "{name}",
        lambda client, state: client("dynamodb").update_continuous_backups(
            TableName=state["name"], PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
        ),
        "pointInTimeRecovery",
    ),
    Case(
        "aws:dynamodb/table:Table",
        {
            "name": "table-indexed",
            "billingMode": "PAY_PER_REQUEST",
            "hashKey": "k",
            "attributes": [{"name": "k", "type": "S"}, {"name": "a", "type": "S"}],
            "globalSecondaryIndexes": [{"name": "by-a", "hashKey": "a", "projectionType": "ALL"}],
        },
        {
            "attributes": [{"name": "k", "type": "S"}, {"name": "b", "type": "S"}],
            "globalSecondaryIndexes": [{"name": "by-b", "hashKey": "b", "projectionType": "KEYS_ONLY"}],
        },
        "{name}",
    ),
    Case(
        "aws:appautoscaling/target:Target",
        {
            **_SCALED,
            "scalableDimension": "dynamodb:table:WriteCapacityUnits",
            "minCapacity": 1,
            "maxCapacity": 10,
            "tags": dict(_TAGS),
        },
        {"maxCapacity": 20, "tags": dict(_OTHER_TAGS)},
        "dynamodb/{resourceId}/{scalableDimension}",
        lambda client, state: client("application-autoscaling").register_scalable_target(
            ServiceNamespace="dynamodb",
            ResourceId=state["resourceId"],
            ScalableDimension=state["scalableDimension"],
            MinCapacity=2,
            MaxCapacity=20,
        ),
        "minCapacity",
    ),
    Case(
        "aws:appautoscaling/policy:Policy",
        {
            **_SCALED,
            "name": "policy-case",
            "policyType": "TargetTrackingScaling",
            "targetTrackingScalingPolicyConfiguration": {
                "targetValue": 70,
                "scaleInCooldown": 60,
                "scaleOutCooldown": 0,
                "predefinedMetricSpecification": {"predefinedMetricType": "DynamoDBReadCapacityUtilization"},
            },
        },
        {
            "targetTrackingScalingPolicyConfiguration": {
                "targetValue": 50.5,
                "predefinedMetricSpecification": {"predefinedMetricType": "DynamoDBReadCapacityUtilization"},
            }
        },
        "dynamodb/{resourceId}/{scalableDimension}/{name}",
    ),
    Case(
        "aws:appautoscaling/scheduledAction:ScheduledAction",
        {
            **_SCALED,
            "name": "action-case",
            "schedule": "cron(0 6 * * ? *)",
            "timezone": "Europe/Berlin",
            "startTime": "2030-01-01T00:00:00Z",
            "scalableTargetAction": {"minCapacity": 2, "maxCapacity": 5},
        },
        {"schedule": "cron(0 7 * * ? *)", "scalableTargetAction": {"minCapacity": 3}},
        "dynamodb/{resourceId}/{scalableDimension}/{name}",
    ),
    Case(
        "aws:sqs/queue:Queue",
        {
            "name": "queue-case",
            "visibilityTimeoutSeconds": 180,
            "messageRetentionSeconds": 1209600,
            "tags": dict(_TAGS),
            "redrivePolicy": json.dumps({"deadLetterTargetArn": "{dlq_arn}", "maxReceiveCount": 5}),
            "sqsManagedSseEnabled": True,
        },
        {
            "visibilityTimeoutSeconds": 60,
            "tags": dict(_OTHER_TAGS),
            "redrivePolicy": json.dumps({"maxReceiveCount": 6, "deadLetterTargetArn": "{dlq_arn}"}),
        },
        "{url}",
        lambda client, state: client("sqs").set_queue_attributes(
            QueueUrl=state["url"], Attributes={"DelaySeconds": "5"}
        ),
        "delaySeconds",
    ),
    Case(
        "aws:sqs/queue:Queue",
        {"name": "queue-case.fifo", "fifoQueue": True, "contentBasedDeduplication": True},
        {"contentBasedDeduplication": False},
        "{url}",
    ),
    Case(
        "aws:sqs/queuePolicy:QueuePolicy",
        {"queueUrl": "{queue_url}", "policy": policy("sqs:SendMessage", "{queue_arn}", Service="sns.amazonaws.com")},
        {"policy": policy("sqs:SendMessage", "{queue_arn}", Service="events.amazonaws.com")},
        "{queueUrl}",
        lambda client, state: client("sqs").set_queue_attributes(
            QueueUrl=state["queueUrl"], Attributes={"Policy": policy("sqs:*", "*", AWS="*")}
        ),
        "policy",
    ),
    Case(
        "aws:sqs/redrivePolicy:RedrivePolicy",
        {
            "queueUrl": "{queue_url}",
            "redrivePolicy": json.dumps({"deadLetterTargetArn": "{dlq_arn}", "maxReceiveCount": 5}),
        },
        {"redrivePolicy": json.dumps({"deadLetterTargetArn": "{dlq_arn}", "maxReceiveCount": 7})},
        "{queueUrl}",
    ),
    Case(
        "aws:sqs/redriveAllowPolicy:RedriveAllowPolicy",
        {
            "queueUrl": "{dlq_url}",
            "redriveAllowPolicy": json.dumps({"redrivePermission": "byQueue", "sourceQueueArns": ["{queue_arn}"]}),
        },
        {"redriveAllowPolicy": json.dumps({"redrivePermission": "denyAll"})},
        "{queueUrl}",
    ),
    Case(
        "aws:cloudwatch/logGroup:LogGroup",
        {"name": "/case/one", "retentionInDays": 14, "tags": dict(_TAGS)},
        {"retentionInDays": 0, "tags": dict(_OTHER_TAGS)},
        "{name}",
        lambda client, state: client("logs").put_retention_policy(logGroupName=state["name"], retentionInDays=30),
        "retentionInDays",
    ),
    Case(
        "aws:cloudwatch/logMetricFilter:LogMetricFilter",
        {
            "name": "filter-case",
            "logGroupName": "{log_group}",
            "pattern": '{ $.level = "ERROR" }',
            "metricTransformation": {"name": "errors", "namespace": "estate", "value": "1", "defaultValue": "0"},
        },
        {"pattern": '{ $.level = "WARN" }'},
        "{logGroupName}:{name}",
    ),
    Case(
        "aws:cloudwatch/queryDefinition:QueryDefinition",
        {"name": "case/one", "queryString": "fields @timestamp", "logGroupNames": ["{log_group}"]},
        {"name": "case/two", "queryString": "fields @message"},
        "{arn}",
    ),
    Case(
        "aws:cloudwatch/metricAlarm:MetricAlarm",
        {"name": "alarm-case", **_ALARM},
        {"threshold": 2.5, "alarmActions": [], "tags": dict(_OTHER_TAGS), "alarmDescription": "errors"},
        "{name}",
        lambda client, state: client("cloudwatch").disable_alarm_actions(AlarmNames=[state["name"]]),
        "actionsEnabled",
    ),
    Case(
        "aws:cloudwatch/metricAlarm:MetricAlarm",
        {"name": "alarm-math", **_MATH},
        {"threshold": 11, "metricQueries": list(reversed(_MATH["metricQueries"]))},
        "{name}",
        unreadable=frozenset({"metricQueries"}),
    ),
    Case(
        "aws:cloudwatch/metricAlarm:MetricAlarm",
        {
            "name": "alarm-p99",
            **{name: value for name, value in _ALARM.items() if name != "statistic"},
            "extendedStatistic": "p99",
        },
        {"extendedStatistic": "p95"},
        "{name}",
        unreadable=frozenset({"extendedStatistic", "statistic"}),
    ),
    Case(
        "aws:s3/bucket:Bucket",
        {"bucket": "bucket-case", "tags": dict(_TAGS)},
        {"tags": dict(_OTHER_TAGS)},
        "{bucket}",
        lambda client, state: client("s3").put_bucket_tagging(
            Bucket=state["bucket"], Tagging={"TagSet": [{"Key": "Project", "Value": "another"}]}
        ),
        "tags",
    ),
    Case(
        "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
        {"bucket": "{bucket}", "blockPublicAcls": True, "blockPublicPolicy": True},
        {"ignorePublicAcls": True},
        "{bucket}",
        lambda client, state: client("s3").put_public_access_block(
            Bucket=state["bucket"],
            PublicAccessBlockConfiguration={"BlockPublicPolicy": True, "IgnorePublicAcls": True},
        ),
        "blockPublicAcls",
    ),
    Case(
        "aws:budgets/budget:Budget",
        {
            "name": "budget-case",
            "budgetType": "COST",
            "timeUnit": "MONTHLY",
            "limitAmount": "25",
            "limitUnit": "USD",
            "costFilters": [{"name": "TagKeyValue", "values": ["user:Environment$case"]}],
            "notifications": [
                {
                    "comparisonOperator": "GREATER_THAN",
                    "notificationType": "ACTUAL",
                    "threshold": 100,
                    "thresholdType": "PERCENTAGE",
                    "subscriberSnsTopicArns": ["{topic_arn}"],
                }
            ],
            "tags": dict(_TAGS),
        },
        {
            "limitAmount": "30.5",
            "costFilters": [{"name": "TagKeyValue", "values": ["user:Environment$other"]}],
            "notifications": [
                {
                    "comparisonOperator": "GREATER_THAN",
                    "notificationType": "FORECASTED",
                    "threshold": 80,
                    "thresholdType": "PERCENTAGE",
                    "subscriberSnsTopicArns": ["{topic_arn}"],
                }
            ],
            "tags": dict(_OTHER_TAGS),
        },
        "{accountId}:{name}",
        unreadable=frozenset({"notifications"}),
    ),
    Case(
        "aws:scheduler/scheduleGroup:ScheduleGroup",
        {"name": "schedule-group-case", "tags": dict(_TAGS)},
        {"tags": dict(_OTHER_TAGS)},
        "{name}",
    ),
    Case(
        "aws:scheduler/schedule:Schedule",
        {
            "name": "schedule-case",
            "groupName": "{schedule_group}",
            "description": "Runs something",
            "scheduleExpression": "cron(0 6 ? * MON-FRI *)",
            "scheduleExpressionTimezone": "Europe/Berlin",
            "flexibleTimeWindow": {"mode": "OFF"},
            "target": {
                "arn": "{alias_arn}",
                "roleArn": "{role_arn}",
                "input": '{"input":{}}',
                "retryPolicy": {"maximumEventAgeInSeconds": 3600, "maximumRetryAttempts": 10},
                "deadLetterConfig": {"arn": "{queue_arn}"},
            },
        },
        {
            "scheduleExpression": "rate(2 days)",
            "scheduleExpressionTimezone": "UTC",
            "state": "DISABLED",
            "target": {
                "arn": "{alias_arn}",
                "roleArn": "{role_arn}",
                "input": '{"input":{"all":true}}',
                "retryPolicy": {"maximumEventAgeInSeconds": 60, "maximumRetryAttempts": 0},
            },
        },
        "{groupName}/{name}",
        drift=lambda client, state: client("scheduler").update_schedule(
            **{
                key: value
                for key, value in client("scheduler")
                .get_schedule(Name=state["name"], GroupName=state["groupName"])
                .items()
                if key in ("Name", "GroupName", "ScheduleExpression", "FlexibleTimeWindow", "Target")
            },
            State="ENABLED",
        ),
        drifted="state",
    ),
    Case(
        "aws:cloudwatch/compositeAlarm:CompositeAlarm",
        {
            "alarmName": "alarm-composite",
            "alarmRule": "ALARM({alarm})",
            "alarmActions": ["{topic_arn}"],
            "tags": dict(_TAGS),
        },
        {"alarmRule": "NOT ALARM({alarm})", "alarmDescription": "all of it"},
        "{alarmName}",
    ),
    Case(
        "aws:cloudwatch/dashboard:Dashboard",
        {
            "dashboardName": "dashboard-case",
            "dashboardBody": json.dumps(
                {
                    "widgets": [
                        {"type": "text", "x": 0, "y": 0, "width": 3, "height": 3, "properties": {"markdown": "hello"}}
                    ]
                }
            ),
        },
        {"dashboardBody": json.dumps({"widgets": []})},
        "{dashboardName}",
    ),
    Case(
        "aws:lambda/function:Function",
        {
            "name": "lambda-case",
            "role": "{role_arn}",
            "runtime": "python3.11",
            "handler": "main.handle",
            "publish": True,
            "code": archive("one"),
            "architectures": ["arm64"],
            "memorySize": 512,
            "timeout": 30,
            "environment": {"variables": {"A": "b", "EMPTY": ""}},
            "deadLetterConfig": {"targetArn": "{dlq_arn}"},
            "loggingConfig": {"logFormat": "JSON", "logGroup": "{log_group}"},
            "reservedConcurrentExecutions": 5,
            "tags": dict(_TAGS),
        },
        {
            "memorySize": 640,
            "code": archive("two"),
            "environment": None,
            "deadLetterConfig": None,
            "tags": dict(_OTHER_TAGS),
            "reservedConcurrentExecutions": -1,
        },
        "{name}",
        lambda client, state: client("lambda").update_function_configuration(
            FunctionName=state["name"], MemorySize=3008
        ),
        "memorySize",
        unreadable=frozenset({"code", "publish"}),
    ),
    Case(
        "aws:lambda/alias:Alias",
        {"name": "case", "functionName": "{function}", "functionVersion": "1", "description": "one"},
        {"functionVersion": "2", "description": None},
        "{functionName}/{name}",
        lambda client, state: client("lambda").update_alias(
            FunctionName=state["functionName"], Name=state["name"], FunctionVersion="1"
        ),
        "functionVersion",
    ),
    Case(
        "aws:lambda/provisionedConcurrencyConfig:ProvisionedConcurrencyConfig",
        {"functionName": "{function}", "qualifier": "live", "provisionedConcurrentExecutions": 2},
        {"provisionedConcurrentExecutions": 3},
        "{functionName},{qualifier}",
        lambda client, state: client("lambda").put_provisioned_concurrency_config(
            FunctionName=state["functionName"], Qualifier="live", ProvisionedConcurrentExecutions=5
        ),
        "provisionedConcurrentExecutions",
    ),
    Case(
        "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig",
        {
            "functionName": "{function}",
            "qualifier": "live",
            "maximumRetryAttempts": 1,
            "maximumEventAgeInSeconds": 3600,
            "destinationConfig": {"onFailure": {"destination": "{dlq_arn}"}},
        },
        {"maximumRetryAttempts": 0, "destinationConfig": None},
        "{functionName}:{qualifier}",
    ),
    Case(
        "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig",
        {"functionName": "{function}", "maximumEventAgeInSeconds": 60},
        {"maximumEventAgeInSeconds": 120},
        "{functionName}",
    ),
    Case(
        "aws:lambda/eventSourceMapping:EventSourceMapping",
        {
            "eventSourceArn": "{queue_arn}",
            "functionName": "{alias_arn}",
            "batchSize": 10,
            "functionResponseTypes": ["ReportBatchItemFailures"],
            "scalingConfig": {"maximumConcurrency": 5},
            "tags": dict(_TAGS),
        },
        {"batchSize": 5, "scalingConfig": {"maximumConcurrency": 7}, "tags": dict(_OTHER_TAGS)},
        "{uuid}",
        lambda client, state: client("lambda").update_event_source_mapping(UUID=state["uuid"], Enabled=False),
        "enabled",
    ),
    Case(
        "aws:lambda/eventSourceMapping:EventSourceMapping",
        {
            "eventSourceArn": "{stream_arn}",
            "functionName": "{function}",
            "startingPosition": "TRIM_HORIZON",
            "batchSize": 100,
            "maximumRetryAttempts": 5,
            "maximumRecordAgeInSeconds": 3600,
            "bisectBatchOnFunctionError": True,
            "maximumBatchingWindowInSeconds": 1,
            "parallelizationFactor": 2,
            "destinationConfig": {"onFailure": {"destinationArn": "{dlq_arn}"}},
            "filterCriteria": {"filters": [{"pattern": json.dumps({"eventName": ["INSERT"]})}]},
        },
        {"maximumRetryAttempts": 3, "filterCriteria": None},
        "{uuid}",
    ),
    Case(
        "aws:lambda/functionUrl:FunctionUrl",
        {"functionName": "{function}", "qualifier": "live", "authorizationType": "AWS_IAM"},
        {"invokeMode": "RESPONSE_STREAM"},
        "{functionName}/{qualifier}",
        lambda client, state: client("lambda").update_function_url_config(
            FunctionName=state["functionName"], Qualifier="live", AuthType="NONE"
        ),
        "authorizationType",
    ),
    Case(
        "aws:lambda/permission:Permission",
        {
            "action": "lambda:InvokeFunction",
            "function": "{function}",
            "principal": "{role_arn}",
            "invokedViaFunctionUrl": True,
            "statementId": "by-url",
            "qualifier": "live",
        },
        {},
        "{function}:{qualifier}/{statementId}",
    ),
    Case(
        "aws:lambda/permission:Permission",
        {
            "action": "lambda:InvokeFunction",
            "function": "{function}",
            "principal": "sns.amazonaws.com",
            "sourceArn": "{topic_arn}",
            "statementId": "case",
            "qualifier": "live",
        },
        {},
        "{function}:{qualifier}/{statementId}",
    ),
    Case(
        "aws:sns/topic:Topic",
        {"name": "topic-case", "displayName": "one", "tags": dict(_TAGS)},
        {"displayName": None, "tags": dict(_OTHER_TAGS)},
        "{arn}",
        lambda client, state: client("sns").set_topic_attributes(
            TopicArn=state["arn"], AttributeName="DisplayName", AttributeValue="other"
        ),
        "displayName",
    ),
    Case(
        "aws:sns/topicPolicy:TopicPolicy",
        {"arn": "{topic_arn}", "policy": policy("sns:Publish", "{topic_arn}", Service="cloudwatch.amazonaws.com")},
        {"policy": policy("sns:Publish", "{topic_arn}", Service="events.amazonaws.com")},
        "{arn}",
        remains=True,
    ),
    Case(
        "aws:sns/topicSubscription:TopicSubscription",
        {"topic": "{topic_arn}", "protocol": "sqs", "endpoint": "{queue_arn}", "rawMessageDelivery": True},
        {"rawMessageDelivery": False, "filterPolicy": json.dumps({"kind": ["a"]})},
        "{arn}",
    ),
]
