"""Changes outside Pulumi: by hand, and by autoscaling."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

# Logical name and property of all that `by_hand` changes, with the class it belongs to.
BY_HAND = {
    ("ingest-function", "memorySize"): "cost",
    ("query-logs", "retentionInDays"): "cost",
    ("table-events", "tags.Owner"): "other",
    ("query-policy", "policy.Statement[3]"): "security",
    ("ingest-role", "managedPolicyArns"): "security",
    ("ingest-function", "functionUrl"): "security",
    ("query-failures", ""): "other",
    ("query-failures-policy", ""): "security",
    ("queue-ingest-dead-letters", ""): "other",
    ("queue-ingest-dead-letters-policy", ""): "security",
    ("queue-ingest-redrive-allow", ""): "security",
    ("alarm-ingest-error-rate", "actionsEnabled"): "other",
}
# The same for `as_autoscaling`.
AS_AUTOSCALING = {
    ("table-events", "readCapacity"): "expected",
    ("table-events", "writeCapacity"): "expected",
    ("query-warm-config", "provisionedConcurrentExecutions"): "expected",
    ("query-warm-target", "minCapacity"): "expected",
}
SCALED = (17, 40, 3, 2)
_WIDE = {"Sid": "More", "Effect": "Allow", "Action": "dynamodb:*", "Resource": "*"}
_PROVISIONED = {"ServiceNamespace": "lambda", "ScalableDimension": "lambda:function:ProvisionedConcurrency"}


def by_hand(client: Callable[[str], Any], suffix: str) -> None:
    """Memory, retention, a tag, two policies, two queues, an address that is open to everybody and an alarm."""
    iam, sqs, dynamodb = client("iam"), client("sqs"), client("dynamodb")
    client("lambda").update_function_configuration(FunctionName=f"lambda-ingest-{suffix}", MemorySize=3008)
    client("lambda").create_function_url_config(
        FunctionName=f"lambda-ingest-{suffix}", Qualifier="live", AuthType="NONE"
    )
    client("logs").put_retention_policy(logGroupName=f"/aws/lambda/lambda-query-{suffix}", retentionInDays=365)
    table = dynamodb.describe_table(TableName=f"table-events-{suffix}")["Table"]["TableArn"]
    dynamodb.untag_resource(ResourceArn=table, TagKeys=["Owner"])
    named = {"RoleName": f"role-query-{suffix}", "PolicyName": f"policy-query-{suffix}"}
    document = iam.get_role_policy(**named)["PolicyDocument"]
    document["Statement"].append(_WIDE)
    iam.put_role_policy(**named, PolicyDocument=json.dumps(document))
    wide = json.dumps({"Version": "2012-10-17", "Statement": [_WIDE]})
    policy = iam.create_policy(PolicyName=f"policy-undeclared-{suffix}", PolicyDocument=wide)["Policy"]["Arn"]
    iam.attach_role_policy(RoleName=f"role-ingest-{suffix}", PolicyArn=policy)
    for queue in ("query", "ingest"):
        sqs.delete_queue(QueueUrl=sqs.get_queue_url(QueueName=f"dlq-{queue}-{suffix}")["QueueUrl"])
    client("cloudwatch").disable_alarm_actions(AlarmNames=[f"alarm-ingest-error-rate-{suffix}"])


def as_autoscaling(client: Callable[[str], Any], suffix: str) -> None:
    """More capacity of a table, more warm environments, the floor of peak hours."""
    reads, writes, provisioned, floor = SCALED
    client("dynamodb").update_table(
        TableName=f"table-events-{suffix}",
        ProvisionedThroughput={"ReadCapacityUnits": reads, "WriteCapacityUnits": writes},
    )
    client("lambda").put_provisioned_concurrency_config(
        FunctionName=f"lambda-query-{suffix}", Qualifier="live", ProvisionedConcurrentExecutions=provisioned
    )
    client("application-autoscaling").register_scalable_target(
        ResourceId=f"function:lambda-query-{suffix}:live", MinCapacity=floor, **_PROVISIONED
    )


def capacities(client: Callable[[str], Any], suffix: str) -> tuple[int, int, int, int]:
    """Return the capacities that `as_autoscaling` sets."""
    table = client("dynamodb").describe_table(TableName=f"table-events-{suffix}")["Table"]["ProvisionedThroughput"]
    provisioned = client("lambda").get_provisioned_concurrency_config(
        FunctionName=f"lambda-query-{suffix}", Qualifier="live"
    )
    (target,) = client("application-autoscaling").describe_scalable_targets(
        ResourceIds=[f"function:lambda-query-{suffix}:live"], **_PROVISIONED
    )["ScalableTargets"]
    return (
        table["ReadCapacityUnits"],
        table["WriteCapacityUnits"],
        provisioned["AllocatedProvisionedConcurrentExecutions"],
        target["MinCapacity"],
    )
