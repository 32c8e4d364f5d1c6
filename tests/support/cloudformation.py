"""CloudFormation templates of registered resources: linters for CloudFormation can judge what Pulumi programs make.

Properties keep their names in upper camel case unless a translation below differs. A property that
CloudFormation does not know is therefore an error of the linter, not something that gets lost here.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.support.mocks import Registration

Properties = dict[str, Any]
# Linters ask for both of what holds data; the estate keeps nothing that is destroyed.
_NOT_KEPT = {"DeletionPolicy": "Delete", "UpdateReplacePolicy": "Delete"}
_HOLD_DATA = {"AWS::DynamoDB::Table", "AWS::Logs::LogGroup", "AWS::SQS::Queue"}


@dataclass(frozen=True, kw_only=True)
class Translation:
    """CloudFormation's names of a type and its properties, and properties that are built from several of Pulumi's."""

    type: str
    names: Mapping[str, str] = field(default_factory=dict[str, str])
    documents: frozenset[str] = frozenset()
    dropped: frozenset[str] = frozenset()
    build: Callable[[Properties], Properties] = lambda _: {}

    def properties(self, inputs: Mapping[str, Any]) -> Properties:
        """CloudFormation's properties of a resource with these inputs."""
        built = self.build(dict(inputs))
        plain = {key: value for key, value in inputs.items() if key not in self.dropped and value is not None}
        texts = {key: json.loads(value) if key in self.documents else value for key, value in plain.items()}
        translated = {
            self.names.get(key) or _capital(key): value if key in self.documents else _translated(key, value)
            for key, value in texts.items()
        }
        return translated | {key: value for key, value in built.items() if value is not None}


def _capital(name: str) -> str:
    return name[:1].upper() + name[1:]


