"""For each guardrail resources that break it, each with a twin that keeps it."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any

from foundation.guardrails.alarms import LEVEL
from foundation.guardrails.rules import CONFIGURATION, UNKNOWN, Resource
from foundation.guardrails.together import TOPIC_KEY
from foundation.layers import project
from foundation.tags import TAG_KEYS
from observability.alarm_spec import AlarmSpec
from observability.alarms import AlarmSets, estate_alarms
from observability.config import Level
from tests.support.watching import estate

ACCOUNT = "123456789012"
TABLE = f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/table-events-dev"
QUEUE = f"arn:aws:sqs:us-east-1:{ACCOUNT}:queue-ingest-dev"
KEY = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/ours"
TAGS = dict.fromkeys(TAG_KEYS, "some") | {"Environment": "dev"}
REDRIVE = json.dumps({"deadLetterTargetArn": QUEUE.replace("queue-", "dlq-"), "maxReceiveCount": 5})


@dataclass(frozen=True)
class Pair:
    """`bad` breaks the rule and the message shows `found`; `good` is the twin that keeps it."""

    rule: str
    bad: list[Resource]
    found: str
    good: list[Resource]


def resource(kind: str, **props: Any) -> Resource:
    type_ = kind if ":" in kind and kind.startswith("pulumi") else f"aws:{kind}"
    return Resource(type=type_, name="thing", urn=f"urn:pulumi:dev::data::{type_}::thing", props=props)


def one(rule: str, kind: str, bad: dict[str, Any], found: str, good: dict[str, Any], **common: Any) -> Pair:
    return Pair(rule, [resource(kind, **common, **bad)], found, [resource(kind, **common, **good)])


def topic_key(props: dict[str, Any], found: str) -> Pair:
    """A topic that lacks the key that is configured."""
    configured = Resource(type=CONFIGURATION, name="configuration", props={TOPIC_KEY: KEY})
    keeps = [configured, *(resource("sns/topic:Topic", kmsMasterKeyId=key) for key in (KEY, UNKNOWN))]
    return Pair("topic-key", [configured, resource("sns/topic:Topic", **props)], found, keeps)


def policy(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"policy": json.dumps({"Version": "2012-10-17", "Statement": list(statements)})}


def allow(**changes: Any) -> dict[str, Any]:
    statement = {"Sid": "Some", "Effect": "Allow", "Action": ["dynamodb:GetItem"], "Resource": TABLE}
    return policy({key: value for key, value in (statement | changes).items() if value is not None})


def trust(principal: Any) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    return {"assumeRolePolicy": json.dumps({"Version": "2012-10-17", "Statement": statement})}


def let_in(principal: Any, condition: dict[str, Any] | None = None, effect: str = "Allow") -> dict[str, Any]:
    return allow(Effect=effect, Action="sqs:SendMessage", Resource=QUEUE, Principal=principal, Condition=condition)


ROLE_POLICY, ROLE, QUEUE_POLICY = "iam/rolePolicy:RolePolicy", "iam/role:Role", "sqs/queuePolicy:QueuePolicy"
FUNCTION, LOGS, TABLE_TYPE = "lambda/function:Function", "cloudwatch/logGroup:LogGroup", "dynamodb/table:Table"
MAPPING, ALARM = "lambda/eventSourceMapping:EventSourceMapping", "cloudwatch/metricAlarm:MetricAlarm"
CALLER = f"arn:aws:iam::{ACCOUNT}:role/web"
FROM_HERE = {"StringEquals": {"aws:SourceAccount": ACCOUNT}}
LAMBDA = {"Service": "lambda.amazonaws.com"}


def called_by(account: str) -> list[Resource]:
    """A function, and the permission of a role of an account to call it."""
    return [
        resource(FUNCTION, role=f"arn:aws:iam::{ACCOUNT}:role/role-x-dev"),
        resource("lambda/permission:Permission", principal=CALLER.replace(ACCOUNT, account)),
    ]


_ACCESS = [
    one("no-wildcard-actions", ROLE_POLICY, allow(Action="*"), "'*' in Some", allow()),
    one("no-wildcard-actions", ROLE_POLICY, allow(Action=["dynamodb:Get*"]), "'dynamodb:Get*'", allow(Effect="Deny")),
    one("no-wildcard-actions", ROLE_POLICY, allow(Action=None, NotAction="iam:*"), "NotAction 'iam:*'", allow()),
    one("no-wildcard-actions", QUEUE_POLICY, allow(Action="sqs:*"), "'sqs:*'", allow(Action="sqs:SendMessage")),
    one("no-wildcard-actions", ROLE_POLICY, {"policy": "{"}, "can't be read", {"policy": UNKNOWN}),
    one("no-wildcard-actions", ROLE_POLICY, {"policy": "[]"}, "can't be read", allow()),
    one(
        "no-wildcard-actions", ROLE, {"inlinePolicies": [allow(Action="s3:*")]}, "'s3:*'", {"inlinePolicies": [allow()]}
    ),
    one("no-wildcard-actions", ROLE, {"managedPolicyArns": ["arn:x"]}, "arn:x", {"managedPolicyArns": []}),
    Pair(
        "no-wildcard-actions",
        [resource("iam/rolePolicyAttachment:RolePolicyAttachment", policyArn="arn:y")],
        "arn:y",
        [resource(ROLE_POLICY, **allow())],
    ),
    Pair(
        "no-wildcard-actions",
        [resource("iam/userPolicyAttachment:UserPolicyAttachment", policyArn="arn:z")],
        "arn:z",
        [resource(ROLE_POLICY, **allow())],
    ),
    one(
        "no-wildcard-actions",
        "lambda/permission:Permission",
        {"action": "lambda:*"},
        "'lambda:*'",
        {"action": "lambda:InvokeFunction"},
    ),
    one("scoped-resources", ROLE_POLICY, allow(Resource="*"), "'*' in Some", allow(Resource=f"{TABLE}/stream/*")),
    one("scoped-resources", ROLE_POLICY, allow(Resource=[TABLE, f"{TABLE[:-10]}*"]), "table/table-*", allow()),
    one("scoped-resources", ROLE_POLICY, allow(Resource=f"{TABLE}*"), "events-dev*", allow(Effect="Deny")),
    one("scoped-resources", ROLE_POLICY, allow(Resource=TABLE.replace(ACCOUNT, "*")), ":*:table", allow()),
    one("scoped-resources", ROLE_POLICY, allow(Resource="arn:aws:s3:::a-*"), "a-*", allow(Resource="arn:aws:s3:::a/*")),
    one("scoped-resources", ROLE_POLICY, allow(Resource=None), "without Resource", allow()),
    one("scoped-resources", ROLE_POLICY, allow(Resource=None, NotResource=TABLE), "without Resource", allow()),
    one("no-foreign-principals", ROLE, trust("*"), "everybody", trust(LAMBDA)),
    one("no-foreign-principals", ROLE, trust({"AWS": "*"}), "AWS principal '*'", trust(LAMBDA)),
    one("no-foreign-principals", ROLE, trust({"AWS": "arn:aws:iam::999999999999:root"}), "999999999999", trust(LAMBDA)),
    one("no-foreign-principals", ROLE, trust({"Federated": "accounts.example.com"}), "Federated", trust(LAMBDA)),
    one("no-foreign-principals", QUEUE_POLICY, let_in("*"), "everybody", let_in("*", effect="Deny")),
    one(
        "no-foreign-principals", QUEUE_POLICY, let_in({"AWS": "999999999999"}), "999999999999", let_in({"AWS": ACCOUNT})
    ),
    one("no-foreign-principals", QUEUE_POLICY, let_in(LAMBDA), "any account", let_in(LAMBDA, FROM_HERE)),
    *(
        one("no-foreign-principals", QUEUE_POLICY, let_in(LAMBDA, bad), "or of another", let_in(LAMBDA, good))
        for bad, good in (
            ({"StringLike": {"aws:SourceAccount": "*"}}, {"StringLike": {"aws:SourceAccount": ACCOUNT}}),
            ({"StringEquals": {"aws:SourceAccount": [ACCOUNT, "999999999999"]}}, {"ArnLike": {"aws:SourceArn": TABLE}}),
            ({"StringNotEquals": {"aws:SourceAccount": ACCOUNT}}, FROM_HERE),
            ({"StringEqualsIfExists": {"aws:SourceAccount": ACCOUNT}}, FROM_HERE),
            ({"ArnLike": {"aws:SourceArn": "arn:aws:s3:::bucket"}}, FROM_HERE),
            ({"ArnLike": {"aws:SourceArn": "arn:aws:sns:us-east-1:*:topic"}}, {"ArnEquals": {"AWS:SourceARN": TABLE}}),
        )
    ),
    one(
        "no-foreign-principals",
        QUEUE_POLICY,
        let_in({"Service": "*"}, FROM_HERE),
        "Service principal '*'",
        let_in(LAMBDA, FROM_HERE),
    ),
    one(
        "no-foreign-principals",
        "cloudwatch/logResourcePolicy:LogResourcePolicy",
        {"policyDocument": let_in("*")["policy"]},
        "everybody",
        {"policyDocument": UNKNOWN},
    ),
    Pair(
        "no-foreign-principals",
        [resource("lambda/layerVersionPermission:LayerVersionPermission", principal="*")],
        "'*'",
        [resource("lambda/permission:Permission", principal="sns.amazonaws.com", sourceArn=QUEUE)],
    ),
    one(
        "no-foreign-principals",
        "lambda/functionUrl:FunctionUrl",
        {"authorizationType": "NONE"},
        "'NONE'",
        {"authorizationType": "AWS_IAM"},
    ),
    one(
        "no-foreign-principals",
        "lambda/permission:Permission",
        {"principal": "*"},
        "'*'",
        {"principal": "sns.amazonaws.com"},
        sourceArn=QUEUE,
    ),
    one(
        "no-foreign-principals",
        "lambda/permission:Permission",
        {},
        "without a source",
        {"sourceAccount": ACCOUNT},
        principal="sns.amazonaws.com",
    ),
    one(
        "no-foreign-principals",
        "lambda/permission:Permission",
        {},
        "role/web",
        {"functionUrlAuthType": "AWS_IAM"},
        principal=CALLER,
    ),
    one(
        "no-foreign-principals",
        "lambda/permission:Permission",
        {"principal": "*"},
        "'*'",
        {"principal": CALLER},
        invokedViaFunctionUrl=True,
    ),
    one(
        "no-foreign-principals",
        "lambda/permission:Permission",
        {"functionUrlAuthType": "NONE"},
        "role/web",
        {"functionUrlAuthType": "AWS_IAM"},
        principal=CALLER,
    ),
    Pair("own-invokers", called_by("999999999999"), "999999999999", called_by(ACCOUNT)),
]

_SETTINGS = [
    one("region", "pulumi:providers:aws", {"region": "eu-west-1"}, "'eu-west-1'", {"region": "us-east-1"}),
    one("region", "pulumi:providers:aws", {}, "region nothing", {"region": UNKNOWN}),
    one("region", TABLE_TYPE, {"region": "us-west-2"}, "'us-west-2'", {}),
    one("tags", TABLE_TYPE, {}, "tag Project nothing", {"tags": TAGS}),
    one("tags", TABLE_TYPE, {"tags": TAGS | {"Owner": " "}}, "tag Owner ' '", {"tags": TAGS | {"Owner": UNKNOWN}}),
    Pair("tags", [resource("new/kind:Kind")], "tag Owner", [resource("lambda/alias:Alias")]),
    # Of types that no rule lists, the SDK knows which have tags.
    Pair("tags", [resource("s3/bucket:Bucket")], "tag Owner", [resource("s3/bucketPolicy:BucketPolicy")]),
    one("name-suffix", TABLE_TYPE, {"name": "events"}, "'events'", {"name": "table-events-dev"}, tags=TAGS),
    one("name-suffix", TABLE_TYPE, {"name": "table-dev-b"}, "'table-dev-b'", {"name": UNKNOWN}, tags=TAGS),
    one("name-suffix", TABLE_TYPE, {}, "no name", {"name": "table-events-dev"}, tags=TAGS),
    one("function-memory", FUNCTION, {"memorySize": 3008.0}, "3008 MB", {"memorySize": 1024.0}),
    one("function-memory", FUNCTION, {"memorySize": 511}, "511 MB", {"memorySize": 512}),
    one("function-memory", FUNCTION, {}, "128 MB", {"memorySize": UNKNOWN}),
    one("log-retention", LOGS, {}, "kept for ever", {"retentionInDays": 7.0}),
    one("log-retention", LOGS, {"retentionInDays": 30.0}, "30 days", {"retentionInDays": 14.0}),
    one("log-retention", LOGS, {"retentionInDays": 3}, "3 days", {"retentionInDays": UNKNOWN}),
    one("removable", TABLE_TYPE, {"deletionProtectionEnabled": True}, "deletionProtectionEnabled", {}),
    one("removable", LOGS, {"skipDestroy": True}, "skipDestroy", {"skipDestroy": False}),
    Pair(
        "removable",
        [Resource(type=f"aws:{LOGS}", name="thing", protect=True)],
        "protect true",
        [Resource(type=f"aws:{LOGS}", name="thing")],
    ),
    one("encryption", "sqs/queue:Queue", {}, "no key", {"sqsManagedSseEnabled": True}),
    one("encryption", "sqs/queue:Queue", {"sqsManagedSseEnabled": False}, "False", {"kmsMasterKeyId": "alias/mine"}),
    one("encryption", "sqs/queue:Queue", {"sqsManagedSseEnabled": False}, "False", {"sqsManagedSseEnabled": UNKNOWN}),
    one("encryption", "sns/topic:Topic", {"kmsMasterKeyId": "alias/aws/sns"}, "alarms can't use", {}),
    one(
        "encryption",
        "sns/topic:Topic",
        {"kmsMasterKeyId": f"arn:aws:kms:us-east-1:{ACCOUNT}:alias/aws/sns"},
        "alarms can't use",
        {"kmsMasterKeyId": f"arn:aws:kms:us-east-1:{ACCOUNT}:key/ours"},
    ),
    topic_key({"kmsMasterKeyId": None}, "kmsMasterKeyId nothing"),
    topic_key({"kmsMasterKeyId": KEY[:-4] + "other"}, "other"),
    replace(topic_key({}, "nothing"), good=[resource("sns/topic:Topic")]),
    one("failure-destination", FUNCTION, {}, "no dead-letter queue", {"deadLetterConfig": {"targetArn": UNKNOWN}}),
    one("failure-destination", FUNCTION, {"deadLetterConfig": {}}, "no dead", {"deadLetterConfig": UNKNOWN}),
    one(
        "failure-destination",
        MAPPING,
        {"startingPosition": "LATEST"},
        "a stream without",
        {"startingPosition": "LATEST", "destinationConfig": {"onFailure": {"destinationArn": QUEUE}}},
    ),
    one("failure-destination", MAPPING, {"startingPosition": "LATEST"}, "a stream without", {}),
    one(
        "failure-destination",
        "scheduler/schedule:Schedule",
        {"target": {"arn": "a"}},
        "a schedule without",
        {"target": {"arn": "a", "deadLetterConfig": {"arn": UNKNOWN}}},
    ),
    one("redrive", "sqs/queue:Queue", {"name": "queue-x-dev"}, "redrivePolicy nothing", {"name": "dlq-x-dev"}),
    one(
        "dead-letters-fit",
        "sqs/queue:Queue",
        {"maxMessageSize": 262_144},
        "262144 bytes",
        {"maxMessageSize": 1_048_576},
        name="dlq-x-dev",
    ),
    one(
        "dead-letters-fit",
        "sqs/queue:Queue",
        {},
        "room for messages of 262144 bytes",
        {"maxMessageSize": UNKNOWN},
        name="dlq-x-dev",
    ),
    one("redrive", "sqs/queue:Queue", {"redrivePolicy": "{}"}, "'{}'", {"redrivePolicy": REDRIVE}, name="queue-x-dev"),
    one("redrive", "sqs/queue:Queue", {"redrivePolicy": "no"}, "'no'", {"redrivePolicy": UNKNOWN}, name="queue-x-dev"),
]


def _scaled(*directions: str, kinds: tuple[str, ...] = ("target:Target", "policy:Policy")) -> list[Resource]:
    return [
        resource(
            f"appautoscaling/{kind}",
            resourceId="table/table-x-dev",
            scalableDimension=f"dynamodb:table:{way}CapacityUnits",
        )
        for way in directions
        for kind in kinds
    ]


COMPOSITE = "cloudwatch/compositeAlarm:CompositeAlarm"


def alarmed(sets: AlarmSets) -> list[Resource]:
    """Return the layer observability with alarms of these specifications and the composite alarms over them."""
    stack = Resource(
        type="pulumi:pulumi:Stack", name="thing", urn="urn:pulumi:dev::estate-observability::pulumi:pulumi:Stack::x"
    )
    specs = [spec for specs in sets.values() for spec in specs]
    rules: dict[str, list[str]] = {}
    for spec in specs:
        rules.setdefault(spec.symptom or "", []).append(f'ALARM("alarm-{spec.purpose}-dev")')
    composites = [
        resource(
            COMPOSITE,
            tags=TAGS,
            alarmName=f"alarm-estate-{symptom}-dev",
            alarmRule=" OR ".join(children),
            alarmActions=["topic"],
        )
        for symptom, children in rules.items()
        if symptom
    ]
    return [stack, *map(_alarm, specs), *composites]


def _alarm(spec: AlarmSpec) -> Resource:
    metrics = [
        {
            "metricName": metric.name,
            "dimensions": dict(metric.dimensions),
        }
        for metric in spec.metrics
    ]
    about = {"metricQueries": [{"metric": metric} for metric in metrics]} if spec.expression else metrics[0]
    actions = [] if spec.symptom else ["topic"]
    return resource(ALARM, tags=TAGS, name=f"alarm-{spec.purpose}-dev", alarmActions=actions, **about)


def _alarms(level: Level = "standard") -> list[Resource]:
    return alarmed(estate_alarms(estate(), level))


def _at_level(level: str) -> list[Resource]:
    """The alarms of symptoms alone, under a configuration that asks for a level."""
    configured = Resource(type=CONFIGURATION, name="configuration", props={LEVEL: level})
    return [configured, *_alarms("symptoms")]


def _without(begin: str, level: Level = "standard") -> list[Resource]:
    """The alarms without those whose names begin so."""
    names = [str(item.props.get("name") or item.props.get("alarmName")) for item in _alarms(level)]
    return [item for item, name in zip(_alarms(level), names, strict=True) if not name.startswith(begin)]


def _about_another(name: str) -> list[Resource]:
    """The alarms, with one of them on a function that is not the estate's."""
    other = {"dimensions": {"FunctionName": "lambda-other-dev"}}
    return [
        replace(item, props={**item.props, **other}) if item.props.get("name") == name else item for item in _alarms()
    ]


