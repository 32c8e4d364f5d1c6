"""Under which id a resource that was being created is found in AWS, from the inputs it was to be created with.

The forms are those of the "Import" section of each resource's page in the provider's documentation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from estate_tool.core.errors import Failed

Inputs = Mapping[str, Any]


class NotThere(Exception):
    """The resource does not exist, as AWS lists no such thing."""


@dataclass(frozen=True)
class Account:
    """The environment's AWS: clients by service, and where it is."""

    client: Callable[[str], Any]
    region: str

    def number(self) -> str:
        """The account's twelve digits."""
        return self.arn("", "").split(":")[4]

    def arn(self, service: str, resource: str) -> str:
        """The ARN of a resource of this account."""
        _, partition, _, _, account, _ = str(self.client("sts").get_caller_identity()["Arn"]).split(":", 5)
        return f"arn:{partition}:{service}:{self.region}:{account}:{resource}"


def import_id(type_token: str, inputs: Inputs, account: Account) -> str:
    """The id to import a resource by; raises NotThere, or Failed for a type without a rule or inputs without a name."""
    rule = _RULES.get(type_token)
    if rule is None:
        raise Failed(
            f"nobody knows how to look a {type_token} up that may or may not have been created",
            "look in AWS; `pulumi import` what is there, then: pulumi refresh --clear-pending-creates",
        )
    try:
        return rule(inputs, account) if callable(rule) else rule.format_map(inputs)
    except KeyError as error:
        raise Failed(f"a {type_token} was to be created without {error}: there is no way to look it up") from error


def _queue(inputs: Inputs, account: Account) -> str:
    sqs = account.client("sqs")
    try:
        return str(sqs.get_queue_url(QueueName=inputs["name"])["QueueUrl"])
    except sqs.exceptions.QueueDoesNotExist as error:
        raise NotThere from error


def _function_part(separator: str, part: str) -> Callable[[Inputs, Account], str]:
    """A function and one thing of it; programs may name functions by their ARNs."""
    return lambda inputs, _: separator.join([_function(inputs["functionName"]), str(inputs[part])])


def _function(name_or_arn: str) -> str:
    parts = name_or_arn.split(":")
    return parts[6] if name_or_arn.startswith("arn:") else parts[0]


def _permission(inputs: Inputs, _: Account) -> str:
    qualifier = f":{inputs['qualifier']}" if inputs.get("qualifier") else ""
    return f"{_function(inputs['function'])}{qualifier}/{inputs['statementId']}"


def _mapping(inputs: Inputs, account: Account) -> str:
    """AWS names mappings itself, and allows one of a source to a function."""
    pages = account.client("lambda").get_paginator("list_event_source_mappings")
    wanted = {"FunctionName": inputs["functionName"], "EventSourceArn": inputs["eventSourceArn"]}
    return _only(mapping["UUID"] for page in pages.paginate(**wanted) for mapping in page["EventSourceMappings"])


def _saved_query(inputs: Inputs, account: Account) -> str:
    found = account.client("logs").describe_query_definitions(queryDefinitionNamePrefix=inputs["name"])
    same = (query for query in found["queryDefinitions"] if query["name"] == inputs["name"])
    return account.arn("logs", "query-definition:" + _only(query["queryDefinitionId"] for query in same))


def _subscription(inputs: Inputs, account: Account) -> str:
    pages = account.client("sns").get_paginator("list_subscriptions_by_topic").paginate(TopicArn=inputs["topic"])
    wanted = (inputs["protocol"], inputs["endpoint"])
    # One that nobody has confirmed has no ARN yet: subscribing again only sends the request again.
    return _only(
        found["SubscriptionArn"]
        for page in pages
        for found in page["Subscriptions"]
        if (found["Protocol"], found["Endpoint"]) == wanted and found["SubscriptionArn"].startswith("arn:")
    )


def _only(found: Any) -> str:
    several = list(found)
    if not several:
        raise NotThere
    if len(several) > 1:
        raise Failed(f"there are {len(several)} where one was to be created: {', '.join(several)}", "remove the others")
    return str(several[0])


_SCALED = "{serviceNamespace}/{resourceId}/{scalableDimension}"
_RULES: Mapping[str, str | Callable[[Inputs, Account], str]] = {
    "aws:appautoscaling/policy:Policy": _SCALED + "/{name}",
    "aws:appautoscaling/scheduledAction:ScheduledAction": _SCALED + "/{name}",
    "aws:appautoscaling/target:Target": _SCALED,
    "aws:budgets/budget:Budget": lambda inputs, account: f"{account.number()}:{inputs['name']}",
    "aws:cloudwatch/compositeAlarm:CompositeAlarm": "{alarmName}",
    "aws:cloudwatch/dashboard:Dashboard": "{dashboardName}",
    "aws:cloudwatch/logGroup:LogGroup": "{name}",
    "aws:cloudwatch/logMetricFilter:LogMetricFilter": "{logGroupName}:{name}",
    "aws:cloudwatch/metricAlarm:MetricAlarm": "{name}",
    "aws:cloudwatch/queryDefinition:QueryDefinition": _saved_query,
    "aws:dynamodb/table:Table": "{name}",
    "aws:iam/role:Role": "{name}",
    "aws:iam/rolePolicy:RolePolicy": "{role}:{name}",
    "aws:lambda/alias:Alias": _function_part("/", "name"),
    "aws:lambda/eventSourceMapping:EventSourceMapping": _mapping,
    "aws:lambda/function:Function": "{name}",
    "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig": _function_part(":", "qualifier"),
    "aws:lambda/permission:Permission": _permission,
    "aws:lambda/provisionedConcurrencyConfig:ProvisionedConcurrencyConfig": _function_part(",", "qualifier"),
    "aws:sns/topic:Topic": lambda inputs, account: account.arn("sns", inputs["name"]),
    "aws:sns/topicPolicy:TopicPolicy": "{arn}",
    "aws:sns/topicSubscription:TopicSubscription": _subscription,
    "aws:sqs/queue:Queue": _queue,
    "aws:sqs/queuePolicy:QueuePolicy": "{queueUrl}",
    "aws:sqs/redriveAllowPolicy:RedriveAllowPolicy": "{queueUrl}",
    "aws:sqs/redrivePolicy:RedrivePolicy": "{queueUrl}",
}
