"""Resources that break each guardrail, each with a twin that keeps it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pulumi_policy.proxy import UNKNOWN_STRING_VALUE as UNKNOWN

from foundation.guardrails.layer import TOPIC_KEY
from foundation.naming import TAG_KEYS
from tests.support.guardrails import resource as any_resource
from tests.support.guardrails import stack

if TYPE_CHECKING:
    from pulumi_policy import PolicyResource

ACCOUNT, OTHER = "123456789012", "999999999999"
TABLE = f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/table-events-dev"
QUEUE = f"arn:aws:sqs:us-east-1:{ACCOUNT}:queue-ingest-dev"
KEY = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/ours"
TAGS = dict.fromkeys(TAG_KEYS, "some") | {"Environment": "dev"}
REDRIVE = json.dumps({"deadLetterTargetArn": QUEUE.replace("queue-", "dlq-"), "maxReceiveCount": 5})


@dataclass(frozen=True)
class Case:
    """Resources of a layer, and the stack's configuration."""

    resources: list[PolicyResource]
    config: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Pair:
    """`bad` breaks the rule and the message shows `found`; `good` is the twin that keeps it."""

    rule: str
    bad: Case
    found: str
    good: Case


def resource(kind: str, **props: Any) -> PolicyResource:
    return any_resource(kind, props)


def one(rule: str, kind: str, bad: dict[str, Any], found: str, good: dict[str, Any], **common: Any) -> Pair:
    return Pair(rule, Case([resource(kind, **common, **bad)]), found, Case([resource(kind, **common, **good)]))


def layers(rule: str, bad: list[PolicyResource], found: str, good: list[PolicyResource]) -> Pair:
    return Pair(rule, Case(bad), found, Case(good))


def policy(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"policy": json.dumps({"Version": "2012-10-17", "Statement": list(statements)})}


def allow(**changes: Any) -> dict[str, Any]:
    statement = {"Sid": "Some", "Effect": "Allow", "Action": ["dynamodb:GetItem"], "Resource": TABLE}
    return policy({key: value for key, value in (statement | changes).items() if value is not None})


def trust(principal: Any) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    return {"assumeRolePolicy": policy(statement)["policy"]}


def let_in(principal: Any, condition: dict[str, Any] | None = None, effect: str = "Allow") -> dict[str, Any]:
    return allow(Effect=effect, Action="sqs:SendMessage", Resource=QUEUE, Principal=principal, Condition=condition)


ROLE_POLICY, ROLE, QUEUE_POLICY = "iam/rolePolicy:RolePolicy", "iam/role:Role", "sqs/queuePolicy:QueuePolicy"
FUNCTION, LOGS, TABLE_TYPE = "lambda/function:Function", "cloudwatch/logGroup:LogGroup", "dynamodb/table:Table"
MAPPING, ALARM = "lambda/eventSourceMapping:EventSourceMapping", "cloudwatch/metricAlarm:MetricAlarm"
COMPOSITE = "cloudwatch/compositeAlarm:CompositeAlarm"
TOPIC, SOURCE = "sns/topic:Topic", "sqs/queue:Queue"
PERMISSION = "lambda/permission:Permission"
PROVISIONED_CONCURRENCY = "lambda/provisionedConcurrencyConfig:ProvisionedConcurrencyConfig"
CALLER = f"arn:aws:iam::{ACCOUNT}:role/web"
BY_URL = {"functionUrlAuthType": "AWS_IAM"}
FROM_HERE = {"StringEquals": {"aws:SourceAccount": ACCOUNT}}
LAMBDA = {"Service": "lambda.amazonaws.com"}
_KEEPS = [resource(ROLE_POLICY, **allow())]


def called_by(account: str) -> list[PolicyResource]:
    """A function, and the permission of a role of an account to call it."""
    return [
        resource(FUNCTION, role=f"arn:aws:iam::{ACCOUNT}:role/role-x-dev"),
        resource(PERMISSION, principal=CALLER.replace(ACCOUNT, account)),
    ]


