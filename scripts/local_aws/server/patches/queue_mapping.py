"""SQS queues as event sources, as "Using Lambda with Amazon SQS" in the developer guide describes them."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from local_aws.server.batch_response import batch_item_failures
from local_aws.server.patches import access
from local_aws.server.patches import sqs as queues
from local_aws.server.patches.execution import invoke
from local_aws.server.patches.loop import on_loop
from local_aws.server.patches.target import get_account_id, get_region, lambda_svc, sqs

READ = ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes")
# AWS starts with five batches at a time; as many processes here would only take each other's processor away.
_BATCHES_AT_A_TIME = 2
_PAUSE_AFTER_FAILURE = 1.0

Mapping = dict[str, Any]


def readable(mapping: Mapping) -> str:
    """The ARN on which the role needs `READ`."""
    arn: str = mapping["EventSourceArn"]
    return arn


def refusal(data: dict[str, Any], config: dict[str, Any], _function: Any) -> str:
    """Why AWS would not create this mapping, or nothing."""
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
    """Start as many batches as there are messages and room for; the seconds until the next look."""
    queue = sqs._queue_by_arn(mapping["EventSourceArn"])
    if queue is None:
        return 1.0
    most = mapping.get("BatchSize", 10)
    while state.under_way < _batches_at_a_time(mapping, queue, function, config):
        if pause := _still_collecting(mapping, state, queue, most):
            return pause
        batch = queues.receive(queue, most)
        if not batch:
            return 1.0
        state.waiting_since = None
        records = [_record(message, mapping) for message in batch]
        dispatch(state, lambda records=records: _run(mapping, state, function, records, queue))  # type: ignore[misc]
    return 1.0


def _batches_at_a_time(mapping: Mapping, queue: Any, function: Any, config: Any) -> int:
    if queue["is_fifo"]:
        return 1
    asked = (mapping.get("ScalingConfig") or {}).get("MaximumConcurrency") or _BATCHES_AT_A_TIME
    reserved = lambda_svc._reserved_concurrency(function, config)
    return min(asked, _BATCHES_AT_A_TIME, reserved if reserved is not None else asked)


def _still_collecting(mapping: Mapping, state: Any, queue: Any, most: int) -> float:
    """Seconds for which the batching window still waits for more messages; 0 when a batch may go."""
    window = mapping.get("MaximumBatchingWindowInSeconds") or 0
    count = queues.visible(queue, most)
    if not window or count >= most or not count:
        return 0.0
    now = time.monotonic()
    state.waiting_since = state.waiting_since or now
    left: float = state.waiting_since + window - now
    return max(0.0, left)


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
    """Invoke with the records that pass the filter, and settle what became of them."""
    matching = lambda_svc._apply_filter_criteria(records, mapping)
    result = invoke(function, {"Records": matching}) if matching else {}
    on_loop(_settle, mapping, state, records, matching, result, queue)


def _settle(
    mapping: Mapping, state: Any, records: list[dict[str, Any]], matching: list[dict[str, Any]], result: Any, queue: Any
) -> None:
    """Delete what was done; the rest comes back by itself when its visibility timeout is over, as on AWS."""
    failed = _failed(mapping, {record["messageId"] for record in matching}, result)
    done = {record["receiptHandle"] for record in records if record["messageId"] not in failed}
    if done:
        queues.delete(queue, done)
    broken = result.get("error") or result.get("throttle")
    mapping["LastProcessingResult"] = "PROBLEM: Function call failed" if broken else "OK"
    if broken:
        state.not_before = time.time() + _PAUSE_AFTER_FAILURE


def _failed(mapping: Mapping, sent: set[str], result: Any) -> set[str]:
    """The ids of the messages that are not done, by AWS's rules for batch responses."""
    if result.get("error") or result.get("throttle"):
        return sent
    if "ReportBatchItemFailures" not in (mapping.get("FunctionResponseTypes") or []):
        return set()
    failures = batch_item_failures(result.get("body"))
    # An identifier that is missing or was not in the batch makes the whole batch a failure.
    return sent if failures is None or not failures <= sent else failures
