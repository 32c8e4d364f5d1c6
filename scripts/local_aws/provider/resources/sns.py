"""Amazon SNS: topics, their policies, subscriptions."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from local_aws.provider.model import Call, Change, Parameters, ResourceType, Tagging, changes_in
from local_aws.provider.resources.sqs import attribute_text

_GONE: Final = ("NotFound", "NotFoundException")
_TOPIC: Final[Mapping[str, str]] = {
    "deliveryPolicy": "DeliveryPolicy",
    "displayName": "DisplayName",
    "kmsMasterKeyId": "KmsMasterKeyId",
    "policy": "Policy",
    "signatureVersion": "SignatureVersion",
    "tracingConfig": "TracingConfig",
}
_SUBSCRIPTION: Final[Mapping[str, str]] = {
    "deliveryPolicy": "DeliveryPolicy",
    "filterPolicy": "FilterPolicy",
    "filterPolicyScope": "FilterPolicyScope",
    "rawMessageDelivery": "RawMessageDelivery",
    "redrivePolicy": "RedrivePolicy",
}
_FEEDBACK: Final = {
    f"{protocol}{kind}" for protocol in ("application", "firehose", "http", "lambda", "sqs")
    for kind in ("FailureFeedbackRoleArn", "SuccessFeedbackRoleArn", "SuccessFeedbackSampleRate")
}  # fmt: skip


def _all(attributes: Mapping[str, str]) -> Callable[[Change], dict[str, str]]:
    return lambda change: {
        aws: attribute_text(change.new[name]) for name, aws in attributes.items() if change.new.get(name)
    }


def _changed(attributes: Mapping[str, str]) -> Callable[[Change], Sequence[Parameters]]:
    """SNS sets one attribute at a time."""
    return lambda change: [
        {"AttributeName": aws, "AttributeValue": attribute_text(change.new.get(name))}
        for name, aws in attributes.items() if change.changed(name)
    ]  # fmt: skip


def _first_policy(change: Change) -> str:
    """The policy a topic is born with; it always has one."""
    actions = ("GetTopicAttributes", "SetTopicAttributes", "AddPermission", "RemovePermission", "DeleteTopic",
               "Subscribe", "ListSubscriptionsByTopic", "Publish")  # fmt: skip
    statement = {
        "Sid": "__default_statement_ID", "Effect": "Allow", "Principal": {"AWS": "*"}, "Resource": change.id,
        "Action": [f"SNS:{action}" for action in actions],
        "Condition": {"StringEquals": {"AWS:SourceOwner": change.session.account}},
    }  # fmt: skip
    return json.dumps({"Version": "2008-10-17", "Id": "__default_policy_ID", "Statement": [statement]})


_TOPIC_TYPE = ResourceType(
    token="aws:sns/topic:Topic",
    service="sns",
    gone=_GONE,
    names={"arn": "TopicArn"},
    create=[Call("create_topic", {"Attributes": _all(_TOPIC)})],
    read=[(Call("get_topic_attributes", {"TopicArn": "{id}"}), "Attributes")],
    outputs={"name": lambda record: str(record.get("TopicArn", "")).rpartition(":")[2]},
    update=[Call("set_topic_attributes", {"TopicArn": "{id}"}, changes_in(*_TOPIC), _changed(_TOPIC))],
    delete=[Call("delete_topic", {"TopicArn": "{id}"})],
    tagging=Tagging("list_tags_for_resource", "tag_resource", "untag_resource", "ResourceArn"),
    id=("{arn}",),
    imports=("{arn}",),
    force_new={"name", "namePrefix"},
    defaults={"fifoTopic": False, "contentBasedDeduplication": False},
    computed={"policy", "signatureVersion", "tracingConfig"},
    kept={"namePrefix", "fifoTopic", "contentBasedDeduplication"},
    policies={"policy"},
    json={"deliveryPolicy"},
    unsupported=_FEEDBACK | {"maximumMessageSize", "archivePolicy", "fifoThroughputScope"},
    name_limit=256,
)

_PUT_POLICY = Call(
    "set_topic_attributes",
    {"TopicArn": "{arn}", "AttributeName": "Policy", "AttributeValue": "{policy}"},
    changes_in("policy"),
)

_TOPIC_POLICY = ResourceType(
    token="aws:sns/topicPolicy:TopicPolicy",
    service="sns",
    gone=_GONE,
    names={"arn": "TopicArn"},
    create=[_PUT_POLICY],
    read=[(Call("get_topic_attributes", {"TopicArn": "{id}"}), "Attributes")],
    update=[_PUT_POLICY],
    delete=[
        Call("set_topic_attributes", {"TopicArn": "{id}", "AttributeName": "Policy", "AttributeValue": _first_policy})
    ],
    id=("{arn}",),
    imports=("{arn}",),
    force_new={"arn"},
    policies={"policy"},
    named=None,
)

_SUBSCRIPTION_TYPE = ResourceType(
    token="aws:sns/topicSubscription:TopicSubscription",
    service="sns",
    gone=_GONE,
    names={"arn": "SubscriptionArn", "topic": "TopicArn", "ownerId": "Owner"},
    create=[Call("subscribe", {"Attributes": _all(_SUBSCRIPTION), "ReturnSubscriptionArn": True})],
    read=[(Call("get_subscription_attributes", {"SubscriptionArn": "{id}"}), "Attributes")],
    update=[
        Call(
            "set_subscription_attributes",
            {"SubscriptionArn": "{id}"},
            changes_in(*_SUBSCRIPTION),
            _changed(_SUBSCRIPTION),
        )
    ],
    # AWS can't delete a subscription that is not confirmed; it vanishes by itself.
    delete=[Call("unsubscribe", {"SubscriptionArn": "{id}"}, lambda change: not change.old.get("pendingConfirmation"))],
    id=("{arn}",),
    imports=("{arn}",),
    force_new={"endpoint", "protocol", "topic"},
    defaults={"confirmationTimeoutInMinutes": 1, "endpointAutoConfirms": False, "rawMessageDelivery": False},
    computed={"filterPolicyScope"},
    kept={"confirmationTimeoutInMinutes", "endpointAutoConfirms", "endpoint", "rawMessageDelivery"},
    json={"deliveryPolicy", "filterPolicy", "redrivePolicy"},
    unsupported={"replayPolicy", "subscriptionRoleArn"},
    named=None,
)

TYPES: Final = (_TOPIC_TYPE, _TOPIC_POLICY, _SUBSCRIPTION_TYPE)
