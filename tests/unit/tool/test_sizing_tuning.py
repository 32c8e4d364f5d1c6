"""Tuning: what is run, what is left behind, and which size is best."""

from __future__ import annotations

import base64
import io
import json
from datetime import UTC, datetime
from decimal import Decimal
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from estate_tool.core.errors import Failed
from estate_tool.events import invocation
from estate_tool.pricing import prices
from estate_tool.sizing import tuning
from estate_tool.sizing.functions import AccountFunction
from estate_tool.sizing.tuning import Trial, best
from tests.unit.tool.log_lines import text_line

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.unit.tool.conftest import Estate

PRICES = prices.read()
QUERY = AccountFunction(
    name="lambda-query-dev", catalog_name="query", memory_mb=512, log_group="/aws/lambda/lambda-query-dev",
    writes_reports=True, changed=datetime(2026, 1, 31, tzinfo=UTC), architecture="arm64",
)  # fmt: skip


class Missing(Exception):
    """Error of Lambda for a function that is not there."""


class FakeLambda:
    """Functions whose invocations take 200 s of MB: the more memory, the less time; the first takes 500 ms more."""

    exceptions = SimpleNamespace(ResourceNotFoundException=Missing)

    def __init__(self) -> None:
        self.functions: dict[str, dict[str, Any]] = {
            QUERY.name: {"Role": "r", "Handler": "h", "MemorySize": 512, "Environment": {"Variables": {"A": "1"}}},
        }  # fmt: skip
        self.invoked: list[tuple[str, int]] = []
        self.on_invoke: Callable[[int], None] = lambda _memory: None

    def get_function(self, FunctionName: str) -> dict[str, Any]:  # noqa: N803 - AWS's name for it
        return {"Configuration": self.functions[FunctionName], "Code": {"ImageUri": "image"}, "Tags": {"Owner": "o"}}

    def get_function_configuration(self, FunctionName: str) -> dict[str, Any]:  # noqa: N803
        if FunctionName not in self.functions:
            raise Missing
        return self.functions[FunctionName]

    def create_function(self, FunctionName: str, **given: Any) -> None:  # noqa: N803
        self.functions[FunctionName] = given

    def update_function_configuration(self, FunctionName: str, MemorySize: int) -> None:  # noqa: N803
        self.functions[FunctionName]["MemorySize"] = MemorySize

    def delete_function(self, FunctionName: str) -> None:  # noqa: N803
        if self.functions.pop(FunctionName, None) is None:
            raise Missing

    def invoke(self, FunctionName: str, Payload: bytes, LogType: str) -> dict[str, Any]:  # noqa: N803
        memory = self.functions[FunctionName]["MemorySize"]
        self.on_invoke(memory)
        if Payload == b'"large"' and memory < 768:
            return {"FunctionError": "Unhandled", "Payload": io.BytesIO(b'{"errorType": "Runtime.OutOfMemory"}')}
        first = (FunctionName, memory) not in self.invoked
        self.invoked.append((FunctionName, memory))
        report = text_line(100, size=memory, billed=200_000 // memory + (500 if first else 0))
        return {"LogResult": base64.b64encode(f"START\nhello\n{report}".encode()), "Payload": io.BytesIO(b"{}")}


@pytest.fixture
def fake(empty_estate: Estate, monkeypatch: pytest.MonkeyPatch) -> FakeLambda:
    fake = FakeLambda()
    monkeypatch.setattr(invocation, "client", lambda _environment: fake)
    return fake


def tune(estate: Any, payload: bytes = b"{}", sizes: tuple[int, ...] = (512, 1024)) -> list[Trial]:
    return tuning.tried(estate, QUERY, payload, sizes, 3, lambda _text: None)


def test_a_copy_runs_at_each_size_and_is_gone_in_the_end(empty_estate: Estate, fake: FakeLambda) -> None:
    before = json.dumps(fake.functions)
    slow, fast = tune(empty_estate)
    # Without the cold one: 200,000 / 512 = 390 ms, 200,000 / 1024 = 195 ms.
    assert (slow.memory_mb, slow.billed_ms, slow.first_ms, slow.used_mb) == (512, 390, 890, 100)
    assert (fast.memory_mb, fast.billed_ms) == (1024, 195)
    assert {name for name, _ in fake.invoked} == {"lambda-query-dev-tune"}
    assert json.dumps(fake.functions) == before


def test_the_copy_is_like_the_function(empty_estate: Estate, fake: FakeLambda) -> None:
    copies = []
    fake.on_invoke = lambda _memory: copies.append(dict(fake.functions["lambda-query-dev-tune"]))
    tune(empty_estate)
    assert copies[0] == {
        "Role": "r", "Handler": "h", "MemorySize": 512, "Environment": {"Variables": {"A": "1"}}, "Publish": False,
        "Code": {"ImageUri": "image"}, "Tags": {"Owner": "o"}, "Description": copies[0]["Description"],
    }  # fmt: skip


@pytest.mark.parametrize("ending", [KeyboardInterrupt, RuntimeError])
def test_interrupted_it_leaves_nothing_behind(
    empty_estate: Estate, fake: FakeLambda, ending: type[BaseException]
) -> None:
    def end(memory: int) -> None:
        if memory == 1024:
            raise ending

    fake.on_invoke = end
    with pytest.raises(ending):
        tune(empty_estate)
    assert set(fake.functions) == {QUERY.name}


def test_what_a_killed_tuning_left_is_replaced_but_no_other_function(empty_estate: Estate, fake: FakeLambda) -> None:
    fake.functions["lambda-query-dev-tune"] = {"Description": tuning._MARK}  # pyright: ignore[reportPrivateUsage]
    assert len(tune(empty_estate)) == 2
    fake.functions["lambda-query-dev-tune"] = {"Description": "mine"}
    with pytest.raises(Failed, match="no copy of ours"):
        tune(empty_estate)
    assert fake.functions["lambda-query-dev-tune"] == {"Description": "mine"}


def test_a_size_that_is_too_small_is_reported_and_not_chosen(empty_estate: Estate, fake: FakeLambda) -> None:
    found = tune(empty_estate, b'"large"', (512, 1024))
    assert [one.error for one in found] == ['{"errorType": "Runtime.OutOfMemory"}', None]
    assert best(found, "cost", PRICES, "arm64").memory_mb == 1024
    with pytest.raises(Failed, match="failed at every size"):
        tune(empty_estate, b'"large"', (512,))


@pytest.mark.parametrize(
    ("strategy", "memory_mb"),
    # 512: 100 ms, 0.05 GB-s; 768: 55 ms, 0.041 GB-s; 1024: 50 ms, 0.05 GB-s: a little cheaper, a lot cheaper, fastest.
    [("cost", 768), ("speed", 1024), ("balanced", 768)],
)
def test_each_strategy_has_its_best(strategy: str, memory_mb: int) -> None:
    found = [Trial(size, Decimal(ms)) for size, ms in ((512, 100), (768, 55), (1024, 50))]
    assert best(found, strategy, PRICES, "arm64").memory_mb == memory_mb


def test_what_a_million_invocations_cost() -> None:
    # 1,000,000 × 0.1 s × 512/1024 GB = 50,000 GB-s × 0.0000133334 = 0.66667, and 1,000,000 × 0.0000002 = 0.20.
    assert Trial(512, Decimal(100)).usd(PRICES, "arm64") == Decimal("0.86667")