def _function(name: str = "lambda-query-dev", **props: Any) -> Resource:
    return resource(FUNCTION, name=name, tags=TAGS, **props)


def _pages(missing: str = "no such name") -> list[Resource]:
    """The alarms of a small environment, under its configuration, without those whose names begin so."""
    configured = Resource(type=CONFIGURATION, name="configuration", props={LEVEL: "pages"})
    return [configured, *_without(missing, "pages")]


def _stack(layer: str) -> Resource:
    """The stack of a layer, as the engine names it."""
    return Resource(
        type="pulumi:pulumi:Stack", name="thing", urn=f"urn:pulumi:pr-17::{project(layer)}::pulumi:pulumi:Stack::x"
    )


def _small() -> Resource:
    """The configuration of a small environment."""
    props = {"foundation:small": "true", "data:onDemand": "true", "observability:alarmLevel": "pages"}
    return Resource(type=CONFIGURATION, name="configuration", props=props)


def _waived(until: str | None = None) -> Resource:
    """The configuration of an environment that keeps nothing warm, until a day or for good."""
    props = {"compute:provisionedMinimum": "0", **({"compute:provisionedWaivedUntil": until} if until else {})}
    return Resource(type=CONFIGURATION, name="configuration", props=props)


_PROVISIONED = resource(TABLE_TYPE, name="table-x-dev", billingMode="PROVISIONED")
_WARM = "lambda/provisionedConcurrencyConfig:ProvisionedConcurrencyConfig"
_OWN_GROUP: Any = {"loggingConfig": {"logGroup": "mine"}}

