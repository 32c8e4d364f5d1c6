"""Amazon SQS: queues, their policies and redrive settings."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from local_aws.provider.model import Call, Change, ResourceType, Tagging, changes_in, words

_GONE: Final = ("AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist")
_ATTRIBUTES: Final[Mapping[str, str]] = {
    "contentBasedDeduplication": "ContentBasedDeduplication",
    "deduplicationScope": "DeduplicationScope",
    "delaySeconds": "DelaySeconds",
    "fifoQueue": "FifoQueue",
    "fifoThroughputLimit": "FifoThroughputLimit",
    "kmsDataKeyReusePeriodSeconds": "KmsDataKeyReusePeriodSeconds",
    "kmsMasterKeyId": "KmsMasterKeyId",
    "maxMessageSize": "MaximumMessageSize",
    "messageRetentionSeconds": "MessageRetentionPeriod",
    "policy": "Policy",
    "receiveWaitTimeSeconds": "ReceiveMessageWaitTimeSeconds",
    "redriveAllowPolicy": "RedriveAllowPolicy",
    "redrivePolicy": "RedrivePolicy",
    "sqsManagedSseEnabled": "SqsManagedSseEnabled",
    "visibilityTimeoutSeconds": "VisibilityTimeout",
}
_FIFO_ONLY: Final = frozenset({"contentBasedDeduplication", "fifoQueue"})


def attribute_text(value: Any) -> str:
    """An attribute as SQS and SNS take it; an empty text takes one away."""
    return json.dumps(value) if isinstance(value, bool) else str("" if value is None else value)


def _attributes(change: Change) -> dict[str, str]:
    """The attributes that differ; a standard queue refuses even a false of those that only a FIFO queue has."""
    differing = [name for name in _ATTRIBUTES if change.changed(name)]
    sent = [name for name in differing if name not in _FIFO_ONLY or change.new.get(name) or change.old.get(name)]
    return {_ATTRIBUTES[name]: attribute_text(change.new.get(name)) for name in sent}


_QUEUE = ResourceType(
    token="aws:sqs/queue:Queue",
    service="sqs",
    gone=_GONE,
    names=_ATTRIBUTES | {"name": "QueueName", "url": "QueueUrl", "arn": "QueueArn"},
    create=[Call("create_queue", {"Attributes": _attributes})],
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
            {"QueueUrl": "{id}", "Attributes": _attributes},
            lambda change: bool(_attributes(change)),
        )
    ],
    delete=[Call("delete_queue", {"QueueUrl": "{id}"})],
    tagging=Tagging("list_queue_tags", "tag_queue", "untag_queue", "QueueUrl", "{id}"),
    id=("{url}",),
    imports=("{url}",),
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
    limits={"name": {"pattern": r"[\w-]+(\.fifo)?"}},
    vanish=True,
    retry=("QueueDeletedRecently",),  # a deleted name is taken for 60 seconds
)  # fmt: skip


def _attribute(token: str, name: str) -> ResourceType:
    """A queue's attribute as a resource of its own."""
    attribute = _ATTRIBUTES[name]
    put = Call("set_queue_attributes", {"Attributes": lambda change: {attribute: change.new[name]}}, changes_in(name))
    return ResourceType(
        token=token,
        service="sqs",
        gone=_GONE,
        names={name: attribute},
        create=[put],
        read=[(Call("get_queue_attributes", {"QueueUrl": "{id}", "AttributeNames": [attribute]}), "Attributes")],
        outputs={"queueUrl": "_id"},
        update=[put],
        delete=[Call("set_queue_attributes", {"Attributes": {attribute: ""}})],
        id=("{queueUrl}",),
        imports=("{queueUrl}",),
        force_new={"queueUrl"},
        policies={name} & {"policy"},
        json={name} - {"policy"},
        named=None,
        ready=attribute,
    )


TYPES: Final = (
    _QUEUE,
    _attribute("aws:sqs/queuePolicy:QueuePolicy", "policy"),
    _attribute("aws:sqs/redrivePolicy:RedrivePolicy", "redrivePolicy"),
    _attribute("aws:sqs/redriveAllowPolicy:RedriveAllowPolicy", "redriveAllowPolicy"),
)
