"""Sources of evidence: the log itself, Logs Insights, and metrics of CloudWatch."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial
from math import ceil
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from estate_tool.core import retries
from estate_tool.core.aws_errors import unless_forbidden
from estate_tool.core.text import counted
from estate_tool.monitoring.metrics import daily
from estate_tool.sizing import AUTO, report_lines
from estate_tool.sizing.evidence import Evidence, ReportCounts
from observability.metrics import OWN_NAMESPACE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from estate_tool.core.environment import Environment
    from estate_tool.monitoring.metrics import Window
    from estate_tool.sizing.functions import AccountFunction

DEADLINE_SECONDS = 300
_RUNNING = {"Scheduled", "Running"}
# "CloudWatch Logs quotas": the most rows of an answer; where there are as many, some may be missing.
_MOST_ROWS = 10_000
# Insights finds the fields with @ in REPORT lines, memory in bytes ("Supported logs and discovered fields"), and those
# of JSON by themselves. Streams have the function's name before the bracket where functions share a group.
_OF_FUNCTION = f"""\
filter (@type = "REPORT" or type = "platform.report" or @message like /{report_lines.TIMEOUT_PATTERN}/)
    and (@logStream like "/[" or @logStream like "/FUNCTION[")
"""
_DURATIONS = f"""{_OF_FUNCTION}\
| stats count(*) as calls, pct(@duration, 99) as lineP99, pct(record.metrics.durationMs, 99) as recordP99,
    min(toMillis(@timestamp)) as first
| limit 1"""
# A row for each amount of memory that was used, which gives exact percentiles of it.
_MEMORY = f"""{_OF_FUNCTION}\
| parse @message /Status: (?<lineStatus>[a-z]+)/
| parse @message /Error Type: (?<lineError>[A-Za-z.]+)/
| parse @message /(?:Init Duration: |"initDurationMs": ?)(?<ahead>0(?:\\.0+)?)(?:[ ,}}]|$)/
| stats count(*) as calls,
    sum(@billedDuration) as lineBilled, sum(record.metrics.billedDurationMs) as recordBilled,
    count(@initDuration) as lineColds, sum(@initDuration) as lineInits, max(@initDuration) as lineInit,
    count(record.metrics.initDurationMs) as recordColds, sum(record.metrics.initDurationMs) as recordInits,
    max(record.metrics.initDurationMs) as recordInit
    by @type, type, @maxMemoryUsed, @memorySize, record.metrics.maxMemoryUsedMB, record.metrics.memorySizeMB,
    record.status, record.errorType, lineStatus, lineError, ahead
| limit {_MOST_ROWS}"""
# "Working with Lambda log groups": where functions share a group, the stream's name has the function's in it.
_STREAM = re.compile(r"\d{4}/\d\d/\d\d/(?P<function>[^\[\]]+)\[")
_MEMORY_STATISTICS = ("SampleCount", "Sum", "Maximum", "p95", "p99")


@dataclass(frozen=True, kw_only=True)
class EvidenceRequest:
    """Function and window whose evidence a source is asked for; `progress` hears where a long answer stands."""

    environment: Environment
    function: AccountFunction
    window: Window
    progress: Callable[[str], None]


def logs(asked: EvidenceRequest, size_mb: int | None = None) -> Evidence:
    """Read every report in the log itself; none when there is no such log group.

    With `size_mb`, only about invocations that had this much memory.
    """
    counts, read = ReportCounts(size_mb), 0
    try:
        for page in _pages(asked):
            counts.add_lines(message for _, message in page)
            counts.seen(page[0][0] if page else None)
            read += len(page)
            asked.progress(f"{asked.function.shown_name}: {counted(read, 'report')} read")
    except ClientError as error:
        if retries.code_of(error) != "ResourceNotFoundException":
            raise
    return counts.evidence(f"{counts.kinds} in {asked.function.log_group}")


def _pages(asked: EvidenceRequest) -> Iterator[list[tuple[int, str]]]:
    """Yield pages of times, in milliseconds since 1970 and in order, and messages."""
    pages = asked.environment.client("logs").get_paginator("filter_log_events").paginate(
        logGroupName=asked.function.log_group, filterPattern=report_lines.FILTER_PATTERN,
        startTime=asked.window.start_ms, endTime=asked.window.end_ms,
    )  # fmt: skip
    for page in pages:
        yield sorted(
            (int(event.get("timestamp") or 0), event["message"])
            for event in page["events"]
            if _is_of(asked.function.name, str(event.get("logStreamName", "")))
        )


def _is_of(function: str, stream: str) -> bool:
    named = _STREAM.match(stream)
    return named is None or named["function"] == function


def logs_insights(asked: EvidenceRequest) -> Evidence | None:
    """Query Logs Insights for the function's reports; None if it refuses, is too slow, or finds none."""
    try:
        counts = _counts(asked)
    except ClientError:
        # An error that is not about Insights itself recurs where the log is read.
        return None
    found = counts and counts.evidence(f"Logs Insights on {counts.kinds} in {asked.function.log_group}")
    return found if found and found.invocations else None


