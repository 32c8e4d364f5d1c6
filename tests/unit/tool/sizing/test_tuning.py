"""`estate rightsize --tune` with a Lambda that only pretends: the copy, the table, the best size."""

from __future__ import annotations

import base64
import io
import json
from decimal import Decimal
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import WaiterError

from estate_tool.commands import rightsize
from estate_tool.core.errors import Failed
from estate_tool.pricing import prices
from estate_tool.sizing import tuning
from estate_tool.sizing.functions import AccountFunction
from estate_tool.sizing.tuning import Trial, best
from tests.support.log_lines import text_line

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.unit.tool.conftest import Estate

PRICES = prices.read()
QUERY = AccountFunction(
    name="lambda-query-dev", catalog_name="query", memory_mb=512, log_group="", architecture="arm64"
)
COPY = f"{QUERY.name}-tune"


class Missing(Exception):
    """Error of Lambda for a function that is not there."""


class FakeLambda:
    """A function in a network, with a layer and code in an archive, that can be copied.

    Invocations take 200 s of MB: the more memory, the less time; the first takes 500 ms more.
    """

    exceptions = SimpleNamespace(ResourceNotFoundException=Missing)

    def __init__(self, archive: Path) -> None:
        self._archive = archive
        self.waits: list[str] = []
        self.unready: dict[str, Any] | None = None
        self.given: dict[str, Any] = {}
        self.functions: dict[str, dict[str, Any]] = {
            QUERY.name: {
                "FunctionName": QUERY.name, "LastModified": "2026-01-31T12:00:00.000+0000", "Architectures": ["arm64"],
                "Role": "r", "Handler": "h", "MemorySize": 512, "Environment": {"Variables": {"A": "1"}},
                "Layers": [{"Arn": "arn:layer:1", "CodeSize": 9}],
                "VpcConfig": {"SubnetIds": ["s-1"], "SecurityGroupIds": ["g-1"], "VpcId": "v-1"},
            },
        }  # fmt: skip
        self.invoked: list[tuple[str, int]] = []
        self.on_invoke: Callable[[int], None] = lambda _memory: None

    def get_function(self, FunctionName: str) -> dict[str, Any]:  # noqa: N803 - AWS's name for it
        code = {"Location": self._archive.as_uri()}
        return {"Configuration": self.functions[FunctionName], "Code": code, "Tags": {"Owner": "o"}}

    def get_function_configuration(self, FunctionName: str) -> dict[str, Any]:  # noqa: N803
        if FunctionName not in self.functions:
            raise Missing
        return self.functions[FunctionName]

    def create_function(self, FunctionName: str, **given: Any) -> None:  # noqa: N803
        self.given = dict(given)
        self.functions[FunctionName] = given

    def update_function_configuration(self, FunctionName: str, MemorySize: int) -> None:  # noqa: N803
        self.functions[FunctionName]["MemorySize"] = MemorySize
        self.waits.append("resized")

    def get_waiter(self, name: str) -> Any:
        def wait(FunctionName: str, **_: Any) -> None:  # noqa: N803
            assert FunctionName == COPY
            self.waits.append(name)
            if self.unready:
                raise WaiterError(name, "terminal failure", {"Configuration": self.unready})

        return SimpleNamespace(wait=wait)

    def delete_function(self, FunctionName: str) -> None:  # noqa: N803
        if self.functions.pop(FunctionName, None) is None:
            raise Missing

    def invoke(self, FunctionName: str, Payload: bytes, **how: str) -> dict[str, Any]:  # noqa: N803
        assert (how["Qualifier"], how["LogType"]) == ("$LATEST", "Tail")
        memory = self.functions[FunctionName]["MemorySize"]
        self.on_invoke(memory)
        if Payload == b'"large"' and memory < 768:
            answer = b'{"errorType": "Runtime.OutOfMemory", "errorMessage": "killed"}'
            return {"FunctionError": "Unhandled", "Payload": io.BytesIO(answer)}
        first = (FunctionName, memory) not in self.invoked
        self.invoked.append((FunctionName, memory))
        report = text_line(100, size=memory, billed=200_000 // memory + (500 if first else 0))
        return {"LogResult": base64.b64encode(f"START\nhello\n{report}".encode()), "Payload": io.BytesIO(b"{}")}


@pytest.fixture
def fake(empty_estate: Estate, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakeLambda:
    archive = tmp_path / "code.zip"
    archive.write_bytes(b"the code")
    fake = empty_estate.clients["lambda"] = FakeLambda(archive)
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


def test_the_table_shows_cost_and_speed_of_each_size_and_which_is_best(fake: FakeLambda, tune: Any) -> None:
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


def test_a_size_that_fails_is_reported_with_its_error(fake: FakeLambda, tune: Any) -> None:
    assert "512 MB failed: Runtime.OutOfMemory: killed" in tune('"large"').out
    report = json.loads(tune('"large"', "--json").out)
    assert (report["environment"], report["function"], report["best_mb"]) == ("dev", "query", 1024)
    assert [(one["memory_mb"], one["billed_ms"], one["error"]) for one in report["sizes"]] == [
        (512, None, "Runtime.OutOfMemory: killed"), (1024, 195.0, None),
    ]  # fmt: skip
    failed = tune('"large"', "--sizes", "512")
    assert (failed.code, "failed at every size" in failed.err) == (1, True)


def test_the_copy_is_like_the_function(fake: FakeLambda, tune: Any) -> None:
    assert tune("{}").code == 0
    assert {name for name, _ in fake.invoked} == {COPY}
    assert fake.given | {"Description": "", "MemorySize": 0} == {
        "Role": "r", "Handler": "h", "Environment": {"Variables": {"A": "1"}}, "Architectures": ["arm64"],
        "Code": {"ZipFile": b"the code"}, "Layers": ["arn:layer:1"], "Tags": {"Owner": "o"}, "Publish": False,
        "VpcConfig": {"SubnetIds": ["s-1"], "SecurityGroupIds": ["g-1"]}, "Description": "", "MemorySize": 0,
    }  # fmt: skip


def test_the_copy_of_an_image_has_the_image(
    empty_estate: Estate, fake: FakeLambda, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = {"Configuration": fake.functions[QUERY.name], "Code": {"ImageUri": "image"}}
    monkeypatch.setattr(fake, "get_function", lambda **_: image)
    trials(empty_estate)
    assert fake.given["Code"] == {"ImageUri": "image"}


def test_a_copy_is_called_once_it_is_ready_with_its_size(fake: FakeLambda, tune: Any) -> None:
    assert tune("{}").code == 0
    assert fake.waits == ["function_active_v2", "resized", "function_updated_v2"] * 2


@pytest.mark.parametrize("key", ["StateReason", "LastUpdateStatusReason"])
def test_a_copy_that_never_becomes_ready_is_removed(fake: FakeLambda, tune: Any, key: str) -> None:
    fake.unready = {"State": "Failed", key: "no more addresses"}
    done = tune("{}")
    assert (done.code, done.out) == (1, "")
    assert f"the copy {COPY} does not become ready: no more addresses" in done.err
    assert COPY not in fake.functions


def test_an_invocation_without_a_report_measures_nothing(
    fake: FakeLambda, tune: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fake, "invoke", lambda **_: {"Payload": io.BytesIO(b"{}")})
    done = tune("{}")
    assert (done.code, "Lambda did not report what an invocation took" in done.err) == (1, True)
    assert COPY not in fake.functions


def trials(estate: Any, payload: bytes = b"{}", sizes: tuple[int, ...] = (512, 1024)) -> list[Trial]:
    return tuning.run_trials(estate, QUERY, payload, sizes, 3, lambda _text: None)


@pytest.mark.parametrize("ending", [KeyboardInterrupt, RuntimeError])
def test_interrupted_it_leaves_nothing_behind(
    empty_estate: Estate, fake: FakeLambda, ending: type[BaseException]
) -> None:
    def end(memory: int) -> None:
        if memory == 1024:
            raise ending

    fake.on_invoke = end
    with pytest.raises(ending):
        trials(empty_estate)
    assert set(fake.functions) == {QUERY.name}


def test_the_copy_of_a_killed_tuning_is_replaced_but_no_other_function(empty_estate: Estate, fake: FakeLambda) -> None:
    fake.functions[COPY] = {"Description": tuning.COPY_DESCRIPTION}
    assert len(trials(empty_estate)) == 2
    fake.functions[COPY] = {"Description": "mine"}
    with pytest.raises(Failed, match="no copy of ours"):
        trials(empty_estate)
    assert fake.functions[COPY] == {"Description": "mine"}


@pytest.mark.parametrize(
    ("strategy", "memory_mb"),
    # 512: 100 ms, 0.05 GB-s; 768: 55 ms, 0.041 GB-s; 1024: 50 ms, 0.05 GB-s: a little cheaper, a lot cheaper, fastest.
    [("cost", 768), ("speed", 1024), ("balanced", 768)],
)
def test_each_strategy_has_its_best(strategy: str, memory_mb: int) -> None:
    found = [Trial(size, Decimal(ms)) for size, ms in ((512, 100), (768, 55), (1024, 50))]
    assert best(found, strategy, PRICES, "arm64").memory_mb == memory_mb


def test_a_million_invocations_cost_durations_and_requests() -> None:
    # 1,000,000 × 0.1 s × 512/1024 GB = 50,000 GB-s × 0.0000133334 = 0.66667, and 1,000,000 × 0.0000002 = 0.20.
    assert Trial(512, Decimal(100)).usd(PRICES, "arm64") == Decimal("0.86667")
