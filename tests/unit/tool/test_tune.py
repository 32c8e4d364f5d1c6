"""`estate rightsize --tune` with a Lambda that only pretends: the copy it makes, and the table it prints."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from estate_tool.commands import rightsize
from tests.unit.tool.test_sizing_tuning import QUERY, FakeLambda

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.unit.tool.conftest import Estate

COPY = f"{QUERY.name}-tune"


class Zipped(FakeLambda):
    """A function in a network, with a layer and code in an archive, whose copies become ready after a while."""

    def __init__(self, archive: Path) -> None:
        super().__init__()
        self._archive = archive
        self.states: list[dict[str, str]] = []
        self.given: dict[str, Any] = {}
        self.functions[QUERY.name] |= {
            "FunctionName": QUERY.name, "LastModified": "2026-01-31T12:00:00.000+0000", "Architectures": ["arm64"],
            "Layers": [{"Arn": "arn:layer:1", "CodeSize": 9}],
            "VpcConfig": {"SubnetIds": ["s-1"], "SecurityGroupIds": ["g-1"], "VpcId": "v-1"},
        }  # fmt: skip

    def get_function(self, FunctionName: str) -> dict[str, Any]:  # noqa: N803 - AWS's name for it
        return {"Configuration": self.functions[FunctionName], "Code": {"Location": self._archive.as_uri()}}

    def create_function(self, FunctionName: str, **given: Any) -> None:  # noqa: N803
        self.given = dict(given)
        super().create_function(FunctionName, **given)

    def get_function_configuration(self, FunctionName: str) -> dict[str, Any]:  # noqa: N803
        known = super().get_function_configuration(FunctionName)
        return known | (self.states.pop(0) if self.states and FunctionName == COPY else {})


@pytest.fixture
def fake(empty_estate: Estate, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Zipped:
    archive = tmp_path / "code.zip"
    archive.write_bytes(b"the code")
    fake = empty_estate.clients["lambda"] = Zipped(archive)
    real = boto3.client

    def client(service: str, **how: Any) -> Any:
        if service != "lambda":
            return real(service, **how)
        # An invocation takes up to 900 s, and one that is made twice would be measured once.
        assert how["config"].read_timeout > 900
        assert how["config"].retries == {"total_max_attempts": 1}
        return fake

    monkeypatch.setattr(boto3, "client", client)
    return fake


@pytest.fixture
def tune(call: Any, tmp_path: Path) -> Callable[..., Any]:
    def tuning(payload: str, *more: str) -> Any:
        path = tmp_path / "payload.json"
        path.write_text(payload)
        arguments = ["--tune", "query", "--payload", str(path), "--sizes", "512,1024", "--runs", "3"]
        return call(rightsize, "dev", *arguments, *more)

    return tuning


def test_the_table_shows_cost_and_speed_of_each_size_and_which_is_best(fake: Zipped, tune: Any) -> None:
    done = tune("{}", "--strategy", "speed")
    assert done.code == 0
    titles, small, large, _, best, *note = done.out.splitlines()
    assert " ".join(titles.split()) == "MB vCPU average ms first ms most MB used $ per million"
    # 390 ms × 0.5 GB and 195 ms × 1 GB cost the same: 1,000,000 × 0.195 GB-s × 0.0000133334 + 0.20.
    assert small.split() == ["512", "0.29", "390.0", "890.0", "100", "2.80"]
    assert large.split() == ["1,024", "0.58", "195.0", "695.0", "100", "2.80", "best"]
    assert best.startswith("query has 512 MB; best by speed: 1,024 MB (3 warm invocations of each size, prices of ")
    assert "vCPU" in " ".join(note)
    assert COPY not in fake.functions


def test_a_size_that_fails_is_reported_with_its_error_and_scripts_get_the_same(fake: Zipped, tune: Any) -> None:
    done = tune('"large"')
    failed = next(line for line in done.out.splitlines() if line.lstrip().startswith("512"))
    assert failed.split() == ["512", "0.29", *"––––"]
    assert '512 MB failed: {"errorType": "Runtime.OutOfMemory"}' in done.out
    report = json.loads(tune('"large"', "--json").out)
    assert (report["environment"], report["function"], report["best_mb"]) == ("dev", "query", 1024)
    assert [(one["memory_mb"], one["billed_ms"], one["error"]) for one in report["sizes"]] == [
        (512, None, '{"errorType": "Runtime.OutOfMemory"}'), (1024, 195.0, None),
    ]  # fmt: skip


def test_the_copy_has_the_functions_code_layers_and_network(fake: Zipped, tune: Any) -> None:
    assert tune("{}").code == 0
    assert fake.given["Code"] == {"ZipFile": b"the code"}
    assert fake.given["Layers"] == ["arn:layer:1"]
    assert fake.given["VpcConfig"] == {"SubnetIds": ["s-1"], "SecurityGroupIds": ["g-1"]}


def test_a_copy_is_waited_for_and_one_that_never_becomes_ready_is_reported_and_removed(fake: Zipped, tune: Any) -> None:
    fake.states = [{}, {"State": "Pending"}, {"LastUpdateStatus": "InProgress"}]
    assert tune("{}").code == 0
    assert fake.states == []
    fake.functions[COPY] = {"Description": fake.given["Description"]}
    fake.states = [{}, {"State": "Failed", "StateReason": "no more addresses"}]
    done = tune("{}")
    assert (done.code, done.out) == (1, "")
    assert f"the copy {COPY} does not become ready: no more addresses" in done.err
    assert COPY not in fake.functions


def test_an_invocation_without_a_report_measures_nothing(
    fake: Zipped, tune: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fake, "invoke", lambda **_: {"LogResult": ""})
    done = tune("{}")
    assert (done.code, "Lambda did not report what an invocation took" in done.err) == (1, True)
    assert COPY not in fake.functions


def test_a_payload_that_is_no_json_is_wrong_usage(fake: Zipped, tune: Any) -> None:
    done = tune("not json")
    assert (done.code, "payload.json is no JSON: " in done.err) == (2, True)
    assert fake.invoked == []
