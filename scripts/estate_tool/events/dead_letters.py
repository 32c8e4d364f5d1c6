"""Looks through a dead-letter queue without taking anything out of it."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Any

from estate_tool.core.retries import code_of
from shared.dead_letters import SOURCE_ID

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

# A received message is hidden from everybody for this long if it is not given back (killed, or too many of them).
HIDDEN_SECONDS = 120
# One look takes at most this long, so that what was seen first is still hidden when the last is.
LOOK_SECONDS = 60.0
# Without a change of its depth, a queue is looked through again after this long: the depth is approximate.
AGAIN_SECONDS = 30.0
_AT_ONCE = 10
_DEPTHS = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible", "ApproximateNumberOfMessagesDelayed")


def depth(sqs: Any, queue: str) -> int | None:
    """About how many messages a queue holds, those in flight included; None if there is no such queue."""
    try:
        url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
        attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=list(_DEPTHS))["Attributes"]
    except sqs.exceptions.QueueDoesNotExist:
        return None
    return sum(int(attributes.get(name, 0)) for name in _DEPTHS)


def source_id(message: dict[str, Any]) -> str:
    """Return the id that a message had in its source queue: its own, unless the consumer sent it here itself."""
    attribute = (message.get("MessageAttributes") or {}).get(SOURCE_ID) or {}
    return str(attribute.get("StringValue") or message["MessageId"])


class DeadLetters:
    """A dead-letter queue. Nothing in it is deleted; what was looked at is visible again at the end of a look.

    One that does not exist is as good as empty: its layer may be away for a while.
    """

    def __init__(self, sqs: Any, queue: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._sqs = sqs
        self._queue = queue
        self._clock = clock
        self._known_depth = 0
        self._looked_at = float("-inf")

    def news(self) -> Generator[dict[str, Any]]:
        """All messages of the queue, or none if they have been looked through and nothing seems to have changed.

        May be closed early; a message may come twice.
        """
        current = depth(self._sqs, self._queue) or 0
        if current == 0 or (current == self._known_depth and self._clock() - self._looked_at < AGAIN_SECONDS):
            return
        self._known_depth = current
        self._looked_at = self._clock()
        with contextlib.suppress(self._sqs.exceptions.QueueDoesNotExist):
            yield from self._look(self._sqs.get_queue_url(QueueName=self._queue)["QueueUrl"], current)

    def _look(self, url: str, expected: int) -> Generator[dict[str, Any]]:
        handles: list[str] = []
        end = self._clock() + LOOK_SECONDS
        try:
            while len(handles) < expected and self._clock() < end:
                messages = self._receive(url)
                handles += [message["ReceiptHandle"] for message in messages]
                yield from messages
                if not messages:
                    break
        finally:
            if self._clock() < end:
                self._give_back(url, handles)
            else:
                # Too many for one look: the ones seen stay hidden for a while, so that the next look sees others.
                self._known_depth = 0

    def _receive(self, url: str) -> Sequence[dict[str, Any]]:
        try:
            answer = self._sqs.receive_message(
                QueueUrl=url,
                MaxNumberOfMessages=_AT_ONCE,
                VisibilityTimeout=HIDDEN_SECONDS,
                # Long polling asks all of SQS's servers; short polling a few, and finds nothing although there is.
                WaitTimeSeconds=1,
                MessageAttributeNames=[SOURCE_ID],
            )
        except self._sqs.exceptions.ClientError as error:
            # So many are in flight already that SQS gives no more out (120,000).
            if code_of(error) == "OverLimit":
                return ()
            raise
        messages: Sequence[dict[str, Any]] = answer.get("Messages", ())
        return messages

    def _give_back(self, url: str, handles: Sequence[str]) -> None:
        for start in range(0, len(handles), _AT_ONCE):
            entries = [
                {"Id": str(number), "ReceiptHandle": handle, "VisibilityTimeout": 0}
                for number, handle in enumerate(handles[start : start + _AT_ONCE])
            ]
            # Somebody may have deleted or redriven one meanwhile; the rest comes back by itself.
            with contextlib.suppress(self._sqs.exceptions.ClientError):
                self._sqs.change_message_visibility_batch(QueueUrl=url, Entries=entries)
