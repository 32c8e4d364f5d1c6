"""Evidence from a function's log lines, worked out by hand and against the plain definition."""

from __future__ import annotations

import json
import math
import tracemalloc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from estate_tool.sizing import report_lines
from estate_tool.sizing.evidence import Evidence, Histogram, ReportCounts
from tests.support.fuzz import fuzzed
from tests.support.log_lines import gathered, json_record, text_line

TIMEOUT = "2026-01-31T12:00:00Z x Task timed out after 3.00 seconds"


@given(st.lists(st.integers(1, 10_240)), st.integers(1, 100))
def test_a_percentile_is_the_value_at_the_nearest_rank(values: list[int], percent: int) -> None:
    expected = sorted(values)[math.ceil(percent * len(values) / 100) - 1] if values else None
    assert Histogram(values).percentile(percent) == expected


def started(milliseconds: float | None, kind: str = "provisioned-concurrency") -> str:
    """A record of an environment's start."""
    record = {"initializationType": kind, "phase": "init", "metrics": {"durationMs": milliseconds}}
    return json.dumps({"time": "2026-01-31T12:00:00.000Z", "type": "platform.initReport", "record": record})


def killed(*sizes: int) -> list[str]:
    return [text_line(size, size=size, status="error", error="Runtime.OutOfMemory") for size in sizes]