def _translated(name: str, value: Any) -> Any:
    """A value with CloudFormation's spelling: capital keys, whole numbers without a fraction, lists of tags."""
    if name in ("tags", "dimensions"):
        key = "Key" if name == "tags" else "Name"
        return [{key: each, "Value": text} for each, text in sorted(value.items())]
    if name == "variables":
        return dict(value)
    if isinstance(value, Mapping):
        return {_capital(str(key)): _translated(str(key), each) for key, each in value.items()}
    if isinstance(value, list):
        return [_translated(name, each) for each in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _table(inputs: Properties) -> Properties:
    keys = [("hashKey", "HASH"), ("rangeKey", "RANGE")]
    provisioned = "readCapacity" in inputs or "writeCapacity" in inputs
    return {
        "AttributeDefinitions": [
            {"AttributeName": each["name"], "AttributeType": each["type"]} for each in inputs["attributes"]
        ],
        "KeySchema": [{"AttributeName": inputs[key], "KeyType": kind} for key, kind in keys if inputs.get(key)],
        "ProvisionedThroughput": _throughput(inputs) if provisioned else None,
        "StreamSpecification": {"StreamViewType": inputs["streamViewType"]} if inputs.get("streamEnabled") else None,
        "TimeToLiveSpecification": _translated("ttl", inputs["ttl"]) if inputs.get("ttl") else None,
        "PointInTimeRecoverySpecification": {
            "PointInTimeRecoveryEnabled": inputs.get("pointInTimeRecovery", {}).get("enabled", False)
        },
    }


def _throughput(inputs: Properties) -> Properties:
    return {
        f"{_capital(name)}CapacityUnits": _translated("", inputs.get(f"{name}Capacity")) for name in ("read", "write")
    }


def _function(inputs: Properties) -> Properties:
    # The archive is uploaded when the stack is rolled out; the place of one is what CloudFormation asks for.
    return {"Code": {"S3Bucket": "some-bucket", "S3Key": "code.zip"}} if "code" in inputs else {}


def _alias(inputs: Properties) -> Properties:
    return {
        "FunctionName": {"Ref": _function_id(inputs)},
        "FunctionVersion": {"Fn::GetAtt": [f"{_function_id(inputs)}Version", "Version"]},
    }


def _function_id(inputs: Mapping[str, Any]) -> str:
    """The template's name of a function by its physical name: other resources name it by that."""
    return _alphanumeric(f"Function {inputs.get('functionName') or inputs.get('name')}")


def _mapping(inputs: Properties) -> Properties:
    destination = inputs.get("destinationConfig")
    arn = destination["onFailure"]["destinationArn"] if destination else None
    return {"DestinationConfig": {"OnFailure": {"Destination": arn}} if arn else None}


def _filter(inputs: Properties) -> Properties:
    transformation = {f"metric{_capital(key)}": value for key, value in inputs["metricTransformation"].items()}
    names = {"metricName": "MetricName", "metricNamespace": "MetricNamespace", "metricValue": "MetricValue"}
    given = {names.get(key, _capital(key.removeprefix("metric"))): value for key, value in transformation.items()}
    return {"MetricTransformations": [given]}


def _alarm(inputs: Properties) -> Properties:
    queries: list[Properties] = []
    for query in inputs.get("metricQueries") or []:
        plain = {_capital(key): _translated(key, value) for key, value in query.items() if key != "metric"}
        if metric := query.get("metric"):
            known = {key: metric[key] for key in ("namespace", "metricName", "dimensions") if key in metric}
            named = {_capital(key): _translated(key, value) for key, value in known.items()}
            rest = {_capital(key): _translated(key, value) for key, value in metric.items() if key not in known}
            plain["MetricStat"] = {"Metric": named, **rest}
        queries.append(plain)
    return {"Metrics": queries or None}


_BUDGET = frozenset(
    {"name", "budgetType", "timeUnit", "limitAmount", "limitUnit", "costFilters", "notifications", "tags"}
)


def _budget(inputs: Properties) -> Properties:
    notifications = [
        {
            "Notification": {_capital(key): value for key, value in each.items() if not key.startswith("subscriber")},
            "Subscribers": [{"SubscriptionType": "SNS", "Address": arn} for arn in each["subscriberSnsTopicArns"]],
        }
        for each in inputs["notifications"]
    ]
    budget = {
        "BudgetName": inputs["name"],
        "BudgetType": inputs["budgetType"],
        "TimeUnit": inputs["timeUnit"],
        "BudgetLimit": {"Amount": float(inputs["limitAmount"]), "Unit": inputs["limitUnit"]},
        "CostFilters": {each["name"]: each["values"] for each in inputs["costFilters"]},
    }
    tags = [{"Key": key, "Value": value} for key, value in inputs["tags"].items()]
    return {"Budget": budget, "NotificationsWithSubscribers": notifications, "ResourceTags": tags}


_OKS = {"okActions": "OKActions"}

TRANSLATIONS: Mapping[str, Translation] = {
    "aws:iam/role:Role": Translation(
        type="AWS::IAM::Role",
        names={"name": "RoleName", "assumeRolePolicy": "AssumeRolePolicyDocument"},
        documents=frozenset({"assumeRolePolicy"}),
    ),
    "aws:iam/rolePolicy:RolePolicy": Translation(
        type="AWS::IAM::RolePolicy",
        names={"name": "PolicyName", "role": "RoleName", "policy": "PolicyDocument"},
        documents=frozenset({"policy"}),
    ),
    "aws:dynamodb/table:Table": Translation(
        type="AWS::DynamoDB::Table",
        names={"name": "TableName"},
        dropped=frozenset(
            {"attributes", "hashKey", "rangeKey", "readCapacity", "writeCapacity", "streamEnabled", "streamViewType",
             "ttl", "pointInTimeRecovery"}
        ),
        build=_table,
    ),
    "aws:sqs/queue:Queue": Translation(
        type="AWS::SQS::Queue",
        names={
            "name": "QueueName", "maxMessageSize": "MaximumMessageSize",
            "messageRetentionSeconds": "MessageRetentionPeriod",
            "receiveWaitTimeSeconds": "ReceiveMessageWaitTimeSeconds",
            "visibilityTimeoutSeconds": "VisibilityTimeout",
        },
        documents=frozenset({"redrivePolicy", "redriveAllowPolicy"}),
    ),
    "aws:sqs/queuePolicy:QueuePolicy": Translation(
        type="AWS::SQS::QueuePolicy", names={"policy": "PolicyDocument"}, documents=frozenset({"policy"}),
        dropped=frozenset({"queueUrl"}), build=lambda inputs: {"Queues": [inputs["queueUrl"]]},
    ),
    "aws:appautoscaling/target:Target": Translation(
        # CloudFormation's type has no tags.
        type="AWS::ApplicationAutoScaling::ScalableTarget", dropped=frozenset({"tags"}),
    ),
    "aws:appautoscaling/policy:Policy": Translation(
        type="AWS::ApplicationAutoScaling::ScalingPolicy", names={"name": "PolicyName"},
    ),
    "aws:cloudwatch/logGroup:LogGroup": Translation(type="AWS::Logs::LogGroup", names={"name": "LogGroupName"}),
    "aws:lambda/function:Function": Translation(
        type="AWS::Lambda::Function", names={"name": "FunctionName"},
        dropped=frozenset({"code", "publish"}), build=_function,
    ),
    "aws:lambda/alias:Alias": Translation(
        type="AWS::Lambda::Alias", dropped=frozenset({"functionName", "functionVersion"}), build=_alias,
    ),
    "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig": Translation(
        type="AWS::Lambda::EventInvokeConfig",
    ),
    "aws:lambda/eventSourceMapping:EventSourceMapping": Translation(
        type="AWS::Lambda::EventSourceMapping",
        dropped=frozenset({"destinationConfig"}),
        build=_mapping,
    ),
    "aws:lambda/functionUrl:FunctionUrl": Translation(
        type="AWS::Lambda::Url", names={"functionName": "TargetFunctionArn", "authorizationType": "AuthType"},
    ),
    "aws:lambda/permission:Permission": Translation(
        type="AWS::Lambda::Permission", dropped=frozenset({"function", "qualifier", "statementId"}),
        build=lambda inputs: {"FunctionName": f"{inputs['function']}:{inputs['qualifier']}"},
    ),
    "aws:scheduler/scheduleGroup:ScheduleGroup": Translation(type="AWS::Scheduler::ScheduleGroup"),
    "aws:scheduler/schedule:Schedule": Translation(type="AWS::Scheduler::Schedule"),
    "aws:cloudwatch/logMetricFilter:LogMetricFilter": Translation(
        type="AWS::Logs::MetricFilter", names={"name": "FilterName", "pattern": "FilterPattern"},
        dropped=frozenset({"metricTransformation"}), build=_filter,
    ),
    "aws:cloudwatch/queryDefinition:QueryDefinition": Translation(type="AWS::Logs::QueryDefinition"),
    "aws:budgets/budget:Budget": Translation(
        type="AWS::Budgets::Budget", dropped=_BUDGET, build=_budget,
    ),
    "aws:sns/topic:Topic": Translation(type="AWS::SNS::Topic", names={"name": "TopicName"}),
    "aws:sns/topicPolicy:TopicPolicy": Translation(
        type="AWS::SNS::TopicPolicy", names={"policy": "PolicyDocument"}, documents=frozenset({"policy"}),
        dropped=frozenset({"arn"}), build=lambda inputs: {"Topics": [inputs["arn"]]},
    ),
    "aws:sns/topicSubscription:TopicSubscription": Translation(
        type="AWS::SNS::Subscription", names={"topic": "TopicArn"},
    ),
    "aws:cloudwatch/metricAlarm:MetricAlarm": Translation(
        type="AWS::CloudWatch::Alarm", names={"name": "AlarmName", **_OKS},
        dropped=frozenset({"metricQueries"}), build=_alarm,
    ),
    "aws:cloudwatch/compositeAlarm:CompositeAlarm": Translation(type="AWS::CloudWatch::CompositeAlarm", names=_OKS),
    "aws:cloudwatch/dashboard:Dashboard": Translation(type="AWS::CloudWatch::Dashboard"),
}  # fmt: skip


def _alphanumeric(text: str) -> str:
    return "".join(part.capitalize() for part in "".join(c if c.isalnum() else " " for c in text).split())


def identifier(item: Registration) -> str:
    """The template's name of a resource."""
    kind = item.type.rpartition(":")[2]
    return _function_id(item.inputs) if kind == "Function" else _alphanumeric(f"{kind} {item.name}")


@dataclass
class _Parts:
    """Resources of Pulumi that are properties of another resource in CloudFormation, by the name of the other."""

    redrive_allowed: dict[str, Any] = field(default_factory=dict[str, Any])
    schedules: dict[str, list[Properties]] = field(default_factory=lambda: defaultdict(list))
    provisioned: dict[str, Any] = field(default_factory=dict[str, Any])

    def take(self, item: Registration) -> bool:
        """Keep what belongs to another resource; False for a resource of its own."""
        inputs = item.inputs
        kind = item.type.rpartition(":")[2]
        if kind == "RedriveAllowPolicy":
            self.redrive_allowed[inputs["queueUrl"].rpartition("/")[2]] = json.loads(inputs["redriveAllowPolicy"])
        elif kind == "ScheduledAction":
            action = {key: value for key, value in inputs.items() if key in ("schedule", "timezone", "startTime")}
            bounds = _translated("", inputs["scalableTargetAction"])
            named = {"ScheduledActionName": inputs["name"], "ScalableTargetAction": bounds}
            self.schedules[inputs["resourceId"]].append(named | _translated("", action))
        elif kind == "ProvisionedConcurrencyConfig":
            units = _translated("", inputs["provisionedConcurrentExecutions"])
            self.provisioned[inputs["functionName"]] = {"ProvisionedConcurrentExecutions": units}
        else:
            return False
        return True

    def of(self, item: Registration) -> Properties:
        """The properties that `item` gets from resources of Pulumi's that are none of CloudFormation's."""
        inputs = item.inputs
        parts = {
            "Queue": ("RedriveAllowPolicy", self.redrive_allowed.get(str(inputs.get("name")))),
            "Target": ("ScheduledActions", self.schedules.get(str(inputs.get("resourceId")))),
            "Alias": ("ProvisionedConcurrencyConfig", self.provisioned.get(str(inputs.get("functionName")))),
        }
        name, value = parts.get(item.type.rpartition(":")[2], ("", None))
        return {name: value} if value else {}


def template(items: Iterable[Registration]) -> dict[str, Any]:
    """The template of the registered resources; KeyError names a type without a translation."""
    parts = _Parts()
    own = [item for item in items if not parts.take(item)]
    resources: dict[str, Any] = {}
    for item in own:
        translation = TRANSLATIONS[item.type]
        properties = translation.properties(item.inputs) | parts.of(item)
        kept = _NOT_KEPT if translation.type in _HOLD_DATA else {}
        resources[identifier(item)] = {"Type": translation.type, "Properties": properties, **kept}
        if translation.type == "AWS::Lambda::Function":
            version = {"FunctionName": {"Ref": identifier(item)}}
            resources[f"{identifier(item)}Version"] = {"Type": "AWS::Lambda::Version", "Properties": version}
    return {"AWSTemplateFormatVersion": "2010-09-09", "Resources": resources}
