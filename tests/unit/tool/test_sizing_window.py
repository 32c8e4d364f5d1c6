"""Lengths of time and moments as `--since` takes them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from estate_tool.errors import UsageError
from estate_tool.sizing.window import since

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
