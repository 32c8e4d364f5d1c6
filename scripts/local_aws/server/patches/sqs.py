"""SQS: addresses that outlive a change of port, and batches of the size that Lambda's mappings take."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

from local_aws.server.patches.published import count_messages
from local_aws.server.patches.target import concurrency, new_uuid, sqs

# Lambda's limit for an invocation's payload is 6 MB; what surrounds the bodies in the event is counted per message.
_LARGEST_BATCH_BYTES = 6_000_000
_ENVELOPE_BYTES = 1_000


def apply() -> None:
    """Make the corrections."""
    # ministack keys its queues by URL, port included: with another ESTATE_PORT it would not find them again.
    # Callers get the address they called anyway.
    sqs.DEFAULT_HOST, sqs.DEFAULT_PORT, sqs._CANONICAL_NETLOC = "localhost", "4566", "localhost:4566"


def visible(queue: dict[str, Any], enough: int) -> int:
    """Count messages that could be received now, up to `enough`."""
    now, count = time.time(), 0
    for message in queue["messages"]:
        if message.get("visible_at", 0) <= now:
            count += 1
            if count >= enough:
                break
    return count


def receive(queue: dict[str, Any], most: int) -> list[dict[str, Any]]:
    """Receive up to `most` messages, and no more than an invocation can carry.

    ministack stops at 10, AWS's mappings take up to 10,000; and it goes through the whole queue several times per call.
    """
    if queue["messages"] and _expired(queue["messages"][0], queue):
        sqs._expire_retained(queue)
    if queue["is_fifo"]:
        sqs._dlq_sweep(queue)
        fifo: list[dict[str, Any]] = sqs._collect_msgs(queue, min(most, 10), int(_visibility(queue)))
        return fifo
    now = time.time()
    batch = list(_next(queue, most, now))
    for message in batch:
        message.update(receipt_handle=new_uuid(), visible_at=now + _visibility(queue))
        message["receive_count"] += 1
        if message["first_receive_at"] is None:
            message["first_receive_at"] = now
    count_messages(queue, "NumberOfMessagesReceived", len(batch))
    return batch


def _next(queue: dict[str, Any], most: int, now: float) -> Iterator[dict[str, Any]]:
    """The messages that may be received, in order, as many as fit; those received too often go to the other queue."""
    most_receives, count, size, swept = _most_receives(queue), 0, 0, False
    for message in queue["messages"]:
        if message.get("visible_at", 0) > now:
            continue
        sqs._ensure_msg_fields(message)
        if most_receives and message["receive_count"] >= most_receives:
            if not swept:
                # Moves all of them. It replaces the queue's list, not the one that this loop goes through.
                sqs._dlq_sweep(queue)
                swept = True
            continue
        size += len(message["body"].encode()) + _ENVELOPE_BYTES
        if count == most or (count and size > _LARGEST_BATCH_BYTES):
            return
        count += 1
        yield message


def delete(queue: dict[str, Any], handles: set[str]) -> None:
    """Delete what was received under these handles; what somebody received anew meanwhile stays."""
    kept = [message for message in queue["messages"] if message.get("receipt_handle") not in handles]
    count_messages(queue, "NumberOfMessagesDeleted", len(queue["messages"]) - len(kept))
    queue["messages"] = kept


def put(arn: str, body: str, attributes: dict[str, str]) -> bool:
    """Send a message in the name of AWS; False when the queue does not exist."""
    queue = sqs._queue_by_arn(arn)
    if queue is None:
        return False
    now = time.time()
    values = {name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()}
    message = {
        "id": new_uuid(), "body": body, "sent_at": now, "visible_at": now + sqs.queue_delay(queue),
        "message_attributes": values, "md5_attrs": sqs._md5_msg_attrs(values),
    }  # fmt: skip
    sqs._ensure_msg_fields(message)
    queue["messages"].append(message)
    count_messages(queue, "NumberOfMessagesSent", 1)
    concurrency.esm_wake.set()
    return True


def _visibility(queue: dict[str, Any]) -> float:
    return float(queue["attributes"].get("VisibilityTimeout", "30"))


def _expired(message: dict[str, Any], queue: dict[str, Any]) -> bool:
    retention = float(queue["attributes"].get("MessageRetentionPeriod", "345600"))
    enqueued: float = message.get("enqueued_at", message.get("sent_at", time.time()))
    return enqueued <= time.time() - retention


def _most_receives(queue: dict[str, Any]) -> int:
    """After how many receives a message goes to the dead-letter queue; 0 for never."""
    policy = json.loads(queue["attributes"].get("RedrivePolicy") or "{}")
    exists = sqs._queue_by_arn(policy.get("deadLetterTargetArn", "")) is not None
    return int(policy.get("maxReceiveCount", 0)) if exists else 0
