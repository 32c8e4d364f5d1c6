"""Reading what the runtime reports about an invocation, in both formats, and nothing else."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from estate_tool.sizing import report_lines
from estate_tool.sizing.report_lines import Invocation, parse

TEXT = (
    "REPORT RequestId: 8fc6f963-411b-58b5-8483-a32130c0f45d\tDuration: 201.67 ms\tBilled Duration: 202 ms\t"
    "Memory Size: 3008 MB\tMax Memory Used: 81 MB\t"
)
METRICS = {"durationMs": 201.67, "billedDurationMs": 202, "memorySizeMB": 3008, "maxMemoryUsedMB": 81}


def as_json(metrics: Any = METRICS, **record: Any) -> str:
    return json.dumps(
        {"time": "2026-01-31T12:00:00.000Z", "type": "platform.report", "record": {"metrics": metrics, **record}}
    )


def report(**changed: Any) -> Invocation:
    plain = Invocation(report_lines.TEXT, 81, 3008, 201.67, 202, None, "", "")
    return plain._replace(**changed)


def test_a_line_and_a_record_of_the_same_invocation_say_the_same() -> None:
    assert parse(TEXT) == report()
    assert parse(as_json(status="success")) == report(form=report_lines.JSON, status="success")


def test_a_cold_start_has_its_init_duration() -> None:
    assert parse(f"{TEXT}Init Duration: 480.25 ms\t\nXRAY TraceId: 1-61\tSegmentId: 10\tSampled: true") == report(
        init_ms=480.25
    )
    assert parse(as_json({**METRICS, "initDurationMs": 480.25})) == report(form=report_lines.JSON, init_ms=480.25)


@pytest.mark.parametrize(
    "line",
    [
        f"{TEXT}Status: error\tError Type: Runtime.OutOfMemory",
        as_json(status="error", errorType="Runtime.OutOfMemory"),
        TEXT.replace("Used: 81", "Used: 3008"),
        as_json({**METRICS, "maxMemoryUsedMB": 3009}, status="failure"),
    ],
)
def test_a_kill_for_memory_is_seen_by_its_type_or_by_memory_used_up(line: str) -> None:
    assert (invocation := parse(line)) is not None
    assert invocation.out_of_memory


def test_memory_used_up_by_an_invocation_that_ended_well_is_no_kill() -> None:
    assert (invocation := parse(as_json({**METRICS, "maxMemoryUsedMB": 3008}, status="success"))) is not None
    assert not invocation.out_of_memory
    assert not invocation.failed


@pytest.mark.parametrize("line", [f"{TEXT}Status: timeout", as_json(status="timeout")])
def test_a_timeout_is_seen_by_its_status(line: str) -> None:
    assert (invocation := parse(line)) is not None
    assert invocation.timed_out
    assert invocation.failed
    assert not invocation.out_of_memory


@pytest.mark.parametrize(
    "damaged",
    [
        "REPORT RequestId: x",
        TEXT.replace("81 MB", "many MB"),
        TEXT.replace("81 MB", "-81 MB"),
        TEXT.replace("81 MB", "nan MB"),
        TEXT.replace("81 MB", "inf MB"),
        TEXT.replace("81 MB", "3400000000 MB"),
        TEXT.replace("3008 MB", "0 MB"),
        as_json({**METRICS, "billedDurationMs": 10**400}),
        TEXT.replace("202 ms", " ms"),
        f"{TEXT}Init Duration: soon",
        TEXT.replace("\t", " "),
        as_json()[:-5],
        as_json(None),
        as_json([]),
        as_json({}),
        as_json({**METRICS, "maxMemoryUsedMB": None}),
        as_json({**METRICS, "maxMemoryUsedMB": "81"}),
        as_json({**METRICS, "maxMemoryUsedMB": True}),
        as_json({**METRICS, "maxMemoryUsedMB": float("nan")}),
        '{"type": "platform.report", "record": null}',
        '{"type": "platform.report"}',
    ],
)
def test_a_damaged_report_is_a_report_without_an_invocation(damaged: str) -> None:
    assert parse(damaged) is None
    assert report_lines.is_report(damaged)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "START RequestId: x Version: 1",
        "INFO\tREPORT RequestId: x",
        '{"message": "batch ingested"}',
        "platform.report",
    ],
)
def test_other_lines_are_no_reports(line: str) -> None:
    assert parse(line) is None
    assert not report_lines.is_report(line)


@given(st.text() | st.text().map(lambda text: TEXT[:40] + text) | st.text().map(lambda text: as_json()[:60] + text))
def test_no_line_whatever_breaks_the_reading(line: str) -> None:
    invocation = parse(line)
    assert invocation is None or 0 <= invocation.used_mb <= report_lines.LARGEST_MB
