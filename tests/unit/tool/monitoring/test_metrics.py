"""Lengths of time and moments as `--since` takes them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from estate_tool.core.errors import UsageError
from estate_tool.monitoring.metrics import covered, since

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "start"),
    [
        ("90m", "2026-01-31T10:30:00Z"),
        ("36h", "2026-01-30T00:00:00Z"),
        ("14d", "2026-01-17T12:00:00Z"),
        ("2026-01-30", "2026-01-30T00:00:00Z"),
        ("2026-01-30T12:00:00+02:00", "2026-01-30T10:00:00Z"),
        ("2026-01-30T12:00:00Z", "2026-01-30T12:00:00Z"),
    ],
)
def test_it_reaches_from_there_until_now(text: str, start: str) -> None:
    window = since(text, NOW)
    assert str(window) == f"{start}/2026-01-31T12:00:00Z"
    assert window.end_ms == 1_769_860_800_000


@pytest.mark.parametrize(
    "text", ["99999d99", "99999999d", "-3d", "3w", "2026-02-01", "2026-01-31T12:00:00Z", "0001-01-01T00:00:00+14:00"]
)
def test_everything_else_is_refused_with_examples(text: str) -> None:
    with pytest.raises(UsageError, match="--since"):
        since(text, NOW)


def made(when: str, retention: int | None = None) -> dict[str, int]:
    created = int(datetime.fromisoformat(when).timestamp() * 1000)
    return {"creationTime": created, **({"retentionInDays": retention} if retention else {})}


@pytest.mark.parametrize(
    ("group", "first", "start"),
    [
        (None, None, "2026-01-01T12:00:00Z"),
        (made("2025-06-01T00:00:00Z"), None, "2026-01-01T12:00:00Z"),
        # What is older has been deleted; what is younger was never there.
        (made("2025-06-01T00:00:00Z", 7), None, "2026-01-24T12:00:00Z"),
        (made("2026-01-29T12:00:00Z", 7), "2026-01-30T12:00:00Z", "2026-01-29T12:00:00Z"),
        (made("2026-01-29T12:00:00Z"), None, "2026-01-29T12:00:00Z"),
        # A log with events from before it was made was copied: it may hold any time.
        (made("2026-01-29T12:00:00Z"), "2026-01-20T12:00:00Z", "2026-01-01T12:00:00Z"),
        (made("2026-01-29T12:00:00Z", 14), "2026-01-20T12:00:00Z", "2026-01-17T12:00:00Z"),
        # Never an empty window.
        (made("2026-01-31T12:00:00Z"), None, "2026-01-31T11:59:00Z"),
    ],
)  # fmt: skip
def test_a_log_knows_of_the_time_that_it_was_there_and_keeps(group: Any, first: str | None, start: str) -> None:
    first_ms = None if first is None else int(datetime.fromisoformat(first).timestamp() * 1000)
    window = covered(since("2026-01-01T12:00:00Z", NOW), group, first_ms)
    assert (window.start, window.end) == (datetime.fromisoformat(start), NOW)
