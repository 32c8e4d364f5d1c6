"""Advice of Compute Optimizer stands beside our recommendation, or the reason for its absence."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import EndpointConnectionError

from estate_tool.sizing import report
from tests.unit.tool.conftest import Estate, stubbed_client

if TYPE_CHECKING:
    from collections.abc import Iterator

    from botocore.stub import Stubber

ARN = "arn:aws:lambda:us-east-1:123456789012:function"
LIMITS = "it gives none above 1,792 MB or below 50 invocations in 14 days"


@pytest.fixture
def estate() -> Estate:
    return Estate()


@pytest.fixture
def stub(estate: Estate) -> Iterator[Stubber]:
    estate.clients["compute-optimizer"], stub = stubbed_client("compute-optimizer")
    yield stub
    stub.assert_no_pending_responses()


def advised(estate: Any, *names: str) -> tuple[str, list[Any]]:
    reports: list[dict[str, Any]] = [{} for _ in names]
    functions: list[Any] = [SimpleNamespace(name=name) for name in names]
    said = report.add_advice(estate, functions, reports)
    return said, [one["compute_optimizer"] for one in reports]


def recommendation(name: str, calls: int, finding: str, reason: str, *sizes: int) -> dict[str, Any]:
    return {
        "functionArn": f"{ARN}:{name}:{calls}", "functionVersion": str(calls), "accountId": "123456789012",
        "currentMemorySize": 1024, "numberOfInvocations": calls, "lookbackPeriodInDays": 14.0, "finding": finding,
        "lastRefreshTimestamp": datetime(2026, 1, 31, tzinfo=UTC), "findingReasonCodes": [reason] if reason else [],
        "memorySizeRecommendationOptions": [
            {"rank": rank, "memorySize": size} for rank, size in reversed(list(enumerate(sizes, 1)))
        ],
    }  # fmt: skip


def test_advice_of_the_version_called_most_stands_beside_each_function(estate: Estate, stub: Stubber) -> None:
    pages = [
        [recommendation("billing", 900, "NotOptimized", "MemoryOverprovisioned", 847, 160),
         recommendation("billing", 70, "NotOptimized", "MemoryUnderprovisioned", 1900)],
        [recommendation("query", 60, "Optimized", "")],
    ]  # fmt: skip
    stub.add_response(
        "get_lambda_function_recommendations", {"lambdaFunctionRecommendations": pages[0], "nextToken": "2"}, {}
    )
    stub.add_response(
        "get_lambda_function_recommendations", {"lambdaFunctionRecommendations": pages[1]}, {"nextToken": "2"}
    )
    said, (billing, large, query) = advised(estate, "billing", "large", "query")
    assert said == f"advice for 2 of 3 functions; {LIMITS}"
    assert billing == {
        "finding": "NotOptimized", "reasons": ["MemoryOverprovisioned"], "recommended_mb": 847,
        "text": "NotOptimized (MemoryOverprovisioned), advises 847 MB",
    }  # fmt: skip
    assert large is None
    assert (query["recommended_mb"], query["text"]) == (None, "Optimized")


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("OptInRequiredException", "this account has not opted in to it"),
        ("AccessDeniedException", "not available: An error occurred (AccessDeniedException)"),
    ],
)
def test_without_it_the_reason_is_reported(estate: Estate, stub: Stubber, code: str, said: str) -> None:
    stub.add_client_error("get_lambda_function_recommendations", code)
    summary, advice = advised(estate, "billing")
    assert summary.startswith(said)
    assert advice == [None]


def test_a_region_without_it_fails_nothing(estate: Estate) -> None:
    def unreachable(_: str) -> Any:
        raise EndpointConnectionError(endpoint_url="https://nowhere")

    estate.clients["compute-optimizer"] = SimpleNamespace(get_paginator=unreachable)
    summary, advice = advised(estate, "billing")
    assert summary.startswith("not available: Could not connect")
    assert advice == [None]


def test_the_embedded_aws_is_not_asked(estate: Estate) -> None:
    estate.local, estate.clients["compute-optimizer"] = True, None
    assert advised(estate, "ingest") == ("the embedded AWS has none", [None])
