"""Resource types of the estate: everything the tool has to know of each, in one row.

Permissions are those for creating, reading, changing and removing, with the tags read and written along; the limits of
actions are from AWS's Service Authorization Reference. Import IDs have the form that the "Import" section of the type's
page in the provider's documentation gives.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from estate_tool.core.resource_types.model import (
    COST,
    SECURITY,
    ResourceType,
    TagListing,
    arn,
    function_part,
    mapping_uuid,
    needs,
    permission_id,
    queue_url,
    saved_query_arn,
    subscription_arn,
    tags,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

# {partition}, {region}, {account}, {suffix} and the resource's inputs are filled in; what a name has between its kind
# and the suffix becomes a pattern. A condition may have several values, with spaces between.
_ROLE = "arn:{partition}:iam::{account}:role/"
_FUNCTION = arn("lambda", "function:{functionName}")
_ALARMS = arn("cloudwatch", "alarm:alarm-*-{suffix}")
_MAPPINGS = arn("lambda", "event-source-mapping:*")
_OF_FUNCTION = {"ArnLike": {"lambda:FunctionArn": "{functionArn} {functionArn}:*"}}
_OF_TARGET = {
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

_PART_OF_TARGET = "a setting of its scalable target, which carries the tags"
_PART_OF_QUEUE = "a setting of its queue, which carries the tags"
_PART_OF_FUNCTION = "a setting of its function, which carries the tags"
_SCALED = "{serviceNamespace}/{resourceId}/{scalableDimension}"

RESOURCE_TYPES: Mapping[str, ResourceType] = {
    "aws:iam/role:Role": ResourceType(
        permissions=(
            needs(
                "iam: CreateRole GetRole UpdateRole UpdateRoleDescription UpdateAssumeRolePolicy DeleteRole "
                "TagRole UntagRole ListRoleTags ListRolePolicies ListAttachedRolePolicies ListInstanceProfilesForRole "
                # Drift removes what somebody added to a role.
                "GetRolePolicy DeleteRolePolicy DetachRolePolicy",
                _ROLE + "{name}",
            ),
        ),
        import_id="{name}",
        arn=_ROLE + "{name}",
        tags=TagListing("iam", "list_role_tags", "RoleName", "name"),
        drift=SECURITY,
    ),
    "aws:iam/rolePolicy:RolePolicy": ResourceType(
        permissions=(needs("iam: PutRolePolicy GetRolePolicy DeleteRolePolicy", _ROLE + "{role}"),),
        import_id="{role}:{name}",
        tags="a setting of its role, which carries the tags",
        drift=SECURITY,
    ),
    "aws:dynamodb/table:Table": ResourceType(
        permissions=(
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
        import_id="{name}",
        arn=arn("dynamodb", "table/{name}"),
        tags=TagListing("dynamodb", "list_tags_of_resource", "ResourceArn"),
    ),
    "aws:sqs/queue:Queue": ResourceType(
        permissions=(
            needs(
                "sqs: CreateQueue GetQueueUrl GetQueueAttributes SetQueueAttributes DeleteQueue ListQueueTags "
                "TagQueue UntagQueue",
                arn("sqs", "{name}"),
            ),
        ),
        import_id=queue_url,
        arn=arn("sqs", "{name}"),
        tags=TagListing("sqs", "list_queue_tags", "QueueUrl", "url"),
    ),
    "aws:sqs/queuePolicy:QueuePolicy": ResourceType(
        permissions=(_SETS_QUEUE,),
        import_id="{queueUrl}",
        tags=_PART_OF_QUEUE,
        drift=SECURITY,
    ),
    "aws:sqs/redrivePolicy:RedrivePolicy": ResourceType(
        permissions=(_SETS_QUEUE,),
        import_id="{queueUrl}",
        tags=_PART_OF_QUEUE,
    ),
    "aws:sqs/redriveAllowPolicy:RedriveAllowPolicy": ResourceType(
        permissions=(_SETS_QUEUE,),
        import_id="{queueUrl}",
        tags=_PART_OF_QUEUE,
        drift=SECURITY,
    ),
    "aws:appautoscaling/target:Target": ResourceType(
        permissions=(
            needs(
                "application-autoscaling: RegisterScalableTarget DeregisterScalableTarget", _TARGETS, when=_OF_TARGET
            ),
            needs(f"application-autoscaling: {tags()}", _TARGETS),
            _SCALING_READ,
            # The first target of a service in an account makes the role that autoscaling acts with.
            needs(
                "iam: CreateServiceLinkedRole",
                _ROLE + "aws-service-role/{serviceNamespace}.application-autoscaling.amazonaws.com/*",
                when={
                    "StringEquals": {"iam:AWSServiceName": "{serviceNamespace}.application-autoscaling.amazonaws.com"}
                },
            ),
        ),
        import_id=_SCALED,
        tags=TagListing("application-autoscaling", "list_tags_for_resource", "ResourceARN"),
        drift=COST,
    ),
    "aws:appautoscaling/policy:Policy": ResourceType(
        permissions=(
            needs("application-autoscaling: PutScalingPolicy DeleteScalingPolicy", _TARGETS, when=_OF_TARGET),
            _SCALING_READ,
            # Target tracking makes alarms of its own, with the permissions of who puts the policy.
            needs("cloudwatch: PutMetricAlarm DescribeAlarms DeleteAlarms", *_OF_TRACKING),
        ),
        import_id=_SCALED + "/{name}",
        tags=_PART_OF_TARGET,
        drift=COST,
    ),
    "aws:appautoscaling/scheduledAction:ScheduledAction": ResourceType(
        permissions=(
            needs("application-autoscaling: PutScheduledAction DeleteScheduledAction", _TARGETS, when=_OF_TARGET),
            _SCALING_READ,
        ),
        import_id=_SCALED + "/{name}",
        tags=_PART_OF_TARGET,
        drift=COST,
    ),
    "aws:lambda/function:Function": ResourceType(
        permissions=(
            needs(
                "lambda: CreateFunction GetFunction GetFunctionConfiguration GetFunctionCodeSigningConfig "
                "UpdateFunctionCode UpdateFunctionConfiguration DeleteFunction PublishVersion ListVersionsByFunction "
                # The last four: drift finds and removes permissions and addresses that were not declared.
                f"GetFunctionConcurrency PutFunctionConcurrency DeleteFunctionConcurrency {tags('ListTags')} "
                "GetPolicy RemovePermission ListFunctionUrlConfigs DeleteFunctionUrlConfig",
                arn("lambda", "function:{name}"),
                arn("lambda", "function:{name}:*"),
            ),
            needs("iam: PassRole", "{role}", when={"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}}),
        ),
        import_id="{name}",
        arn=arn("lambda", "function:{name}"),
        tags=TagListing("lambda", "list_tags", "Resource"),
    ),
    "aws:lambda/alias:Alias": ResourceType(
        permissions=(needs("lambda: CreateAlias GetAlias UpdateAlias DeleteAlias", _FUNCTION, _FUNCTION + ":{name}"),),
        import_id=function_part("/", "name"),
        arn=_FUNCTION + ":{name}",
        tags=_PART_OF_FUNCTION,
    ),
    "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig": ResourceType(
        permissions=(
            needs(
                "lambda: PutFunctionEventInvokeConfig GetFunctionEventInvokeConfig UpdateFunctionEventInvokeConfig "
                "DeleteFunctionEventInvokeConfig",
                _FUNCTION,
                _FUNCTION + ":{qualifier}",
            ),
        ),
        import_id=function_part(":", "qualifier"),
        tags=_PART_OF_FUNCTION,
    ),
    "aws:lambda/provisionedConcurrencyConfig:ProvisionedConcurrencyConfig": ResourceType(
        permissions=(
            needs(
                "lambda: PutProvisionedConcurrencyConfig GetProvisionedConcurrencyConfig "
                "DeleteProvisionedConcurrencyConfig",
                _FUNCTION + ":{qualifier}",
            ),
            needs(
                "lambda: GetAccountSettings", "*", why="the quota of the whole account, read before anything is touched"
            ),
        ),
        import_id=function_part(",", "qualifier"),
        tags=_PART_OF_FUNCTION,
        drift=COST,
    ),
    "aws:lambda/functionUrl:FunctionUrl": ResourceType(
        permissions=(
            # A deployer can open no address to everybody.
            needs(
                "lambda: CreateFunctionUrlConfig UpdateFunctionUrlConfig",
                _FUNCTION,
                _FUNCTION + ":{qualifier}",
                when={"StringEquals": {"lambda:FunctionUrlAuthType": "AWS_IAM"}},
            ),
            needs("lambda: GetFunctionUrlConfig DeleteFunctionUrlConfig", _FUNCTION, _FUNCTION + ":{qualifier}"),
        ),
        import_id=function_part("/", "qualifier"),
        tags=_PART_OF_FUNCTION,
        drift=SECURITY,
    ),
    "aws:lambda/permission:Permission": ResourceType(
        permissions=(
            needs(
                "lambda: AddPermission GetPolicy RemovePermission",
                arn("lambda", "function:{function}"),
                arn("lambda", "function:{function}:*"),
            ),
        ),
        import_id=permission_id,
        tags=_PART_OF_FUNCTION,
        drift=SECURITY,
    ),
    "aws:lambda/eventSourceMapping:EventSourceMapping": ResourceType(
        permissions=(
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
        import_id=mapping_uuid,
        tags=TagListing("lambda", "list_tags", "Resource"),
    ),
    "aws:cloudwatch/logGroup:LogGroup": ResourceType(
        permissions=(
            needs(
                "logs: CreateLogGroup DeleteLogGroup DescribeLogStreams PutRetentionPolicy DeleteRetentionPolicy "
                + tags(),
                arn("logs", "log-group:{name}"),
                arn("logs", "log-group:{name}:*"),
            ),
            needs("logs: DescribeLogGroups", "*", why=_LISTS),
        ),
        import_id="{name}",
        tags=TagListing("logs", "list_tags_for_resource", "resourceArn"),
    ),
    "aws:cloudwatch/logMetricFilter:LogMetricFilter": ResourceType(
        permissions=(
            needs(
                "logs: PutMetricFilter DeleteMetricFilter DescribeMetricFilters",
                arn("logs", "log-group:{logGroupName}"),
                arn("logs", "log-group:{logGroupName}:*"),
            ),
        ),
        import_id="{logGroupName}:{name}",
        tags="a setting of its log group, which carries the tags",
    ),
    "aws:cloudwatch/queryDefinition:QueryDefinition": ResourceType(
        permissions=(
            needs(
                "logs: PutQueryDefinition DeleteQueryDefinition DescribeQueryDefinitions",
                "*",
                why="saved queries are no resources of IAM",
            ),
        ),
        import_id=saved_query_arn,
        tags="CloudWatch has no tags for saved queries; they cost nothing",
    ),
    "aws:cloudwatch/metricAlarm:MetricAlarm": ResourceType(
        permissions=(needs(f"cloudwatch: PutMetricAlarm DescribeAlarms DeleteAlarms {tags()}", _ALARMS),),
        import_id="{name}",
        tags=TagListing("cloudwatch", "list_tags_for_resource", "ResourceARN"),
    ),
    "aws:cloudwatch/compositeAlarm:CompositeAlarm": ResourceType(
        permissions=(
            needs(f"cloudwatch: DeleteAlarms {tags()}", _ALARMS),
            needs(
                "cloudwatch: PutCompositeAlarm DescribeAlarms",
                "*",
                why="refused for composite alarms unless allowed on everything (CloudWatch API reference)",
            ),
        ),
        import_id="{alarmName}",
        tags=TagListing("cloudwatch", "list_tags_for_resource", "ResourceARN"),
    ),
    "aws:cloudwatch/dashboard:Dashboard": ResourceType(
        permissions=(
            # Dashboards belong to no region.
            needs(
                "cloudwatch: PutDashboard GetDashboard DeleteDashboards",
                "arn:{partition}:cloudwatch::{account}:dashboard/{dashboardName}",
            ),
        ),
        import_id="{dashboardName}",
        tags="CloudWatch has no tags for dashboards",
    ),
    "aws:budgets/budget:Budget": ResourceType(
        permissions=(
            needs(
                f"budgets: ModifyBudget ViewBudget {tags()}",
                "arn:{partition}:budgets::{account}:budget/{name}",
            ),
        ),
        import_id=lambda inputs, account: f"{account.number()}:{inputs['name']}",
        tags=TagListing("budgets", "list_tags_for_resource", "ResourceARN"),
    ),
    "aws:sns/topic:Topic": ResourceType(
        permissions=(
            needs(f"sns: CreateTopic GetTopicAttributes SetTopicAttributes DeleteTopic {tags()}", arn("sns", "{name}")),
        ),
        import_id=lambda inputs, account: account.arn("sns", inputs["name"]),
        arn=arn("sns", "{name}"),
        tags=TagListing("sns", "list_tags_for_resource", "ResourceArn"),
    ),
    "aws:sns/topicPolicy:TopicPolicy": ResourceType(
        permissions=(needs("sns: GetTopicAttributes SetTopicAttributes", "{arn}"),),
        import_id="{arn}",
        tags="a setting of its topic, which carries the tags",
        drift=SECURITY,
    ),
    "aws:sns/topicSubscription:TopicSubscription": ResourceType(
        permissions=(
            needs("sns: Subscribe ListSubscriptionsByTopic", "{topic}"),
            needs(
                "sns: Unsubscribe GetSubscriptionAttributes SetSubscriptionAttributes",
                "*",
                why="subscriptions are no resources of IAM",
            ),
        ),
        import_id=subscription_arn,
        tags="SNS has no tags for subscriptions; their topic carries them",
        drift=SECURITY,
    ),
    "aws:scheduler/scheduleGroup:ScheduleGroup": ResourceType(
        permissions=(
            needs(
                f"scheduler: CreateScheduleGroup GetScheduleGroup DeleteScheduleGroup {tags()}",
                arn("scheduler", "schedule-group/{name}"),
            ),
            # The group takes its schedules along, and drift removes those that were not declared.
            needs("scheduler: DeleteSchedule", arn("scheduler", "schedule/{name}/*")),
            needs("scheduler: ListSchedules", "*", why=_LISTS),
        ),
        import_id="{name}",
        arn=arn("scheduler", "schedule-group/{name}"),
        tags=TagListing("scheduler", "list_tags_for_resource", "ResourceArn"),
    ),
    "aws:scheduler/schedule:Schedule": ResourceType(
        permissions=(
            needs(
                "scheduler: CreateSchedule GetSchedule UpdateSchedule DeleteSchedule",
                arn("scheduler", "schedule/{groupName}/{name}"),
            ),
            needs(
                "iam: PassRole",
                "{targetRoleArn}",
                when={"StringEquals": {"iam:PassedToService": "scheduler.amazonaws.com"}},
            ),
        ),
        import_id="{groupName}/{name}",
        tags="a part of its group, which carries the tags",
        drift=SECURITY,
    ),
}
