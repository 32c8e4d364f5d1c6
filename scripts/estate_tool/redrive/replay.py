"""Replay of failure queues: a message is deleted when its work is done, or done anew elsewhere."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from estate_tool.core.retries import code_of
from estate_tool.core.text import counted
from estate_tool.core.untrusted import foreign_because, mapping, name_of
from estate_tool.events.dead_letters import depth, records
from estate_tool.redrive.messages import Explanations, Kind, read
from estate_tool.redrive.queue import Sweep, follow_move, running_move, start_move
from estate_tool.redrive.results import MissingResult, QueueResult
from estate_tool.redrive.unaccounted import batches, bring_in, invoke, replay_payload
from foundation.catalog import CATALOG
from foundation.model import StreamTrigger

if TYPE_CHECKING:
    from collections.abc import Callable

    from estate_tool.console.progress import Progress
    from estate_tool.core.environment import Environment
    from estate_tool.redrive.messages import FailedMessage, FailureQueue

# What SQS and Lambda say of a message or payload that they do not take from any sender.
_REFUSED = {
    "InvalidParameterValue", "InvalidParameterValueException", "InvalidMessageContents", "InvalidAttributeValue",
    "MessageTooLong", "RequestTooLargeException", "InvalidRequestContentException",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Options:
    """Selection of failures to replay. Times are seconds since 1970; after `most_replays` a failure is held back."""

    dry_run: bool = False
    quarantined: bool = False
    most_replays: int = 3
    error: str = ""
    event_type: str = ""
    since: float | None = None
    until: float | None = None
    rate: int | None = None

    @property
    def filtered(self) -> bool:
        """True if only some failures are selected."""
        return bool(self.error or self.event_type or self.since is not None or self.until is not None)

    def matches(self, failure: FailedMessage) -> bool:
        """True if a failure is one of those asked for."""
        return (
            self.error.lower() in failure.error.lower()
            and self.event_type in ("", failure.event_type)
            and (self.since is None or failure.failed_at >= self.since)
            and (self.until is None or failure.failed_at < self.until)
        )

    def holds_back(self, failure: FailedMessage) -> bool:
        """True if a failure is in quarantine: it failed again and again, or can't but fail."""
        return failure.hopeless or failure.replays >= self.most_replays