_ACTIONS = [
    one("no-wildcard-actions", kind, bad, found, good)
    for kind, bad, found, good in (
        (ROLE_POLICY, allow(Action="*"), "'*' in Some", allow()),
        (ROLE_POLICY, allow(Action=["dynamodb:Get*"]), "'dynamodb:Get*'", allow(Effect="Deny")),
        (ROLE_POLICY, allow(Action=None, NotAction="iam:*"), "NotAction 'iam:*'", allow()),
        (QUEUE_POLICY, allow(Action="sqs:*"), "'sqs:*'", allow(Action="sqs:SendMessage")),
        (ROLE_POLICY, {"policy": "{"}, "can't be read", {"policy": UNKNOWN}),
        (ROLE_POLICY, {"policy": "[]"}, "can't be read", allow()),
        (ROLE, {"inlinePolicies": [allow(Action="s3:*")]}, "'s3:*'", {"inlinePolicies": [allow(), UNKNOWN]}),
        (ROLE, {"managedPolicyArns": ["arn:x"]}, "arn:x", {"managedPolicyArns": []}),
        (PERMISSION, {"action": "lambda:*"}, "'lambda:*'", {"action": "lambda:InvokeFunction"}),
    )
] + [
    layers("no-wildcard-actions", [resource(f"iam/{kind}", policyArn="arn:y")], "arn:y", _KEEPS)
    for kind in (
        "rolePolicyAttachment:RolePolicyAttachment", "userPolicyAttachment:UserPolicyAttachment",
        "groupPolicyAttachment:GroupPolicyAttachment", "policyAttachment:PolicyAttachment",
        "rolePolicyAttachmentsExclusive:RolePolicyAttachmentsExclusive",
    )
]  # fmt: skip

_RESOURCES = [
    one("scoped-resources", ROLE_POLICY, allow(**bad), found, allow(**good))
    for bad, found, good in (
        ({"Resource": "*"}, "'*' in Some", {"Resource": f"{TABLE}/stream/*"}),
        ({"Resource": [TABLE, f"{TABLE[:-10]}*"]}, "table/table-*", {}),
        ({"Resource": f"{TABLE}*"}, "events-dev*", {"Effect": "Deny"}),
        ({"Resource": TABLE.replace(ACCOUNT, "*")}, ":*:table", {}),
        ({"Resource": "arn:aws:s3:::a-*"}, "a-*", {"Resource": "arn:aws:s3:::a/*"}),
        ({"Resource": None}, "without Resource", {}),
        ({"Resource": None, "NotResource": TABLE}, "without Resource", {}),
    )
]

_PRINCIPALS = [
    one("no-foreign-principals", kind, bad, found, good)
    for kind, bad, found, good in (
        (ROLE, trust("*"), "everybody", trust(LAMBDA)),
        (ROLE, trust({"AWS": "*"}), "AWS principal '*'", trust(LAMBDA)),
        (ROLE, trust({"AWS": f"arn:aws:iam::{OTHER}:root"}), OTHER, trust(LAMBDA)),
        (ROLE, trust({"Federated": "accounts.example.com"}), "Federated", trust(LAMBDA)),
        (QUEUE_POLICY, let_in("*"), "everybody", let_in("*", effect="Deny")),
        (QUEUE_POLICY, let_in({"AWS": OTHER}), OTHER, let_in({"AWS": ACCOUNT})),
        (QUEUE_POLICY, let_in(LAMBDA), "any account", let_in(LAMBDA, FROM_HERE)),
        (QUEUE_POLICY, let_in({"Service": "*"}, FROM_HERE), "Service principal '*'", let_in(LAMBDA, FROM_HERE)),
        (
            "cloudwatch/logResourcePolicy:LogResourcePolicy",
            {"policyDocument": let_in("*")["policy"]}, "everybody", {"policyDocument": UNKNOWN},
        ),
        (
            "lambda/functionUrl:FunctionUrl",
            {"authorizationType": "NONE"}, "'NONE'", {"authorizationType": "AWS_IAM"},
        ),
    )
] + [
    one("no-foreign-principals", QUEUE_POLICY, let_in(LAMBDA, bad), "or of another", let_in(LAMBDA, good))
    for bad, good in (
        ({"StringLike": {"aws:SourceAccount": "*"}}, {"StringLike": {"aws:SourceAccount": ACCOUNT}}),
        ({"StringEquals": {"aws:SourceAccount": [ACCOUNT, OTHER]}}, {"ArnLike": {"aws:SourceArn": TABLE}}),
        ({"StringNotEquals": {"aws:SourceAccount": ACCOUNT}}, FROM_HERE),
        ({"StringEqualsIfExists": {"aws:SourceAccount": ACCOUNT}}, FROM_HERE),
        ({"ArnLike": {"aws:SourceArn": "arn:aws:s3:::bucket"}}, FROM_HERE),
        ({"ArnLike": {"aws:SourceArn": "arn:aws:sns:us-east-1:*:topic"}}, {"ArnEquals": {"AWS:SourceARN": TABLE}}),
    )
] + [
    one("no-foreign-principals", PERMISSION, bad, found, good, **common)
    for bad, found, good, common in (
        ({"principal": "*"}, "'*'", {"principal": "sns.amazonaws.com"}, {"sourceArn": QUEUE}),
        ({}, "without a source", {"sourceAccount": ACCOUNT}, {"principal": "sns.amazonaws.com"}),
        ({}, "role/web", BY_URL, {"principal": CALLER}),
        ({"functionUrlAuthType": "NONE"}, "role/web", BY_URL, {"principal": CALLER}),
        ({"principal": "*"}, "'*'", {"principal": CALLER}, {"invokedViaFunctionUrl": True}),
    )
] + [
    layers(
        "no-foreign-principals",
        [resource("lambda/layerVersionPermission:LayerVersionPermission", principal="*")], "'*'",
        [resource(PERMISSION, principal="sns.amazonaws.com", sourceArn=QUEUE)],
    ),
    layers("own-invokers", called_by(OTHER), OTHER, called_by(ACCOUNT)),
]  # fmt: skip

