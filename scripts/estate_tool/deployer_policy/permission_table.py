"""AWS actions that the official provider calls for each resource type, and their ARNs.

Creating, reading, changing and removing each, with the tags read and written along; what an action can be limited to is
from AWS's Service Authorization Reference. Tried against the embedded AWS, not against the official provider.
"""

from __future__ import annotations

from collections.abc import Mapping

from estate_tool.deployer_policy.needs import Needs, arn, needs, tags

# {partition}, {region}, {account}, {suffix} and the resource's inputs are filled in; what a name has between its kind
# and the suffix becomes a pattern. A condition may have several values, with spaces between.
_ROLE = "arn:{partition}:iam::{account}:role/"
_FUNCTION = arn("lambda", "function:{functionName}")
_ALARMS = arn("cloudwatch", "alarm:alarm-*-{suffix}")
_MAPPINGS = arn("lambda", "event-source-mapping:*")
_OF_FUNCTION = {"ArnLike": {"lambda:FunctionArn": "{functionArn} {functionArn}:*"}}
_SCALED = {
    "StringEquals": {
        "application-autoscaling:service-namespace": "{serviceNamespace}",
        "application-autoscaling:scalable-dimension": "{scalableDimension}",
    }
}
_TARGETS = arn("application-autoscaling", "scalable-target/*")
# "How target tracking works": the names of its alarms end in an id.
_OF_TRACKING = tuple(
    arn("cloudwatch", f"alarm:TargetTracking-{{resourceId}}-{kind}-*")
    for kind in ("AlarmHigh", "AlarmLow", "ProvisionedCapacityHigh", "ProvisionedCapacityLow")
)
_LISTS = "lists; AWS lets no resource be named for it"
_QUEUE = arn("sqs", "{queueName}")
_SETS_QUEUE = needs("sqs: GetQueueAttributes SetQueueAttributes", _QUEUE)
_SCALING_READ = needs(
    "application-autoscaling: DescribeScalableTargets DescribeScalingPolicies DescribeScheduledActions", "*", why=_LISTS
)

# The ARN by which other resources know one; names alone tell it.
ARNS: Mapping[str, str] = {
    "aws:iam/role:Role": _ROLE + "{name}",
    "aws:dynamodb/table:Table": arn("dynamodb", "table/{name}"),
    "aws:sqs/queue:Queue": arn("sqs", "{name}"),
    "aws:lambda/function:Function": arn("lambda", "function:{name}"),
    "aws:lambda/alias:Alias": _FUNCTION + ":{name}",
    "aws:sns/topic:Topic": arn("sns", "{name}"),
}

