"""`estate rightsize` on an account in moto: what it measures, prints and writes."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from compute.sizing import EVIDENCE_KEYS, memory_by_function
from estate_tool.commands import rightsize
from estate_tool.sizing import files
from foundation.catalog import CATALOG
from tests.support.fake_lambda import FakeLambda, NoAdvice
from tests.support.log_lines import json_record, text_line
from tests.unit.tool.conftest import Estate, stubbed_client

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path


NAMES = [function.name for function in CATALOG.functions]
HOUR = 3_600_000


@pytest.fixture
def functions(empty_estate: Estate) -> dict[str, dict[str, Any]]:
    """The estate's functions with 1024 MB, without logs."""
    fake = empty_estate.clients["lambda"] = FakeLambda()
    empty_estate.clients["compute-optimizer"] = NoAdvice()
    for name in NAMES:
        fake.configurations[f"lambda-{name}-dev"] = {
            "MemorySize": 1024, "LoggingConfig": {"LogFormat": "JSON", "LogGroup": f"/aws/lambda/lambda-{name}-dev"},
        }  # fmt: skip
    return fake.configurations


@pytest.fixture
def log(empty_estate: Estate) -> Callable[..., None]:
    """Write lines to a log group that may not exist yet."""
    logs = empty_estate.client("logs")

    def write(group: str, lines: Iterable[str], stream: str = "2026/01/31/[1]abc", age_ms: int = HOUR) -> None:
        for make in (
            lambda: logs.create_log_group(logGroupName=group),
            lambda: logs.create_log_stream(logGroupName=group, logStreamName=stream),
        ):
            try:
                make()
            except logs.exceptions.ResourceAlreadyExistsException:
                continue
        moment = int(time.time() * 1000) - age_ms
        events = [{"timestamp": moment, "message": line} for line in lines]
        logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)

    # moto takes optional terms for literals; which lines are reports is decided by their readers anyway.
    empty_estate.clients["logs"] = logs
    logs.meta.events.register("provide-client-params.logs.FilterLogEvents", _without_pattern)
    return write


@pytest.fixture
def sizing_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A sizing file of the test's own, with 1024 MB for each function."""
    path = tmp_path / "sizing.json"
    content = json.loads(files.SIZING_FILE.read_text())
    for entry in content["functions"].values():
        entry["memory_mb"] = 1024
        entry.pop("previous", None)
    path.write_text(json.dumps(content, indent=2) + "\n")
    for function in (files.apply_sizes, files.revert_sizes, files.sizes_by_function):
        monkeypatch.setattr(function, "__defaults__", (path,))
    return path


def _without_pattern(params: dict[str, Any], **_: Any) -> dict[str, Any]:
    return {name: value for name, value in params.items() if name != "filterPattern"}


def result(done: Any) -> dict[str, dict[str, Any]]:
    assert done.code == 0, done.err
    return {one["function"]: one for one in json.loads(done.out)["functions"]}


def test_the_estates_functions_are_measured_from_their_log_groups(
    functions: dict[str, Any], log: Callable[..., None], call: Any
) -> None:
    log("/aws/lambda/lambda-ingest-dev", [json_record(100, size=1024)] * 98 + [json_record(700, size=1024)] * 2)
    report = result(call(rightsize, "--json"))
    assert list(report) == NAMES
    ingest = report["ingest"]
    # p99 of 100 is the 99th value, 700: with 20 % 840, on a step 896.
    assert (ingest["current_mb"], ingest["recommended_mb"], ingest["saving_percent"]) == (1024, 896, 12)
    evidence = ingest["evidence"]
    assert evidence["source"] == "platform.report records in /aws/lambda/lambda-ingest-dev"
    assert {key: evidence[key] for key in ("samples", "average_mb", "p95_mb", "p99_mb", "max_mb", "ooms")} == {
        "samples": 100, "average_mb": 112.0, "p95_mb": 100, "p99_mb": 700, "max_mb": 700, "ooms": 0,
    }  # fmt: skip
    assert set(EVIDENCE_KEYS) <= set(evidence)
    assert report["query"]["recommended_mb"] is None
    assert report["query"]["reason"] == "no recommendation: 0 samples, fewer than 50"