CASES: dict[str, tuple[list[str], dict[str, Any]]] = {
    "percentiles": (
        [text_line(value, duration=value) for value in range(1, 201)],
        {"samples": 200, "average_mb": 100.5, "p95_mb": 190, "p99_mb": 198, "max_mb": 200, "duration_p99_ms": 198},
    ),
    "means to one place": ([*[text_line(1)] * 2, text_line(2)], {"average_mb": 1.3}),
    "nothing": (
        [],
        {"samples": 0, "invocations": 0, "average_mb": None, "p95_mb": None, "p99_mb": 0, "max_mb": 0, "ooms": 0,
         "kills": 0, "cold_starts": 0, "init_average_ms": None, "init_max_ms": None, "duration_p99_ms": None,
         "first_ms": None},
    ),
    "no report": (["hello"], {"source": "no reports", "invocations": 0, "timeouts": 0, "from_log": True}),
    "zeros are no samples, garbage is no invocation": (
        [text_line(100), text_line(0), json_record(300), json_record(0), "REPORT RequestId: x", "platform.report"],
        {"invocations": 4, "samples": 2, "unreadable": 1, "average_mb": 200.0,
         "source": "REPORT lines and platform.report records"},
    ),
    "cold starts": (
        [text_line(100, init=250.5), json_record(100, init=351), json_record(100)],
        {"cold_starts": 2, "init_average_ms": 300.8, "init_max_ms": 351},
    ),
    "cold starts below a millisecond": (
        [text_line(1, init=0.5), text_line(1, init=0.25)], {"init_average_ms": 0.4, "init_max_ms": 0.5},
    ),
    # One of 300.5 ms was provisioned; another one, and that of 500 ms, were waited for.
    "initialised ahead": (
        [started(300.5), started(400.25), started(500, "on-demand"), started(None),
         json_record(1, init=0), text_line(1, init=0.0), json_record(1, init=300.5), json_record(1, init=300.5),
         json_record(1, init=500), text_line(1)],
        {"cold_starts": 2, "init_max_ms": 500, "init_average_ms": 400.2, "invocations": 6, "unreadable": 0},
    ),
    # 0.5 s with 1 GB, 2.5 s with 2 GB.
    "billed": (
        [text_line(1, 1024, billed=500), json_record(1, 2048, billed=1500), json_record(1, 2048, billed=1000)],
        {"billed_seconds": 3.0, "billed_gb_seconds": 5.5},
    ),
    "billed, to the millisecond": (
        [text_line(1, 3008, billed=100), text_line(1, 128, billed=1)],
        {"billed_seconds": 0.101, "billed_gb_seconds": 0.294},
    ),
    "failures": ([text_line(1), text_line(1, status="error")], {"failures": 1, "ooms": 0}),
    "a timeout with line and status": ([TIMEOUT, text_line(1, status="timeout")], {"timeouts": 1, "failures": 1}),
    "timeouts with lines alone": ([TIMEOUT, text_line(1), f"{TIMEOUT}\n\n", text_line(1)], {"timeouts": 2}),
    "a timeout with a status alone": ([json_record(1, status="timeout")], {"timeouts": 1}),
    "out of memory": (
        [*killed(512, 1024, 128), text_line(90)],
        {"ooms": 3, "kills": 3, "largest_oom_mb": 1024, "samples": 4, "max_mb": 1024, "failures": 3},
    ),
    "durations to three digits": ([text_line(1, duration=12_345)], {"duration_p99_ms": 12_400}),
    "durations rounded up": ([text_line(1, duration=1000.1)], {"duration_p99_ms": 1010}),
    "three digits as they are": ([text_line(1, duration=999)], {"duration_p99_ms": 999}),
    "short durations": ([text_line(1, duration=0.2)], {"duration_p99_ms": 1}),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_lines_become_evidence(case: str) -> None:
    lines, expected = CASES[case]
    evidence = gathered(*lines)
    assert {key: getattr(evidence, key) for key in expected} == expected


def test_only_invocations_of_the_size_asked_for_count() -> None:
    assert gathered(text_line(1, 512), text_line(1, 1024), size_mb=512).invocations == 1


def test_samples_are_known_by_the_memory_they_had() -> None:
    evidence = gathered(*[text_line(1, 512)] * 3, text_line(1, 1024), text_line(0, 512))
    assert [evidence.samples_with(size) for size in (512, 1024, 3008)] == [3, 1, 0]
    assert Evidence(source="a metric", samples=9).samples_with(512) == 9


def test_a_source_that_knows_nothing_has_no_samples_and_no_kills() -> None:
    nothing = Evidence(source="a metric")
    assert (nothing.samples, nothing.p99_mb, nothing.max_mb, nothing.kills, nothing.from_log) == (0, 0, 0, 0, False)


@pytest.mark.parametrize("line", [*killed(512), text_line(5, init=7.25, status="timeout")])
def test_invocations_that_are_alike_count_as_each_of_them_does(line: str) -> None:
    counts, invocation = ReportCounts(), report_lines.parse(line)
    assert invocation is not None
    counts.add(invocation, 3)
    assert counts.evidence(counts.kinds) == gathered(*[line] * 3)


def test_scripts_get_no_memory_of_no_samples_and_nothing_internal() -> None:
    nothing, something = gathered().to_dict(), gathered(text_line(5)).to_dict()
    assert (nothing["p99_mb"], nothing["max_mb"], something["p99_mb"], something["max_mb"]) == (None, None, 5, 5)
    assert list(something) == list(nothing) == [
        "source", "samples", "average_mb", "p95_mb", "p99_mb", "max_mb", "ooms", "invocations", "failures", "timeouts",
        "cold_starts", "init_average_ms", "init_max_ms", "duration_p99_ms", "billed_seconds", "billed_gb_seconds",
        "unreadable",
    ]  # fmt: skip


def test_the_first_event_counts_in_any_order() -> None:
    counts = ReportCounts()
    for time_ms in (None, 5, 3, None, 4):
        counts.seen(time_ms)
    assert counts.evidence("").first_ms == 3


@pytest.mark.parametrize(
    "line",
    [
        f'WARN it answered: {{"errorMessage":"{TIMEOUT}"}}',
        f'{{"errorMessage": "{TIMEOUT}"}}',
        "2026-01-31T12:00:00.000Z\tx\tERROR\tTask timed out after 3.00 seconds",
        f"{TIMEOUT}, writes the worker",
        "2026-01-31T12:00:00Z x y Task timed out after 3.00 seconds",
        "Task timed out after 3.00 seconds",
        f" {TIMEOUT}",
    ],
)
def test_a_timeout_that_is_only_quoted_is_none(line: str) -> None:
    assert gathered(line, text_line(100)).timeouts == 0


ANYTHING = st.recursive(
    st.none() | st.floats() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=5
)
LINES = st.one_of(
    st.text(),
    st.text().map(lambda text: text_line(5)[:60] + text),
    st.text().map(lambda text: json_record(5)[:90] + text),
    st.builds(json_record, st.one_of(st.integers(), st.floats(), st.text(), st.none(), st.booleans())),
    ANYTHING.map(lambda value: json.dumps({"type": "platform.report", "record": value})),
    st.sampled_from([
        "[" * 100_000, '{"type": "platform.report", "record": ' + '{"a":' * 100_000, started(1e999), started(10**400),
        json_record(10**400), text_line(10**400), text_line(5, init=float("inf")), f"REPORT RequestId: {chr(0)}",
        '{"type": "platform.report", "record": {"metrics": {"durationMs": ' + "9" * 5000 + "}}}",
    ]),
)  # fmt: skip


@fuzzed()
@given(st.lists(LINES, max_size=4))
def test_any_log_leaves_the_numbers_of_whole_reports_right(lines: list[str]) -> None:
    report = gathered(text_line(100), *lines, json_record(200)).to_dict()
    assert report["invocations"] + report["unreadable"] <= 2 + len(lines)
    assert 0 <= report["timeouts"] <= len(lines)
    assert 200 <= report["max_mb"] <= report_lines.LARGEST_MB
    assert json.loads(json.dumps(report, allow_nan=False)) == report


def test_the_memory_it_takes_does_not_grow_with_the_lines() -> None:
    counts = ReportCounts()
    lines = [text_line(used, duration=used * 7.3, init=used * 3.1) for used in range(1, 2001)]
    counts.add_lines(lines)
    tracemalloc.start()
    try:
        for _ in range(10):
            counts.add_lines(lines)
        grown, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert counts.evidence("").invocations == 22_000
    assert grown < 100_000
