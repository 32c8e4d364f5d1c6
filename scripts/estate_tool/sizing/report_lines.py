"""Reports of Lambda's runtime on invocations: a REPORT line (text) or a `platform.report` record (JSON)."""

from __future__ import annotations

import json
import math
import re
from typing import Any, NamedTuple, TypeGuard

TEXT = "REPORT lines"
JSON = "platform.report records"
TIMED_OUT = "Task timed out after"
# The runtime's own line: a time, the request, and nothing else. A line that quotes one, of a called function perhaps,
# has more around it. Logs Insights accepts the same expression.
TIMEOUT_PATTERN = rf"^[0-9T:.-]+Z \S+ {TIMED_OUT} [0-9.]+ seconds\s*$"
_TIMEOUT = re.compile(TIMEOUT_PATTERN)
INITIALISED = "platform.initReport"
# For FilterLogEvents: lines with any of these (CloudWatch Logs, "Filter pattern syntax").
FILTER_PATTERN = f'?"REPORT RequestId:" ?"platform.report" ?"{INITIALISED}" ?"{TIMED_OUT}"'
# "Lambda quotas": the most memory a function can have; a report of more is damaged.
LARGEST_MB = 10_240
# Milliseconds of a day, far more than any invocation lasts.
_LARGEST_AMOUNT = 86_400_000
_START = "REPORT RequestId:"
_TYPE = "platform.report"
_ON_DEMAND = "on-demand"
_KILLED = "Runtime.OutOfMemory"
_NUMBERS = {
    "Duration": "durationMs",
    "Billed Duration": "billedDurationMs",
    "Memory Size": "memorySizeMB",
    "Max Memory Used": "maxMemoryUsedMB",
    "Init Duration": "initDurationMs",
}


class Invocation(NamedTuple):
    """Invocation as reported: `init_ms` of cold starts only; in text, a status only if it is not success.

    An initialization of 0 ms is no cold start: the environment was there already.
    """

    form: str
    used_mb: int
    size_mb: int
    duration_ms: float
    billed_ms: float
    init_ms: float | None
    status: str
    error_type: str

    @property
    def out_of_memory(self) -> bool:
        """True if it was killed for its memory, or used all there was and is not known to have ended well.

        Older REPORT lines have no status: such a kill shows in nothing but memory used up.
        """
        return self.error_type == _KILLED or (self.used_mb >= self.size_mb and self.status != "success")

    @property
    def timed_out(self) -> bool:
        """True if it was ended by its timeout."""
        return self.status == "timeout"

    @property
    def failed(self) -> bool:
        """True if it is known to have failed."""
        return self.status not in ("", "success")


def is_report(line: str) -> bool:
    """True if a line claims to be a report, readable or not."""
    return line.startswith(_START) or (_TYPE in line and line.lstrip().startswith("{"))


def is_timeout(line: str) -> bool:
    """True for the line that Lambda writes when it ends an invocation that has timed out."""
    return TIMED_OUT in line and _TIMEOUT.match(line) is not None


def initialised_ahead(line: str) -> float | None:
    """Return how many ms an environment took to start that was not started for a call; None for every other line.

    By "System log level event mapping" of the Lambda developer guide such a record is written at level INFO.
    """
    if INITIALISED not in line:
        return None
    record = _record(line, INITIALISED)
    if record is None or record.get("initializationType") in (None, _ON_DEMAND):
        return None
    metrics = record.get("metrics")
    duration = metrics.get("durationMs") if isinstance(metrics, dict) else None
    return duration if _is_amount(duration) else None


def parse(line: str) -> Invocation | None:
    """Return the invocation that a line reports; None for any other line, and for a damaged report."""
    if line.startswith(_START):
        return _from_text(line)
    return _from_json(line) if _TYPE in line else None


def _from_text(line: str) -> Invocation | None:
    fields: dict[str, str] = {}
    for part in line.split("\t"):
        name, _, value = part.strip().partition(": ")
        fields[name] = value
    metrics: dict[str, Any] = {}
    for name, key in _NUMBERS.items():
        if name in fields:
            metrics[key] = _number(fields[name].partition(" ")[0])
    return invocation(TEXT, metrics, fields.get("Status", ""), fields.get("Error Type", ""))


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _record(line: str, kind: str) -> dict[str, Any] | None:
    """Return the record of an event of that type; None for every other line."""
    try:
        event = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(event, dict) or event.get("type") != kind:
        return None
    record = event.get("record")
    return record if isinstance(record, dict) else None


def _from_json(line: str) -> Invocation | None:
    record = _record(line, _TYPE)
    metrics = record.get("metrics") if record else None
    if not record or not isinstance(metrics, dict):
        return None
    return invocation(JSON, metrics, str(record.get("status", "")), str(record.get("errorType", "")))


def invocation(form: str, metrics: dict[str, Any], status: str, error_type: str) -> Invocation | None:
    """Return the invocation with the metrics of a `platform.report` record; None if they are impossible."""
    used, size = metrics.get("maxMemoryUsedMB"), metrics.get("memorySizeMB")
    duration, billed = metrics.get("durationMs"), metrics.get("billedDurationMs")
    init = metrics.get("initDurationMs")
    if not (_is_amount(used) and _is_amount(size) and _is_amount(duration) and _is_amount(billed)):
        return None
    if used > LARGEST_MB or not 1 <= size <= LARGEST_MB:
        return None
    if "initDurationMs" in metrics and not _is_amount(init):
        return None
    return Invocation(form, math.ceil(used), math.ceil(size), duration, billed, init or None, status, error_type)


def _is_amount(value: Any) -> TypeGuard[float]:
    """True for a number that is possible for an invocation; JSON's booleans are no numbers."""
    return type(value) in (int, float) and 0 <= value <= _LARGEST_AMOUNT