def test_lines_before_the_window_do_not_count(functions: dict[str, Any], log: Callable[..., None], call: Any) -> None:
    log("/aws/lambda/lambda-ingest-dev", [json_record(900)] * 60, age_ms=3 * HOUR)
    log("/aws/lambda/lambda-ingest-dev", [json_record(100)] * 60, stream="2026/01/31/[1]def", age_ms=HOUR)
    assert result(call(rightsize, "--since", "2h", "--json"))["ingest"]["evidence"]["max_mb"] == 100
    assert result(call(rightsize, "--since", "4h", "--json"))["ingest"]["evidence"]["max_mb"] == 900


def test_any_function_of_the_account_is_measured_where_it_logs(
    functions: dict[str, Any], log: Callable[..., None], call: Any
) -> None:
    functions["billing"] = {"MemorySize": 3008, "LoggingConfig": {"LogFormat": "Text", "LogGroup": "/shared"}}
    functions["other"] = {"MemorySize": 3008}
    log("/shared", [text_line(512)] * 60, stream="2026/01/31/billing[$LATEST]abc")
    log("/shared", [text_line(900)] * 60, stream="2026/01/31/reporting[$LATEST]abc")
    log("/aws/lambda/other", [text_line(80)] * 60, stream="2026/01/31/[$LATEST]abc")
    report = result(call(rightsize, "--function", "billing", "other", "--function", "ingest", "--json"))
    assert set(report) == {"billing", "other", "ingest"}
    assert (report["billing"]["recommended_mb"], report["billing"]["target_mb"]) == (1024, 640)
    assert report["billing"]["evidence"]["max_mb"] == 512
    assert (report["other"]["recommended_mb"], report["other"]["target_mb"]) == (1024, 512)
    assert (report["other"]["unused_percent"], report["other"]["saving_percent"]) == (97, 66)


def test_chosen_functions_are_listed_by_their_waste(
    functions: dict[str, Any], log: Any, call: Any, empty_estate: Estate
) -> None:
    for name, used in (("prod-small", 1000), ("prod-large", 300), ("test-large", 300)):
        functions[name] = {"MemorySize": 1024}
        log(f"/aws/lambda/{name}", [text_line(used, billed=10_000)] * 400)
    assert list(result(call(rightsize, "--function", "prod-*", "--since", "24h", "--json"))) == [
        "prod-large",
        "prod-small",
    ]
    everything = list(result(call(rightsize, "--all", "--since", "24h", "--json")))
    assert everything[:3] == ["prod-large", "test-large", "prod-small"]
    assert sorted(everything[3:]) == sorted(NAMES)
    empty_estate.clients["resourcegroupstaggingapi"], stub = stubbed_client("resourcegroupstaggingapi")
    arn = "arn:aws:lambda:us-east-1:123456789012:function:test-large"
    stub.add_response(
        "get_resources", {"ResourceTagMappingList": [{"ResourceARN": arn}]},
        {"ResourceTypeFilters": ["lambda:function"], "TagFilters": [{"Key": "Team", "Values": ["a=b"]}]},
    )  # fmt: skip
    assert list(result(call(rightsize, "--tag", "Team=a=b", "--json"))) == ["test-large"]


def test_functions_of_the_estate_that_do_not_exist_are_not_deployed(functions: dict[str, Any], call: Any) -> None:
    functions.clear()
    done = call(rightsize)
    assert done.code == 1
    assert "scripts/deploy_all.sh dev" in done.err


