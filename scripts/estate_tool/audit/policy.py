"""The IAM policy that an audit and an adoption need: reads alone, of every resource."""

from __future__ import annotations

from typing import Any

ACTIONS = (
    "application-autoscaling:DescribeScalableTargets",
    "application-autoscaling:DescribeScalingPolicies",
    "cloudwatch:DescribeAlarms",
    "cloudwatch:GetMetricData",
    "cloudwatch:GetMetricStatistics",
    "dynamodb:DescribeTable",
    "dynamodb:ListTables",
    "events:ListRules",
    "events:ListTargetsByRule",
    "iam:GetPolicy",
    "iam:GetPolicyVersion",
    "iam:GetRole",
    "iam:GetRolePolicy",
    "iam:ListAttachedRolePolicies",
    "iam:ListRolePolicies",
    "lambda:GetFunctionConcurrency",
    "lambda:GetPolicy",
    "lambda:ListEventSourceMappings",
    "lambda:ListFunctionEventInvokeConfigs",
    "lambda:ListFunctions",
    "lambda:ListProvisionedConcurrencyConfigs",
    "logs:DescribeLogGroups",
    "logs:FilterLogEvents",
    "logs:GetQueryResults",
    "logs:StartQuery",
    "logs:StopQuery",
    "s3:GetBucketNotification",
    "s3:ListAllMyBuckets",
    "scheduler:GetSchedule",
    "scheduler:ListSchedules",
    "sns:GetSubscriptionAttributes",
    "sns:ListSubscriptions",
    "sns:ListTopics",
    "sqs:GetQueueAttributes",
    "sqs:ListQueues",
    "tag:GetResources",
)
# With --code: packages are downloaded.
CODE_ACTIONS = ("lambda:GetFunction",)
# Reads of `estate adopt` beyond an audit's.
ADOPT_ACTIONS = ("dynamodb:DescribeTimeToLive", "events:DescribeRule", "lambda:ListFunctionUrlConfigs")


def document() -> dict[str, Any]:
    """Return the policy of an audit, with the actions of `--code` and `estate adopt` in statements of their own."""
    statements = [("Audit", ACTIONS), ("AuditCode", CODE_ACTIONS), ("Adopt", ADOPT_ACTIONS)]
    return {
        "Version": "2012-10-17",
        "Statement": [
            {"Sid": sid, "Effect": "Allow", "Action": list(actions), "Resource": "*"} for sid, actions in statements
        ],
    }
