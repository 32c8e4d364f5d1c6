"""Failed messages in failure queues: kind, reason, time and attempts of each."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from estate_tool.core.retries import code_of
from estate_tool.core.untrusted import decoded, is_json, mapping, member, moment, seconds, text_of, whole
from estate_tool.events.dead_letters import SEQUENCE_NUMBER, BatchRange, batch_range
from foundation.catalog import CATALOG
from foundation.model import QueueTrigger
from shared.dead_letters import SOURCE_ID
from shared.events import InvalidEvent, parse

if TYPE_CHECKING:
    from collections.abc import Iterator

# A log is read from an hour before the first failure on, and up to so many pages: nothing depends on it.
_SECONDS_BEFORE, _MOST_PAGES = 3600.0, 20
# Without permission to read it, or without its log group, failures are listed all the same.
_UNREADABLE = {"ResourceNotFoundException", "AccessDeniedException"}
# Attributes of messages: the first three are Lambda's ("Dead-letter queues"), the others are redrive's.
REQUEST, CODE, ERROR = "RequestID", "ErrorCode", "ErrorMessage"
REPLAYS, FAILED_AT = "Replays", "FailedAt"
# Attributes of EventBridge Scheduler's dead letters ("Configuring a schedule's dead-letter queue").
SCHEDULED_TIME, EXECUTION = "SCHEDULED_TIME", "EXECUTION_ID"
SCHEDULE, SCHEDULE_CODE, SCHEDULE_ERROR, RETRIES = "SCHEDULE_ARN", "ERROR_CODE", "ERROR_MESSAGE", "RETRY_ATTEMPTS"
_OURS = (REPLAYS, FAILED_AT, REQUEST, CODE, ERROR, SCHEDULE, SCHEDULED_TIME, EXECUTION)
# "Amazon SQS message metadata".
_MOST_ATTRIBUTES = 10


class Explanations:
    """Reasons of failures in a function's log, which is read once, from an hour before the first failure on."""

    def __init__(self, logs: Any, group: str) -> None:
        self._logs = logs
        self._group = group
        self._is_read = False
        self._of_messages: dict[str, str] = {}
        self._of_records: dict[int, str] = {}
        self._latest = ""

    def of_message(self, message_id: str, around: float) -> str:
        """Return the reason that was logged of a message, else the last general failure."""
        self._read(around)
        return self._of_messages.get(message_id) or self._latest

    def of_batch(self, batch: BatchRange, around: float) -> str:
        """Return the reason that was logged of a record of the batch, else the last general failure."""
        self._read(around)
        first, last = int(batch.first), int(batch.last)
        own = (reason for number, reason in self._of_records.items() if first <= number <= last)
        return next(own, "") or self._latest

    def _read(self, around: float) -> None:
        if self._is_read:
            return
        self._is_read = True
        pages = self._logs.get_paginator("filter_log_events").paginate(
            logGroupName=self._group, filterPattern="ERROR", startTime=max(0, int((around - _SECONDS_BEFORE) * 1000))
        )
        try:
            for page in islice(pages, _MOST_PAGES):
                for event in page.get("events", ()):
                    self._note(mapping(decoded(event["message"])))
        except self._logs.exceptions.ClientError as error:
            if code_of(error) not in _UNREADABLE:
                raise

    def _note(self, entry: dict[str, Any]) -> None:
        reason, number = text_of(entry.get("reason")), text_of(entry.get("sequenceNumber"))
        if entry.get("level") != "ERROR" or not reason:
            return
        if "messageId" in entry:
            self._of_messages[text_of(entry["messageId"])] = reason
        elif SEQUENCE_NUMBER.fullmatch(number):
            self._of_records[int(number)] = reason
        else:
            self._latest = reason


class Kind(StrEnum):
    """Kind of a message in a failure queue."""

    MESSAGE = "message"
    """A message of a queue that its consumer could not process."""
    ASYNC = "async"
    """The payload of an asynchronous invocation that failed."""
    STREAM = "stream"
    """Range of a stream's records that a function could not process."""
    UNKNOWN = "unknown"


class FailureQueue(NamedTuple):
    """Failure queue `dlq-NAME-SUFFIX`."""

    name: str
    function: str
    source: str | None
    """The queue whose messages end here; None for a function's own failure queue."""


def failure_queues() -> Iterator[FailureQueue]:
    """Yield every failure queue of the catalog."""
    for queue in CATALOG.queues:
        yield FailureQueue(queue.name, CATALOG.consumer(queue.name).name, queue.name)
    for function in CATALOG.functions:
        if not isinstance(function.trigger, QueueTrigger):
            yield FailureQueue(function.name, function.name, None)


@dataclass(frozen=True, kw_only=True)
class FailedMessage:
    """A failed event, or a batch of them."""

    kind: Kind
    message: dict[str, Any]
    error: str
    failed_at: float
    """When it failed, in seconds since 1970; for a queue's message, when it was sent."""
    attempts: int | None
    """How often it was tried before it ended here, as far as AWS reports it."""
    replays: int
    """How often it was replayed in vain."""
    request: bytes = b"null"
    """Payload of the failed invocation as it was received: no number in it was parsed and written anew."""
    batch: BatchRange | None = None
    event_type: str | None = None
    hopeless: bool = False
    """Whether no replay can succeed."""

    @property
    def arrivals(self) -> tuple[float, float]:
        """Times of arrival of a batch's first and last record in the stream."""
        batch = mapping(mapping(decoded(self.message["Body"])).get("DDBStreamBatchInfo"))
        first, last = (
            batch.get(f"approximateArrivalOf{which}Record") or batch.get("timestamp") for which in ("First", "Last")
        )
        return moment(first, 0.0), moment(last, self.failed_at)

    def attributes(self, error: str = "") -> dict[str, Any]:
        """Return the message's attributes for the next time: one replay more, and the latest error.

        Beyond the number that SQS allows, attributes of the sender are dropped.
        """
        kept = dict(self.message.get("MessageAttributes") or {})
        values = {REPLAYS: str(self.replays + 1), FAILED_AT: f"{self.failed_at:.3f}", ERROR: _clean(error)}
        kept |= {name: {"DataType": "String", "StringValue": value} for name, value in values.items() if value}
        ours = {name: kept[name] for name in _OURS if name in kept}
        return dict(list((ours | kept).items())[:_MOST_ATTRIBUTES])


