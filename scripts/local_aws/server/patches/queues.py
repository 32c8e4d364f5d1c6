"""SQS queues as event sources ("Using Lambda with Amazon SQS" in the guide), and messages that AWS itself sends."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from typing import Any

from local_aws.server.patches import access
from local_aws.server.patches.execution import invoke
from local_aws.server.patches.published import count_messages
from local_aws.server.patches.target import concurrency, get_account_id, get_region, lambda_svc, new_uuid, on_loop, sqs

READ = ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes")
# AWS starts with five batches at a time; as many processes here would only take each other's processor away.
_BATCHES_AT_A_TIME = 2
_PAUSE_AFTER_FAILURE = 1.0

Mapping = dict[str, Any]


def refusal(data: dict[str, Any], config: dict[str, Any]) -> str:
    """Return the reason for which AWS refuses this mapping, "" if it does not."""
    missing = access.refused(config["Role"], READ, data["EventSourceArn"])
    if missing:
        return f"The function execution role does not have permissions to call {missing.partition(':')[2]} on SQS"
    queue = sqs._queue_by_arn(data["EventSourceArn"])
    if queue is None:
        return "The queue of the event source mapping does not exist"
    if data.get("BatchSize", 10) > 10 and not data.get("MaximumBatchingWindowInSeconds"):
        return "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10"
    visibility, timeout = int(queue["attributes"]["VisibilityTimeout"]), config.get("Timeout", 3)
    if visibility < timeout:
        return f"Queue visibility timeout: {visibility} seconds is less than Function timeout: {timeout} seconds"
    return ""


def take(
    mapping: Mapping, state: Any, function: Any, config: Any, dispatch: Callable[[Any, Callable[[], None]], None]
) -> float:
    """Start as many batches as messages and concurrency allow; return the seconds until the next poll."""
    queue = sqs._queue_by_arn(mapping["EventSourceArn"])
    if queue is None:
        return 1.0
    most = mapping.get("BatchSize", 10)
    while state.under_way < min(_BATCHES_AT_A_TIME, lambda_svc._sqs_esm_concurrency(mapping, function, config, queue)):
        waiting = sum(1 for _ in islice(visible(queue), most))
        if pause := state.left_of_window(mapping, waiting in (0, most)):
            return pause
        batch = receive(queue, most)
        if not batch:
            return 1.0
        records = [_record(message, mapping) for message in batch]
        dispatch(state, partial(_run, mapping, state, function, records, queue))
    return 1.0


def _record(message: dict[str, Any], mapping: Mapping) -> dict[str, Any]:
    attributes = {
        "ApproximateReceiveCount": str(message["receive_count"]),
        "SentTimestamp": str(int(message["sent_at"] * 1000)),
        "SenderId": message["sys"].get("SenderId", get_account_id()),
        "ApproximateFirstReceiveTimestamp": str(int(message["first_receive_at"] * 1000)),
    }
    optional = {
        "AWSTraceHeader": message["sys"].get("AWSTraceHeader"), "MessageGroupId": message["group_id"],
        "MessageDeduplicationId": message["dedup_id"], "SequenceNumber": message["seq"],
        "DeadLetterQueueSourceArn": message["sys"].get("DeadLetterQueueSourceArn"),
    }  # fmt: skip
    return {
        "messageId": message["id"],
        "receiptHandle": message["receipt_handle"],
        "body": message["body"],
        "attributes": attributes | {name: str(value) for name, value in optional.items() if value},
        "messageAttributes": lambda_svc._sqs_message_attributes_to_camel_case(message["message_attributes"]),
        "md5OfBody": message["md5_body"],
        "eventSource": "aws:sqs",
        "eventSourceARN": mapping["EventSourceArn"],
        "awsRegion": get_region(),
    }


def _run(mapping: Mapping, state: Any, function: Any, records: list[dict[str, Any]], queue: Any) -> None:
    """Invoke the function with the records that pass the filter, then handle its result."""
    matching = lambda_svc._apply_filter_criteria(records, mapping)
    result = invoke(function, {"Records": matching}) if matching else {}
    on_loop(_settle, mapping, state, records, matching, result, queue)


def _settle(
    mapping: Mapping, state: Any, records: list[dict[str, Any]], matching: list[dict[str, Any]], result: Any, queue: Any
) -> None:
    """Delete the processed messages; the others return after their visibility timeout, as on AWS."""
    failed = _failed(mapping, {record["messageId"] for record in matching}, result)
    done = {record["receiptHandle"] for record in records if record["messageId"] not in failed}
    if done:
        delete(queue, done)
    broken = result.get("error") or result.get("throttle")
    mapping["LastProcessingResult"] = "PROBLEM: Function call failed" if broken else "OK"
    if broken:
        state.not_before = time.time() + _PAUSE_AFTER_FAILURE


def _failed(mapping: Mapping, sent: set[str], result: Any) -> set[str]:
    """Return the IDs of the failed messages, by AWS's rules for batch responses."""
    if result.get("error") or result.get("throttle"):
        return sent
    if "ReportBatchItemFailures" not in (mapping.get("FunctionResponseTypes") or []):
        return set()
    failures = batch_item_failures(result.get("body"))
    # An identifier that is missing or was not in the batch makes the whole batch a failure.
    return sent if failures is None or not failures <= sent else failures


