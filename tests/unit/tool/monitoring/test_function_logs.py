"""`estate logs`: pages, bounds, errors, following, and control characters that are made harmless."""

from __future__ import annotations

import json
from itertools import islice
from typing import TYPE_CHECKING, Any

import pytest

from estate_tool.commands import logs as command
from estate_tool.core import aws_errors
from estate_tool.monitoring import function_logs
from estate_tool.monitoring.function_logs import LogEvent, is_error, line
from foundation.catalog import CATALOG
from tests.support.fake_logs import NOW, FakeLogs

if TYPE_CHECKING:
    from tests.unit.tool.conftest import Estate

ERROR = json.dumps({"level": "ERROR", "message": "event cannot be stored", "reason": "no room"})
INFO = json.dumps({"level": "INFO", "message": "batch ingested", "received": 3, "failed": 0})


@pytest.fixture
def holding(empty_estate: Estate, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A function's log with these messages."""

    def hold(*messages: str) -> FakeLogs:
        fake = FakeLogs(*messages)
        empty_estate.clients["logs"] = fake
        monkeypatch.setattr(aws_errors, "require_running", lambda _environment: None)
        return fake

    return hold


def test_every_page_is_read_and_shown_oldest_first(holding: Any, call: Any) -> None:
    fake = holding(*(f"line {number}" for number in range(5)))
    done = call(command, "ingest", "dev", "--since", "2023-01-01")
    assert [shown.partition("  ")[2] for shown in done.out.splitlines()] == [f"line {number}" for number in range(5)]
    assert done.out.startswith("2023-11-14T22:13:20.000Z  line 0\n")
    assert {request["logGroupName"] for request in fake.requests} == {"/aws/lambda/lambda-ingest-dev"}
    assert "filterPattern" not in fake.requests[0]


@pytest.mark.parametrize("name", ["ingest", "lambda-ingest-dev"])
def test_json_keeps_its_schema(holding: Any, call: Any, name: str) -> None:
    holding("plain", INFO)
    answer = json.loads(call(command, name, "--since", "2023-01-01", "--json").out)
    assert (answer["function"], answer["complete"], answer["errors_only"]) == ("ingest", True, False)
    assert [each["fields"] for each in answer["events"]] == [None, json.loads(INFO)]
    assert answer["events"][0]["message"] == "plain"


@pytest.mark.parametrize("flags", [(), ("--json",)])
def test_too_many_lines_are_reported_with_the_time_to_continue_from(
    holding: Any, call: Any, monkeypatch: pytest.MonkeyPatch, flags: tuple[str, ...]
) -> None:
    monkeypatch.setattr(function_logs, "MOST_EVENTS", 3)
    holding(*"abcde")
    done = call(command, "ingest", "--since", "2023-01-01", *flags)
    assert "--since 2023-11-14T22:13:23.000Z" in done.err
    if flags:
        answer = json.loads(done.out)
        assert (answer["complete"], len(answer["events"])) == (False, 3)
    else:
        assert len(done.out.splitlines()) == 3


def test_errors_alone_are_shown_and_asked_for(holding: Any, call: Any) -> None:
    fake = holding(INFO, ERROR, "an error in a sentence")
    done = call(command, "ingest", "--since", "2023-01-01", "--errors")
    assert " ".join(done.out.split()) == "2023-11-14T22:13:21.000Z ERROR event cannot be stored reason=no room"
    assert fake.requests[0]["filterPattern"] == function_logs.ERROR_PATTERN


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (ERROR, True),
        (INFO, False),
        (json.dumps({"level": "INFO", "message": "ERROR is a word"}), False),
        (json.dumps({"type": "platform.report", "record": {"status": "timeout", "metrics": {}}}), True),
        (json.dumps({"type": "platform.report", "record": {"status": "success", "metrics": {}}}), False),
        (json.dumps({"type": "platform.start", "record": {}}), False),
        ("[ERROR]\t2027-01-15T08:00:00Z\tid\tfailed", True),
        ("2023-11-14T22:13:20.000Z id Task timed out after 3.00 seconds", True),
        ("REPORT RequestId: id\tDuration: 3 ms\tMemory Size: 512 MB\tStatus: timeout", True),
        ("REPORT RequestId: id\tDuration: 3 ms\tMemory Size: 512 MB", False),
        ("RequestId: id Error: Runtime exited with error: signal: killed", True),
        ("START RequestId: id Version: 7", False),
        ("[1]", False),
    ],
)
def test_an_error_is_distinguished_from_what_mentions_one(message: str, expected: bool) -> None:
    assert is_error(message) is expected


@pytest.mark.parametrize(
    "message",
    [ERROR, '{"type":"platform.report","record":{"status":"failure"}}', "[CRITICAL] x", "Traceback (most recent"],
)
def test_an_error_passes_the_filter_that_cloudwatch_applies(message: str) -> None:
    assert any(word.strip('?"') in message for word in function_logs.ERROR_PATTERN.split(" ?"))


def test_a_report_and_a_stack_trace_are_readable() -> None:
    report = {"type": "platform.report", "record": {"status": "success", "metrics": {"durationMs": 2.5}}}
    assert line(LogEvent(NOW, "s", json.dumps(report))) == (
        "2023-11-14T22:13:20.000Z  platform.report status=success durationMs=2.5"
    )
    failed = {"level": "ERROR", "message": "failed", "stackTrace": ["File a", "File b"]}
    assert line(LogEvent(NOW, "s", json.dumps(failed))).splitlines()[1:] == ["    File a", "    File b"]


@pytest.mark.parametrize(
    "message", ["a\x1b[2Jb\nc", json.dumps({"level": "INFO", "message": "a\x1b[2Jb", "x": "1\n2"})]
)
def test_control_characters_reach_no_terminal(message: str) -> None:
    shown = line(LogEvent(NOW, "s", message))
    assert "\x1b" not in shown
    assert len(shown.splitlines()) == 1
    assert "\\u001b" in shown


def test_following_shows_each_event_once_late_ones_too() -> None:
    fake = FakeLogs("first", "second")
    fake.add("second", NOW + 1000)  # an equal line of the same millisecond
    pauses: list[float] = []

    def later(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 1:
            fake.add("late", NOW + 500)
        if len(pauses) == 2:
            fake.add("third", NOW + 90_000)
        if len(pauses) == 3:
            fake.add("fourth", NOW + 95_000)

    found = function_logs.follow(fake, "group", NOW, errors=False, sleep=later)
    assert [each.message for each in islice(found, 6)] == ["first", "second", "second", "late", "third", "fourth"]
    assert fake.requests[-1]["startTime"] == NOW + 90_000 - function_logs.LATE_MS


def test_followed_json_is_an_object_a_line(holding: Any, call: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    holding(INFO, "x")

    def interrupted(_seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(function_logs.follow, "__kwdefaults__", {"sleep": interrupted})
    written: list[str] = []
    monkeypatch.setattr("builtins.print", lambda text, **_: written.append(text))
    with pytest.raises(KeyboardInterrupt):
        call(command, "ingest", "--since", "2023-01-01", "--follow", "--json")
    assert [json.loads(each)["message"] for each in written] == [INFO, "x"]


def test_an_unknown_function_is_refused_with_those_there_are(holding: Any, call: Any) -> None:
    fake = holding()
    done = call(command, "ingets")
    assert (done.code, fake.requests) == (2, [])
    assert ", ".join(sorted(function.name for function in CATALOG.functions)) in done.err
    assert "did you mean 'ingest'" in done.err
