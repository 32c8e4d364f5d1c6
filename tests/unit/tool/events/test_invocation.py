"""`estate invoke`: the payload byte for byte, the answer, the reason and the log of a call that failed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from estate_tool.commands import invoke as command
from estate_tool.core import aws_errors
from estate_tool.events import invocation
from foundation.catalog import CATALOG
from tests.support.fake_lambda import FakeLambda
from tests.support.schema import breaches

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.tool.conftest import Estate

PAYLOAD = b'{"type": "t", "number": 0.10}'


@pytest.fixture
def function(empty_estate: Estate, monkeypatch: pytest.MonkeyPatch) -> FakeLambda:
    fake = FakeLambda({"count": 3}, log="START\nREPORT \x1b[31m")
    monkeypatch.setattr(aws_errors, "require_running", lambda _environment: None)
    monkeypatch.setattr(invocation, "client", lambda _environment: fake)
    return fake


def test_the_alias_is_called_once_with_the_payload_byte_for_byte(function: FakeLambda, call: Any) -> None:
    done = call(command, "query", "dev", "--payload", "-", stdin=PAYLOAD)
    assert (done.code, done.out) == (0, '{"count": 3}\n')
    assert done.err.splitlines()[0] == "START"
    assert function.calls == [
        {
            "FunctionName": "lambda-query-dev", "Qualifier": "live", "InvocationType": "RequestResponse",
            "LogType": "Tail", "Payload": PAYLOAD,
        }
    ]  # fmt: skip


def test_json_keeps_its_schema(function: FakeLambda, call: Any, tmp_path: Path) -> None:
    (tmp_path / "payload.json").write_bytes(PAYLOAD)
    report = json.loads(call(command, "query", "--payload", str(tmp_path / "payload.json"), "--json").out)
    assert breaches("invoke", report) == []
    assert {key: report[key] for key in ("function", "ok", "error", "version", "answer")} == {
        "function": "query", "ok": True, "error": None, "version": "7", "answer": {"count": 3},
    }  # fmt: skip
    assert report["log"] == ["START", "REPORT \x1b[31m"]


@pytest.mark.parametrize("flags", [(), ("--json",)])
def test_a_function_that_fails_is_exit_code_1_with_its_reason(
    function: FakeLambda, call: Any, flags: tuple[str, ...]
) -> None:
    function.answer = {"errorType": "BadRequest", "errorMessage": "type is missing"}
    done = call(command, "query", "--payload", "-", *flags, stdin=b"{}")
    assert done.code == 1
    if flags:
        report = json.loads(done.out)
        assert breaches("invoke", report) == []
        assert (report["ok"], report["error"]) == (False, "BadRequest: type is missing")
    else:
        assert "query failed: BadRequest: type is missing" in done.err


@pytest.mark.parametrize("answer", [b"", b"no JSON"])
def test_an_answer_that_is_no_json_is_text(function: FakeLambda, call: Any, answer: bytes) -> None:
    function.answer = answer
    assert json.loads(call(command, "query", "--payload", "-", "--json", stdin=b"1").out)["answer"] == answer.decode()


@pytest.mark.parametrize(
    ("payload", "said"),
    [
        (b"no JSON", "is no JSON"),
        (b"", "is no JSON"),
        (b"\xff", "UTF-8"),
        (b'"' + b"x" * 6_291_455 + b'"', "6,291,457"),
    ],
    ids=["text", "nothing", "bytes", "large"],
)
def test_a_payload_that_lambda_would_refuse_is_refused_before_the_call(
    function: FakeLambda, call: Any, payload: bytes, said: str
) -> None:
    done = call(command, "query", "--payload", "-", stdin=payload)
    assert (done.code, function.calls) == (2, [])
    assert said in done.err


def test_a_file_that_is_not_there_and_a_function_that_is_not_are_refused(function: FakeLambda, call: Any) -> None:
    assert call(command, "query", "--payload", "/nowhere/payload.json").code == 2
    done = call(command, "nonsense", "--payload", "-", stdin=b"{}")
    assert (done.code, function.calls) == (2, [])
    assert ", ".join(sorted(function.name for function in CATALOG.functions)) in done.err
