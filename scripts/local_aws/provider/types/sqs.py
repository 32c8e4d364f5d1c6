"""Amazon SQS: queues, their policies and redrive settings."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from local_aws.provider.model import Call, Change, ResourceType, Rule, Tagging, conflicts, matches, one_of, within
from local_aws.provider.types.limits import document_size
from local_aws.provider.wire import Properties

GONE: Final = ("AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist", "AWS.SimpleQueueService.QueueDoesNotExist")
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
_READ: Final = [
    (Call("get_queue_attributes", {"QueueUrl": "{id}", "AttributeNames": ["All"]}), "Attributes"),
    (Call("list_queue_tags", {"QueueUrl": "{id}"}), "{Tags: Tags}"),
]


def _attributes(change: Change) -> dict[str, str] | None:
    """The attributes that differ, as SQS takes them; an empty text takes one away."""
    attributes = {}
    for name, attribute in _ATTRIBUTES.items():
        value = change.new.get(name)
        if value in (None, False, "") and (change.creating or change.old.get(name) in (None, False, "")):
            continue
        if change.creating or change.changed(name):
            attributes[attribute] = json.dumps(value) if isinstance(value, bool) else str("" if value is None else value)
    return attributes or None


def _receive_count(name: str) -> Rule:
    def rule(properties: Properties) -> tuple[str, str] | None:
        text = properties.get(name)
        document: Any = json.loads(text) if isinstance(text, str) and text else {}
        count = document.get("maxReceiveCount", 1)
        if isinstance(count, int) and 1 <= count <= 1000:
            return None
        return name, f"has maxReceiveCount {json.dumps(count)}; allowed are whole numbers from 1 to 1000"

    return rule


def _allow_policy(name: str) -> Rule:
    def rule(properties: Properties) -> tuple[str, str] | None:
        text = properties.get(name)
        document: Any = json.loads(text) if isinstance(text, str) and text else {}
        if len(document.get("sourceQueueArns", ())) > 10:
            return name, f"names {len(document['sourceQueueArns'])} source queues; AWS allows 10 (or redrivePermission allowAll)"
        if document.get("redrivePermission", "allowAll") not in {"allowAll", "denyAll", "byQueue"}:
            return name, f'has redrivePermission "{document["redrivePermission"]}"; allowed are allowAll, denyAll, byQueue'
        return None

    return rule


def _fifo_name(properties: Properties) -> tuple[str, str] | None:
    name, fifo = properties.get("name"), properties.get("fifoQueue", False)
    if not isinstance(name, str) or not isinstance(fifo, bool) or name.endswith(".fifo") is fifo:
        return None
    return "name", f'is "{name}"; a FIFO queue\'s name ends in .fifo' + ("" if fifo else ", and only a FIFO queue's does")


_QUEUE = ResourceType(
    token="aws:sqs/queue:Queue",
    service="sqs",
    gone=GONE,
    names=_ATTRIBUTES | {"name": "QueueName", "url": "QueueUrl", "arn": "QueueArn"},
    create=[Call("create_queue", {"Attributes": _attributes})],
    read=_READ,
    outputs={"url": lambda record: record["_id"] or record.get("QueueUrl"),
             "name": lambda record: (record.get("QueueArn") or "").rsplit(":", 1)[-1] or None},
    update=[Call("set_queue_attributes", {"QueueUrl": "{id}", "Attributes": _attributes},
                 when=lambda change: change.changed(*_ATTRIBUTES) and _attributes(change) is not None)],
    delete=[Call("delete_queue", {"QueueUrl": "{id}"})],
    tagging=Tagging("tag_queue", "untag_queue", "QueueUrl", "{id}"),
    id=("{url}",),
    imports=("{url}",),
    force_new=frozenset({"name", "namePrefix", "fifoQueue"}),
    defaults={"delaySeconds": 0, "fifoQueue": False, "contentBasedDeduplication": False, "maxMessageSize": 262144,
              "messageRetentionSeconds": 345600, "receiveWaitTimeSeconds": 0, "visibilityTimeoutSeconds": 30},
    computed=frozenset({"deduplicationScope", "fifoThroughputLimit", "kmsDataKeyReusePeriodSeconds", "policy",
                        "redrivePolicy", "redriveAllowPolicy", "sqsManagedSseEnabled"}),
    kept=frozenset({"namePrefix", "fifoQueue", "contentBasedDeduplication"}),
    policies=frozenset({"policy"}),
    json=frozenset({"redrivePolicy", "redriveAllowPolicy"}),
    name_limit=80,
    vanish=True,
    # A deleted name is taken for 60 seconds.
    retry=("QueueDeletedRecently",),
    rules=[
        matches("name", r"[\w-]{1,80}|[\w-]{1,75}\.fifo", "1 to 80 letters, digits, - or _"),
        _fifo_name,
        within("delaySeconds", 0, 900, "seconds"),
        within("maxMessageSize", 1024, 1048576, "bytes"),
        within("messageRetentionSeconds", 60, 1209600, "seconds"),
        within("receiveWaitTimeSeconds", 0, 20, "seconds"),
        within("visibilityTimeoutSeconds", 0, 43200, "seconds"),
        within("kmsDataKeyReusePeriodSeconds", 60, 86400, "seconds"),
        one_of("deduplicationScope", "messageGroup", "queue"),
        one_of("fifoThroughputLimit", "perQueue", "perMessageGroupId"),
        conflicts("kmsMasterKeyId", "sqsManagedSseEnabled"),
        _receive_count("redrivePolicy"),
        _allow_policy("redriveAllowPolicy"),
    ],
)  # fmt: skip


def _attribute(token: str, name: str, attribute: str, *, policy: bool, rule: Rule) -> ResourceType:
    """A queue's attribute as a resource of its own."""

    def given(change: Change) -> dict[str, str]:
        return {attribute: change.new[name]}

    return ResourceType(
        token=token,
        service="sqs",
        gone=GONE,
        names={"queueUrl": "QueueUrl", name: attribute},
        create=[Call("set_queue_attributes", {"Attributes": given})],
        read=[(Call("get_queue_attributes", {"QueueUrl": "{id}", "AttributeNames": [attribute]}), "Attributes")],
        outputs={"queueUrl": lambda record: record["_id"]},
        update=[Call("set_queue_attributes", {"Attributes": given}, when=lambda change: change.changed(name))],
        delete=[Call("set_queue_attributes", {"Attributes": {attribute: ""}})],
        id=("{queueUrl}",),
        imports=("{queueUrl}",),
        force_new=frozenset({"queueUrl"}),
        policies=frozenset({name} if policy else ()),
        json=frozenset(() if policy else {name}),
        named=None,
        ready=attribute,
        rules=[rule],
    )


TYPES: Final = (
    _QUEUE,
    _attribute("aws:sqs/queuePolicy:QueuePolicy", "policy", "Policy", policy=True, rule=document_size("policy", 262144)),
    _attribute("aws:sqs/redrivePolicy:RedrivePolicy", "redrivePolicy", "RedrivePolicy", policy=False,
               rule=_receive_count("redrivePolicy")),
    _attribute("aws:sqs/redriveAllowPolicy:RedriveAllowPolicy", "redriveAllowPolicy", "RedriveAllowPolicy", policy=False,
               rule=_allow_policy("redriveAllowPolicy")),
)  # fmt: skip
