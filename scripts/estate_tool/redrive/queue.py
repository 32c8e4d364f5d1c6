"""Access to a failure queue: a sweep that hides what it looks at, and SQS's own move tasks."""

from __future__ import annotations

import contextlib
import threading
import time
from typing import TYPE_CHECKING, Any, Self

from estate_tool.core.errors import Failed
from estate_tool.core.text import counted
from estate_tool.events.dead_letters import AT_ONCE, set_visibility

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# A message is hidden for so long, and again before that is over for as long as the sweep lasts: when the process is
# killed, they are all back soon. Many messages take longer to hide again.
_HIDDEN_SECONDS, _MESSAGES_PER_SECOND = 10, 50
_LONGEST_HIDDEN = 43_200
_PAUSE_SECONDS = 0.5
_HIGHEST_RATE = 500  # "StartMessageMoveTask" in the API reference


class Sweep:
    """Messages of a queue, hidden until the end of the block; only those that are done are deleted."""

    def __init__(self, sqs: Any, url: str, expected: int) -> None:
        self._sqs = sqs
        self._url = url
        self._expected = expected
        self._seconds = min(_LONGEST_HIDDEN, _HIDDEN_SECONDS + expected // _MESSAGES_PER_SECOND)
        self._held: dict[str, str] = {}
        self._own: set[str] = set()
        self._end = threading.Event()
        self._keeper = threading.Thread(target=self._keep, daemon=True, name="keep-hidden")

    def __enter__(self) -> Self:
        self._keeper.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._keeper.join()
        self._hide(0)

    def messages(self) -> Iterator[dict[str, Any]]:
        """Yield each message once, except those that were put back here."""
        count = 0
        # What goes on failing while we work is for the next time.
        while count < 2 * self._expected + 100:
            received = self._sqs.receive_message(
                QueueUrl=self._url, MaxNumberOfMessages=AT_ONCE, VisibilityTimeout=self._seconds,
                # Long polling asks all of SQS's servers: when it finds nothing, there is nothing.
                WaitTimeSeconds=1 if count < self._expected else 0,
                AttributeNames=["All"], MessageAttributeNames=["All"],
            ).get("Messages", ())  # fmt: skip
            new = [one for one in received if one["MessageId"] not in self._held and one["MessageId"] not in self._own]
            self._held.update((message["MessageId"], message["ReceiptHandle"]) for message in received)
            if not received:
                return
            count += len(new)
            yield from new

    def done(self, message: dict[str, Any]) -> None:
        """Delete a message whose work is done."""
        handle = self._held.pop(message["MessageId"])
        self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=handle)

    def put(self, url: str, message: dict[str, Any], attributes: dict[str, Any]) -> None:
        """Send a message anew, into this queue or another one, and only then delete it here."""
        sent = self._sqs.send_message(QueueUrl=url, MessageBody=message["Body"], MessageAttributes=attributes)
        self._own.add(sent["MessageId"])
        self.done(message)

    def put_back(self, message: dict[str, Any], attributes: dict[str, Any]) -> None:
        """Give a message other attributes; the same sweep does not meet it again."""
        self.put(self._url, message, attributes)

    def _keep(self) -> None:
        while not self._end.wait(self._seconds / 3):
            self._hide(self._seconds)

    def _hide(self, seconds: int) -> None:
        set_visibility(self._sqs, self._url, list(self._held.values()), seconds)


def running_move(sqs: Any, source_arn: str) -> dict[str, Any] | None:
    """Return the task that is moving the queue's messages now, if there is one."""
    task = _latest(sqs, source_arn)
    return task if task and task["Status"] == "RUNNING" else None


def start_move(sqs: Any, source_arn: str, target_arn: str, rate: int | None) -> None:
    """Start a task; it goes on without us."""
    pace = {"MaxNumberOfMessagesPerSecond": min(rate, _HIGHEST_RATE)} if rate else {}
    # Named, because SQS knows the origin only of messages that it brought here itself.
    sqs.start_message_move_task(SourceArn=source_arn, DestinationArn=target_arn, **pace)


def follow_move(sqs: Any, source_arn: str, progress: Callable[[int], None]) -> int:
    """Wait for the queue's task to end; how many messages it moved. Interrupted, it cancels the task."""
    moved = 0
    try:
        while task := _latest(sqs, source_arn):
            moved = int(task.get("ApproximateNumberOfMessagesMoved", 0))
            progress(moved)
            if task["Status"] == "FAILED":
                reason = task.get("FailureReason", "it does not say why")
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
