"""Amazon SNS: topics, their policies, subscriptions."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from local_aws.provider.model import Call, Change, Parameters, ResourceType, Tagging, matches, one_of, within
from local_aws.provider.types.limits import document_size, required
from local_aws.provider.wire import Properties

_GONE: Final = ("NotFound", "NotFoundException")
_TOPIC_ATTRIBUTES: Final[Mapping[str, str]] = {
    "archivePolicy": "ArchivePolicy",
    "contentBasedDeduplication": "ContentBasedDeduplication",
    "deliveryPolicy": "DeliveryPolicy",
    "displayName": "DisplayName",
    "fifoThroughputScope": "FifoThroughputScope",
    "kmsMasterKeyId": "KmsMasterKeyId",
    "policy": "Policy",
    "signatureVersion": "SignatureVersion",
    "tracingConfig": "TracingConfig",
}
_SUBSCRIPTION_ATTRIBUTES: Final[Mapping[str, str]] = {
    "deliveryPolicy": "DeliveryPolicy",
    "filterPolicy": "FilterPolicy",
    "filterPolicyScope": "FilterPolicyScope",
    "rawMessageDelivery": "RawMessageDelivery",
    "redrivePolicy": "RedrivePolicy",
    "replayPolicy": "ReplayPolicy",
    "subscriptionRoleArn": "SubscriptionRoleArn",
}
_FEEDBACK: Final = frozenset(
    f"{protocol}{kind}" for protocol in ("application", "firehose", "http", "lambda", "sqs")
    for kind in ("FailureFeedbackRoleArn", "SuccessFeedbackRoleArn", "SuccessFeedbackSampleRate")
)  # fmt: skip


def _text(value: Any) -> str:
    return json.dumps(value) if isinstance(value, bool) else str("" if value is None else value)


def _all(attributes: Mapping[str, str], *, fifo: bool = False) -> Callable[[Change], dict[str, str] | None]:
    """The attributes to create with."""

    def values(change: Change) -> dict[str, str] | None:
        given = {aws: _text(change.new[name]) for name, aws in attributes.items() if change.new.get(name) not in (None, False, "")}
        return given | ({"FifoTopic": "true"} if fifo and change.new.get("fifoTopic") else {}) or None

    return values


def _changed(attributes: Mapping[str, str]) -> Callable[[Change], Sequence[Parameters]]:
    """SNS sets one attribute at a time; an empty text takes it away."""
    return lambda change: [
        {"AttributeName": aws, "AttributeValue": _text(change.new.get(name))}
        for name, aws in attributes.items() if change.changed(name)
    ]  # fmt: skip


_COMPUTED: Final = frozenset({"fifoThroughputScope", "policy", "signatureVersion", "tracingConfig", "filterPolicyScope"})


def _fifo_name(properties: Properties) -> tuple[str, str] | None:
    name, fifo = properties.get("name"), properties.get("fifoTopic", False)
    if not isinstance(name, str) or not isinstance(fifo, bool) or name.endswith(".fifo") is fifo:
        return None
    return "name", f'is "{name}"; the name of a FIFO topic, and of no other, ends in .fifo'


_TOPIC = ResourceType(
    token="aws:sns/topic:Topic",
    service="sns",
    gone=_GONE,
    names={"arn": "TopicArn"},
    create=[Call("create_topic", {"Attributes": _all(_TOPIC_ATTRIBUTES, fifo=True)})],
    read=[(Call("get_topic_attributes", {"TopicArn": "{id}"}), "Attributes"),
          (Call("list_tags_for_resource", {"ResourceArn": "{id}"}), "{Tags: Tags}")],
    outputs={"name": lambda record: (record.get("TopicArn") or "").rsplit(":", 1)[-1] or None},
    update=[Call("set_topic_attributes", {"TopicArn": "{id}"}, each=_changed(_TOPIC_ATTRIBUTES),
                 when=lambda change: change.changed(*_TOPIC_ATTRIBUTES))],
    delete=[Call("delete_topic", {"TopicArn": "{id}"})],
    tagging=Tagging("tag_resource", "untag_resource", "ResourceArn"),
    id=("{arn}",),
    imports=("{arn}",),
    force_new=frozenset({"name", "namePrefix", "fifoTopic"}),
    defaults={"fifoTopic": False, "contentBasedDeduplication": False},
    computed=_COMPUTED | {"maximumMessageSize"},
    kept=frozenset({"namePrefix", "fifoTopic", "contentBasedDeduplication"}),
    policies=frozenset({"policy"}),
    json=frozenset({"deliveryPolicy", "archivePolicy"}),
    unsupported=_FEEDBACK | {"maximumMessageSize"},
    name_limit=256,
    rules=[
        matches("name", r"[\w-]{1,256}|[\w-]{1,251}\.fifo", "1 to 256 letters, digits, - or _"),
        _fifo_name,
        matches("displayName", r".{0,100}", "at most 100 characters"),
        one_of("tracingConfig", "Active", "PassThrough"),
        within("signatureVersion", 1, 2),
    ],
)  # fmt: skip

_TOPIC_POLICY = ResourceType(
    token="aws:sns/topicPolicy:TopicPolicy",
    service="sns",
    gone=_GONE,
    names={"arn": "TopicArn"},
    create=[Call("set_topic_attributes", {"TopicArn": "{arn}", "AttributeName": "Policy", "AttributeValue": "{policy}"})],
    read=[(Call("get_topic_attributes", {"TopicArn": "{id}"}), "Attributes")],
    update=[Call("set_topic_attributes", {"TopicArn": "{arn}", "AttributeName": "Policy", "AttributeValue": "{policy}"},
                 when=lambda change: change.changed("policy"))],
    # A topic always has a policy: back to the one it is born with.
    delete=[Call("set_topic_attributes", {"TopicArn": "{id}", "AttributeName": "Policy", "AttributeValue": lambda change:
                 _default_policy(change.id, change.session.account)})],
    id=("{arn}",),
    imports=("{arn}",),
    force_new=frozenset({"arn"}),
    policies=frozenset({"policy"}),
    named=None,
    rules=[document_size("policy", 30720)],
)  # fmt: skip


def _default_policy(arn: str, account: str) -> str:
    actions = ("GetTopicAttributes", "SetTopicAttributes", "AddPermission", "RemovePermission", "DeleteTopic", "Subscribe",
               "ListSubscriptionsByTopic", "Publish")  # fmt: skip
    statement = {
        "Sid": "__default_statement_ID", "Effect": "Allow", "Principal": {"AWS": "*"}, "Resource": arn,
        "Action": [f"SNS:{action}" for action in actions], "Condition": {"StringEquals": {"AWS:SourceOwner": account}},
    }  # fmt: skip
    return json.dumps({"Version": "2008-10-17", "Id": "__default_policy_ID", "Statement": [statement]})


_SUBSCRIPTION = ResourceType(
    token="aws:sns/topicSubscription:TopicSubscription",
    service="sns",
    gone=_GONE,
    names={"arn": "SubscriptionArn", "topic": "TopicArn", "ownerId": "Owner"},
    create=[Call("subscribe", {"Attributes": _all(_SUBSCRIPTION_ATTRIBUTES), "ReturnSubscriptionArn": True})],
    read=[(Call("get_subscription_attributes", {"SubscriptionArn": "{id}"}), "Attributes")],
    update=[Call("set_subscription_attributes", {"SubscriptionArn": "{id}"}, each=_changed(_SUBSCRIPTION_ATTRIBUTES),
                 when=lambda change: change.changed(*_SUBSCRIPTION_ATTRIBUTES))],
    # AWS can't delete a subscription nobody has confirmed; it vanishes by itself.
    delete=[Call("unsubscribe", {"SubscriptionArn": "{id}"}, when=lambda change: not change.old.get("pendingConfirmation"))],
    id=("{arn}",),
    imports=("{arn}",),
    force_new=frozenset({"endpoint", "protocol", "topic"}),
    defaults={"confirmationTimeoutInMinutes": 1, "endpointAutoConfirms": False, "rawMessageDelivery": False},
    computed=frozenset({"filterPolicyScope"}),
    kept=frozenset({"confirmationTimeoutInMinutes", "endpointAutoConfirms", "endpoint", "rawMessageDelivery"}),
    json=frozenset({"deliveryPolicy", "filterPolicy", "redrivePolicy", "replayPolicy"}),
    named=None,
    rules=[
        one_of("protocol", "sqs", "lambda", "email", "email-json", "http", "https", "sms", "application", "firehose"),
        one_of("filterPolicyScope", "MessageAttributes", "MessageBody"),
        required("filterPolicy", beside="filterPolicyScope"),
        lambda p: ("subscriptionRoleArn", "is required for firehose")
        if p["protocol"] == "firehose" and "subscriptionRoleArn" not in p else None,
    ],
)  # fmt: skip

TYPES: Final = (_TOPIC, _TOPIC_POLICY, _SUBSCRIPTION)
