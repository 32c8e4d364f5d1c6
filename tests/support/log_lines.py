"""Log lines of Lambda's runtime, in both formats, for tests."""

from __future__ import annotations

import json
from typing import Any

from estate_tool.sizing.evidence import Evidence, ReportCounts


def text_line(
    used: int, size: int = 3008, duration: float = 100.0, billed: int = 100, init: float | None = None,
    status: str = "", error: str = "",
) -> str:  # fmt: skip
    """A REPORT line."""
    parts = [
        "REPORT RequestId: 8fc6f963-411b-58b5-8483-a32130c0f45d", f"Duration: {duration} ms",
        f"Billed Duration: {billed} ms", f"Memory Size: {size} MB", f"Max Memory Used: {used} MB",
    ]  # fmt: skip
    optional = {"Init Duration": f"{init} ms" if init is not None else "", "Status": status, "Error Type": error}
    return "\t".join([*parts, *(f"{name}: {value}" for name, value in optional.items() if value)]) + "\n"


def json_record(
    used: int, size: int = 3008, duration: float = 100.0, billed: int = 100, init: float | None = None,
    status: str = "success", error: str = "",
) -> str:  # fmt: skip
    """A platform.report record."""
    metrics: dict[str, Any] = {
        "durationMs": duration, "billedDurationMs": billed, "memorySizeMB": size, "maxMemoryUsedMB": used,
    }  # fmt: skip
    if init is not None:
        metrics["initDurationMs"] = init
    record: dict[str, Any] = {"requestId": "x", "metrics": metrics, "status": status}
    if error:
        record["errorType"] = error
    return json.dumps({"time": "2026-01-31T12:00:00.000Z", "type": "platform.report", "record": record})


def gathered(*lines: str, size_mb: int | None = None) -> Evidence:
    """The evidence of these lines, whose source is the kinds of reports among them."""
    counts = ReportCounts(size_mb)
    counts.add_lines(lines)
    return counts.evidence(counts.kinds)
