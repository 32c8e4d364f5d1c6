"""The summaries that handlers log are what the metric filters of the observability layer look for."""

from __future__ import annotations

import contextlib
import logging
from typing import TYPE_CHECKING

import pytest

from local_aws.server.log_patterns import matcher, number
from observability.log_metrics import BATCH, QUEUE_BATCH, STREAM_BATCH
from shared.aws import AwsError
from shared.logs import JsonLines
from tests.support.functions import Estate
from tests.support.samples import event_text, stream_batch

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

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


FIELDS = {f"f{n}": 1 for n in range(5)}


@pytest.mark.parametrize(
    ("run", "fields", "published"),
    [
        (
            lambda: Estate().ingest([event_text("1"), event_text("2"), event_text("1"), "no event"]),
            {**BATCH, **QUEUE_BATCH},
            {"records-received": [4], "records-failed": [], "events-stored": [2], "events-invalid": [1]},
        ),
        # Nothing at all could be stored.
        (
            lambda: Estate().ingest([event_text("1"), event_text("2")], milliseconds=0),
            BATCH, {"records-received": [2], "records-failed": [2]},
        ),
        (
            lambda: Estate().aggregate(stream_batch([event_text("1"), event_text("2")])["Records"]),
            {**BATCH, **STREAM_BATCH}, {"records-received": [2], "records-failed": [], "fields-left-out": []},
        ),
        # Two fields have no room, in the aggregate of the subject and in that of all subjects.
        (
            lambda: Estate(most_fields=3).aggregate(stream_batch([event_text("1", FIELDS)])["Records"]),
            STREAM_BATCH, {"fields-left-out": [4]},
        ),
    ],
    ids=["queue", "handed back", "stream", "fields"],
)  # fmt: skip
def test_the_outcome_of_a_batch_is_published(
    run: Callable[[], object], fields: Mapping[LogMetric, LogField], published: dict[str, list[float]],
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    caplog.set_level(logging.INFO)
    with contextlib.suppress(AwsError):
        run()
    assert metrics(caplog, fields) == published