def _counts(asked: EvidenceRequest) -> ReportCounts | None:
    durations = _rows(asked, _DURATIONS)
    # An implementation without `stats` answers with the log's lines.
    if not durations or not _number(durations[0], "calls"):
        return None
    p99 = max(_number(durations[0], "lineP99"), _number(durations[0], "recordP99"))
    rows = _rows(asked, _MEMORY)
    if rows is None or len(rows) >= _MOST_ROWS:
        return None
    counts = ReportCounts()
    counts.seen(int(_number(durations[0], "first")) or None)
    for row in rows:
        _add(counts, row, p99)
    return counts


def _add(counts: ReportCounts, row: Mapping[str, str], p99_ms: float) -> None:
    """Count invocations that are alike; of their durations only the 99th percentile of all is known."""
    calls = max(int(_number(row, "calls")), 1)  # there is no row of nothing
    is_record = row.get("type") == "platform.report"
    if not is_record and row.get("@type") != "REPORT":
        counts.timeout_lines += calls
        return
    kind = "record" if is_record else "line"
    names = ("record.status", "record.errorType") if is_record else ("lineStatus", "lineError")
    metrics = {
        **_memory(row, is_record),
        "durationMs": p99_ms,
        "billedDurationMs": _number(row, f"{kind}Billed") / calls,
    }
    form = report_lines.JSON if is_record else report_lines.TEXT
    invocation = report_lines.invocation(form, metrics, *(row.get(name, "") for name in names))
    if invocation is None:
        counts.unreadable += calls
        return
    counts.add(invocation, calls)
    colds = int(_number(row, f"{kind}Colds"))
    if colds and not row.get("ahead"):
        counts.add_cold_starts(colds, _number(row, f"{kind}Inits"), _number(row, f"{kind}Init"))


def _memory(row: Mapping[str, str], is_record: bool) -> dict[str, Any]:
    names = ("maxMemoryUsedMB", "memorySizeMB")
    fields = [f"record.metrics.{name}" for name in names] if is_record else ["@maxMemoryUsed", "@memorySize"]
    unit = 1 if is_record else 1_000_000
    return {
        name: _number(row, field) / unit if field in row else None for name, field in zip(names, fields, strict=True)
    }


def _number(row: Mapping[str, str], field: str) -> float:
    """Return the field's number; 0 for what is not there, as for the sum of nothing."""
    try:
        return float(row.get(field) or 0)
    except ValueError:
        return 0.0