def test_apply_writes_recommended_memory_and_its_evidence(
    functions: dict[str, Any], log: Callable[..., None], call: Any, sizing_file: Path
) -> None:
    log("/aws/lambda/lambda-ingest-dev", [json_record(500, size=1024)] * 60)
    done = call(rightsize, "--apply", "--json")
    evidence = result(done)["ingest"]["evidence"]
    written = json.loads(sizing_file.read_text())["functions"]["ingest"]
    assert (written["memory_mb"], written["evidence"], written["previous"]["memory_mb"]) == (640, evidence, 1024)
    assert '+      "memory_mb": 640,' in done.err.splitlines()
    assert "scripts/deploy_layer.sh compute dev" in done.err
    assert call(rightsize, "--revert").code == 0
    assert memory_by_function(NAMES, sizing_file)["ingest"] == 1024


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--apply"], 0, "stays as it is"),
        (["--apply", "--function", "billing"], 2, "is not about billing"),
        (["--revert", "--function", "billing"], 2, "is not about billing"),
    ],
)
def test_without_a_recommendation_and_for_functions_of_others_nothing_is_written(
    functions: dict[str, Any], call: Any, sizing_file: Path, arguments: list[str], code: int, message: str
) -> None:
    before = sizing_file.read_text()
    functions["billing"] = {"MemorySize": 3008}
    done = call(rightsize, *arguments)
    assert (done.code, message in done.err) == (code, True)
    assert sizing_file.read_text() == before


@pytest.fixture
def changed(functions: dict[str, Any], log: Callable[..., None], call: Any, sizing_file: Path) -> dict[str, Any]:
    """Ingest went from 1024 to 640 MB two hours ago, after 60 good calls of 100 ms each."""
    log("/aws/lambda/lambda-ingest-dev", [json_record(500, size=1024)] * 60, age_ms=3 * HOUR)
    assert call(rightsize, "--apply").code == 0
    moment = datetime.now(UTC) - timedelta(hours=2)
    functions["lambda-ingest-dev"] |= {"MemorySize": 640, "LastModified": moment.isoformat()}
    return functions


def verify(call: Any, code: int, *more: str) -> dict[str, Any]:
    done = call(rightsize, "--verify", "--json", *more)
    assert done.code == code
    (one,) = json.loads(done.out)["functions"]
    assert one["ok"] == (code == 0)
    assert ("--revert --function ingest" in done.err) == (code == 1)
    return one


def test_a_function_that_runs_as_before_is_verified(changed: Any, log: Callable[..., None], call: Any) -> None:
    log("/aws/lambda/lambda-ingest-dev", [json_record(500, size=640, duration=120)] * 60, stream="2026/01/31/[2]b")
    one = verify(call, 0)
    assert (one["function"], one["before_mb"], one["memory_mb"]) == ("ingest", 1024, 640)
    assert (one["before"]["invocations"], one["after"]["invocations"]) == (60, 60)
    assert call(rightsize, "--verify").out == "ingest: 1,024 → 640 MB: runs as before\n"


@pytest.mark.parametrize(
    ("lines", "arguments", "problems"),
    [
        ([], [], ["0 invocations since, fewer than 50: too few to tell"]),
        ([json_record(500, size=1024)] * 60, [], ["0 invocations since, fewer than 50: too few to tell"]),
        ([json_record(500, size=640, duration=200)] * 60, ["--slower", "99"],
         ["p99 of durations 200 ms, 100 ms before"]),
        ([json_record(500, size=640, duration=200)] * 60, ["--slower", "100"], []),
        ([json_record(640, size=640, status="error")] * 9, ["--min-samples", "9"],
         ["9 out of memory", "100.0 % failed, 0.0 % before"]),
    ],
    ids=["no calls", "calls with the old memory", "slower", "as slow as allowed", "out of memory"],
)  # fmt: skip
def test_calls_with_the_new_memory_decide(
    changed: Any, log: Callable[..., None], call: Any, lines: list[str], arguments: list[str], problems: list[str]
) -> None:
    log("/aws/lambda/lambda-ingest-dev", lines or ["hello"], stream="2026/01/31/[2]b")
    assert verify(call, int(bool(problems)), *arguments)["problems"] == problems


def test_memory_that_is_not_deployed_yet_can_not_be_verified(changed: Any, call: Any) -> None:
    changed["lambda-ingest-dev"]["MemorySize"] = 1024
    assert verify(call, 1)["problems"] == ["it runs with 1,024 MB: deploy 640 MB first"]


