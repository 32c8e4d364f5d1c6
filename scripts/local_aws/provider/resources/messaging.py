"""Amazon SQS and SNS: queues, topics, subscriptions, and their policies."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final

from local_aws.provider.model import Call, Change, Parameters, ResourceType, Tagging, attributes, changes_in, words

# --- SQS -------------------------------------------------------------------------------------------------------------

_NO_QUEUE: Final = ("AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist")
_QUEUE_ATTRIBUTES: Final = attributes(
    "contentBasedDeduplication deduplicationScope delaySeconds fifoQueue fifoThroughputLimit "
    "kmsDataKeyReusePeriodSeconds kmsMasterKeyId policy redriveAllowPolicy redrivePolicy sqsManagedSseEnabled",
    maxMessageSize="MaximumMessageSize",
    messageRetentionSeconds="MessageRetentionPeriod",
    receiveWaitTimeSeconds="ReceiveMessageWaitTimeSeconds",
    visibilityTimeoutSeconds="VisibilityTimeout",
)
_FIFO_ONLY: Final = frozenset({"contentBasedDeduplication", "fifoQueue"})


def attribute_text(value: Any) -> str:
    """Return an attribute in the form of SQS and SNS; an empty text removes it."""
    return json.dumps(value) if isinstance(value, bool) else str("" if value is None else value)


def _queue_attributes(change: Change) -> dict[str, str]:
    """Return the changed attributes; a standard queue refuses FIFO attributes even if they are false."""
    differing = [name for name in _QUEUE_ATTRIBUTES if change.changed(name)]
    sent = [name for name in differing if name not in _FIFO_ONLY or change.new.get(name) or change.old.get(name)]
    return {_QUEUE_ATTRIBUTES[name]: attribute_text(change.new.get(name)) for name in sent}


_sqs_type = partial(ResourceType, service="sqs", gone=_NO_QUEUE)

_QUEUE = _sqs_type(
    token="aws:sqs/queue:Queue",
    names=_QUEUE_ATTRIBUTES | {"name": "QueueName", "url": "QueueUrl", "arn": "QueueArn"},
    create=[Call("create_queue", {"Attributes": _queue_attributes})],
    read=[(Call("get_queue_attributes", {"QueueUrl": "{id}", "AttributeNames": ["All"]}), "Attributes")],
    outputs={
        "url": lambda record: record.get("QueueUrl") or record["_id"],
        "name": lambda record: str(record.get("QueueArn", "")).rpartition(":")[2],
        "fifoQueue": lambda record: str(record.get("QueueArn", "")).endswith(".fifo"),
        "contentBasedDeduplication": "ContentBasedDeduplication || `false`",
    },
    update=[
        Call(
            "set_queue_attributes",
            {"QueueUrl": "{id}", "Attributes": _queue_attributes},
            lambda change: bool(_queue_attributes(change)),
        )
    ],
    delete=[Call("delete_queue", {"QueueUrl": "{id}"})],
    tagging=Tagging("list_queue_tags", "tag_queue", "untag_queue", "QueueUrl", "{id}"),
    id=("{url}",),
    force_new={"name", "namePrefix", "fifoQueue"},
    defaults={
        "delaySeconds": 0, "fifoQueue": False, "contentBasedDeduplication": False, "maxMessageSize": 262144,
        "messageRetentionSeconds": 345600, "receiveWaitTimeSeconds": 0, "visibilityTimeoutSeconds": 30,
    },
    computed=words(
        "deduplicationScope fifoThroughputLimit kmsDataKeyReusePeriodSeconds policy redrivePolicy "
        "redriveAllowPolicy sqsManagedSseEnabled"
    ),
    kept={"namePrefix"},
    policies={"policy"},
    json={"redrivePolicy", "redriveAllowPolicy"},
    name_limit=80,
    # botocore's model has none of attributes ("SetQueueAttributes").
    limits={
        "name": {"pattern": r"[\w-]+(\.fifo)?"}, "delaySeconds": {"max": 900}, "receiveWaitTimeSeconds": {"max": 20},
        "kmsDataKeyReusePeriodSeconds": {"min": 60, "max": 86400}, "maxMessageSize": {"min": 1024, "max": 1048576},
        "messageRetentionSeconds": {"min": 60, "max": 1209600}, "visibilityTimeoutSeconds": {"max": 43200},
    },
    vanish=True,
    retry=("QueueDeletedRecently",),  # a deleted name is taken for 60 seconds
)  # fmt: skip


def _attribute(token: str, name: str) -> ResourceType:
    """A queue's attribute as a resource of its own."""
    attribute = _QUEUE_ATTRIBUTES[name]
    put = Call("set_queue_attributes", {"Attributes": lambda change: {attribute: change.new[name]}}, changes_in(name))
    return _sqs_type(
        token=token,
        names={name: attribute},
        create=[put],
        read=[(Call("get_queue_attributes", {"QueueUrl": "{id}", "AttributeNames": [attribute]}), "Attributes")],
        outputs={"queueUrl": "_id"},
        update=[put],
        delete=[Call("set_queue_attributes", {"Attributes": {attribute: ""}})],
        id=("{queueUrl}",),
        force_new={"queueUrl"},
        policies={name} & {"policy"},
        json={name} - {"policy"},
        ready=attribute,
    )


