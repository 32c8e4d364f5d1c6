"""Reports of the runtime on an invocation, read in both formats, and other lines, which are none."""

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


LINE = Invocation(report_lines.TEXT, 81, 3008, 201.67, 202, None, "", "")
RECORD = LINE._replace(form=report_lines.JSON)


@pytest.mark.parametrize(
    ("line", "invocation"),
    [
        (TEXT, LINE),
        (as_json(status="success"), RECORD._replace(status="success")),
        (f"{TEXT}Init Duration: 480.25 ms\t\nXRAY TraceId: 1-61\tSampled: true", LINE._replace(init_ms=480.25)),
        (as_json({**METRICS, "initDurationMs": 480.25}), RECORD._replace(init_ms=480.25)),
        (as_json({**METRICS, "maxMemoryUsedMB": 80.2}), RECORD),
    ],
    ids=["line", "record", "line of a cold start", "record of a cold start", "memory rounded up"],
)
def test_a_report_becomes_an_invocation(line: str, invocation: Invocation) -> None:
    assert parse(line) == invocation


@pytest.mark.parametrize(
    ("line", "ending"),
    [
        (f"{TEXT}Status: error\tError Type: Runtime.OutOfMemory", "failed, out of memory"),
        (as_json(status="error", errorType="Runtime.OutOfMemory"), "failed, out of memory"),
        (as_json({**METRICS, "maxMemoryUsedMB": 3009}, status="failure"), "failed, out of memory"),
        # Older lines have no status: memory that is used up is all that shows a kill.
        (TEXT.replace("Used: 81", "Used: 3008"), "out of memory"),
        (as_json({**METRICS, "maxMemoryUsedMB": 3008}, status="success"), ""),
        (f"{TEXT}Status: timeout", "failed, timed out"),
        (as_json(status="timeout"), "failed, timed out"),
    ],
)
def test_the_ending_of_an_invocation_follows_from_status_error_and_memory(line: str, ending: str) -> None:
    invocation = parse(line)
    assert invocation is not None
    found = [name for name in ("failed", "out_of_memory", "timed_out") if getattr(invocation, name)]
    assert ", ".join(found).replace("_", " ") == ending


@pytest.mark.parametrize(
    "damaged",
    [
        "REPORT RequestId: x",
        *(TEXT.replace("81 MB", f"{used} MB") for used in ("many", "-81", "nan", "inf", "3400000000")),
        TEXT.replace("3008 MB", "0 MB"),
        TEXT.replace("202 ms", " ms"),
        f"{TEXT}Init Duration: soon",
        TEXT.replace("\t", " "),
        as_json()[:-5],
        *(as_json(metrics) for metrics in (None, [], {})),
        as_json({**METRICS, "billedDurationMs": 10**400}),
        *(as_json({**METRICS, "maxMemoryUsedMB": used}) for used in (None, "81", True, float("nan"))),
        '{"type": "platform.report", "record": null}',
        '{"type": "platform.report"}',
    ],
)
def test_a_damaged_report_is_a_report_without_an_invocation(damaged: str) -> None:
    assert (parse(damaged), report_lines.is_report(damaged)) == (None, True)


@pytest.mark.parametrize(
    "line",
    ["", "START RequestId: x Version: 1", "INFO\tREPORT RequestId: x", '{"message": "batch"}', "platform.report"],
)
def test_other_lines_are_no_reports(line: str) -> None:
    assert (parse(line), report_lines.is_report(line)) == (None, False)


@given(st.text() | st.text().map(lambda text: TEXT[:40] + text) | st.text().map(lambda text: as_json()[:60] + text))
def test_any_line_is_an_invocation_or_none(line: str) -> None:
    invocation = parse(line)
    assert invocation is None or 0 <= invocation.used_mb <= report_lines.LARGEST_MB
