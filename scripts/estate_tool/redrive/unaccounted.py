"""Events that were stored and never aggregated: found by the records of their pages, aggregated from their table."""

from __future__ import annotations

import base64
import json
import time
from datetime import datetime
from typing import TYPE_CHECKING, Any

from estate_tool.core import retries
from estate_tool.core.retries import is_throttled
from estate_tool.core.text import counted, utc_time
from estate_tool.core.untrusted import decoded, mapping
from estate_tool.events import invocation
from estate_tool.events.counted import CountedEvents
from estate_tool.events.settlement import AGGREGATION, PAGES, stream_table
from shared.batches import batches_within

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from estate_tool.core.environment import Environment
    from estate_tool.redrive.replay import RateLimit
    from estate_tool.redrive.results import MissingResult

# An invocation takes 6 MB ("Lambda quotas"), and a batch of a stream as many records as its mapping allows.
_LARGEST_BYTES, _MOST_RECORDS = 4_000_000, 500
# One page of the table at a time is in memory: 1 MB at most ("Scan" in the API reference).
_ITEMS_PER_PAGE = 500
# An event is received when its batch begins to be stored; ingest has this long for it, and clocks differ a little.
_SECONDS_TO_STORE = 60.0
_LAST_SECOND = 253_402_300_000.0  # of the year 9999, as late as times are written
_TIMEOUT_SECONDS = 300.0
Item = dict[str, Any]


def invoke(environment: Environment, function: str, payload: bytes) -> str:
    """Call the function and wait for its answer; return why it failed, or nothing. boto3's errors pass through."""
    answer = invocation.invoke(environment.client("lambda"), environment.names.function(function), payload)
    if answer.error is not None:
        return answer.error
    # To Lambda it is a success when a function names the items of a batch that failed; to a replay it is none.
    failed = mapping(decoded(answer.text)).get("batchItemFailures")
    return f"{counted(len(failed), 'item')} of the batch failed again" if failed and isinstance(failed, list) else ""


def replay_payload(records: list[dict[str, Any]]) -> bytes:
    """Return the payload that hands records of a stream to a function again."""
    return json.dumps({"Records": records, "replay": True}, default=_plain).encode()


def batches(records: Iterable[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """Yield the records in parts that each fit an invocation."""
    return batches_within(
        records,
        size_of=lambda record: len(json.dumps(record, default=_plain)),
        most=_MOST_RECORDS,
        most_bytes=_LARGEST_BYTES,
    )


def _plain(value: object) -> float | str:
    """Return a time or binary data as Lambda hands it to a function."""
    if isinstance(value, datetime):
        return value.timestamp()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    raise TypeError(f"{type(value).__name__} is not what streams hold")


def bring_in(
    environment: Environment,
    limit: RateLimit,
    result: MissingResult,
    *,
    dry_run: bool = False,
    arrived: tuple[float, float] | None = None,
    progress: Callable[[], None] = lambda: None,
) -> None:
    """Aggregate every stored event that is not counted; with `arrived`, of the events that entered the stream between.

    An event that is counted meanwhile is not counted again: the aggregation reads the records itself.
    """
    names = environment.names
    events = CountedEvents(environment.client("dynamodb"), names.table(stream_table(AGGREGATION)), names.table(PAGES))
    for page in _pages(environment, arrived):
        result.scanned += len(page)
        lost = events.uncounted(item for item in page if not result.foreign.record_if_foreign(item))
        result.missing += len(lost)
        for batch in batches(_record(item) for item in lost) if not dry_run else ():
            limit.wait(len(batch))
            error = invoke(environment, AGGREGATION, replay_payload(batch))
            # A batch that failed is counted but for the events that can't be.
            failed = len(events.uncounted(record["dynamodb"]["NewImage"] for record in batch)) if error else 0
            result.failed += failed
            result.brought_in += len(batch) - failed
            result.error = error or result.error
        progress()


def _pages(environment: Environment, arrived: tuple[float, float] | None) -> Iterator[list[Item]]:
    import tenacity

    names = {"#event": "event", "#page": "page", "#position": "position"}
    values = {":now": {"N": str(int(time.time()))}}
    # An expired event is as good as deleted, and some day so is its page's record (docs/failures.md).
    condition = "(attribute_not_exists(expires_at) OR expires_at > :now)"
    if arrived:
        condition += " AND received_at BETWEEN :first AND :last"
        first, last = max(arrived[0] - _SECONDS_TO_STORE, 0.0), min(arrived[1], _LAST_SECOND) + _SECONDS_TO_STORE
        values |= {":first": {"S": utc_time(first)}, ":last": {"S": utc_time(last)}}
    request: dict[str, Any] = {
        "TableName": environment.names.table(stream_table(AGGREGATION)), "Limit": _ITEMS_PER_PAGE,
        "FilterExpression": condition,
        "ProjectionExpression": "event_key, #event, expires_at, #page, #position",
        "ExpressionAttributeNames": names, "ExpressionAttributeValues": values,
    }  # fmt: skip
    # The table may be throttled until its capacity has grown.
    retrying = retries.policy(
        tenacity.retry_if_exception(is_throttled), tenacity.stop_after_delay(_TIMEOUT_SECONDS), sleep=time.sleep
    )
    while True:
        answer = retrying(environment.client("dynamodb").scan, **request)
        yield answer["Items"]
        if not answer.get("LastEvaluatedKey"):
            return
        request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]


def _record(item: Item) -> dict[str, Any]:
    """Return the item's stream record of its insertion; its key stands for the sequence number."""
    key = item["event_key"]
    change = {"SequenceNumber": key["S"], "Keys": {"event_key": key}, "NewImage": item}
    return {"eventName": "INSERT", "eventSource": "aws:dynamodb", "dynamodb": change}
