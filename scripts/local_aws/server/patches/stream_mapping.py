"""DynamoDB streams as event sources, as "Using Lambda with Amazon DynamoDB" in the developer guide describes them."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable
from typing import Any

from local_aws.server.patches import access, asynchronous
from local_aws.server.patches.alarm_clock import scaled
from local_aws.server.patches.execution import invoke
from local_aws.server.patches.published import count
from local_aws.server.patches.queues import batch_item_failures
from local_aws.server.patches.target import changed, dynamodb, lambda_svc, new_uuid, on_loop

logger = logging.getLogger("mappings")

READ = ("dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:DescribeStream", "dynamodb:ListStreams")
# ministack's streams have one shard.
_SHARD = "shardId-00000000000000000000-00000000"
_LARGEST_BATCH_BYTES = 6_000_000
_DEFAULT_BATCH = 100
_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 10.0

Mapping = dict[str, Any]
Records = list[dict[str, Any]]


def refusal(data: dict[str, Any], config: dict[str, Any]) -> str:
    """Return the reason for which AWS refuses this mapping, "" if it does not; fill in AWS's default batch size."""
    arn = data["EventSourceArn"]
    if access.refused(config["Role"], READ, arn):
        return (
            f"Cannot access stream {arn}. Please ensure the role can perform the GetRecords, GetShardIterator, "
            "DescribeStream, and ListStreams Actions on your stream in IAM."
        )
    if data.get("StartingPosition") not in ("TRIM_HORIZON", "LATEST"):
        return "1 validation error detected: Value null at 'startingPosition' failed to satisfy constraint"
    data.setdefault("BatchSize", _DEFAULT_BATCH)
    return ""


def take(
    mapping: Mapping, state: Any, function: Any, _config: Any, dispatch: Callable[[Any, Callable[[], None]], None]
) -> float:
    """Start the next batch unless one is under way (one at a time keeps a shard's order)."""
    name = mapping["EventSourceArn"].split("/")[1]
    table = dynamodb._tables.get(name)
    if state.under_way or not table or table.get("LatestStreamArn") != mapping["EventSourceArn"]:
        return 1.0
    batch = Batch(mapping, state, name)
    if not batch.records:
        return 1.0
    if pause := batch.still_collecting():
        return pause
    if expired := batch.expired():
        batch.discard(expired, function, "MaxRecordAgeExceeded", {})
        return 0.0
    matching = lambda_svc._apply_filter_criteria(batch.records, mapping)
    if not matching:
        batch.advance(len(batch.records))
        return 0.0
    age = (time.time() - _created(batch.records[-1])) * 1000
    count("AWS/Lambda", "IteratorAge", max(0.0, age), "Milliseconds", FunctionName=function["config"]["FunctionName"])
    dispatch(state, lambda: on_loop(batch.settle, function, invoke(function, {"Records": matching})))
    return 1.0