# --- SNS -------------------------------------------------------------------------------------------------------------

_NO_TOPIC: Final = ("NotFound", "NotFoundException")
_TOPIC: Final = attributes("deliveryPolicy displayName kmsMasterKeyId policy signatureVersion tracingConfig")
_SUBSCRIPTION: Final = attributes("deliveryPolicy filterPolicy filterPolicyScope rawMessageDelivery redrivePolicy")
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
    """Return the default policy of a topic, which always has one."""
    actions = ("GetTopicAttributes", "SetTopicAttributes", "AddPermission", "RemovePermission", "DeleteTopic",
               "Subscribe", "ListSubscriptionsByTopic", "Publish")  # fmt: skip
    statement = {
        "Sid": "__default_statement_ID", "Effect": "Allow", "Principal": {"AWS": "*"}, "Resource": change.id,
        "Action": [f"SNS:{action}" for action in actions],
        "Condition": {"StringEquals": {"AWS:SourceOwner": change.session.account}},
    }  # fmt: skip
    return json.dumps({"Version": "2008-10-17", "Id": "__default_policy_ID", "Statement": [statement]})


_sns_type = partial(ResourceType, service="sns", gone=_NO_TOPIC)

_TOPIC_TYPE = _sns_type(
    token="aws:sns/topic:Topic",
    names={"arn": "TopicArn"},
    create=[Call("create_topic", {"Attributes": _all(_TOPIC)})],
    read=[(Call("get_topic_attributes", {"TopicArn": "{id}"}), "Attributes")],
    outputs={"name": lambda record: str(record.get("TopicArn", "")).rpartition(":")[2]},
    update=[Call("set_topic_attributes", {"TopicArn": "{id}"}, changes_in(*_TOPIC), _changed(_TOPIC))],
    delete=[Call("delete_topic", {"TopicArn": "{id}"})],
    tagging=Tagging("list_tags_for_resource", "tag_resource", "untag_resource", "ResourceArn"),
    id=("{arn}",),
    force_new={"name", "namePrefix"},
    defaults={"fifoTopic": False, "contentBasedDeduplication": False},
    computed={"policy", "signatureVersion", "tracingConfig"},
    kept={"namePrefix", "fifoTopic", "contentBasedDeduplication"},
    policies={"policy"},
    json={"deliveryPolicy"},
    unsupported=_FEEDBACK | {"maximumMessageSize", "archivePolicy", "fifoThroughputScope"},
    name_limit=256,
    limits={"name": {"pattern": r"[\w-]+(\.fifo)?"}},
)

_PUT_POLICY = Call(
    "set_topic_attributes",
    {"TopicArn": "{arn}", "AttributeName": "Policy", "AttributeValue": "{policy}"},
    changes_in("policy"),
)

_TOPIC_POLICY = _sns_type(
    token="aws:sns/topicPolicy:TopicPolicy",
    names={"arn": "TopicArn"},
    create=[_PUT_POLICY],
    read=[(Call("get_topic_attributes", {"TopicArn": "{id}"}), "Attributes")],
    update=[_PUT_POLICY],
    delete=[
        Call("set_topic_attributes", {"TopicArn": "{id}", "AttributeName": "Policy", "AttributeValue": _first_policy})
    ],
    id=("{arn}",),
    force_new={"arn"},
    policies={"policy"},
)

_SUBSCRIPTION_TYPE = _sns_type(
    token="aws:sns/topicSubscription:TopicSubscription",
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
    force_new={"endpoint", "protocol", "topic"},
    defaults={"confirmationTimeoutInMinutes": 1, "endpointAutoConfirms": False, "rawMessageDelivery": False},
    computed={"filterPolicyScope"},
    kept={"confirmationTimeoutInMinutes", "endpointAutoConfirms", "endpoint", "rawMessageDelivery"},
    json={"deliveryPolicy", "filterPolicy", "redrivePolicy"},
    unsupported={"replayPolicy", "subscriptionRoleArn"},
)

TYPES: Final = (
    _QUEUE,
    _attribute("aws:sqs/queuePolicy:QueuePolicy", "policy"),
    _attribute("aws:sqs/redrivePolicy:RedrivePolicy", "redrivePolicy"),
    _attribute("aws:sqs/redriveAllowPolicy:RedriveAllowPolicy", "redriveAllowPolicy"),
    _TOPIC_TYPE,
    _TOPIC_POLICY,
    _SUBSCRIPTION_TYPE,
)