_STREAM = {"startingPosition": "LATEST"}
_SETTINGS = [
    one(*pair)
    for pair in (
        ("region", "pulumi:providers:aws", {"region": "eu-west-1"}, "'eu-west-1'", {"region": "us-east-1"}),
        ("region", "pulumi:providers:aws", {}, "region nothing", {"region": UNKNOWN}),
        ("region", TABLE_TYPE, {"region": "us-west-2"}, "'us-west-2'", {}),
        ("tags", TABLE_TYPE, {}, "tag Project nothing", {"tags": TAGS}),
        ("tags", TABLE_TYPE, {"tags": TAGS | {"Owner": " "}}, "tag Owner ' '", {"tags": TAGS | {"Owner": UNKNOWN}}),
        ("function-memory", FUNCTION, {"memorySize": 3008.0}, "3008 MB", {"memorySize": 1024.0}),
        ("function-memory", FUNCTION, {"memorySize": 511}, "511 MB", {"memorySize": 512}),
        ("function-memory", FUNCTION, {}, "128 MB", {"memorySize": UNKNOWN}),
        ("log-retention", LOGS, {}, "kept for ever", {"retentionInDays": 7.0}),
        ("log-retention", LOGS, {"retentionInDays": 30.0}, "30 days", {"retentionInDays": 14.0}),
        ("log-retention", LOGS, {"retentionInDays": 3}, "3 days", {"retentionInDays": UNKNOWN}),
        ("removable", TABLE_TYPE, {"deletionProtectionEnabled": True}, "deletionProtectionEnabled", {}),
        ("removable", LOGS, {"skipDestroy": True}, "skipDestroy", {"skipDestroy": False}),
        ("encryption", SOURCE, {}, "no key", {"sqsManagedSseEnabled": True}),
        ("encryption", SOURCE, {"sqsManagedSseEnabled": False}, "False", {"kmsMasterKeyId": "alias/mine"}),
        ("encryption", SOURCE, {"sqsManagedSseEnabled": False}, "False", {"sqsManagedSseEnabled": UNKNOWN}),
        ("encryption", TOPIC, {"kmsMasterKeyId": "alias/aws/sns"}, "alarms can't use", {}),
        (
            "encryption", TOPIC, {"kmsMasterKeyId": KEY.replace("key/ours", "alias/aws/sns")}, "alarms can't use",
            {"kmsMasterKeyId": KEY},
        ),
        (
            "failure-destination", FUNCTION, {}, "no dead-letter queue for asynchronous calls",
            {"deadLetterConfig": {"targetArn": UNKNOWN}},
        ),
        ("failure-destination", FUNCTION, {"deadLetterConfig": {}}, "no dead", {"deadLetterConfig": UNKNOWN}),
        (
            "failure-destination", MAPPING, _STREAM, "a stream without",
            _STREAM | {"destinationConfig": {"onFailure": {"destinationArn": QUEUE}}},
        ),
        ("failure-destination", MAPPING, _STREAM, "a stream without", {}),
        (
            "failure-destination", "scheduler/schedule:Schedule", {"target": {"arn": "a"}}, "a schedule without",
            {"target": {"arn": "a", "deadLetterConfig": {"arn": UNKNOWN}}},
        ),
        ("redrive", SOURCE, {"name": "queue-x-dev"}, "redrivePolicy nothing", {"name": "dlq-x-dev"}),
    )
] + [
    one("name-suffix", TABLE_TYPE, {"name": "events"}, "'events'", {"name": "table-events-dev"}, tags=TAGS),
    one("name-suffix", TABLE_TYPE, {"name": "table-dev-b"}, "'table-dev-b'", {"name": UNKNOWN}, tags=TAGS),
    one("name-suffix", TABLE_TYPE, {}, "no name", {"name": "table-events-dev"}, tags=TAGS),
    one("redrive", SOURCE, {"redrivePolicy": "{}"}, "'{}'", {"redrivePolicy": REDRIVE}, name="queue-x-dev"),
    one("redrive", SOURCE, {"redrivePolicy": "no"}, "'no'", {"redrivePolicy": UNKNOWN}, name="queue-x-dev"),
    one(
        "dead-letters-fit", SOURCE, {"maxMessageSize": 1_048_575}, "bytes", {"maxMessageSize": 1_048_576},
        name="dlq-x-dev",
    ),
    one("dead-letters-fit", SOURCE, {}, "of 262144 bytes", {"maxMessageSize": UNKNOWN}, name="dlq-x-dev"),
    layers("tags", [resource("new/kind:Kind")], "tag Owner", [resource("lambda/alias:Alias")]),
    # The SDK knows which types have tags, also those that no rule lists.
    layers("tags", [resource("s3/bucket:Bucket")], "tag Owner", [resource("s3/bucketPolicy:BucketPolicy")]),
    layers("removable", [any_resource(LOGS, {}, protect=True)], "protect true", [resource(LOGS)]),
]  # fmt: skip


