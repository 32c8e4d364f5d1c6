"""`estate drift`: exit codes, confirmation, repair."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Any

import pytest

from estate_tool.commands import drift as command
from estate_tool.drift.detect import EXPECTED, OTHER
from estate_tool.rollout import data_loss, orchestration, recovery, result, session
from estate_tool.rollout.data_held import Held
from estate_tool.rollout.data_loss import DataLoss
from estate_tool.rollout.deployment import Deployment
from estate_tool.rollout.plans import Plan
from tests.support.drifted import STATE, TABLE, UNTAGGED, FakeEngine, step

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def engine(empty_estate: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., FakeEngine]:
    """Lets the command work on an engine of the given drift; what it rolls out succeeds by default."""

    def prepared(*steps: dict[str, Any], failing: bool = False) -> FakeEngine:
        made = FakeEngine(*steps)
        monkeypatch.setenv("ESTATE_HOME", str(tmp_path))
        monkeypatch.setattr(session, "ready", lambda *_: contextlib.nullcontext(made))
        monkeypatch.setattr(recovery.Recovery, "before", lambda *_: None)

        def deploy(deployment: Deployment, **_more: object) -> result.Outcome:
            end = result.FAILED if failing else result.DEPLOYED
            made.steps = ()
            layers = [result.LayerResult(layer=layer, result=end) for layer in deployment.layers]
            return result.Outcome(environment="dev", layers=layers)

        monkeypatch.setattr(orchestration, "deploy", deploy)
        return made

    return prepared


def test_the_exit_code_shows_whether_autoscaling_explains_everything(
    engine: Callable[..., FakeEngine], call: Callable[..., Any]
) -> None:
    scaled = step(TABLE, "events", {"readCapacity": 1}, {"readCapacity": 9}, "readCapacity")
    engine()
    assert call(command, "dev").code == 0
    engine(scaled)
    assert call(command, "dev").code == 0
    engine(scaled, UNTAGGED)
    done = call(command, "dev", "--json")
    assert done.code == 1
    answer = json.loads(done.out)
    assert [one["class"] for one in answer["drifted"]] == [EXPECTED, OTHER]
    assert set(answer["drifted"][0]) == {"layer", "resource", "urn", "property", "expected", "actual", "class"}
    assert "estate drift dev --repair" in done.err


def test_a_real_account_is_repaired_only_after_a_yes(
    engine: Callable[..., FakeEngine], call: Callable[..., Any]
) -> None:
    broken = UNTAGGED
    untouched = engine(broken)
    assert call(command, "dev", "--repair").code == 2
    assert untouched.refreshed == {}
    engine(broken)
    done = call(command, "dev", "--repair", "--yes", "--json")
    answer = json.loads(done.out)
    assert (done.code, answer["repaired"], answer["left"]) == (0, True, [])
    assert [layer["layer"] for layer in answer["rollout"]["layers"]] == ["data", "compute"]


def test_a_repair_whose_rollout_fails_is_not_taken_for_done(
    engine: Callable[..., FakeEngine], call: Callable[..., Any]
) -> None:
    engine(UNTAGGED, failing=True)
    done = call(command, "dev", "--repair", "--yes", "--json")
    assert done.code == 1
    assert "is not corrected" in done.err
    answer = json.loads(done.out)
    assert (answer["repaired"], [one["property"] for one in answer["left"]]) == (False, ["tags.Owner"])
    assert answer["rollout"]["ok"] is False


def test_a_repair_that_its_preview_ends_leaves_the_state_as_it_was(
    engine: Callable[..., FakeEngine], call: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = engine(UNTAGGED)
    failed = result.LayerResult(layer="data", result=result.FAILED)
    ended = result.Outcome(environment="dev", layers=[failed], touched=False)
    monkeypatch.setattr(orchestration, "deploy", lambda *_, **__: ended)
    assert call(command, "dev", "--repair", "--yes").code == 1
    assert made.put_back == {"data": {"version": 3, "deployment": {"resources": STATE}}}


def test_what_comes_back_while_it_is_put_right_is_no_success(
    engine: Callable[..., FakeEngine], call: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = engine(UNTAGGED)
    again, deploy = made.steps, orchestration.deploy

    def rolled_out(*given: Any, **more: Any) -> Any:
        done = deploy(*given, **more)
        made.steps = again
        return done

    monkeypatch.setattr(orchestration, "deploy", rolled_out)
    done = call(command, "dev", "--repair", "--yes")
    assert done.code == 1
    assert "environment dev: 1 difference came back while being corrected" in done.err


def test_a_repair_that_would_lose_data_leaves_the_drift_to_be_found(
    engine: Callable[..., FakeEngine], call: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = engine(UNTAGGED)
    held = Held(unit="items", count=2)
    loss = DataLoss(layer="data", urn="urn:a", type=TABLE, name="table-pages-dev", change="replaced", held=held)
    plan = Plan(result=result.LayerResult(layer="data", result=result.PLANNED), losses=(loss,))
    monkeypatch.setattr(data_loss, "looked_up", lambda *_: [loss])
    monkeypatch.setattr(orchestration, "deploy", lambda deployment, **_: deployment.approve({"data": plan}))
    refused = call(command, "dev", "--repair", "--yes", "--json")
    answer = json.loads(refused.out)
    assert (refused.code, answer["repaired"]) == (2, False)
    assert [loss["name"] for loss in answer["losses"]] == ["table-pages-dev"]
    assert "--lose-data table-pages-dev" in refused.err
    assert made.put_back == {"data": {"version": 3, "deployment": {"resources": STATE}}}
