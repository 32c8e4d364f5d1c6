"""SQS: message move tasks ("StartMessageMoveTask" and its two companions in the API reference), which ministack lacks.

A task lives as long as the process: its messages survive a restart, a list of past tasks does not.
"""

from __future__ import annotations

import json
import threading
import time
from base64 import b64encode
from contextvars import copy_context
from typing import Any

from local_aws.server.patches import queues
from local_aws.server.patches.target import concurrency, new_uuid, on_loop, responses, sqs

# The bounds and defaults of the API reference.
_HIGHEST_RATE, _MOST_RESULTS, _DEFAULT_RESULTS = 500, 10, 1
# Without a rate, a tick of this length moves what a rate of 500 would.
_TICK_SECONDS = 0.1

_tasks = responses.AccountRegionScopedDict()
"""ARN of the source → its tasks, the newest first."""


def apply() -> None:
    """Make the corrections."""
    sqs._HANDLERS.update(
        {"StartMessageMoveTask": _start, "ListMessageMoveTasks": _list, "CancelMessageMoveTask": _cancel}
    )


def _start(data: dict[str, Any], _url: str) -> dict[str, Any]:
    source, target = data.get("SourceArn", ""), data.get("DestinationArn")
    queue = _existing(source, "SourceArn")
    policies = map(queues.redrive_policy, sqs._queues.values())
    if source not in {policy.get("deadLetterTargetArn") for policy in policies}:
        raise sqs._Err("InvalidParameterValue", "Source queue must be configured as a Dead Letter Queue.")
    if target and (_existing(target, "DestinationArn")["is_fifo"] != queue["is_fifo"] or target == source):
        raise sqs._Err("InvalidParameterValue", f"Messages of {source} can't be moved to {target}.")
    rate = data.get("MaxNumberOfMessagesPerSecond")
    if rate is not None and not 1 <= int(rate) <= _HIGHEST_RATE:
        raise sqs._Err(
            "InvalidParameterValue",
            f"Value {rate} for parameter MaxNumberOfMessagesPerSecond is invalid. Reason: Must be between 1 and 500.",
        )
    tasks = _tasks.setdefault(source, [])
    if tasks and tasks[0]["Status"] in ("RUNNING", "CANCELLING"):
        raise sqs._Err(
            "UnsupportedOperation",
            "There is already a task running. Only one active task is allowed for a source queue arn at a given time.",
        )
    identity = json.dumps({"taskId": new_uuid(), "sourceArn": source})
    task = {
        "TaskHandle": b64encode(identity.encode()).decode(), "Status": "RUNNING", "SourceArn": source,
        "ApproximateNumberOfMessagesMoved": 0,
        "ApproximateNumberOfMessagesToMove": len(list(queues.visible(queue))),
        "StartedTimestamp": int(time.time() * 1000),
    }  # fmt: skip
    task |= {"DestinationArn": target} if target else {}
    task |= {"MaxNumberOfMessagesPerSecond": int(rate)} if rate is not None else {}
    del tasks[_MOST_RESULTS - 1 :]
    tasks.insert(0, task)
    threading.Thread(target=copy_context().run, args=(_run, task), daemon=True, name="move-task").start()
    return {"TaskHandle": task["TaskHandle"]}


def _list(data: dict[str, Any], _url: str) -> dict[str, Any]:
    source, most = data.get("SourceArn", ""), int(data.get("MaxResults") or _DEFAULT_RESULTS)
    _existing(source, "SourceArn")
    if not 1 <= most <= _MOST_RESULTS:
        raise sqs._Err("InvalidParameterValue", f"Value {most} for parameter MaxResults is invalid.")
    found = [dict(task) for task in _tasks.get(source, [])[:most]]
    for task in found:
        # A handle is for cancelling; only what runs has one.
        if task["Status"] != "RUNNING":
            del task["TaskHandle"]
    return {"Results": found}


def _cancel(data: dict[str, Any], _url: str) -> dict[str, Any]:
    handle = data.get("TaskHandle", "")
    task = next((task for tasks in _tasks.values() for task in tasks if task["TaskHandle"] == handle), None)
    if task is None:
        raise sqs._Err("ResourceNotFoundException", "Task does not exist.", 404)
    if task["Status"] != "RUNNING":
        raise sqs._Err("UnsupportedOperation", "Only active tasks can be cancelled.")
    task["Status"] = "CANCELLING"
    return {"ApproximateNumberOfMessagesMoved": task["ApproximateNumberOfMessagesMoved"]}


def _run(task: dict[str, Any]) -> None:
    rate = task.get("MaxNumberOfMessagesPerSecond", _HIGHEST_RATE)
    share = 0.0
    while task["Status"] == "RUNNING":
        share += rate * _TICK_SECONDS
        on_loop(_move, task, int(share))
        share -= int(share)
        time.sleep(_TICK_SECONDS)
    if task["Status"] == "CANCELLING":
        task["Status"] = "CANCELLED"


def _move(task: dict[str, Any], most: int) -> None:
    """Move so many messages, one after the other; when there is none left, the task is completed."""
    source = sqs._queue_by_arn(task["SourceArn"])
    messages = list(queues.visible(source)) if source else []
    moved: set[str] = set()
    for message in messages[:most]:
        sqs._ensure_msg_fields(message)
        arn = task.get("DestinationArn") or message["sys"].get("DeadLetterQueueSourceArn", "")
        target = sqs._queue_by_arn(arn)
        if target is None:
            reason = "AWS.SimpleQueueService.NonExistentQueue" if arn else "CouldNotDetermineMessageSource"
            task.update(Status="FAILED", FailureReason=reason)
            break
        target["messages"].append(_as_new(message))
        moved.add(message["id"])
    if moved:
        source["messages"] = [message for message in source["messages"] if message["id"] not in moved]
        task["ApproximateNumberOfMessagesMoved"] += len(moved)
        concurrency.esm_wake.set()
    if len(messages) == len(moved) and task["Status"] == "RUNNING":
        task["Status"] = "COMPLETED"


def _as_new(message: dict[str, Any]) -> dict[str, Any]:
    """A redriven message is a new one, with a new id and time; its body and attributes stay."""
    now = time.time()
    kept = {key: value for key, value in message["sys"].items() if key != "DeadLetterQueueSourceArn"}
    return message | {
        "id": new_uuid(), "receipt_handle": None, "sent_at": now, "visible_at": now, "enqueued_at": now,
        "receive_count": 0, "first_receive_at": None, "sys": kept | {"SentTimestamp": str(int(now * 1000))},
    }  # fmt: skip


def _existing(arn: str, parameter: str) -> dict[str, Any]:
    queue: dict[str, Any] | None = sqs._queue_by_arn(arn)
    if queue is None:
        raise sqs._Err(
            "ResourceNotFoundException",
            f"The resource that you specified for the {parameter} parameter doesn't exist.",
            404,
        )
    return queue