class Pace:
    """Lets so many through per second; without a rate, all."""

    def __init__(
        self, rate: int | None, clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._rate = rate
        self._clock = clock
        self._sleep = sleep
        self._free_at = clock()

    def wait(self, count: int = 1) -> None:
        """Return when so many more may go."""
        if self._rate is None:
            return
        now = self._clock()
        if self._free_at > now:
            self._sleep(self._free_at - now)
        self._free_at = max(self._free_at, now) + count / self._rate


class Redrive:
    """Goes through failure queues of an environment."""

    def __init__(self, environment: Environment, options: Options, pace: Pace, progress: Progress) -> None:
        self._environment = environment
        self._names = environment.names
        self._sqs = environment.client("sqs")
        self._options = options
        self._pace = pace
        self._progress = progress
        self._explanations = Explanations(environment.client("logs"), environment.names)
        self._urls: dict[str, str] = {}

    def exists(self, queue: FailureQueue) -> bool:
        """True if the queue is deployed."""
        return depth(self._sqs, self._names.dead_letter_queue(queue.name)) is not None

    def run(self, queue: FailureQueue, result: QueueResult) -> None:
        """Explain what is in the queue and, unless it is a dry run, replay what is selected; all of it into `result`.

        The messages of a source queue are moved by SQS if all of them are to go: a move task can't choose.
        """
        if queue.source and not self._options.dry_run:
            if running_move(self._sqs, self._arn(result.queue)):
                self._move(queue.source, result, start=False)
                return
            if not self._options.filtered:
                seen = QueueResult(queue=result.queue)
                self._sweep(queue, seen, dry_run=True)
                if seen.selected == seen.messages > 0 and all(kind == Kind.MESSAGE for kind, *_ in seen.reasons):
                    vars(result).update(vars(seen))
                    self._move(queue.source, result, start=True)
                    return
        self._sweep(queue, result, dry_run=self._options.dry_run)

    def _move(self, source: str, result: QueueResult, *, start: bool) -> None:
        arn = self._arn(result.queue)
        if start:
            start_move(self._sqs, arn, self._arn(self._names.queue(source)), self._options.rate)
        result.way = "a move task of SQS" if start else "a move task of SQS that was under way"
        moved = follow_move(
            self._sqs, arn, lambda count: self._progress.show(lambda: f"{counted(count, 'message')} moved")
        )
        result.messages = max(result.messages, moved)
        result.replayed = moved

    def _sweep(self, queue: FailureQueue, result: QueueResult, *, dry_run: bool) -> None:
        waiting = depth(self._sqs, result.queue)
        if not waiting:
            return
        late: list[FailedMessage] = []
        table = self._stream_table(queue)
        with Sweep(self._sqs, self._url(result.queue), waiting) as sweep:
            for message in sweep.messages():
                failure = read(message, queue, self._explanations, table)
                if not self._selects(failure, queue, result) or dry_run:
                    continue
                self._pace.wait()
                self._one_or_refused(failure, queue, sweep, result, late)
                self._progress.show(lambda: f"{result.queue}: {result.replayed:,} of {waiting:,} replayed")
            if late:
                self._from_the_table(late, sweep, result)

    def _selects(self, failure: FailedMessage, queue: FailureQueue, result: QueueResult) -> bool:
        """True if the failure is to be replayed; counts it."""
        held = self._options.holds_back(failure)
        wanted = self._options.matches(failure) and failure.kind != Kind.UNKNOWN
        selected = wanted and (not held or self._options.quarantined)
        result.record(failure, queue, quarantined=held, selected=selected)
        return selected

    def _one_or_refused(
        self, failure: FailedMessage, queue: FailureQueue, sweep: Sweep, result: QueueResult, late: list[FailedMessage]
    ) -> None:
        """Replay a message; one that AWS itself refuses stays where it is, and keeps no other from being replayed."""
        try:
            self._one(failure, queue, sweep, result, late)
        except ClientError as error:
            if code_of(error) not in _REFUSED:
                raise
            result.failed += 1
            result.record_refusal(failure, str(error))

    def _one(
        self, failure: FailedMessage, queue: FailureQueue, sweep: Sweep, result: QueueResult, late: list[FailedMessage]
    ) -> None:
        if failure.kind == Kind.MESSAGE and queue.source:
            sweep.put(self._url(self._names.queue(queue.source)), failure.message, failure.attributes())
            result.replayed += 1
            return
        if failure.batch:
            complete, error = self._batch(failure, queue, result)
            if not complete and not error:
                late.append(failure)
                return
        else:
            error = invoke(self._environment, queue.function, failure.request)
        self._settle(failure, error, sweep, result)

    def _settle(self, failure: FailedMessage, error: str, sweep: Sweep, result: QueueResult) -> None:
        """Delete the message whose work is done, or put it back with one failure more."""
        if not error:
            sweep.done(failure.message)
            result.replayed += 1
            return
        sweep.put_back(failure.message, failure.attributes(error))
        result.failed += 1
        result.quarantined += failure.replays + 1 == self._options.most_replays

    def _is_foreign(self, record: dict[str, Any], result: QueueResult) -> bool:
        """True for the record of an item that ingest did not store: no function can take it, now or later."""
        image = mapping(mapping(record.get("dynamodb")).get("NewImage"))
        reason = foreign_because(image)
        if reason:
            result.foreign.record(name_of(image), reason)
        return bool(reason)

    def _batch(self, failure: FailedMessage, queue: FailureQueue, result: QueueResult) -> tuple[bool, str]:
        """Hand the records to the function; whether the stream had them all, and the last error."""
        complete, error = False, ""

        def inserted() -> Any:
            nonlocal complete
            assert failure.batch
            found = records(self._environment.client("dynamodbstreams"), failure.batch)
            while True:
                try:
                    record = next(found)
                except StopIteration as end:
                    complete = end.value
                    return
                # As the mapping's filter: repairs and deletions are no events.
                if record["eventName"] == "INSERT" and not self._is_foreign(record, result):
                    yield record

        for batch in batches(inserted()):
            error = invoke(self._environment, queue.function, replay_payload(batch)) or error
        return complete, error

    def _from_the_table(self, failures: list[FailedMessage], sweep: Sweep, result: QueueResult) -> None:
        """Aggregate what was stored at the time of batches that the stream no longer has, and never aggregated."""
        arrivals = [failure.arrivals for failure in failures]
        span = (min(first for first, _ in arrivals), max(last for _, last in arrivals))
        found = MissingResult()
        bring_in(self._environment, self._pace, found, arrived=span)
        result.foreign.add(found.foreign)
        for failure in failures:
            self._settle(failure, found.error, sweep, result)

    def _stream_table(self, queue: FailureQueue) -> str:
        """Return the table whose stream the queue's function reads, by its name in AWS; "" if it reads none."""
        trigger = next(function.trigger for function in CATALOG.functions if function.name == queue.function)
        return self._names.table(trigger.table) if isinstance(trigger, StreamTrigger) else ""

    def _url(self, queue: str) -> str:
        if queue not in self._urls:
            self._urls[queue] = str(self._sqs.get_queue_url(QueueName=queue)["QueueUrl"])
        return self._urls[queue]

    def _arn(self, queue: str) -> str:
        answer = self._sqs.get_queue_attributes(QueueUrl=self._url(queue), AttributeNames=["QueueArn"])
        return str(answer["Attributes"]["QueueArn"])