def read(message: dict[str, Any], queue: FailureQueue, explanations: Explanations, table: str = "") -> FailedMessage:
    """Classify a received message, with the reason from the function's log if the message has none.

    The message is untrusted. With `table`, only records of that table's stream are a batch.
    """
    attributes = {
        name: text_of(mapping(value).get("StringValue", ""))
        for name, value in mapping(message.get("MessageAttributes")).items()
    }
    system = mapping(message.get("Attributes"))
    sent = whole(system.get("SentTimestamp")) / 1000
    failure = FailedMessage(
        kind=Kind.UNKNOWN,
        message=message,
        error="not a failure as AWS writes it",
        failed_at=seconds(attributes.get(FAILED_AT), sent),
        # SQS's own count of receives grows with each look at the message.
        attempts=None,
        replays=whole(attributes.get(REPLAYS)),
        hopeless=True,
    )
    if queue.source:
        return _of_queue(failure, attributes, explanations)
    if SCHEDULE in attributes and is_json(message["Body"]):
        return _of_schedule(failure, attributes)
    if _is_async(attributes) and is_json(message["Body"]):
        return _async(failure, attributes)
    body = decoded(message["Body"])
    return _of_function(failure, body, attributes, explanations, table) if isinstance(body, dict) else failure


def _is_async(attributes: dict[str, str]) -> bool:
    """True if Lambda's attributes are there. Any sender can set them; on an event they mean nothing."""
    return REQUEST in attributes and CODE in attributes


def _async(failure: FailedMessage, attributes: dict[str, str]) -> FailedMessage:
    """Return the payload of an asynchronous invocation, unchanged: no number in it is parsed and written anew."""
    error = attributes.get(ERROR) or "the reason is in the log"
    body = failure.message["Body"]
    return replace(
        failure,
        kind=Kind.ASYNC,
        error=error,
        request=body.encode(),
        hopeless=False,
    )


def _of_schedule(failure: FailedMessage, attributes: dict[str, str]) -> FailedMessage:
    """Return a call that EventBridge Scheduler gave up, to be made for the same scheduled time."""
    body = failure.message["Body"]
    for name, key in (("schedule-arn", SCHEDULE), ("scheduled-time", SCHEDULED_TIME), ("execution-id", EXECUTION)):
        # Placeholders that the scheduler left in the payload are replaced by its attributes.
        body = body.replace(f"<aws.scheduler.{name}>", json.dumps(attributes.get(key, ""))[1:-1])
    reason = ": ".join(part for part in (attributes.get(SCHEDULE_CODE), attributes.get(SCHEDULE_ERROR)) if part)
    return replace(
        failure,
        kind=Kind.ASYNC,
        error=attributes.get(ERROR) or reason or "the scheduler gave no reason",
        failed_at=moment(attributes.get(SCHEDULED_TIME), failure.failed_at),
        request=body.encode(),
        attempts=whole(attributes.get(RETRIES)) + 1,
        hopeless=False,
    )


def _of_queue(failure: FailedMessage, attributes: dict[str, str], explanations: Explanations) -> FailedMessage:
    try:
        event = parse(failure.message["Body"])
    except InvalidEvent as error:
        if _is_async(attributes) and is_json(failure.message["Body"]):
            return _async(failure, attributes)
        return replace(failure, kind=Kind.MESSAGE, error=str(error))
    # A message that the consumer sent here has the reason as attribute; of one that SQS moved, the log has it.
    why = attributes.get(ERROR, "") if SOURCE_ID in attributes else ""
    why = why or explanations.of_message(failure.message["MessageId"], failure.failed_at)
    error = why or "a valid event that could not be stored; the reason is no longer in the log"
    return replace(failure, kind=Kind.MESSAGE, error=error, event_type=event.type, hopeless=False)


def _of_function(
    failure: FailedMessage, body: dict[str, Any], attributes: dict[str, str], explanations: Explanations, table: str
) -> FailedMessage:
    """Read Lambda's record of a failure: for a stream the range of records, for an invocation its payload."""
    context = mapping(body.get("requestContext"))
    condition = text_of(context.get("condition"))
    failure = replace(
        failure,
        attempts=whole(context.get("approximateInvokeCount")) or None,
        failed_at=moment(body.get("timestamp"), failure.failed_at),
    )
    error = attributes.get(ERROR, "")
    if batch := batch_range(failure.message["Body"], table):
        error = error or explanations.of_batch(batch, failure.failed_at)
        error = error or f"{condition or 'given up'}; the reason is no longer in the log"
        return replace(failure, kind=Kind.STREAM, error=error, batch=batch, hopeless=False)
    if "requestPayload" in body:
        error = error or text_of(mapping(body.get("responsePayload")).get("errorMessage"))
        error = error or condition or "failed"
        request = member(failure.message["Body"], "requestPayload")
        return replace(failure, kind=Kind.ASYNC, error=error, request=request, hopeless=False)
    return failure


def _clean(text: str) -> str:
    """Return a text that SQS takes as an attribute."""
    return "".join(character if character.isprintable() else " " for character in text)[:500]
