"""Results of a layer: errors, runs repeated after transient failures, two runs reported as one."""

from __future__ import annotations

import pytest

from estate_tool.core import retries
from estate_tool.engine.events import Changes
from estate_tool.rollout.result import DEPLOYED, FAILED, RUNS, LayerResult, retried

NO_PASSPHRASE = "error: get stack secrets manager: passphrase must be set with PULUMI_CONFIG_PASSPHRASE"


def error_of(changes: Changes, diagnostic: str) -> str:
    result = LayerResult.of("data", changes, diagnostic, DEPLOYED)
    assert result.result == FAILED
    assert result.error is not None
    return result.error


def test_a_diagnostic_about_the_backend_comes_with_what_to_do() -> None:
    first, second = error_of(Changes(), NO_PASSPHRASE).splitlines()
    assert first == NO_PASSPHRASE
    assert second.startswith("set PULUMI_CONFIG_PASSPHRASE")
    assert error_of(Changes(), "something else") == "something else"


def test_errors_of_resources_stand_for_themselves() -> None:
    changes = Changes()
    changes.take({"diagnosticEvent": {"severity": "error", "message": "AccessDenied: no", "urn": ""}})
    assert error_of(changes, NO_PASSPHRASE) == "AccessDenied: no"


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses take no time."""
    policy = retries.policy
    monkeypatch.setattr(retries, "policy", lambda *args, **more: policy(*args, sleep=lambda _: None, **more))


def failed(transient: bool) -> LayerResult:
    return LayerResult(layer="data", result=FAILED, created=2, error="Throttling: slow down", transient=transient)


def test_a_layer_that_failed_in_passing_is_run_again_and_all_its_changes_count(hurried: None) -> None:
    results = iter([failed(True), failed(True), LayerResult(layer="data", result="deployed", created=1, same=4)])
    said: list[str] = []
    result = retried(lambda: next(results), said.append)
    assert (result.result, result.created, result.same) == ("deployed", 5, 4)
    assert len(said) == 2
    assert "transient failure: Throttling: slow down" in said[0]
    assert "running layer data again in" in said[0]


def test_a_permanent_failure_ends_it_at_once(hurried: None) -> None:
    results = iter([failed(True), failed(False)])
    assert retried(lambda: next(results), lambda _: None).transient is False
    assert next(results, None) is None


def test_a_fault_that_does_not_pass_ends_it_at_last(hurried: None) -> None:
    runs: list[int] = []

    def run() -> LayerResult:
        runs.append(1)
        return failed(True)

    assert retried(run, lambda _: None).result == FAILED
    assert len(runs) == RUNS


@pytest.mark.parametrize(
    ("later", "result", "deleted", "kept"),
    [
        (LayerResult(layer="data", result="deployed", deleted=2), "deployed", 3, []),
        (LayerResult(layer="data", result="unchanged", ran=False, kept=["b"]), "deployed", 1, ["b"]),
        (LayerResult(layer="data", result="failed", error="no"), "failed", 1, []),
        (LayerResult(layer="data", result="skipped", ran=False), "deployed", 1, ["a"]),
    ],
)
def test_what_was_run_twice_is_reported_once(later: LayerResult, result: str, deleted: int, kept: list[str]) -> None:
    both = LayerResult(layer="data", result="deployed", deleted=1, same=5, kept=["a"]).then(later)
    assert (both.result, both.deleted, both.kept, both.error) == (result, deleted, kept, later.error)