def test_a_window_longer_than_the_log_is_kept_is_as_long_as_that(
    functions: dict[str, Any], log: Any, call: Any, empty_estate: Estate, tmp_path: Path
) -> None:
    functions["billing"] = {"MemorySize": 1024}
    # 400 × 10 s × 1 GB in a day; × 730/24 × 0.0000166667 = 2.0277…
    log("/aws/lambda/billing", [text_line(300, size=1024, billed=10_000)] * 400)
    empty_estate.client("logs").put_retention_policy(logGroupName="/aws/lambda/billing", retentionInDays=1)
    page = tmp_path / "memory.html"
    done = call(rightsize, "--since", "14d", "--function", "billing", "--json", "--html", str(page))
    report = result(done)["billing"]
    assert report["month_usd"] == "2.03"
    assert "$2.03<" in page.read_text()
    start, end = (datetime.fromisoformat(one) for one in report["evidence"]["window"].split("/"))
    assert end - start == timedelta(days=1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--tune", "query"], "--tune and --payload belong together"),
        (["--payload", "x"], "--tune and --payload belong together"),
        (["--tune", "query", "--payload", "none.json"], "none.json can't be read"),
        (["--verify", "--source", "logs"], "--source is for recommendations"),
        (["--verify", "--html", "x.html"], "--html is for recommendations"),
        (["--verify", "--tag", "A=b"], "--tag is for recommendations"),
        (["--function", "query", "local"], "local is an environment"),
        (["--minimum", "512", "--maximum", "256"], "--minimum is more than --maximum"),
        (["--since", "yesterday"], "--since"),
        (["--verify"], "has no change of memory to verify"),
    ],
)
def test_options_that_do_not_fit_are_wrong_usage(
    functions: dict[str, Any], call: Any, sizing_file: Path, arguments: list[str], message: str
) -> None:
    done = call(rightsize, *arguments)
    assert (done.code, done.out) == (2, "")
    assert message in done.err


@pytest.mark.parametrize(
    ("flag", "value"),
    [*(("--sizes", value) for value in ("", "512,", "64", "512,20000", "x")),
     ("--minimum", "100"), ("--maximum", "x"), ("--minimum", "64,128"), ("--tag", "Team"), ("--min-samples", "0")],
)  # fmt: skip
def test_values_that_a_flag_does_not_take_are_wrong_usage(call: Any, flag: str, value: str) -> None:
    with pytest.raises(SystemExit) as ended:
        call(rightsize, flag, value)
    assert ended.value.code == 2


def test_evidence_of_a_chosen_source_is_applied_and_counts_it_does_not_know_are_none(
    functions: dict[str, Any], empty_estate: Estate, call: Any, sizing_file: Path
) -> None:
    values = {"SampleCount": 60.0, "Sum": 42_000.0, "Maximum": 700.0, "p95": 700.0, "p99": 700.0}

    def paginate(MetricDataQueries: list[dict[str, Any]], **_: Any) -> list[dict[str, Any]]:  # noqa: N803 - AWS's name
        known = [query for query in MetricDataQueries if query["MetricStat"]["Metric"]["Namespace"] == "LambdaInsights"]
        found = [{"Id": query["Id"], "Values": [values[query["MetricStat"]["Stat"]]]} for query in known]
        return [{"MetricDataResults": found}]

    cloudwatch = empty_estate.client("cloudwatch")
    cloudwatch.get_paginator = lambda _operation: SimpleNamespace(paginate=paginate)
    assert call(rightsize, "--source", "lambda-insights", "--apply").code == 0
    written = json.loads(sizing_file.read_text())["functions"]["ingest"]
    # 700 + 20 % = 840: 896.
    assert (written["memory_mb"], written["evidence"]["p95_mb"], written["evidence"]["ooms"]) == (896, 700, None)
    functions["lambda-ingest-dev"] |= {"MemorySize": 896}
    assert call(rightsize, "--verify", "--function", "ingest").code == 1