def _scaled(*directions: str, kinds: tuple[str, ...] = ("target:Target", "policy:Policy")) -> list[PolicyResource]:
    dimensions = [f"dynamodb:table:{direction}CapacityUnits" for direction in directions]
    return [
        resource(f"appautoscaling/{kind}", resourceId="table/table-x-dev", scalableDimension=dimension)
        for dimension in dimensions
        for kind in kinds
    ]


def _function(name: str = "lambda-query-dev", **props: Any) -> PolicyResource:
    return resource(FUNCTION, name=name, tags=TAGS, **props)


def _provisioned(function: str) -> PolicyResource:
    return resource(PROVISIONED_CONCURRENCY, functionName=function)


def _waived(until: str | None = None, *more: PolicyResource) -> Case:
    """A critical function where provisioned concurrency is waived, until a day or for good."""
    config = {"compute:provisionedMinimum": "0", **({"compute:provisionedWaivedUntil": until} if until else {})}
    return Case([_function(), *more], config)


def _alarm(kind: str, name: str, **props: Any) -> PolicyResource:
    key = "alarmName" if kind == COMPOSITE else "name"
    return any_resource(kind, {key: name, **props}, "thing", layer="observability")


def _topic(config: dict[str, str], *keys: str | None) -> Case:
    return Case([resource(TOPIC, kmsMasterKeyId=key) for key in keys], config)


_CONFIGURED_KEY = {TOPIC_KEY: KEY}
_SMALL = {"foundation:small": "true", "data:onDemand": "true", "observability:alarmLevel": "pages"}
_PROVISIONED = resource(TABLE_TYPE, name="table-x-dev", billingMode="PROVISIONED")
_OWN_GROUP: Any = {"loggingConfig": {"logGroup": "mine"}}
_TAGGED = resource(TABLE_TYPE, tags=TAGS)
_CHILD = _alarm(ALARM, "alarm-a-dev")
_OVER = _alarm(COMPOSITE, "alarm-b-dev", alarmRule='ALARM("alarm-a-dev") OR ALARM("alarm-c-dev")')
_TOP = _alarm(COMPOSITE, "alarm-t-dev", alarmRule='ALARM("alarm-b-dev")', alarmActions=["topic"])