def _rows(asked: EvidenceRequest, query: str) -> list[dict[str, str]] | None:
    """Return the answer's rows; None for a query that fails, or does not end in time."""
    import tenacity

    client = asked.environment.client("logs")
    started = client.start_query(
        logGroupName=asked.function.log_group,
        startTime=asked.window.start_ms // 1000,
        endTime=-(-asked.window.end_ms // 1000),
        queryString=query.replace("FUNCTION", asked.function.name),
    )
    asked.progress(f"{asked.function.shown_name}: Logs Insights is at work")
    answer = retries.policy(
        tenacity.retry_if_result(lambda found: found["status"] in _RUNNING),
        tenacity.stop_after_delay(DEADLINE_SECONDS),
        retry_error_callback=lambda _: {"status": "Late"},
    )(client.get_query_results, queryId=started["queryId"])
    if answer["status"] == "Late":
        client.stop_query(queryId=started["queryId"])
    if answer["status"] != "Complete":
        return None
    return [{field["field"]: field["value"] for field in row} for row in answer["results"]]


def own_metric(asked: EvidenceRequest) -> Evidence:
    """Read the metric that the observability layer makes from the function's log; other functions have none."""
    if asked.function.catalog_name is None:
        return Evidence(source="no metric of memory: only functions of the estate publish one")
    name = asked.environment.names.of("memory-used", asked.function.catalog_name)
    return _metric(asked, (OWN_NAMESPACE, name), {})


def lambda_insights(asked: EvidenceRequest) -> Evidence:
    """Read Lambda Insights, where the function has that layer ("Metrics collected by Lambda Insights")."""
    return _metric(asked, ("LambdaInsights", "used_memory_max"), {"function_name": asked.function.name})


def _metric(asked: EvidenceRequest, metric: tuple[str, str], dimensions: dict[str, str]) -> Evidence:
    client = asked.environment.client("cloudwatch")
    memory = daily(client, metric, dimensions, asked.window, _MEMORY_STATISTICS)
    samples = int(sum(memory["SampleCount"]))
    source = f"metric {'/'.join(metric)}"
    if not samples:
        return Evidence(source=f"no values of {source}")
    p95, p99, maximum = (ceil(max(memory[statistic], default=0)) for statistic in ("p95", "p99", "Maximum"))
    return Evidence(
        source=source, samples=samples, average_mb=round(sum(memory["Sum"]) / samples, 1), p95_mb=p95, p99_mb=p99,
        # A metric counts no kills; memory used up is the trace that they leave.
        max_mb=maximum, largest_oom_mb=maximum if maximum >= asked.function.memory_mb else 0, **_calls(asked),
    )  # fmt: skip


def _calls(asked: EvidenceRequest) -> dict[str, Any]:
    """Read the metrics that Lambda publishes; durations stand for billed ones, nearly the same."""
    client, of_function = asked.environment.client("cloudwatch"), {"FunctionName": asked.function.name}

    def values(name: str, *statistics: str) -> dict[str, list[float]]:
        return daily(client, ("AWS/Lambda", name), of_function, asked.window, statistics)

    invocations, errors = values("Invocations", "Sum")["Sum"], values("Errors", "Sum")["Sum"]
    duration = values("Duration", "Sum", "p99")
    if not invocations:
        return {}
    seconds = sum(duration["Sum"]) / 1000
    return {
        "invocations": int(sum(invocations)), "failures": int(sum(errors)),
        "duration_p99_ms": ceil(max(duration["p99"], default=0)), "billed_seconds": round(seconds, 3),
        "billed_gb_seconds": round(seconds * asked.function.memory_mb / 1024, 3),
    }  # fmt: skip


# By the names of SOURCES. Insights may be refused, for its limits or its price: then the log itself is read.
_BY_NAME: Mapping[str, tuple[Callable[[EvidenceRequest], Evidence | None], ...]] = {
    AUTO: (logs_insights, logs, own_metric, lambda_insights),
    "insights": (logs_insights, logs),
    "logs": (logs,),
    "metric": (own_metric,),
    "lambda-insights": (lambda_insights,),
}


def gather(source: str, asked: EvidenceRequest) -> Evidence:
    """Return the evidence of the first source with samples; if none has any, of the first that answered.

    A source that AWS denies is passed over; the ClientError of the first one is raised if there is nothing else.
    """
    first: Evidence | ClientError | None = None
    for read in _BY_NAME[source]:
        answer, forbidden = unless_forbidden(partial(read, asked))
        if answer is not None and answer.samples:
            return answer
        first = first or answer or forbidden
    if isinstance(first, ClientError):
        raise first
    assert first is not None, "every list of sources ends with one that always answers"
    return first
