"""Replay of failure queues: a message is deleted once its work is done, or its copy is in another queue."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from estate_tool.core.retries import code_of
from estate_tool.core.text import counted
from estate_tool.core.untrusted import mapping
from estate_tool.events.dead_letters import BatchRecords, Sweep, depth
from estate_tool.events.settlement import stream_table
from estate_tool.redrive.messages import Explanations, Kind, read
from estate_tool.redrive.move_task import follow_move, running_move, start_move
from estate_tool.redrive.results import MissingResult, QueueResult
from estate_tool.redrive.unaccounted import batches, bring_in, invoke, replay_payload

if TYPE_CHECKING:
    from collections.abc import Callable

    from estate_tool.console.progress import Progress
    from estate_tool.core.environment import Environment
    from estate_tool.events.dead_letters import BatchRange
    from estate_tool.redrive.messages import FailedMessage, FailureQueue

# Errors of SQS and Lambda for a message or payload that they take from no sender.
_REFUSED = {
    "InvalidParameterValue", "InvalidParameterValueException", "InvalidMessageContents", "InvalidAttributeValue",
    "MessageTooLong", "RequestTooLargeException", "InvalidRequestContentException",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Options:
    """Selection of failures to replay. Times are seconds since 1970; `most_replays` in vain quarantine a failure."""

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
        """True if the failure passes the filters."""
        return (
            self.error.lower() in failure.error.lower()
            and self.event_type in ("", failure.event_type)
            and (self.since is None or failure.failed_at >= self.since)
            and (self.until is None or failure.failed_at < self.until)
        )

    def quarantines(self, failure: FailedMessage) -> bool:
        """True if the failure is in quarantine: it was replayed in vain too often, or no replay can succeed."""
        return failure.hopeless or failure.replays >= self.most_replays


class RateLimit:
    """Rate limit of so many per second; none without a rate."""

    def __init__(
        self, rate: int | None, clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._rate = rate
        self._clock = clock
        self._sleep = sleep
        self._free_at = clock()

    def wait(self, count: int = 1) -> None:
        """Return when so many more are allowed."""
        if self._rate is None:
            return
        now = self._clock()
        if self._free_at > now:
            self._sleep(self._free_at - now)
        self._free_at = max(self._free_at, now) + count / self._rate


class Replay:
    """Replay of one failure queue, counted in `result`."""

    def __init__(
        self, environment: Environment, queue: FailureQueue, result: QueueResult, *,
        options: Options, limit: RateLimit, progress: Progress,
    ) -> None:  # fmt: skip
        self._environment = environment
        self._queue = queue
        self._result = result
        self._options = options
        self._limit = limit
        self._progress = progress
        self._sqs = environment.client("sqs")
        self._explanations = Explanations(environment.client("logs"), environment.names.log_group(queue.function))

    def run(self) -> None:
        """Explain the messages of the queue and, unless it is a dry run, replay the selected ones.

        The messages of a source queue are moved by SQS if all of them are selected: a move task can't choose.
        """
        if self._queue.source and not self._options.dry_run:
            under_way = running_move(self._sqs, self._arn(self._url)) is not None
            if under_way or self._all_selected():
                self._move(start=not under_way)
                return
        self._sweep(self._result, dry_run=self._options.dry_run)

    def _all_selected(self) -> bool:
        """Return True, with the messages counted in the result, if every one is to go back to the source queue."""
        if self._options.filtered:
            return False
        seen = QueueResult(queue=self._result.queue)
        self._sweep(seen, dry_run=True)
        if not seen.selected == seen.messages > 0 or any(kind != Kind.MESSAGE for kind, *_ in seen.reasons):
            return False
        vars(self._result).update(vars(seen))
        return True

    def _move(self, *, start: bool) -> None:
        arn, result = self._arn(self._url), self._result
        if start:
            start_move(self._sqs, arn, self._arn(self._source_url), self._options.rate)
        result.way = "a move task of SQS" if start else "a move task of SQS that was under way"
        moved = follow_move(
            self._sqs, arn, lambda count: self._progress.show(lambda: f"{counted(count, 'message')} moved")
        )
        result.messages = max(result.messages, moved)
        result.replayed = moved

    def _sweep(self, result: QueueResult, *, dry_run: bool) -> None:
        waiting = depth(self._sqs, result.queue)
        if not waiting:
            return
        expired: list[FailedMessage] = []
        table = stream_table(self._queue.function)
        with Sweep(self._sqs, self._url, waiting) as sweep:
            for message in sweep.messages():
                failure = read(message, self._queue, self._explanations, table and self._environment.names.table(table))
                if not self._selects(failure, result) or dry_run:
                    continue
                self._limit.wait()
                try:
                    if not self._replay(failure, sweep):
                        expired.append(failure)
                except ClientError as error:
                    # A message that AWS itself refuses stays in the queue; the others are replayed.
                    if code_of(error) not in _REFUSED:
                        raise
                    result.record_refusal(failure, str(error))
                self._progress.show(lambda: f"{result.queue}: {result.replayed:,} of {waiting:,} replayed")
            if expired:
                self._replay_from_table(expired, sweep)

    def _selects(self, failure: FailedMessage, result: QueueResult) -> bool:
        """True if the failure is to be replayed; counts it."""
        quarantined = self._options.quarantines(failure)
        wanted = self._options.matches(failure) and failure.kind != Kind.UNKNOWN
        selected = wanted and (not quarantined or self._options.quarantined)
        result.record(failure, self._queue, quarantined=quarantined, selected=selected)
        return selected

    def _replay(self, failure: FailedMessage, sweep: Sweep) -> bool:
        """Replay a message; return False for a batch of which the stream no longer has all records."""
        if failure.kind == Kind.MESSAGE:
            sweep.put(self._source_url, failure.message, failure.attributes())
            self._result.replayed += 1
            return True
        if failure.batch:
            complete, error = self._replay_batch(failure.batch)
            if not complete and not error:
                return False
        else:
            error = invoke(self._environment, self._queue.function, failure.request)
        self._settle(failure, error, sweep)
        return True

    def _settle(self, failure: FailedMessage, error: str, sweep: Sweep) -> None:
        """Delete the message whose work is done, or put it back with one failure more."""
        if not error:
            sweep.done(failure.message)
            self._result.replayed += 1
            return
        sweep.put_back(failure.message, failure.attributes(error))
        self._result.failed += 1
        self._result.quarantined += failure.replays + 1 == self._options.most_replays

    def _replay_batch(self, batch: BatchRange) -> tuple[bool, str]:
        """Hand the records to the function; return True if the stream had them all, and the last error."""
        error = ""
        found = BatchRecords(self._environment.client("dynamodbstreams"), batch)
        # As the mapping's filter: repairs and deletions are no events.
        inserted = (record for record in found if record["eventName"] == "INSERT" and not self._is_foreign(record))
        for part in batches(inserted):
            error = invoke(self._environment, self._queue.function, replay_payload(part)) or error
        return found.complete, error

    def _is_foreign(self, record: dict[str, Any]) -> bool:
        """True for the record of an item that ingest did not store, which no function can ever take."""
        return self._result.foreign.record_if_foreign(mapping(mapping(record.get("dynamodb")).get("NewImage")))

    def _replay_from_table(self, failures: list[FailedMessage], sweep: Sweep) -> None:
        """Aggregate the events that were stored at the time of these batches and never aggregated."""
        arrivals = [failure.arrivals for failure in failures]
        span = (min(first for first, _ in arrivals), max(last for _, last in arrivals))
        found = MissingResult(foreign=self._result.foreign)
        bring_in(self._environment, self._limit, found, arrived=span)
        for failure in failures:
            self._settle(failure, found.error, sweep)

    @cached_property
    def _url(self) -> str:
        return str(self._sqs.get_queue_url(QueueName=self._result.queue)["QueueUrl"])

    @cached_property
    def _source_url(self) -> str:
        queue = self._environment.names.queue(str(self._queue.source))
        return str(self._sqs.get_queue_url(QueueName=queue)["QueueUrl"])

    def _arn(self, url: str) -> str:
        answer = self._sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
        return str(answer["Attributes"]["QueueArn"])