_TOGETHER = [
    layers(*pair)
    for pair in (
        (
            "one-environment", [_TAGGED, resource(TABLE_TYPE, tags=TAGS | {"Environment": "b"})],
            "'b' beside others", [_TAGGED],
        ),
        (
            "one-environment", [_TAGGED, resource(ROLE_POLICY, name="policy-b")], "'policy-b'",
            [_TAGGED, resource("lambda/alias:Alias", name="live")],
        ),
        (
            "one-environment", [_TAGGED, resource("cloudwatch/dashboard:Dashboard", dashboardName="all")], "'all'",
            [_TAGGED, resource("cloudwatch/dashboard:Dashboard", dashboardName="all-dev")],
        ),
        (
            "log-group", [_function()], "/aws/lambda/lambda-query-dev",
            [_function(), resource(LOGS, name="/aws/lambda/lambda-query-dev")],
        ),
        (
            "log-group", [_function(**_OWN_GROUP), resource(LOGS, name="other")], "no log group mine",
            [_function(**_OWN_GROUP), resource(LOGS, name="mine")],
        ),
        (
            "table-scaling", [_PROVISIONED, *_scaled("Read")], "write capacity",
            [_PROVISIONED, *_scaled("Read", "Write")],
        ),
        (
            "table-scaling", [_PROVISIONED, *_scaled("Read", "Write", kinds=("target:Target",))],
            "without a scaling policy", [resource(TABLE_TYPE, name="table-x-dev", billingMode="PAY_PER_REQUEST")],
        ),
        # Without a billing mode a table is provisioned.
        (
            "table-scaling", [resource(TABLE_TYPE, name="table-x-dev")], "read capacity",
            [_PROVISIONED, *_scaled("Read", "Write")],
        ),
        ("warm-when-critical", [_function()], "without provisioned", [_function(), _provisioned(UNKNOWN)]),
        (
            "warm-when-critical", [_function(), _provisioned("lambda-ingest-dev")], "without provisioned",
            [_function("lambda-ingest-dev")],
        ),
        ("alarms", [_CHILD], "no notification of alarm-a-dev", [_alarm(ALARM, "alarm-a-dev", alarmActions=["t"])]),
        ("alarms", [_CHILD, _OVER], "of alarm-a-dev", [_CHILD, _OVER, _TOP]),
        # Composite alarms of observability may be over alarms of another layer.
        ("alarms", [_CHILD], "of alarm-a-dev", [resource(ALARM, name="alarm-a-dev")]),
        ("alarms", [_CHILD, _TOP], "of alarm-a-dev", [_CHILD, _alarm(COMPOSITE, "b", alarmRule=UNKNOWN)]),
    )
] + [
    Pair(
        "warm-when-critical", _waived("2026-01-31"), "the waiver ended on 2026-01-31", _waived("9999-01-31")
    ),
    Pair("warm-waived", _waived("9999-01-31"), "waived until 9999-01-31", Case([_function()])),
    Pair("warm-waived", _waived(), "waived until compute:provisionedMinimum", _waived(None, _provisioned(UNKNOWN))),
    Pair("warm-waived", _waived(), "waived until", _waived("2026-01-31")),
    Pair(
        "small-environment", Case([stack("data")], _SMALL), "a small environment: data:onDemand true",
        Case([stack("foundation")], _SMALL),
    ),
    Pair(
        "small-environment", Case([stack("observability")], _SMALL), "observability:alarmLevel pages",
        Case([stack("observability")]),
    ),
    Pair("topic-key", _topic(_CONFIGURED_KEY, None), "kmsMasterKeyId nothing", _topic(_CONFIGURED_KEY, KEY, UNKNOWN)),
    Pair("topic-key", _topic(_CONFIGURED_KEY, f"{KEY}-other"), "other", _topic({}, None)),
]  # fmt: skip

PAIRS = [*_ACTIONS, *_RESOURCES, *_PRINCIPALS, *_SETTINGS, *_TOGETHER]