_TOGETHER = [
    Pair(
        "one-environment",
        [resource(TABLE_TYPE, tags=TAGS), resource(TABLE_TYPE, tags=TAGS | {"Environment": "b"})],
        "'b' beside others",
        [resource(TABLE_TYPE, tags=TAGS)],
    ),
    Pair(
        "one-environment",
        [resource(TABLE_TYPE, tags=TAGS), resource("iam/rolePolicy:RolePolicy", name="policy-b")],
        "'policy-b'",
        [resource(TABLE_TYPE, tags=TAGS), resource("lambda/alias:Alias", name="live")],
    ),
    Pair(
        "one-environment",
        [resource(TABLE_TYPE, tags=TAGS), resource("cloudwatch/dashboard:Dashboard", dashboardName="all")],
        "'all'",
        [resource(TABLE_TYPE, tags=TAGS), resource("cloudwatch/dashboard:Dashboard", dashboardName="all-dev")],
    ),
    Pair(
        "log-group",
        [_function()],
        "/aws/lambda/lambda-query-dev",
        [
            _function(),
            resource(LOGS, name="/aws/lambda/lambda-query-dev"),
        ],
    ),
    Pair(
        "log-group",
        [_function(**_OWN_GROUP), resource(LOGS, name="other")],
        "no log group mine",
        [
            _function(**_OWN_GROUP),
            resource(LOGS, name="mine"),
        ],
    ),
    Pair(
        "table-scaling", [_PROVISIONED, *_scaled("Read")], "write capacity", [_PROVISIONED, *_scaled("Read", "Write")]
    ),
    Pair(
        "table-scaling",
        [_PROVISIONED, *_scaled("Read", "Write", kinds=("target:Target",))],
        "without a scaling policy",
        [resource(TABLE_TYPE, name="table-x-dev", billingMode="PAY_PER_REQUEST")],
    ),
    # Without a billing mode a table is provisioned.
    Pair(
        "table-scaling",
        [resource(TABLE_TYPE, name="table-x-dev")],
        "read capacity",
        [_PROVISIONED, *_scaled("Read", "Write")],
    ),
    Pair(
        "warm-when-critical", [_function()], "without provisioned", [_function(), resource(_WARM, functionName=UNKNOWN)]
    ),
    Pair(
        "warm-when-critical",
        [_function(), resource(_WARM, functionName="lambda-ingest-dev")],
        "without provisioned",
        [_function("lambda-ingest-dev")],
    ),
    Pair(
        "warm-when-critical",
        [_function(), _waived("2026-01-31")],
        "the waiver ended on 2026-01-31",
        [_function(), _waived("9999-01-31")],
    ),
    Pair("warm-waived", [_function(), _waived("9999-01-31")], "waived until 9999-01-31", [_function()]),
    Pair("warm-waived", [_function(), _waived()], "waived until compute:provisionedMinimum", [_function()]),
    Pair(
        "warm-waived",
        [_function(), _waived()],
        "waived until",
        [_function(), resource(_WARM, functionName=UNKNOWN), _waived()],
    ),
    Pair("warm-waived", [_function(), _waived()], "waived until", [_function(), _waived("2026-01-31")]),
    Pair(
        "small-environment",
        [_stack("data"), _small()],
        "a small environment: data:onDemand true",
        [_stack("foundation"), _small()],
    ),
    Pair(
        "small-environment",
        [_stack("observability"), _small()],
        "observability:alarmLevel pages",
        [_stack("observability"), Resource(type=CONFIGURATION, name="configuration", props={})],
    ),
    Pair("alarms", _pages("alarm-dlq-query-"), "of dlq-query-dev", _pages()),
    Pair("alarms", _without("alarm-ingest-error-rate-dev"), "no alarm on Errors of lambda-ingest-dev", _alarms()),
    Pair("alarms", _about_another("alarm-aggregate-lag-dev"), "no alarm on IteratorAge of lambda-aggr", _alarms()),
    Pair("alarms", _without("alarm-queue-ingest-age-dev"), "of queue-ingest-dev", _alarms()),
    Pair("alarms", _without("alarm-table-events-write-throttling-dev"), "of table-events-dev", _alarms()),
    Pair("alarms", _without("alarm-dlq-aggregate-"), "of dlq-aggregate-dev", _alarms()),
    Pair("alarms", _without("alarm-estate-events-late-dev"), "nobody is notified of alarm-queue-ingest", _alarms()),
    Pair("alarms", _at_level("standard"), "no alarm on WriteThrottleEvents of table-", _at_level("symptoms")),
    # Without any alarm there is no tag to learn the suffix from.
    Pair("alarms", _alarms()[:1], "lambda-ingest-", [resource("pulumi:pulumi:Stack")]),
]

PAIRS = [*_ACCESS, *_SETTINGS, *_TOGETHER]
