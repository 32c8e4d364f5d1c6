"""The summaries that handlers log are what the metric filters of the observability layer look for."""

from __future__ import annotations

import contextlib
import logging
from typing import TYPE_CHECKING

from local_aws.server.log_patterns import matcher, number
from observability.log_metrics import BATCH, QUEUE_BATCH, STREAM_BATCH
from shared.aws import AwsError
from shared.logs import JsonLines
from tests.support.functions import Estate
from tests.support.samples import event_text, stream_batch

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pytest

    from observability.log_metrics import LogField
    from observability.metrics import LogMetric


def metrics(caplog: pytest.LogCaptureFixture, fields: Mapping[LogMetric, LogField]) -> dict[str, list[float | None]]:
    """The values that each filter takes from the lines logged so far."""
    lines = [JsonLines().format(record) for record in caplog.records]
    found: dict[str, list[float | None]] = {}
    for kind, field in fields.items():
        find = matcher(field.pattern)
        found[kind] = [number(match(field.selector)) for line in lines if (match := find(line)) is not None]
    return found


def test_a_batch_of_the_queue_publishes_what_became_of_it(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    Estate().ingest([event_text("1"), event_text("2"), event_text("1"), "no event"])
    assert metrics(caplog, {**BATCH, **QUEUE_BATCH}) == {
        "records-received": [4], "records-failed": [], "events-stored": [2], "events-invalid": [1],
    }  # fmt: skip


def test_what_is_handed_back_is_published_as_failed(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    with contextlib.suppress(AwsError):  # where nothing at all could be stored
        Estate().ingest([event_text("1"), event_text("2")], milliseconds=0)
    assert metrics(caplog, BATCH) == {"records-received": [2], "records-failed": [2]}


def test_a_batch_of_the_stream_publishes_what_became_of_it(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    Estate().aggregate(stream_batch([event_text("1"), event_text("2")])["Records"])
    assert metrics(caplog, {**BATCH, **STREAM_BATCH}) == {
        "records-received": [2], "records-failed": [], "fields-left-out": [],
    }  # fmt: skip


def test_fields_that_no_aggregate_has_room_for_are_published(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    Estate(most_fields=3).aggregate(stream_batch([event_text("1", {f"f{n}": 1 for n in range(5)})])["Records"])
    assert metrics(caplog, STREAM_BATCH) == {"fields-left-out": [4]}  # two, of its subject and of all subjects
