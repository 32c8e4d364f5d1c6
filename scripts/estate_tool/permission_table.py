"""Which AWS actions the official provider calls for each resource type, and on which ARNs.

Creating, reading, changing and removing each, with the tags read and written along; what an action can be limited to is
from AWS's Service Authorization Reference. Tried against the embedded AWS, not against the official provider.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

# {partition}, {region}, {account}, {suffix} and the resource's inputs are filled in.


@dataclass(frozen=True, kw_only=True)
class Needs:
    """A statement: actions on ARNs. `why` is given for those that AWS lets no narrower resource be named for."""

    actions: str
    on: tuple[str, ...]
    when: Mapping[str, Mapping[str, str]] = field(default_factory=dict[str, Mapping[str, str]])
    why: str = ""


def _arn(service: str, resource: str) -> str:
    return f"arn:{{partition}}:{service}:{{region}}:{{account}}:{resource}"


def _tags(list_: str = "ListTagsForResource") -> str:
    return f"{list_} TagResource UntagResource"


_ROLE = "arn:{partition}:iam::{account}:role/"
_FUNCTION = _arn("lambda", "function:{functionName}")
_ALARMS = _arn("cloudwatch", "alarm:alarm-*-{suffix}")
_MAPPINGS = _arn("lambda", "event-source-mapping:*")
_OF_FUNCTION = {"ArnLike": {"lambda:FunctionArn": "{functionArn}*"}}
_SCALED = {
    "StringEquals": {
        "application-autoscaling:service-namespace": "{serviceNamespace}",
        "application-autoscaling:scalable-dimension": "{scalableDimension}",
    }
}
_TARGETS = _arn("application-autoscaling", "scalable-target/*")
_LISTS = "lists; AWS lets no resource be named for it"
_QUEUE = _arn("sqs", "{queueName}")
_SETS_QUEUE = Needs(actions="sqs: GetQueueAttributes SetQueueAttributes", on=(_QUEUE,))
_SCALING_READ = Needs(
    actions="application-autoscaling: DescribeScalableTargets DescribeScalingPolicies DescribeScheduledActions",
    on=("*",),
    why=_LISTS,
)

# The ARN by which other resources know one; names alone tell it.
ARNS: Mapping[str, str] = {
    "aws:iam/role:Role": _ROLE + "{name}",
    "aws:dynamodb/table:Table": _arn("dynamodb", "table/{name}"),
    "aws:sqs/queue:Queue": _arn("sqs", "{name}"),
    "aws:lambda/function:Function": _arn("lambda", "function:{name}"),
    "aws:lambda/alias:Alias": _FUNCTION + ":{name}",
    "aws:sns/topic:Topic": _arn("sns", "{name}"),
}

TABLE: Mapping[str, tuple[Needs, ...]] = {
    "aws:iam/role:Role": (
        Needs(
            actions="iam: CreateRole GetRole UpdateRole UpdateRoleDescription UpdateAssumeRolePolicy DeleteRole "
            "TagRole UntagRole ListRoleTags ListRolePolicies ListAttachedRolePolicies ListInstanceProfilesForRole",
            on=(_ROLE + "{name}",),
        ),
    ),
    "aws:iam/rolePolicy:RolePolicy": (
        Needs(actions="iam: PutRolePolicy GetRolePolicy DeleteRolePolicy", on=(_ROLE + "{role}",)),
    ),
    "aws:dynamodb/table:Table": (
        Needs(
            actions="dynamodb: CreateTable DescribeTable UpdateTable DeleteTable DescribeTimeToLive UpdateTimeToLive "
            "DescribeContinuousBackups UpdateContinuousBackups ListTagsOfResource TagResource UntagResource",
            on=(_arn("dynamodb", "table/{name}"),),
        ),
    ),
    "aws:sqs/queue:Queue": (
        Needs(
            actions="sqs: CreateQueue GetQueueUrl GetQueueAttributes SetQueueAttributes DeleteQueue ListQueueTags "
            "TagQueue UntagQueue",
            on=(_arn("sqs", "{name}"),),
        ),
    ),
    "aws:sqs/queuePolicy:QueuePolicy": (_SETS_QUEUE,),
    "aws:sqs/redrivePolicy:RedrivePolicy": (_SETS_QUEUE,),
    "aws:sqs/redriveAllowPolicy:RedriveAllowPolicy": (_SETS_QUEUE,),
    "aws:appautoscaling/target:Target": (
        Needs(
            actions="application-autoscaling: RegisterScalableTarget DeregisterScalableTarget",
            on=(_TARGETS,),
            when=_SCALED,
        ),
        Needs(actions=f"application-autoscaling: {_tags()}", on=(_TARGETS,)),
        _SCALING_READ,
        # The first target of a service in an account makes the role that autoscaling acts with.
        Needs(
            actions="iam: CreateServiceLinkedRole",
            on=(_ROLE + "aws-service-role/{serviceNamespace}.application-autoscaling.amazonaws.com/*",),
            when={"StringEquals": {"iam:AWSServiceName": "{serviceNamespace}.application-autoscaling.amazonaws.com"}},
        ),
    ),
    "aws:appautoscaling/policy:Policy": (
        Needs(actions="application-autoscaling: PutScalingPolicy DeleteScalingPolicy", on=(_TARGETS,), when=_SCALED),
        _SCALING_READ,
        # Target tracking makes alarms of its own, with the permissions of who puts the policy.
        Needs(
            actions="cloudwatch: PutMetricAlarm DescribeAlarms DeleteAlarms",
            on=(_arn("cloudwatch", "alarm:TargetTracking-{resourceId}-*"),),
        ),
    ),
    "aws:appautoscaling/scheduledAction:ScheduledAction": (
        Needs(
            actions="application-autoscaling: PutScheduledAction DeleteScheduledAction", on=(_TARGETS,), when=_SCALED
        ),
        _SCALING_READ,
    ),
    "aws:lambda/function:Function": (
        Needs(
            actions="lambda: CreateFunction GetFunction GetFunctionConfiguration GetFunctionCodeSigningConfig "
            "UpdateFunctionCode UpdateFunctionConfiguration DeleteFunction PublishVersion ListVersionsByFunction "
            f"GetFunctionConcurrency PutFunctionConcurrency DeleteFunctionConcurrency {_tags('ListTags')}",
            on=(_arn("lambda", "function:{name}"), _arn("lambda", "function:{name}:*")),
        ),
        Needs(
            actions="iam: PassRole",
            on=("{role}",),
            when={"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}},
        ),
    ),
    "aws:lambda/alias:Alias": (
        Needs(actions="lambda: CreateAlias GetAlias UpdateAlias DeleteAlias", on=(_FUNCTION, _FUNCTION + ":{name}")),
    ),
    "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig": (
        Needs(
            actions="lambda: PutFunctionEventInvokeConfig GetFunctionEventInvokeConfig UpdateFunctionEventInvokeConfig "
            "DeleteFunctionEventInvokeConfig",
            on=(_FUNCTION, _FUNCTION + ":{qualifier}"),
        ),
    ),
    "aws:lambda/provisionedConcurrencyConfig:ProvisionedConcurrencyConfig": (
        Needs(
            actions="lambda: PutProvisionedConcurrencyConfig GetProvisionedConcurrencyConfig "
            "DeleteProvisionedConcurrencyConfig",
            on=(_FUNCTION + ":{qualifier}",),
        ),
    ),
    "aws:lambda/permission:Permission": (
        Needs(actions="lambda: AddPermission GetPolicy RemovePermission", on=(_arn("lambda", "function:{function}*"),)),
    ),
    "aws:lambda/eventSourceMapping:EventSourceMapping": (
        Needs(
            actions="lambda: CreateEventSourceMapping",
            on=("*",),
            when=_OF_FUNCTION,
            why="a mapping has no ARN before it exists; limited to the function by the condition",
        ),
        Needs(
            actions="lambda: GetEventSourceMapping UpdateEventSourceMapping DeleteEventSourceMapping",
            on=(_MAPPINGS,),
            when=_OF_FUNCTION,
        ),
        Needs(actions=f"lambda: {_tags('ListTags')}", on=(_MAPPINGS,)),
        Needs(actions="lambda: ListEventSourceMappings", on=("*",), why=_LISTS),
    ),
    "aws:cloudwatch/logGroup:LogGroup": (
        Needs(
            actions="logs: CreateLogGroup DeleteLogGroup PutRetentionPolicy DeleteRetentionPolicy " + _tags(),
            on=(_arn("logs", "log-group:{name}"), _arn("logs", "log-group:{name}:*")),
        ),
        Needs(actions="logs: DescribeLogGroups", on=("*",), why=_LISTS),
    ),
    "aws:cloudwatch/logMetricFilter:LogMetricFilter": (
        Needs(
            actions="logs: PutMetricFilter DeleteMetricFilter DescribeMetricFilters",
            on=(_arn("logs", "log-group:{logGroupName}"), _arn("logs", "log-group:{logGroupName}:*")),
        ),
    ),
    "aws:cloudwatch/queryDefinition:QueryDefinition": (
        Needs(
            actions="logs: PutQueryDefinition DeleteQueryDefinition DescribeQueryDefinitions",
            on=("*",),
            why="saved queries are no resources of IAM",
        ),
    ),
    "aws:cloudwatch/metricAlarm:MetricAlarm": (
        Needs(actions=f"cloudwatch: PutMetricAlarm DescribeAlarms DeleteAlarms {_tags()}", on=(_ALARMS,)),
    ),
    "aws:cloudwatch/compositeAlarm:CompositeAlarm": (
        Needs(actions=f"cloudwatch: DeleteAlarms {_tags()}", on=(_ALARMS,)),
        Needs(
            actions="cloudwatch: PutCompositeAlarm DescribeAlarms",
            on=("*",),
            why="refused for composite alarms unless allowed on everything (CloudWatch API reference)",
        ),
    ),
    "aws:cloudwatch/dashboard:Dashboard": (
        # Dashboards belong to no region.
        Needs(
            actions="cloudwatch: PutDashboard GetDashboard DeleteDashboards",
            on=("arn:{partition}:cloudwatch::{account}:dashboard/{dashboardName}",),
        ),
    ),
    "aws:sns/topic:Topic": (
        Needs(
            actions=f"sns: CreateTopic GetTopicAttributes SetTopicAttributes DeleteTopic {_tags()}",
            on=(_arn("sns", "{name}"),),
        ),
    ),
    "aws:sns/topicPolicy:TopicPolicy": (Needs(actions="sns: GetTopicAttributes SetTopicAttributes", on=("{arn}",)),),
    "aws:sns/topicSubscription:TopicSubscription": (
        Needs(actions="sns: Subscribe ListSubscriptionsByTopic", on=("{topic}",)),
        Needs(
            actions="sns: Unsubscribe GetSubscriptionAttributes SetSubscriptionAttributes",
            on=("*",),
            why="subscriptions are no resources of IAM",
        ),
    ),
}
