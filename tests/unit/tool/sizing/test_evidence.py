"""Statistics of a function's log lines, worked out by hand and against the plain definition."""

from __future__ import annotations

import json
import math
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from estate_tool.sizing import report_lines
from estate_tool.sizing.evidence import UNKNOWN, Evidence, Histogram, Spread, Usage
from tests.support.fuzz import fuzzed
from tests.support.log_lines import gathered, json_record, text_line


def test_without_values_there_are_no_statistics() -> None:
    histogram = Histogram()
    assert (histogram.percentile(99), histogram.average, histogram.maximum, histogram.count) == (None, None, None, 0)


@given(st.lists(st.integers(1, 10_240), min_size=1), st.integers(1, 100))
def test_a_percentile_is_the_value_at_the_nearest_rank(values: list[int], percent: int) -> None:
    histogram = Histogram()
    for value in values:
        histogram.add(value)
    assert histogram.percentile(percent) == sorted(values)[math.ceil(percent * len(values) / 100) - 1]


def test_means_have_one_decimal_place_and_amounts_may_be_below_one() -> None:
    histogram, spread = Histogram(), Spread()
    histogram.add(1, times=2)
    histogram.add(2)
    spread.add(0.5, 0.5, 1)
    spread.add(0.5, 0.25, 2)
    assert (histogram.average, spread.average, spread.maximum) == (1.3, 0.3, 0.5)


def test_evidence_has_the_percentiles_it_names() -> None:
    evidence = gathered(*[text_line(value, duration=value) for value in range(1, 201)])
    report, usage = evidence.to_dict(), evidence.usage
    assert (report["p95_mb"], report["p99_mb"], report["max_mb"], report["duration_p99_ms"]) == (190, 198, 200, 198)
    assert (usage.samples, usage.p99_mb, usage.max_mb) == (200, 198, 200)


def test_of_no_lines_there_is_no_use_to_speak_of() -> None:
    assert gathered().usage == Usage(samples=0, p99_mb=0, max_mb=0)
    assert (gathered("hello").timeouts, gathered().usage.ooms, gathered().usage.largest_oom_mb) == (0, 0, 0)


def test_failures_are_counted_and_so_is_what_happened_several_times() -> None:
    evidence = gathered(text_line(1), text_line(1, status="error"))
    failed = report_lines.parse(text_line(1, status="error"))
    assert failed is not None
    evidence.add(failed, times=3)
    assert (evidence.failures, evidence.invocations) == (4, 5)


def test_only_invocations_of_the_size_asked_for_count() -> None:
    evidence = Evidence(512)
    evidence.add_lines([text_line(1, size=512), text_line(1, size=1024)])
    assert evidence.invocations == 1


def test_what_was_found_names_where_beside_all_that_was_measured() -> None:
    found = gathered(text_line(5)).findings("the log")
    assert (found.usage.samples, found.measured["source"], found.gb_ms) == (1, "the log", 100 * 3008 / 1024)
    assert set(found.measured) == set(UNKNOWN)


def test_zeros_are_invocations_and_no_samples_and_garbage_is_neither() -> None:
    evidence = gathered(
        text_line(100),
        text_line(0),
        json_record(300),
        json_record(0),
        "REPORT RequestId: x",
        "platform.report",
        "hello",
    )
    assert (evidence.invocations, evidence.memory.count, evidence.unreadable) == (4, 2, 1)
    assert evidence.memory.average == 200.0
    assert evidence.source == "REPORT lines and platform.report records"


def test_cold_starts_and_what_is_billed_are_added_up() -> None:
    evidence = gathered(
        text_line(100, size=1024, billed=500, init=250.5), json_record(100, size=2048, billed=1500, init=351),
        json_record(100, size=2048, billed=1000),
    )  # fmt: skip
    report = evidence.to_dict()
    assert (report["cold_starts"], report["init_average_ms"], report["init_max_ms"]) == (2, 300.8, 351)
    assert report["billed_seconds"] == 3.0
    assert report["billed_gb_seconds"] == 0.5 + 3.0 + 2.0
    report = gathered(text_line(1, size=3008, billed=100), text_line(1, size=128, billed=1)).to_dict()
    assert (report["billed_seconds"], report["billed_gb_seconds"]) == (0.101, 0.294)