class Batch:
    """Next records of a mapping, and the handling of the function's result."""

    def __init__(self, mapping: Mapping, state: Any, table: str) -> None:
        self._mapping = mapping
        self._state = state
        start = dynamodb.stream_start_position(table)
        begin = start if mapping.get("StartingPosition") == "TRIM_HORIZON" else dynamodb.stream_end_position(table)
        positions = lambda_svc._dynamodb_stream_positions
        # Records that expired since are gone, as on AWS.
        self._position = max(positions.setdefault(mapping["UUID"], begin), start)
        self._most = state.most or mapping.get("BatchSize") or _DEFAULT_BATCH
        self.records = _fitting(dynamodb.stream_records_since(table, self._position, self._most))

    def still_collecting(self) -> float:
        """Return the seconds left of the batching window; 0 when the batch can be sent."""
        left: float = self._state.left_of_window(self._mapping, len(self.records) >= self._most or self._state.attempts)
        return left

    def expired(self) -> Records:
        """Return the records at the head that exceed the mapping's maximum age."""
        oldest = self._mapping.get("MaximumRecordAgeInSeconds") or -1
        if oldest < 0:
            return []
        limit = time.time() - oldest
        count = next((i for i, record in enumerate(self.records) if _created(record) >= limit), len(self.records))
        return self.records[:count]

    def settle(self, function: Any, result: dict[str, Any]) -> None:
        """Advance past the processed records; retry, split or discard the rest."""
        if self._mapping["UUID"] not in lambda_svc._esms:
            return
        if result.get("throttle"):
            # Not the function's fault: AWS tries until the records are too old.
            self._state.not_before = time.time() + 1.0
            return
        done = self._done(result)
        if done == len(self.records):
            self.advance(done)
            self._mapping["LastProcessingResult"] = "OK"
            return
        self._mapping["LastProcessingResult"] = "PROBLEM: Function call failed"
        if done:
            # The first record that is left has failed once.
            self.advance(done)
            self._state.attempts = 1
        else:
            self._state.attempts += 1
        self._retry_or_give_up(self.records[done:], function, result)

    def _done(self, result: dict[str, Any]) -> int:
        """Count the records at the head that succeeded, by AWS's rules for batch responses."""
        if result.get("error"):
            return 0
        if "ReportBatchItemFailures" not in (self._mapping.get("FunctionResponseTypes") or []):
            return len(self.records)
        failures = batch_item_failures(result.get("body"))
        numbers = [record["dynamodb"]["SequenceNumber"] for record in self.records]
        if failures is None or not failures <= set(numbers):
            return 0
        # The lowest number is the checkpoint: what comes after it is delivered again, too.
        return min((numbers.index(number) for number in failures), default=len(numbers))

    def _retry_or_give_up(self, left: Records, function: Any, result: dict[str, Any]) -> None:
        state, most_retries = self._state, self._mapping.get("MaximumRetryAttempts")
        if self._mapping.get("BisectBatchOnFunctionError") and len(left) > 1:
            # Splitting does not count as a retry.
            state.most, state.attempts = max(1, len(left) // 2), 0
        elif most_retries is not None and 0 <= most_retries < state.attempts:
            self.discard(left, function, "RetryAttemptsExhausted", result)
            return
        state.not_before = time.time() + min(_FIRST_PAUSE * 2 ** min(state.attempts, 10), scaled(_LONGEST_PAUSE))

    def advance(self, number: int) -> None:
        """Advance past so many records and reset the retries."""
        self._position += number
        lambda_svc._dynamodb_stream_positions[self._mapping["UUID"]] = self._position
        self._state.attempts = self._state.most = 0
        changed()

    def discard(self, records: Records, function: Any, condition: str, result: dict[str, Any]) -> None:
        """Discard the records: send their position to the on-failure destination and advance past them."""
        destination = ((self._mapping.get("DestinationConfig") or {}).get("OnFailure") or {}).get("Destination")
        if destination:
            record = self._failure_record(records, function, condition, result)
            asynchronous.deliver(destination, json.dumps(record), function["config"])
        logger.warning("%s: %d records given up: %s", self._mapping["FunctionArn"], len(records), condition)
        self.advance(len(records))

    def _failure_record(self, records: Records, function: Any, condition: str, result: Any) -> dict[str, Any]:
        first, last = records[0], records[-1]
        return {
            "requestContext": {
                "requestId": new_uuid(),
                "functionArn": self._mapping["FunctionArn"],
                "condition": condition,
                "approximateInvokeCount": self._state.attempts,
            },
            "responseContext": {
                "statusCode": 200,
                "executedVersion": function["config"].get("Version", "$LATEST"),
                "functionError": "Unhandled" if result.get("error") else None,
            },
            "version": "1.0",
            "timestamp": _iso(time.time()),
            "DDBStreamBatchInfo": {
                "shardId": _SHARD,
                "startSequenceNumber": first["dynamodb"]["SequenceNumber"],
                "endSequenceNumber": last["dynamodb"]["SequenceNumber"],
                "approximateArrivalOfFirstRecord": _iso(_created(first)),
                "approximateArrivalOfLastRecord": _iso(_created(last)),
                "batchSize": len(records),
                "streamArn": self._mapping["EventSourceArn"],
            },
        }


def _fitting(records: Records) -> Records:
    """Return as many records as fit into an invocation, at least one."""
    size = 0
    for number, record in enumerate(records):
        size += len(json.dumps(record))
        if size > _LARGEST_BATCH_BYTES and number:
            return records[:number]
    return records


def _created(record: dict[str, Any]) -> float:
    return float(record["dynamodb"]["ApproximateCreationDateTime"])


def _iso(moment: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(moment)) + f".{int(moment % 1 * 1000):03d}Z"
