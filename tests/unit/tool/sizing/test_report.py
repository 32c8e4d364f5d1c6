"""Reports on functions: the recommendation, its cost worked out by hand, and the advice of Compute Optimizer."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import EndpointConnectionError

from estate_tool.monitoring.metrics import Window
from estate_tool.pricing import prices
from estate_tool.sizing import report
from estate_tool.sizing.evidence import Evidence
from estate_tool.sizing.functions import AccountFunction
from estate_tool.sizing.report import evidence_note, function_report, slower_note, totals
from tests.support.log_lines import gathered, text_line
from tests.unit.tool.conftest import Estate, stubbed_client

if TYPE_CHECKING:
    from collections.abc import Iterator

    from botocore.stub import Stubber

END = datetime(2026, 1, 31, tzinfo=UTC)
DAY = Window(start=END - timedelta(days=1), end=END)
PRICES = prices.read()
LONG_CALLS = [text_line(300, billed=10_000)]


def reported(*lines: str, memory_mb: int = 1024, window: Window = DAY, given: Any = (None, None), **how: Any) -> Any:
    known: dict[str, Any] = {"name": "billing", "memory_mb": memory_mb, "log_group": "", "architecture": "x86_64"}
    function = AccountFunction(**(known | how))
    return function_report(function, gathered(*lines), window, 50, PRICES, given)


@pytest.mark.parametrize(
    ("lines", "memory_mb", "expected"),
    [
        # 400 × 10 s in a day, whatever memory they had: × 1 GB × 730/24 × 0.0000166667 = 2.0277…, on arm64 a GB-second
        # is 0.0000133334: 1.6222…; 724 of 1,024 MB never used: 1.4336…; 512 MB of 1,024, once there are enough reports.
        (LONG_CALLS * 400, 1024, {"month_usd": "2.03", "arm64_month_usd": "1.62", "waste_usd": "1.43",
                                  "saving_usd": "1.01", "recommended_mb": None, "target_mb": 512}),
        ([*LONG_CALLS * 200, *[text_line(300, 1024, billed=10_000)] * 200], 1024, {"month_usd": "2.03"}),
        # 100 × 100 s × 3008/1024 GB = 29,375 GB-s in a day; × 730/24 × 0.0000166667 = 14.8915…; 2,496 of 3,008 MB
        # never used; 3008 → 1024 first.
        ([text_line(512, billed=100_000)] * 100, 3008,
         {"month_usd": "14.89", "waste_usd": "12.36", "saving_usd": "9.82", "target_mb": 640, "unused_percent": 83,
          "saving_percent": 66}),
        # Killed with 512 MB, and since then it has more: nothing is saved.
        ([*[text_line(512, 512, status="error", error="Runtime.OutOfMemory")] * 20, *[text_line(700, 1024)] * 400],
         1024, {"recommended_mb": 1024, "saving_usd": "0.00"}),
        ([], 1024, {"month_usd": "0.00", "waste_usd": None, "saving_usd": None, "unused_percent": None}),
    ],
    ids=["old reports", "reports of two sizes", "far too much memory", "raised after kills", "no reports"],
)  # fmt: skip
def test_amounts_are_of_a_month_with_the_present_memory(
    lines: list[str], memory_mb: int, expected: dict[str, Any]
) -> None:
    found = reported(*lines, memory_mb=memory_mb)
    assert {key: found[key] for key in expected} == expected


def test_a_longer_window_makes_a_cheaper_month() -> None:
    week = Window(start=END - timedelta(days=7), end=END)
    found = reported(*LONG_CALLS * 400, window=week)
    assert found["month_usd"] == "0.29"  # 2.0277… / 7
    assert found["evidence"]["window"] == "2026-01-24T00:00:00Z/2026-01-31T00:00:00Z"
    assert found["evidence"]["time"] == "2026-01-31T00:00:00Z"


def test_a_function_on_arm64_has_the_prices_of_arm64() -> None:
    found = reported(*LONG_CALLS * 400, architecture="arm64")
    assert (found["month_usd"], found["arm64_month_usd"]) == ("1.62", None)


@pytest.mark.parametrize(
    ("how", "recommended_mb"),
    [({}, 192), ({"given": (256, None)}, 256), ({"given": (128, 128)}, 128), ({"catalog_name": "ingest"}, 512)],
    ids=["of the account", "at least 256", "at most 128", "of the estate"],
)
def test_bounds_are_those_of_the_estate_or_of_aws_or_those_given(how: dict[str, Any], recommended_mb: int) -> None:
    lines = [text_line(115, size=192)] * 60
    assert reported(*lines, memory_mb=192, **how)["recommended_mb"] == recommended_mb


@pytest.mark.parametrize(
    ("evidence", "writes_reports", "caveat"),
    [
        (Evidence(source="", samples=60, p99_mb=9, max_mb=512, largest_oom_mb=512), True, "all memory was used"),
        (Evidence(source=""), False, "set it to INFO"),
        (Evidence(source=""), True, "fewer than 50"),
        (Evidence(source="", invocations=9), False, "fewer than 50"),
    ],
)
def test_the_reason_ends_with_the_limits_of_the_evidence(evidence: Evidence, writes_reports: bool, caveat: str) -> None:
    function = AccountFunction(
        name="f", memory_mb=512, log_group="", architecture="arm64", writes_reports=writes_reports
    )
    assert function_report(function, evidence, DAY, 50, PRICES)["reason"].endswith(caveat)


def test_savings_that_have_to_wait_are_in_no_sum() -> None:
    waiting, now = reported(*LONG_CALLS * 400), reported(*[text_line(512, billed=100_000)] * 100, memory_mb=3008)
    assert totals([waiting, now, reported()]) == {"month_usd": "16.92", "waste_usd": "13.79", "saving_usd": "9.82"}


def test_the_note_on_evidence_has_the_figures_without_a_column() -> None:
    lines = [text_line(9, billed=1500, init=250.5), "REPORT RequestId: x"]
    assert evidence_note(gathered(*lines).to_dict()) == (
        "REPORT lines; 1 report could not be read; cold starts take 250.5 ms on average, 250.5 ms at most; 1.5 s billed"
    )
    assert evidence_note(gathered("REPORT RequestId: x").to_dict()) == "no reports; 1 report could not be read"
    assert evidence_note(Evidence(source="a metric", samples=9).to_dict()) == "a metric"


@pytest.mark.parametrize(
    ("current", "recommended", "factor"),
    # 512 / 1769 = 0.29 of a vCPU; above 1769 MB one core has no more.
    [(3008, 1024, "1.7"), (1024, 512, "2.0"), (3008, 1792, None), (512, 512, None), (512, None, None)],
)
def test_less_memory_slows_down_code_that_computes_on_one_core(
    current: int, recommended: int | None, factor: str | None
) -> None:
    note = slower_note({"current_mb": current, "recommended_mb": recommended})
    assert note is None if factor is None else note is not None and f"up to {factor} times" in note


ARN = "arn:aws:lambda:us-east-1:123456789012:function"


@pytest.fixture
def stub() -> Iterator[tuple[Estate, Stubber]]:
    estate = Estate()
    estate.clients["compute-optimizer"], stub = stubbed_client("compute-optimizer")
    yield estate, stub
    stub.assert_no_pending_responses()


def advised(estate: Any, *names: str) -> tuple[str, list[Any]]:
    reports: list[dict[str, Any]] = [{} for _ in names]
    functions: list[Any] = [SimpleNamespace(name=name) for name in names]
    summary = report.add_advice(estate, functions, reports)
    return summary, [one["compute_optimizer"] for one in reports]


def recommendation(name: str, calls: int, finding: str, reason: str, *sizes: int) -> dict[str, Any]:
    options = [{"rank": rank, "memorySize": size} for rank, size in reversed(list(enumerate(sizes, 1)))]
    return {
        "functionArn": f"{ARN}:{name}:{calls}", "functionVersion": str(calls), "numberOfInvocations": calls,
        "finding": finding, "findingReasonCodes": [reason] if reason else [],
        "memorySizeRecommendationOptions": options,
    }  # fmt: skip


def test_advice_of_the_version_called_most_stands_beside_each_function(stub: tuple[Estate, Stubber]) -> None:
    pages = [
        [recommendation("billing", 900, "NotOptimized", "MemoryOverprovisioned", 847, 160),
         recommendation("billing", 70, "NotOptimized", "MemoryUnderprovisioned", 1900)],
        [recommendation("query", 60, "Optimized", "")],
    ]  # fmt: skip
    operation = "get_lambda_function_recommendations"
    stub[1].add_response(operation, {"lambdaFunctionRecommendations": pages[0], "nextToken": "2"}, {})
    stub[1].add_response(operation, {"lambdaFunctionRecommendations": pages[1]}, {"nextToken": "2"})
    summary, (billing, large, query) = advised(stub[0], "billing", "large", "query")
    assert summary.startswith("advice for 2 of 3 functions; ")
    assert billing == {
        "finding": "NotOptimized", "reasons": ["MemoryOverprovisioned"], "recommended_mb": 847,
        "text": "NotOptimized (MemoryOverprovisioned), advises 847 MB",
    }  # fmt: skip
    assert large is None
    assert (query["recommended_mb"], query["text"]) == (None, "Optimized")


@pytest.mark.parametrize(
    ("code", "summary"),
    [
        ("OptInRequiredException", "this account has not opted in to it"),
        ("AccessDeniedException", "not available: An error occurred (AccessDeniedException)"),
    ],
)
def test_without_advice_its_reason_is_reported(stub: tuple[Estate, Stubber], code: str, summary: str) -> None:
    stub[1].add_client_error("get_lambda_function_recommendations", code)
    found, advice = advised(stub[0], "billing")
    assert (found.startswith(summary), advice) == (True, [None])


@pytest.mark.parametrize("local", [True, False])
def test_a_region_without_it_fails_nothing_and_the_embedded_aws_is_not_asked(local: bool) -> None:
    def unreachable(_: str) -> Any:
        assert not local
        raise EndpointConnectionError(endpoint_url="https://nowhere")

    client = SimpleNamespace(get_paginator=unreachable)
    summary, advice = advised(Estate(local=local, clients={"compute-optimizer": client}), "billing")
    assert summary.startswith("the embedded AWS has none" if local else "not available: Could not connect")
    assert advice == [None]