TABLE: Mapping[str, tuple[Needs, ...]] = {
    "aws:iam/role:Role": (
        needs(
            "iam: CreateRole GetRole UpdateRole UpdateRoleDescription UpdateAssumeRolePolicy DeleteRole "
            "TagRole UntagRole ListRoleTags ListRolePolicies ListAttachedRolePolicies ListInstanceProfilesForRole "
            # Drift removes what somebody added to a role.
            "GetRolePolicy DeleteRolePolicy DetachRolePolicy",
            _ROLE + "{name}",
        ),
    ),
    "aws:iam/rolePolicy:RolePolicy": (needs("iam: PutRolePolicy GetRolePolicy DeleteRolePolicy", _ROLE + "{role}"),),
    "aws:dynamodb/table:Table": (
        needs(
            "dynamodb: CreateTable DescribeTable UpdateTable DeleteTable DescribeTimeToLive UpdateTimeToLive "
            "DescribeContinuousBackups UpdateContinuousBackups ListTagsOfResource TagResource UntagResource",
            arn("dynamodb", "table/{name}"),
        ),
        # Before a rollout destroys a table, its items are counted; reading them is not allowed.
        needs(
            "dynamodb: Scan",
            arn("dynamodb", "table/{name}"),
            when={"StringEquals": {"dynamodb:Select": "COUNT"}},
        ),
    ),
    "aws:sqs/queue:Queue": (
        needs(
            "sqs: CreateQueue GetQueueUrl GetQueueAttributes SetQueueAttributes DeleteQueue ListQueueTags "
            "TagQueue UntagQueue",
            arn("sqs", "{name}"),
        ),
    ),
    "aws:sqs/queuePolicy:QueuePolicy": (_SETS_QUEUE,),
    "aws:sqs/redrivePolicy:RedrivePolicy": (_SETS_QUEUE,),
    "aws:sqs/redriveAllowPolicy:RedriveAllowPolicy": (_SETS_QUEUE,),
    "aws:appautoscaling/target:Target": (
        needs("application-autoscaling: RegisterScalableTarget DeregisterScalableTarget", _TARGETS, when=_SCALED),
        needs(f"application-autoscaling: {tags()}", _TARGETS),
        _SCALING_READ,
        # The first target of a service in an account makes the role that autoscaling acts with.
        needs(
            "iam: CreateServiceLinkedRole",
            _ROLE + "aws-service-role/{serviceNamespace}.application-autoscaling.amazonaws.com/*",
            when={"StringEquals": {"iam:AWSServiceName": "{serviceNamespace}.application-autoscaling.amazonaws.com"}},
        ),
    ),
    "aws:appautoscaling/policy:Policy": (
        needs("application-autoscaling: PutScalingPolicy DeleteScalingPolicy", _TARGETS, when=_SCALED),
        _SCALING_READ,
        # Target tracking makes alarms of its own, with the permissions of who puts the policy.
        needs("cloudwatch: PutMetricAlarm DescribeAlarms DeleteAlarms", *_OF_TRACKING),
    ),
    "aws:appautoscaling/scheduledAction:ScheduledAction": (
        needs("application-autoscaling: PutScheduledAction DeleteScheduledAction", _TARGETS, when=_SCALED),
        _SCALING_READ,
    ),
    "aws:lambda/function:Function": (
        needs(
            "lambda: CreateFunction GetFunction GetFunctionConfiguration GetFunctionCodeSigningConfig "
            "UpdateFunctionCode UpdateFunctionConfiguration DeleteFunction PublishVersion ListVersionsByFunction "
            # The last two: drift finds and removes permissions that nobody declared.
            f"GetFunctionConcurrency PutFunctionConcurrency DeleteFunctionConcurrency {tags('ListTags')} "
            "GetPolicy RemovePermission",
            arn("lambda", "function:{name}"),
            arn("lambda", "function:{name}:*"),
        ),
        needs("iam: PassRole", "{role}", when={"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}}),
    ),
    "aws:lambda/alias:Alias": (
        needs("lambda: CreateAlias GetAlias UpdateAlias DeleteAlias", _FUNCTION, _FUNCTION + ":{name}"),
    ),
    "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig": (
        needs(
            "lambda: PutFunctionEventInvokeConfig GetFunctionEventInvokeConfig UpdateFunctionEventInvokeConfig "
            "DeleteFunctionEventInvokeConfig",
            _FUNCTION,
            _FUNCTION + ":{qualifier}",
        ),
    ),
    "aws:lambda/provisionedConcurrencyConfig:ProvisionedConcurrencyConfig": (
        needs(
            "lambda: PutProvisionedConcurrencyConfig GetProvisionedConcurrencyConfig "
            "DeleteProvisionedConcurrencyConfig",
            _FUNCTION + ":{qualifier}",
        ),
        needs("lambda: GetAccountSettings", "*", why="the quota of the whole account, read before anything is touched"),
    ),
    "aws:lambda/permission:Permission": (
        needs(
            "lambda: AddPermission GetPolicy RemovePermission",
            arn("lambda", "function:{function}"),
            arn("lambda", "function:{function}:*"),
        ),
    ),
    "aws:lambda/eventSourceMapping:EventSourceMapping": (
        needs(
            "lambda: CreateEventSourceMapping",
            "*",
            when=_OF_FUNCTION,
            why="a mapping has no ARN before it exists; limited to the function by the condition",
        ),
        needs(
            "lambda: GetEventSourceMapping UpdateEventSourceMapping DeleteEventSourceMapping",
            _MAPPINGS,
            when=_OF_FUNCTION,
        ),
        needs(f"lambda: {tags('ListTags')}", _MAPPINGS),
        needs("lambda: ListEventSourceMappings", "*", why=_LISTS),
    ),
    "aws:cloudwatch/logGroup:LogGroup": (
        needs(
            "logs: CreateLogGroup DeleteLogGroup DescribeLogStreams PutRetentionPolicy DeleteRetentionPolicy " + tags(),
            arn("logs", "log-group:{name}"),
            arn("logs", "log-group:{name}:*"),
        ),
        needs("logs: DescribeLogGroups", "*", why=_LISTS),
    ),
    "aws:cloudwatch/logMetricFilter:LogMetricFilter": (
        needs(
            "logs: PutMetricFilter DeleteMetricFilter DescribeMetricFilters",
            arn("logs", "log-group:{logGroupName}"),
            arn("logs", "log-group:{logGroupName}:*"),
        ),
    ),
    "aws:cloudwatch/queryDefinition:QueryDefinition": (
        needs(
            "logs: PutQueryDefinition DeleteQueryDefinition DescribeQueryDefinitions",
            "*",
            why="saved queries are no resources of IAM",
        ),
    ),
    "aws:cloudwatch/metricAlarm:MetricAlarm": (
        needs(f"cloudwatch: PutMetricAlarm DescribeAlarms DeleteAlarms {tags()}", _ALARMS),
    ),
    "aws:cloudwatch/compositeAlarm:CompositeAlarm": (
        needs(f"cloudwatch: DeleteAlarms {tags()}", _ALARMS),
        needs(
            "cloudwatch: PutCompositeAlarm DescribeAlarms",
            "*",
            why="refused for composite alarms unless allowed on everything (CloudWatch API reference)",
        ),
    ),
    "aws:cloudwatch/dashboard:Dashboard": (
        # Dashboards belong to no region.
        needs(
            "cloudwatch: PutDashboard GetDashboard DeleteDashboards",
            "arn:{partition}:cloudwatch::{account}:dashboard/{dashboardName}",
        ),
    ),
    "aws:budgets/budget:Budget": (
        needs(
            f"budgets: ModifyBudget ViewBudget {tags()}",
            "arn:{partition}:budgets::{account}:budget/{name}",
        ),
    ),
    "aws:sns/topic:Topic": (
        needs(f"sns: CreateTopic GetTopicAttributes SetTopicAttributes DeleteTopic {tags()}", arn("sns", "{name}")),
    ),
    "aws:sns/topicPolicy:TopicPolicy": (needs("sns: GetTopicAttributes SetTopicAttributes", "{arn}"),),
    "aws:sns/topicSubscription:TopicSubscription": (
        needs("sns: Subscribe ListSubscriptionsByTopic", "{topic}"),
        needs(
            "sns: Unsubscribe GetSubscriptionAttributes SetSubscriptionAttributes",
            "*",
            why="subscriptions are no resources of IAM",
        ),
    ),
}
