"""Move tasks of SQS, which take the messages of a dead-letter queue back to their source queue."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Any

from estate_tool.core.errors import Failed
from estate_tool.core.text import counted

if TYPE_CHECKING:
    from collections.abc import Callable

_PAUSE_SECONDS = 0.5
_HIGHEST_RATE = 500  # "StartMessageMoveTask" in the API reference


def running_move(sqs: Any, source_arn: str) -> dict[str, Any] | None:
    """Return the task that is moving the queue's messages, if there is one."""
    task = _latest(sqs, source_arn)
    return task if task and task["Status"] == "RUNNING" else None


def start_move(sqs: Any, source_arn: str, target_arn: str, rate: int | None) -> None:
    """Start a task, which continues when this process ends."""
    limit = {"MaxNumberOfMessagesPerSecond": min(rate, _HIGHEST_RATE)} if rate else {}
    # The destination is named: SQS knows the origin only of messages that it moved to the queue itself.
    sqs.start_message_move_task(SourceArn=source_arn, DestinationArn=target_arn, **limit)


def follow_move(sqs: Any, source_arn: str, progress: Callable[[int], None]) -> int:
    """Wait for the queue's task to end and return how many messages it moved; cancel it if interrupted."""
    moved = 0
    try:
        while task := _latest(sqs, source_arn):
            moved = int(task.get("ApproximateNumberOfMessagesMoved", 0))
            progress(moved)
            if task["Status"] == "FAILED":
                reason = task.get("FailureReason", "no reason given")
                raise Failed(
                    f"SQS moved {counted(moved, 'message')} and then gave up: {reason}",
                    "the others are where they were: run the same command again",
                )
            if task["Status"] not in ("RUNNING", "CANCELLING"):
                break
            time.sleep(_PAUSE_SECONDS)
    except KeyboardInterrupt:
        task = running_move(sqs, source_arn)
        if task:
            # It may have ended just now.
            with contextlib.suppress(sqs.exceptions.ClientError):
                sqs.cancel_message_move_task(TaskHandle=task["TaskHandle"])
        raise
    return moved


def _latest(sqs: Any, source_arn: str) -> dict[str, Any] | None:
    tasks = sqs.list_message_move_tasks(SourceArn=source_arn, MaxResults=1).get("Results", ())
    return tasks[0] if tasks else None
