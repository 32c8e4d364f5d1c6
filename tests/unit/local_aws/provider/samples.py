"""The least that every resource type has to be given."""

from __future__ import annotations

import json
from typing import Any

from local_aws.provider.wire import Archive

ROLE_ARN = "arn:aws:iam::123456789012:role/role-a"
QUEUE_ARN = "arn:aws:sqs:us-east-1:123456789012:queue-a"
STREAM_ARN = "arn:aws:dynamodb:us-east-1:123456789012:table/table-a/stream/2020-01-01T00:00:00.000"
POLICY = json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": "*"}]}
)
CODE = Archive({"hash": "one", "assets": {}})
OTHER_CODE = Archive({"hash": "two", "assets": {}})

_SCALED = {
    "resourceId": "table/a",
    "scalableDimension": "dynamodb:table:ReadCapacityUnits",
    "serviceNamespace": "dynamodb",
}

LEAST: dict[str, dict[str, Any]] = {
    "aws:iam/role:Role": {"assumeRolePolicy": POLICY},
    "aws:iam/rolePolicy:RolePolicy": {"role": "role-a", "policy": POLICY},
    "aws:dynamodb/table:Table": {
        "billingMode": "PAY_PER_REQUEST",
        "hashKey": "k",
        "attributes": [{"name": "k", "type": "S"}],
    },
    "aws:appautoscaling/target:Target": {**_SCALED, "minCapacity": 1, "maxCapacity": 5},
    "aws:appautoscaling/policy:Policy": {
        **_SCALED,
        "policyType": "TargetTrackingScaling",
        "targetTrackingScalingPolicyConfiguration": {
            "targetValue": 70,
            "predefinedMetricSpecification": {"predefinedMetricType": "DynamoDBReadCapacityUtilization"},
        },
    },
    "aws:appautoscaling/scheduledAction:ScheduledAction": {
        **_SCALED,
        "schedule": "rate(1 hour)",
        "scalableTargetAction": {"minCapacity": 2},
    },
    "aws:sqs/queue:Queue": {},
    "aws:sqs/queuePolicy:QueuePolicy": {"queueUrl": "http://127.0.0.1/1/queue-a", "policy": POLICY},
    "aws:sqs/redrivePolicy:RedrivePolicy": {
        "queueUrl": "http://127.0.0.1/1/queue-a",
        "redrivePolicy": json.dumps({"deadLetterTargetArn": QUEUE_ARN, "maxReceiveCount": 5}),
    },
    "aws:sqs/redriveAllowPolicy:RedriveAllowPolicy": {
        "queueUrl": "http://127.0.0.1/1/queue-a",
        "redriveAllowPolicy": json.dumps({"redrivePermission": "denyAll"}),
    },
    "aws:cloudwatch/logGroup:LogGroup": {},
    "aws:cloudwatch/logMetricFilter:LogMetricFilter": {
        "logGroupName": "/a",
        "pattern": "",
        "metricTransformation": {"name": "m", "namespace": "n", "value": "1"},
    },
    "aws:cloudwatch/queryDefinition:QueryDefinition": {"queryString": "fields @message"},
    "aws:cloudwatch/metricAlarm:MetricAlarm": {
        "comparisonOperator": "GreaterThanThreshold",
        "evaluationPeriods": 3,
        "threshold": 0,
        "metricName": "Errors",
        "namespace": "AWS/Lambda",
        "period": 60,
        "statistic": "Sum",
    },
    "aws:cloudwatch/compositeAlarm:CompositeAlarm": {"alarmName": "alarm-a", "alarmRule": "ALARM(b)"},
    "aws:cloudwatch/dashboard:Dashboard": {"dashboardName": "dashboard-a", "dashboardBody": '{"widgets": []}'},
    "aws:lambda/function:Function": {"role": ROLE_ARN, "code": CODE, "handler": "main.handle", "runtime": "python3.11"},
    "aws:lambda/alias:Alias": {"functionName": "lambda-a", "functionVersion": "1"},
    "aws:lambda/provisionedConcurrencyConfig:ProvisionedConcurrencyConfig": {
        "functionName": "lambda-a",
        "qualifier": "live",
        "provisionedConcurrentExecutions": 1,
    },
    "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig": {"functionName": "lambda-a"},
    "aws:lambda/eventSourceMapping:EventSourceMapping": {"functionName": "lambda-a", "eventSourceArn": QUEUE_ARN},
    "aws:lambda/functionUrl:FunctionUrl": {"functionName": "lambda-a", "authorizationType": "AWS_IAM"},
    "aws:lambda/permission:Permission": {
        "action": "lambda:InvokeFunction",
        "function": "lambda-a",
        "principal": "sns.amazonaws.com",
    },
    "aws:budgets/budget:Budget": {
        "budgetType": "COST",
        "timeUnit": "MONTHLY",
        "limitAmount": "25",
        "limitUnit": "USD",
    },
    "aws:s3/bucket:Bucket": {},
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": {"bucket": "bucket-a"},
    "aws:scheduler/scheduleGroup:ScheduleGroup": {},
    "aws:scheduler/schedule:Schedule": {
        "flexibleTimeWindow": {"mode": "OFF"},
        "scheduleExpression": "rate(1 hour)",
        "target": {"arn": QUEUE_ARN, "roleArn": ROLE_ARN},
    },
    "aws:sns/topic:Topic": {},
    "aws:sns/topicPolicy:TopicPolicy": {"arn": "arn:aws:sns:us-east-1:123456789012:topic-a", "policy": POLICY},
    "aws:sns/topicSubscription:TopicSubscription": {
        "topic": "arn:aws:sns:us-east-1:123456789012:topic-a",
        "protocol": "sqs",
        "endpoint": QUEUE_ARN,
    },
}
