"""Amazon SQS: queues, their policies and redrive settings."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from local_aws.provider.model import Call, Change, ResourceType, Tagging, changes_in, words
from local_aws.provider.rules import Failure, Rule, conflicts, document_size, matches, one_of, within
from local_aws.provider.wire import Properties

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


def _document(properties: Properties, name: str) -> Mapping[str, Any]:
    text = properties.get(name)
    document = json.loads(text) if isinstance(text, str) and text else {}
    return document if isinstance(document, dict) else {}


def _receive_count(properties: Properties) -> Failure | None:
    count = _document(properties, "redrivePolicy").get("maxReceiveCount", 1)
    if isinstance(count, int) and 1 <= count <= 1000:
        return None
    return "redrivePolicy", f"has maxReceiveCount {json.dumps(count)}; allowed are whole numbers from 1 to 1000"


def _allowed_sources(properties: Properties) -> Failure | None:
    document = _document(properties, "redriveAllowPolicy")
    sources, permission = document.get("sourceQueueArns", ()), document.get("redrivePermission", "allowAll")
    if permission not in {"allowAll", "denyAll", "byQueue"}:
        return "redriveAllowPolicy", f'has redrivePermission "{permission}"; allowed are allowAll, denyAll, byQueue'
    return ("redriveAllowPolicy", f"names {len(sources)} source queues; AWS allows 10") if len(sources) > 10 else None


def _fifo_name(properties: Properties) -> Failure | None:
    name, fifo = properties.get("name"), properties.get("fifoQueue", False)
    if not isinstance(name, str) or not isinstance(fifo, bool) or name.endswith(".fifo") is fifo:
        return None
    return "name", f'is "{name}"; the name of a FIFO queue, and of no other, ends in .fifo'


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
    vanish=True,
    retry=("QueueDeletedRecently",),  # a deleted name is taken for 60 seconds
    rules=[
        matches("name", r"[\w-]{1,80}|[\w-]{1,75}\.fifo", "1 to 80 alphanumerics, - or _"),
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
        _receive_count,
        _allowed_sources,
    ],
)  # fmt: skip


def _attribute(token: str, name: str, rule: Rule) -> ResourceType:
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
        rules=[rule],
    )


TYPES: Final = (
    _QUEUE,
    _attribute("aws:sqs/queuePolicy:QueuePolicy", "policy", document_size("policy", 262144)),
    _attribute("aws:sqs/redrivePolicy:RedrivePolicy", "redrivePolicy", _receive_count),
    _attribute("aws:sqs/redriveAllowPolicy:RedriveAllowPolicy", "redriveAllowPolicy", _allowed_sources),
)