# --- batch responses -------------------------------------------------------------------------------------------------


def batch_item_failures(body: Any) -> set[str] | None:
    """Return the identifiers in a batch response, None when it is malformed."""
    if body is None or body in ({}, ""):
        return set()
    if not isinstance(body, dict):
        return None
    reported = body.get("batchItemFailures")
    if reported is None:
        return set()
    if not isinstance(reported, list):
        return None
    identifiers = [item.get("itemIdentifier") if isinstance(item, dict) else None for item in reported]
    texts = [identifier for identifier in identifiers if isinstance(identifier, str) and identifier]
    return set(texts) if len(texts) == len(identifiers) else None


# --- messages --------------------------------------------------------------------------------------------------------

# Lambda's limit for an invocation's payload is 6 MB; what surrounds the bodies in the event is counted per message.
_LARGEST_BATCH_BYTES = 6_000_000
_ENVELOPE_BYTES = 1_000


def apply() -> None:
    """Make the corrections."""
    # ministack keys its queues by URL, port included: with another ESTATE_PORT it would not find them again.
    # Callers get the address they called anyway.
    sqs.DEFAULT_HOST, sqs.DEFAULT_PORT, sqs._CANONICAL_NETLOC = "localhost", "4566", "localhost:4566"


def visible(queue: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the messages that could be received now, in order: none that is in flight."""
    now = time.time()
    return (message for message in queue["messages"] if message.get("visible_at", 0) <= now)


def receive(queue: dict[str, Any], most: int) -> list[dict[str, Any]]:
    """Receive up to `most` messages that fit into one invocation.

    ministack stops at 10, AWS's mappings take up to 10,000; and it scans the whole queue several times per call.
    """
    if queue["messages"] and _expired(queue["messages"][0], queue):
        sqs._expire_retained(queue)
    if queue["is_fifo"]:
        sqs._dlq_sweep(queue)
        fifo: list[dict[str, Any]] = sqs._collect_msgs(queue, min(most, 10), int(_visibility(queue)))
        return fifo
    batch, now = list(_next(queue, most)), time.time()
    for message in batch:
        message.update(receipt_handle=new_uuid(), visible_at=now + _visibility(queue))
        message["receive_count"] += 1
        if message["first_receive_at"] is None:
            message["first_receive_at"] = now
    count_messages(queue, "NumberOfMessagesReceived", len(batch))
    return batch


def _next(queue: dict[str, Any], most: int) -> Iterator[dict[str, Any]]:
    """Yield the messages that can be received, in order, as many as fit; move those received too often to the DLQ."""
    most_receives, count, size, swept = _most_receives(queue), 0, 0, False
    for message in visible(queue):
        sqs._ensure_msg_fields(message)
        if most_receives and message["receive_count"] >= most_receives:
            if not swept:
                # Moves all of them. It replaces the queue's list, not the one that this loop iterates.
                sqs._dlq_sweep(queue)
                swept = True
            continue
        size += len(message["body"].encode()) + _ENVELOPE_BYTES
        if count == most or (count and size > _LARGEST_BATCH_BYTES):
            return
        count += 1
        yield message


def delete(queue: dict[str, Any], handles: set[str]) -> None:
    """Delete the messages with these receipt handles; a message received again meanwhile has another one."""
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
    """Return after how many receives a message moves to the dead-letter queue; 0 for never."""
    policy = redrive_policy(queue)
    exists = sqs._queue_by_arn(policy.get("deadLetterTargetArn", "")) is not None
    return int(policy.get("maxReceiveCount", 0)) if exists else 0


def redrive_policy(queue: dict[str, Any]) -> dict[str, Any]:
    """Return the queue's redrive policy, {} if it has none."""
    policy: dict[str, Any] = json.loads(queue["attributes"].get("RedrivePolicy") or "{}")
    return policy
