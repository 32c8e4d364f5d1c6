"""Answers about events, compared with the sums of a file of them."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from foundation.naming import Names
from tests.integration import expected

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.commands import Commands
    from tests.integration.conftest import EmbeddedAws


def query(run: Commands, event_type: str, *arguments: str) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(run("scripts/estate", "query", event_type, *arguments, "--json").stdout)
    return answer


def ask(aws: EmbeddedAws, **question: str) -> list[dict[str, Any]]:
    """The buckets that the query function answers with, all pages of them."""
    buckets: list[dict[str, Any]] = []
    while True:
        answer = aws.client("lambda").invoke(
            FunctionName=Names("local").function("query"), Qualifier="live", Payload=json.dumps(question).encode()
        )
        page = json.loads(answer["Payload"].read())
        assert "FunctionError" not in answer, page
        buckets += page["buckets"]
        if page.get("next") is None:
            return buckets
        question["next"] = page["next"]


def assert_aggregates_are_exact(run: Commands, aws: EmbeddedAws, path: Path) -> None:
    """Every hour of every type and subject, and every hour of every type alone, against the direct computation.

    The function itself is asked about the subjects, which is quicker than the command.
    """
    wanted = expected.buckets(path.read_text().splitlines())
    for event_type, subject in sorted({key[:2] for key in wanted}):
        hours = {key[2]: bucket for key, bucket in wanted.items() if key[:2] == (event_type, subject)}
        buckets = ask(aws, type=event_type, subject=subject)
        assert plain(buckets) == {hour: expected.as_answer(bucket) for hour, bucket in hours.items()}
        assert_moments_are_right(buckets, hours)
    for event_type in sorted({key[0] for key in wanted}):
        subjects = sorted(key[1] for key in wanted if key[0] == event_type)
        answer = query(run, event_type, "--subject", subjects[0])
        assert answer["buckets"] == ask(aws, type=event_type, subject=subjects[0])
        together = sum(bucket.count for key, bucket in wanted.items() if key[0] == event_type)
        assert query(run, event_type)["totals"]["count"] == together


def plain(buckets: list[dict[str, Any]]) -> dict[str, Any]:
    """The exact part of the buckets of an answer, by hour."""
    return {
        bucket["hour"]: {
            "count": bucket["count"],
            "data": {n: {"count": v["count"], "sum": Decimal(v["sum"])} for n, v in bucket["data"].items()},
        }
        for bucket in buckets
    }


def assert_moments_are_right(buckets: list[dict[str, Any]], wanted: dict[str, expected.Bucket]) -> None:
    for bucket in buckets:
        for name, values in wanted[bucket["hour"]].values.items():
            answered = bucket["data"][name]
            assert float(Decimal(answered["mean"])) == pytest.approx(float(sum(values) / len(values)), rel=1e-12)
            assert float(Decimal(answered["stddev"])) ** 2 == pytest.approx(
                float(expected.variance(values)), rel=1e-9, abs=1e-9
            )
