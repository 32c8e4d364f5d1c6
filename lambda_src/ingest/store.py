"""The store of events: each once, however often it is delivered, at one write unit per KB."""

import time
from collections import deque
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, NamedTuple

from shared.aws import AwsError, Caller
from shared.batches import BatchResult, reason_of, text_of
from shared.deadline import Deadline
from shared.events import Event
from shared.pages import PAGE_EVENTS, Slot, attributes_of, new_page

MAX_STATEMENTS = 25
"""Limit of one BatchExecuteStatement (Amazon DynamoDB API Reference)."""
MAX_KEYS = 100
"""Limit of one BatchGetItem (Amazon DynamoDB API Reference)."""
MAX_REQUEST_BYTES = 3_500_000
"""Limit of a request, well below the one of DynamoDB."""
_SECONDS_PER_DAY = 86_400
_ATTRIBUTES = ("event_key", "event", "received_at", "expires_at", "page", "position")
_OPERATION = "BatchExecuteStatement"
_TRANSIENT = {
    "InternalServerError",
    "ProvisionedThroughputExceeded",
    "RequestLimitExceeded",
    "ThrottlingError",
    "TransactionConflict",
}
_HOPELESS = {"ValidationError", "ItemCollectionSizeLimitExceeded"}


class _Insert(NamedTuple):
    event: Event
    item: dict[str, dict[str, str]]

    @property
    def size(self) -> int:
        return len(self.event.text.encode("utf-8"))


class EventStore:
    """The events table. BatchWriteItem would let a duplicate replace its first; an INSERT refuses the duplicate."""

    def __init__(self, client: Caller, table: str, retention_days: int) -> None:
        self._client = client
        self._table = table
        self._statement = f'INSERT INTO "{table}" VALUE {{{", ".join(f"{name!r}: ?" for name in _ATTRIBUTES)}}}'
        self._retention = retention_days * _SECONDS_PER_DAY

    def store(self, events: Sequence[Event], deadline: Deadline) -> BatchResult[Event]:
        """Store the events that are not stored yet; no two of them may have the same key. Never raises because of AWS.

        Where DynamoDB throttles, requests become smaller; events that it still refuses have to be delivered again.
        Repeating a request is harmless: its events then are duplicates. Refusing a duplicate costs as much as a write,
        so if the first request has duplicates only, the other events are looked up before they are written.
        """
        result: BatchResult[Event] = BatchResult()
        waiting = deque(self._inserts(events))
        first = deque(islice(waiting, MAX_STATEMENTS))
        rest = deque(islice(waiting, MAX_STATEMENTS, None))
        self._write(first, result, deadline)
        if rest and len(result.duplicates) == MAX_STATEMENTS:
            rest = self._unknown(rest, result, deadline)
        if result.error:
            result.retry((insert.event for insert in rest), result.error)
        else:
            self._write(rest, result, deadline)
        return result

    def _unknown(self, waiting: Sequence[_Insert], result: BatchResult[Event], deadline: Deadline) -> deque[_Insert]:
        """Return the events that are not stored, as far as an inconsistent read can tell, at half a read unit each.

        One that it misses is refused when it is written. Where the table throttles reads, all are written.
        """
        found: set[str] = set()
        for start in range(0, len(waiting), MAX_KEYS):
            keys = [{"event_key": insert.item["event_key"]} for insert in islice(waiting, start, start + MAX_KEYS)]
            wanted = {self._table: {"Keys": keys, "ProjectionExpression": "event_key"}}
            try:
                answer = self._client.call("BatchGetItem", {"RequestItems": wanted}, deadline)
            except AwsError as error:
                if not error.transient:
                    result.error = error
                break
            found.update(item["event_key"]["S"] for item in answer["Responses"].get(self._table, ()))
        result.duplicates += [insert.event for insert in waiting if insert.item["event_key"]["S"] in found]
        return deque(insert for insert in waiting if insert.item["event_key"]["S"] not in found)

    def _write(self, waiting: deque[_Insert], result: BatchResult[Event], deadline: Deadline) -> None:
        limit, attempt = MAX_STATEMENTS, 0
        while waiting:
            chunk = _next_chunk(waiting, limit)
            try:
                again, error = _outcomes(chunk, self._insert(chunk, deadline), result)
            except AwsError as refusal:
                again, error = _too_much(chunk, refusal, result), refusal
            waiting.extendleft(reversed(again))
            if not again:
                limit, attempt = min(MAX_STATEMENTS, 2 * limit), 0
                continue
            attempt = attempt if len(again) == len(chunk) else 0
            limit = max(1, len(chunk) - len(again), len(chunk) // 2)
            if error.unacceptable:
                continue
            if error.code not in _TRANSIENT or not deadline.pause(attempt):
                result.retry((insert.event for insert in waiting), error)
                break
            attempt += 1

    def _inserts(self, events: Sequence[Event]) -> Iterator[_Insert]:
        now = time.time()
        received = {"S": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now))}
        expires = {"N": str(int(now) + self._retention)}
        page = ""
        for number, event in enumerate(events):
            if number % PAGE_EVENTS == 0:
                page = new_page()
            item = {
                "event_key": {"S": event.key},
                "event": {"S": event.text},
                "received_at": received,
                "expires_at": expires,
                **attributes_of(Slot(page, number % PAGE_EVENTS)),
            }
            yield _Insert(event, item)

    def _insert(self, chunk: list[_Insert], deadline: Deadline) -> list[dict[str, Any]]:
        statements = [
            {"Statement": self._statement, "Parameters": [insert.item[name] for name in _ATTRIBUTES]}
            for insert in chunk
        ]
        answer = self._client.call(_OPERATION, {"Statements": statements}, deadline)
        responses: list[dict[str, Any]] = answer["Responses"]
        return responses


def _outcomes(
    chunk: list[_Insert], responses: Sequence[dict[str, Any]], result: BatchResult[Event]
) -> tuple[list[_Insert], AwsError]:
    """Sort the chunk by the answers of DynamoDB; return the inserts to be tried again, and the reason."""
    again, error = [], AwsError(_OPERATION, "None", "")
    for insert, response in zip(chunk, responses, strict=True):
        problem = response.get("Error")
        code = str(problem.get("Code")) if problem else ""
        if not problem:
            result.done.append(insert.event)
        elif code == "DuplicateItem":
            result.duplicates.append(insert.event)
        elif code in _HOPELESS:
            result.rejected.append((insert.event, text_of(problem)))
        else:
            again.append(insert)
            error = AwsError(_OPERATION, code, str(problem.get("Message", "no message")))
    return again, error


def _too_much(chunk: list[_Insert], error: AwsError, result: BatchResult[Event]) -> list[_Insert]:
    """Return the items of a refused request to try again: all, unless it is one event that can't be stored."""
    if not error.unacceptable or len(chunk) > 1:
        return chunk
    result.rejected.append((chunk[0].event, reason_of(error)))
    return []


def _next_chunk(waiting: deque[_Insert], limit: int) -> list[_Insert]:
    """Take as many as fit a request, at least one."""
    chunk = [waiting.popleft()]
    size = chunk[0].size
    while waiting and len(chunk) < limit and size + waiting[0].size <= MAX_REQUEST_BYTES:
        size += waiting[0].size
        chunk.append(waiting.popleft())
    return chunk
