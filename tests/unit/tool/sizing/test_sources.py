"""Sources of evidence: answers in AWS's recorded shapes, what follows from them by hand, and who is asked when."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError
from botocore.stub import ANY

from estate_tool.monitoring.metrics import Window
from estate_tool.sizing import sources
from estate_tool.sizing.evidence import Evidence
from estate_tool.sizing.functions import AccountFunction
from estate_tool.sizing.sources import EvidenceRequest
from tests.support.log_lines import gathered, json_record, text_line
from tests.unit.tool.conftest import Estate, stubbed_client

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from botocore.stub import Stubber

END = datetime(2026, 1, 31, 12, tzinfo=UTC)
WINDOW = Window(start=END - timedelta(days=2), end=END)
GROUP = "/aws/lambda/billing"
Row = dict[str, str]


def asked(estate: Any, *, catalog_name: str | None = None, memory_mb: int = 3008) -> EvidenceRequest:
    function = AccountFunction(
        name="billing", catalog_name=catalog_name, memory_mb=memory_mb, log_group=GROUP, architecture="x86_64"
    )
    return EvidenceRequest(environment=estate, function=function, window=WINDOW, progress=lambda _text: None)


@pytest.fixture
def stubbed() -> Iterator[tuple[Estate, Callable[[str], Stubber]]]:
    """An environment whose clients answer what tests lay down, and nothing else."""
    estate, stubs = Estate(), list[Any]()

    def client(service: str) -> Stubber:
        estate.clients[service], stub = stubbed_client(service)
        stubs.append(stub)
        return stub

    yield estate, client
    for stub in stubs:
        stub.assert_no_pending_responses()


def answers(stub: Stubber, *rows: Row, running: int = 0, status: str = "Complete", query: Any = ANY) -> None:
    """A query that is started, is still running so often, and answers with these rows."""
    stub.add_response("start_query", {"queryId": "q"}, {
        "logGroupName": GROUP, "startTime": 1_769_688_000, "endTime": 1_769_860_800, "queryString": query,
    })  # fmt: skip
    results = [[{"field": name, "value": value} for name, value in row.items()] for row in rows]
    for state in [*["Running"] * running, status]:
        answer: dict[str, Any] = {"status": state, "results": results if state == "Complete" else []}
        stub.add_response("get_query_results", answer, {"queryId": "q"})


def line_row(calls: int, used: int, size: int = 3008, **more: str) -> Row:
    """REPORT lines: Insights counts their memory in bytes and writes large numbers like this."""
    return {"calls": str(calls), "@type": "REPORT", "@maxMemoryUsed": f"{used * 1e6:E}",
            "@memorySize": f"{size * 1e6:E}", "lineBilled": str(calls * 100.0),
            "lineColds": "0", "recordColds": "0", **more}  # fmt: skip


def record_row(calls: int, used: int, size: int = 3008, status: str = "success", **more: str) -> Row:
    """`platform.report` records."""
    return {"calls": str(calls), "type": "platform.report", "record.metrics.maxMemoryUsedMB": str(used),
            "record.metrics.memorySizeMB": str(size), "record.status": status, "recordBilled": str(calls * 100.0),
            "lineColds": "0", "recordColds": "0", **more}  # fmt: skip


TIMED_OUT = "2026-01-31T12:00:00Z x Task timed out after 3.00 seconds"
DURATIONS = {"calls": "10000", "lineP99": "100.0"}
USED = (412, 462, 512, 562, 612)
# Each with the lines that the rows stand for: what reads them one by one has to come to the same.
CASES: dict[str, tuple[list[Row], list[str]]] = {
    "text": ([line_row(2000, used) for used in USED], [text_line(used) for used in USED] * 2000),
    "JSON": ([record_row(2000, used) for used in USED], [json_record(used) for used in USED] * 2000),
    "mixed, zeros": (
        [*(record_row(1000, used) for used in USED), *(line_row(1000, used) for used in USED), line_row(500, 0)],
        [*[json_record(used) for used in USED] * 1000, *[text_line(used) for used in USED] * 1000,
         *[text_line(0)] * 500],
    ),
    "damaged, timeouts": (
        [line_row(1000, 512), {"calls": "7", "@type": "REPORT"}, {"calls": "5"}, record_row(9, 99_999),
         record_row(60, 512, status="timeout")],
        [*[text_line(512)] * 1000, *["REPORT RequestId: x"] * 7, *[TIMED_OUT] * 5,
         *[json_record(99_999)] * 9, *[json_record(512, status="timeout")] * 60],
    ),
    "kills": (
        [line_row(500, 400, 512), line_row(3, 512, 512, lineStatus="error", lineError="Runtime.OutOfMemory"),
         record_row(2, 512, 512, "error", **{"record.errorType": "Runtime.OutOfMemory"}), line_row(1, 512, 512),
         record_row(4, 512, 512)],
        [*[text_line(400, 512)] * 500, *[text_line(512, 512, status="error", error="Runtime.OutOfMemory")] * 3,
         *[json_record(512, 512, status="error", error="Runtime.OutOfMemory")] * 2, text_line(512, 512),
         *[json_record(512, 512)] * 4],
    ),
    "cold starts": (
        [line_row(40, 100, lineColds="2", lineInits="500.0", lineInit="300.0"),
         record_row(60, 100, recordColds="1", recordInits="400.0", recordInit="400.0")],
        [*[text_line(100, init=200.0), text_line(100, init=300.0), json_record(100, init=400.0)],
         *[text_line(100)] * 38, *[json_record(100)] * 59],
    ),
    "initialised ahead": (
        [line_row(60, 100, lineColds="1", lineInits="200.0", lineInit="200.0"),
         line_row(5, 100, lineColds="5", lineInits="0.0", lineInit="0.0", ahead="0.00"),
         record_row(3, 100, recordColds="3", recordInits="0", recordInit="0", ahead="0")],
        [text_line(100, init=200.0), *[text_line(100)] * 59, *[text_line(100, init=0.0)] * 5,
         *[json_record(100, init=0)] * 3],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_insights_comes_to_the_same_as_reading_every_line(case: str, stubbed: Any) -> None:
    (rows, lines), (estate, client) = CASES[case], stubbed
    logs = client("logs")
    answers(logs, DURATIONS, running=1)
    answers(logs, *rows)
    found, read = sources.logs_insights(asked(estate)), gathered(*lines)
    assert found == replace(read, source=f"Logs Insights on {read.source} in {GROUP}")


def test_queries_leave_out_other_functions_of_a_shared_group(stubbed: Any) -> None:
    texts: list[str] = []
    estate, client = stubbed
    logs = client("logs")
    answers(logs, DURATIONS)
    answers(logs, line_row(60, 512))
    estate.clients["logs"].meta.events.register(
        "provide-client-params.logs.StartQuery", lambda params, **_: texts.append(params["queryString"])
    )
    assert sources.logs_insights(asked(estate)) is not None
    assert len(texts) == 2
    for text in texts:
        assert '(@logStream like "/[" or @logStream like "/billing[")' in text
        assert "FUNCTION" not in text


REPORTED = {"events": [{"message": text_line(512), "logStreamName": "2026/01/31/[$LATEST]a"}] * 60}


@pytest.mark.parametrize(
    "code",
    ["MalformedQueryException", "LimitExceededException", "AccessDeniedException", "ResourceNotFoundException",
     "InvalidOperationException"],
)  # fmt: skip
def test_the_log_is_read_when_insights_refuses(code: str, stubbed: Any) -> None:
    estate, client = stubbed
    logs = client("logs")
    logs.add_client_error("start_query", code)
    logs.add_response("filter_log_events", REPORTED | {"nextToken": "2"})
    logs.add_response("filter_log_events", REPORTED)
    found = sources.gather("auto", asked(estate))
    assert (found.source, found.samples) == (f"REPORT lines in {GROUP}", 120)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ((), None),
        (({"@message": "REPORT RequestId: x", "@ptr": "1"},), None),  # as where `stats` does nothing
        (({"calls": "0"},), None),
        ((DURATIONS,), [line_row(1, 512)] * 3),  # there may be more
    ],
    ids=["nothing", "lines", "none", "too many rows"],
)
def test_the_log_is_read_when_insights_has_no_whole_answer(
    first: Any, second: Any, stubbed: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "_MOST_ROWS", 3)
    estate, client = stubbed
    logs = client("logs")
    answers(logs, *first)
    if second:
        answers(logs, *second)
    logs.add_response("filter_log_events", REPORTED)
    assert sources.gather("insights", asked(estate)).source == f"REPORT lines in {GROUP}"


@pytest.mark.parametrize("status", ["Failed", "Cancelled", "Timeout"])
def test_a_query_that_fails_is_one_without_an_answer(status: str, stubbed: Any) -> None:
    estate, client = stubbed
    answers(client("logs"), status=status)
    assert sources.logs_insights(asked(estate)) is None


def test_a_query_that_does_not_end_in_time_is_stopped(stubbed: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "DEADLINE_SECONDS", 0)
    estate, client = stubbed
    logs = client("logs")
    answers(logs, status="Running")
    logs.add_response("stop_query", {"success": True}, {"queryId": "q"})
    assert sources.logs_insights(asked(estate)) is None


def data(stub: Stubber, metric: tuple[str, str], dimensions: dict[str, str], **values: list[float]) -> None:
    """Answer of GetMetricData about a metric, a value a day, newest first."""
    measured = {
        "Namespace": metric[0], "MetricName": metric[1],
        "Dimensions": [{"Name": name, "Value": value} for name, value in dimensions.items()],
    }  # fmt: skip
    queries = [
        {"Id": name.lower(), "MetricStat": {"Metric": measured, "Period": 86_400, "Stat": name}} for name in values
    ]
    results = [
        {"Id": name.lower(), "Label": name, "Values": found, "StatusCode": "Complete",
         "Timestamps": [END - timedelta(days=day) for day, _ in enumerate(found)]}
        for name, found in values.items()
    ]  # fmt: skip
    expected = {"MetricDataQueries": queries, "StartTime": WINDOW.start, "EndTime": WINDOW.end}
    stub.add_response("get_metric_data", {"MetricDataResults": results}, expected)


@pytest.mark.parametrize(
    ("source", "metric", "dimensions"),
    [
        ("metric", ("Estate", "memory-used-ingest-dev"), {}),
        ("lambda-insights", ("LambdaInsights", "used_memory_max"), {"function_name": "billing"}),
    ],
)
def test_metrics_of_two_days_become_one_evidence(
    source: str, metric: tuple[str, str], dimensions: dict[str, str], stubbed: Any
) -> None:
    estate, client = stubbed
    stub, of_function = client("cloudwatch"), {"FunctionName": "billing"}
    # 100 calls of 412 MB and 300 of 512 MB on average: (41,200 + 153,600) / 400 = 487. Percentiles of the worst day.
    data(stub, metric, dimensions, SampleCount=[100.0, 300.0], Sum=[41_200.0, 153_600.0], Maximum=[500.0, 612.0],
         p95=[480.0, 570.2], p99=[499.5, 599.2])  # fmt: skip
    data(stub, ("AWS/Lambda", "Invocations"), of_function, Sum=[100.0, 301.0])
    data(stub, ("AWS/Lambda", "Errors"), of_function, Sum=[0.0, 4.0])
    data(stub, ("AWS/Lambda", "Duration"), of_function, Sum=[10_000.0, 54_000.0], p99=[120.0, 180.4])
    found = sources.gather(source, asked(estate, catalog_name="ingest"))
    assert found == Evidence(
        source=f"metric {metric[0]}/{metric[1]}", samples=400, average_mb=487.0, p95_mb=571, p99_mb=600, max_mb=612,
        # 64 s at 3008 / 1024 GB.
        invocations=401, failures=4, duration_p99_ms=181, billed_seconds=64.0, billed_gb_seconds=188.0,
    )  # fmt: skip


def test_memory_used_up_is_taken_for_a_kill_where_none_are_counted(stubbed: Any) -> None:
    estate, client = stubbed
    stub, metric = client("cloudwatch"), ("LambdaInsights", "used_memory_max")
    data(stub, metric, {"function_name": "billing"}, SampleCount=[60.0], Sum=[6000.0], Maximum=[512.0], p95=[100.0],
         p99=[101.0])  # fmt: skip
    for name, statistics in (("Invocations", ("Sum",)), ("Errors", ("Sum",)), ("Duration", ("Sum", "p99"))):
        data(stub, ("AWS/Lambda", name), {"FunctionName": "billing"}, **{statistic: [] for statistic in statistics})
    found = sources.lambda_insights(asked(estate, memory_mb=512))
    assert (found.kills, found.ooms, found.largest_oom_mb) == (1, None, 512)
    assert (found.invocations, found.billed_seconds) == (None, None)


def nothing(stub: Stubber, times: int = 1) -> None:
    for _ in range(times):
        stub.add_response("get_metric_data", {"MetricDataResults": []})


def test_without_samples_from_any_source_the_log_is_reported(stubbed: Any) -> None:
    estate, client = stubbed
    logs, cloudwatch = client("logs"), client("cloudwatch")
    answers(logs)
    logs.add_response("filter_log_events", {"events": []})
    nothing(cloudwatch, times=2)
    found = sources.gather("auto", asked(estate, catalog_name="ingest"))
    assert (found.source, found.samples) == (f"no reports in {GROUP}", 0)


def test_a_denied_source_is_passed_over_unless_no_other_has_samples(stubbed: Any) -> None:
    estate, client = stubbed
    logs, cloudwatch = client("logs"), client("cloudwatch")
    for operation in ("start_query", "filter_log_events") * 2:
        logs.add_client_error(operation, "AccessDeniedException")
    data(cloudwatch, ("LambdaInsights", "used_memory_max"), {"function_name": "billing"}, SampleCount=[60.0],
         Sum=[6000.0], Maximum=[100.0], p95=[100.0], p99=[100.0])  # fmt: skip
    nothing(cloudwatch, times=3)
    assert sources.gather("auto", asked(estate)).source == "metric LambdaInsights/used_memory_max"
    nothing(cloudwatch)
    with pytest.raises(ClientError, match="FilterLogEvents"):
        sources.gather("auto", asked(estate))


def test_only_functions_of_the_estate_publish_their_memory(stubbed: Any) -> None:
    estate, _ = stubbed
    found = sources.gather("metric", asked(estate))
    assert (found.source, found.samples) == (
        "no metric of memory: only functions of the estate publish one", 0,
    )  # fmt: skip
