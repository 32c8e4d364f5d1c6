"""Failed events as they lie in a failure queue: what each one is, and why, when and how often it failed."""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple

from estate_tool.lost_batches import Range, batch_range
from foundation.catalog import CATALOG
from foundation.model import QueueTrigger
from shared.events import InvalidEvent, parse

if TYPE_CHECKING:
    from collections.abc import Iterator

    from estate_tool.redrive.explanations import Explanations

# Attributes of messages: the first three are Lambda's ("Dead-letter queues"), the others count what redrive did.
REQUEST, CODE, ERROR = "RequestID", "ErrorCode", "ErrorMessage"
REPLAYS, FAILED_AT = "Replays", "FailedAt"


class Kind(StrEnum):
    """What a message in a failure queue is."""

    MESSAGE = "message"
    """A message of a queue that its consumer could not process."""
    ASYNC = "async"
    """The payload of an asynchronous invocation that failed."""
    STREAM = "stream"
    """Where in a stream the records lie that a function could not process."""
    UNKNOWN = "unknown"


class FailureQueue(NamedTuple):
    """Where failures end: dlq-PURPOSE-SUFFIX."""

    purpose: str
    function: str
    source: str | None
    """The queue whose messages end here; None for a function's own failure queue."""
    most_receives: int = 0
    """After so many vain deliveries a message of the source ended here."""


def failure_queues() -> Iterator[FailureQueue]:
    """Every failure queue of the catalog."""
    for queue in CATALOG.queues:
        yield FailureQueue(queue.name, CATALOG.consumer(queue.name).name, queue.name, queue.max_receive_count)
    for function in CATALOG.functions:
        if not isinstance(function.trigger, QueueTrigger):
            yield FailureQueue(function.name, function.name, None)


@dataclass(frozen=True, kw_only=True)
class Letter:
    """A failed event, or a batch of them."""

    kind: Kind
    message: dict[str, Any]
    error: str
    failed_at: float
    """When it failed, in seconds since 1970; for a queue's message, when it was sent."""
    attempts: int | None
    """How often it was tried before it ended here, as far as AWS tells."""
    replays: int
    """How often it was replayed in vain."""
    payload: Any = None
    batch: Range | None = None
    event_type: str | None = None
    hopeless: bool = False
    """Whether no replay can succeed."""

    @property
    def arrivals(self) -> tuple[float, float]:
        """When a batch's first and last record came into the stream."""
        told = json.loads(self.message["Body"])["DDBStreamBatchInfo"]
        first, last = (
            told.get(f"approximateArrivalOf{which}Record") or told.get("timestamp") for which in ("First", "Last")
        )
        return _moment(first, 0.0), _moment(last, self.failed_at)

    def attributes(self, error: str = "") -> dict[str, Any]:
        """The message's attributes for the next time: one replay more, and the latest error."""
        kept = dict(self.message.get("MessageAttributes") or {})
        values = {REPLAYS: str(self.replays + 1), FAILED_AT: f"{self.failed_at:.3f}", ERROR: _clean(error)}
        return kept | {name: {"DataType": "String", "StringValue": value} for name, value in values.items() if value}


def read(message: dict[str, Any], queue: FailureQueue, explanations: Explanations) -> Letter:
    """What a received message is, with the reason that the function's log has for it if the message has none."""
    told = {name: value.get("StringValue", "") for name, value in (message.get("MessageAttributes") or {}).items()}
    system = message.get("Attributes") or {}
    letter = Letter(
        kind=Kind.UNKNOWN,
        message=message,
        error="not a failure as AWS writes it",
        failed_at=float(told.get(FAILED_AT) or int(system.get("SentTimestamp", 0)) / 1000),
        # SQS goes on counting here, whoever looks at the message.
        attempts=min(int(system.get("ApproximateReceiveCount", 1)), queue.most_receives) or None,
        replays=int(told.get(REPLAYS) or 0),
        hopeless=True,
    )
    if REQUEST in told and CODE in told:
        error = told.get(ERROR) or "the log says why"
        payload = _json(message["Body"])
        return replace(letter, kind=Kind.ASYNC, error=error, payload=payload, attempts=None, hopeless=False)
    if queue.source:
        return _of_queue(letter, queue, explanations)
    body = _json(message["Body"])
    return _of_function(letter, body, told, queue, explanations) if isinstance(body, dict) else letter


def _of_queue(letter: Letter, queue: FailureQueue, explanations: Explanations) -> Letter:
    try:
        event = parse(letter.message["Body"])
    except InvalidEvent as error:
        return replace(letter, kind=Kind.MESSAGE, error=str(error))
    why = explanations.of_message(queue.function, letter.message["MessageId"], letter.failed_at)
    error = why or "a valid event that could not be stored; the log no longer says why"
    return replace(letter, kind=Kind.MESSAGE, error=error, event_type=event.type, hopeless=False)


def _of_function(
    letter: Letter, body: dict[str, Any], told: dict[str, str], queue: FailureQueue, explanations: Explanations
) -> Letter:
    """What Lambda writes to a failure destination: of a stream where the records lie, of an invocation its payload."""
    context = body.get("requestContext") or {}
    letter = replace(
        letter,
        attempts=context.get("approximateInvokeCount"),
        failed_at=_moment(body.get("timestamp"), letter.failed_at),
    )
    error = told.get(ERROR, "")
    if batch := batch_range(letter.message["Body"]):
        error = error or explanations.of_batch(queue.function, batch, letter.failed_at)
        error = error or f"{context.get('condition', 'given up')}; the log no longer says why"
        return replace(letter, kind=Kind.STREAM, error=error, batch=batch, hopeless=False)
    if "requestPayload" in body:
        answer = body.get("responsePayload")
        error = error or str((answer.get("errorMessage") if isinstance(answer, dict) else "") or "")
        error = error or str(context.get("condition", "failed"))
        return replace(letter, kind=Kind.ASYNC, error=error, payload=body["requestPayload"], hopeless=False)
    return letter


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


def _moment(text: str | None, otherwise: float) -> float:
    with contextlib.suppress(TypeError, ValueError):
        return datetime.fromisoformat(text or "").timestamp()
    return otherwise


def _clean(text: str) -> str:
    """A text that SQS takes as an attribute."""
    return "".join(character if character.isprintable() else " " for character in text)[:500]