def test_a_timeout_reported_by_line_and_by_status_is_one_timeout() -> None:
    message = "2026-01-31T12:00:00Z x Task timed out after 3.00 seconds"
    assert gathered(message, text_line(100, status="timeout")).timeouts == 1
    assert gathered(message, text_line(100), message, text_line(100)).timeouts == 2
    assert gathered(json_record(100, status="timeout")).timeouts == 1


@pytest.mark.parametrize(
    "line",
    [
        'WARN it answered: {"errorMessage":"2026-01-31T12:00:00Z x Task timed out after 3.00 seconds"}',
        '{"errorMessage": "2026-01-31T12:00:00Z x Task timed out after 3.00 seconds"}',
        "2026-01-31T12:00:00.000Z\tx\tERROR\tTask timed out after 3.00 seconds",
        "2026-01-31T12:00:00Z x Task timed out after 3.00 seconds, writes the worker",
        "2026-01-31T12:00:00Z x y Task timed out after 3.00 seconds",
        "Task timed out after 3.00 seconds",
        " 2026-01-31T12:00:00Z x Task timed out after 3.00 seconds",
        '{"level": "ERROR", "message": "Task timed out after 3.00 seconds"}',
    ],
)
def test_a_timeout_that_is_only_quoted_is_none(line: str) -> None:
    assert gathered(line, text_line(100)).timeouts == 0


@pytest.mark.parametrize("end", ["", "\n", "\n\n"])
def test_the_line_of_a_timeout_may_have_any_end(end: str) -> None:
    line = f"2026-01-31T12:00:03.100Z 8fc6f963-411b-58b5-8483-a32130c0f45d Task timed out after 3.00 seconds{end}"
    assert gathered(line, text_line(100)).timeouts == 1


def started(milliseconds: float | None, kind: str = "provisioned-concurrency") -> str:
    """A record of an environment's start."""
    record = {"initializationType": kind, "phase": "init", "metrics": {"durationMs": milliseconds}}
    return json.dumps({"time": "2026-01-31T12:00:00.000Z", "type": "platform.initReport", "record": record})


def test_what_was_initialised_ahead_is_no_cold_start() -> None:
    report = gathered(
        started(300.5), started(400.25), started(500, "on-demand"), started(None),
        json_record(1, init=0), text_line(1, init=0.0), json_record(1, init=300.5), json_record(1, init=300.5),
        json_record(1, init=500), text_line(1),
    )  # fmt: skip
    # One of 300.5 ms was provisioned; another one, and that of 500 ms, were waited for.
    assert (report.inits.count, report.inits.maximum, report.inits.average) == (2, 500, 400.2)
    assert (report.invocations, report.unreadable) == (6, 0)


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
    evidence = gathered(text_line(100), *lines, json_record(200))
    report = evidence.to_dict()
    assert evidence.invocations + evidence.unreadable <= 2 + len(lines)
    assert 0 <= evidence.timeouts <= len(lines)
    assert 200 <= report["max_mb"] <= report_lines.LARGEST_MB
    assert json.loads(json.dumps(report, allow_nan=False)) == report


def test_out_of_memory_is_kept_with_the_largest_size_it_happened_at() -> None:
    killed = [text_line(size, size=size, status="error", error="Runtime.OutOfMemory") for size in (512, 1024, 128)]
    usage = gathered(*killed, text_line(90)).usage
    assert (usage.ooms, usage.largest_oom_mb, usage.samples, usage.max_mb) == (3, 1024, 4, 1024)


@pytest.mark.parametrize(("milliseconds", "kept"), [(0.2, 1), (999, 999), (1000.1, 1010), (12_345, 12_400)])
def test_durations_are_kept_to_three_digits_rounded_up(milliseconds: float, kept: int) -> None:
    assert gathered(text_line(1, duration=milliseconds)).durations.maximum == kept


def test_the_memory_it_takes_does_not_grow_with_the_lines() -> None:
    evidence = Evidence()
    lines = [text_line(used, duration=used * 7.3, init=used * 3.1) for used in range(1, 2001)]
    evidence.add_lines(lines)
    tracemalloc.start()
    try:
        for _ in range(10):
            evidence.add_lines(lines)
        grown, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert evidence.invocations == 22_000
    assert grown < 100_000


def test_the_source_names_the_only_kind_there_is() -> None:
    assert gathered(text_line(1)).source == report_lines.TEXT
    assert gathered(json_record(1)).source == report_lines.JSON
    assert gathered("hello").source == "no reports"
