import json
from typing import Any

import pytest

from compute.triggers import Trigger, TriggerArgs
from foundation.model import QueueTrigger, StreamTrigger
from tests.support.declarations import TAGS
from tests.support.mocks import record

ALIAS = "arn:aws:lambda:us-east-1:123456789012:function:lambda-x-dev:live"
SOURCE = "arn:aws:source"
FAILURES = "arn:aws:sqs:us-east-1:123456789012:dlq-x-dev"
# "CreateEventSourceMapping": what each kind of source knows.
STREAM_ONLY = {
    "startingPosition",
    "bisectBatchOnFunctionError",
    "maximumRetryAttempts",
    "maximumRecordAgeInSeconds",
    "parallelizationFactor",
    "destinationConfig",
    "tumblingWindowInSeconds",
}
QUEUE_ONLY = {"scalingConfig"}
QUEUE = QueueTrigger(queue="inbox", batch_size=200, window_seconds=3, maximum_concurrency=7)
STREAM = StreamTrigger(table="items", batch_size=50, window_seconds=2, parallelization=3, retries=6)


def _mapping(trigger: QueueTrigger | StreamTrigger) -> dict[str, Any]:
    args = TriggerArgs(trigger=trigger, source_arn=SOURCE, alias_arn=ALIAS, failure_queue_arn=FAILURES, tags=TAGS)
    recording = record(lambda: Trigger("x-trigger", args))
    return dict(recording.one("EventSourceMapping").inputs)


@pytest.mark.parametrize("trigger", [QUEUE, STREAM])
def test_the_source_runs_the_alias_and_failures_are_reported_by_item(trigger: QueueTrigger | StreamTrigger) -> None:
    mapping = _mapping(trigger)
    assert (mapping["eventSourceArn"], mapping["functionName"]) == (SOURCE, ALIAS)
    assert mapping["functionResponseTypes"] == ["ReportBatchItemFailures"]
    assert mapping["tags"] == TAGS


def test_a_queue_is_read_as_declared_with_bounded_concurrency() -> None:
    mapping = _mapping(QUEUE)
    assert (mapping["batchSize"], mapping["maximumBatchingWindowInSeconds"]) == (200, 3)
    assert mapping["scalingConfig"] == {"maximumConcurrency": 7}
    assert not STREAM_ONLY & set(mapping)


def test_a_stream_is_read_as_declared_from_its_oldest_record() -> None:
    mapping = _mapping(STREAM)
    assert (mapping["batchSize"], mapping["maximumBatchingWindowInSeconds"]) == (50, 2)
    assert mapping["parallelizationFactor"] == 3
    assert mapping["startingPosition"] == "TRIM_HORIZON"
    assert not QUEUE_ONLY & set(mapping)


def test_a_failing_batch_is_split_retried_within_bounds_and_then_kept() -> None:
    mapping = _mapping(STREAM)
    assert mapping["bisectBatchOnFunctionError"] is True
    assert mapping["maximumRetryAttempts"] == 6
    # The whole life of a stream's record, and not for ever (-1).
    assert mapping["maximumRecordAgeInSeconds"] == 24 * 60 * 60
    assert mapping["destinationConfig"] == {"onFailure": {"destinationArn": FAILURES}}


def test_only_new_items_run_the_function() -> None:
    (criteria,) = _mapping(STREAM)["filterCriteria"]["filters"]
    assert json.loads(criteria["pattern"]) == {"eventName": ["INSERT"]}
