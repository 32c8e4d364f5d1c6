"""`estate local`: reports of the embedded AWS, and the confirmation of a reset."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from estate_tool.commands import local
from estate_tool.core import embedded
from estate_tool.core.embedded import Status
from local_aws import server

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture(autouse=True)
def place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ESTATE_HOME", str(tmp_path))


def does(monkeypatch: pytest.MonkeyPatch, action: str, answer: Any) -> list[Any]:
    """The place each call of the action was made for."""
    called: list[Any] = []

    def acting(place: Any, *_: Any) -> Any:
        called.append(place)
        return answer

    monkeypatch.setattr(embedded if action == "status" else server, action, acting)
    return called


RUNNING = Status(
    running=True, answering=True, port=4566, pid=99, uptime_seconds=0.0,
    resources={"tables": 3, "queues": 1, "topics": 0}, problem="the state could not be saved",
)  # fmt: skip


def test_status_counts_the_resources_and_names_a_problem(
    call: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    does(monkeypatch, "status", RUNNING)
    assert "holds 3 tables, 1 queue\n  problem: the state could not be saved" in call(local, "status").out
    assert json.loads(call(local, "status", "--json").out)["resources"] == RUNNING.resources
    does(monkeypatch, "status", replace(RUNNING, running=False, problem="port 4566 is taken"))
    assert "port 4566 is taken" in call(local, "status").out


@pytest.mark.parametrize("done", [True, False])
def test_up_and_down_report_if_there_was_anything_to_do(
    call: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, done: bool
) -> None:
    monkeypatch.setattr("estate_tool.setup.environments.ensure_local_aws", lambda: tmp_path)
    found: list[Path] = []

    def up(_place: Any, _say: Any, interpreter: Callable[[], Path]) -> Any:
        found.append(interpreter())
        return done

    monkeypatch.setattr(server, "up", up)
    does(monkeypatch, "down", done)
    assert json.loads(call(local, "up", "--json").out) == {"aws": "http://127.0.0.1:4566", "started": done}
    assert ("already" in call(local, "up").out) != done
    assert json.loads(call(local, "down", "--json").out) == {"stopped": done}
    assert ("was not running" in call(local, "down").out) != done
    assert set(found) == {tmp_path}


def test_reset_forgets_nothing_unless_somebody_means_it(
    call: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    called = does(monkeypatch, "reset", None)
    refused = call(local, "reset")
    assert (refused.code, called) == (2, [])
    assert str(tmp_path) in refused.err
    assert "scripts/estate local reset --yes" in refused.err
    assert json.loads(call(local, "reset", "--yes", "--json").out) == {"reset": True}
    assert "empty and stopped" in call(local, "reset", "--yes").out
    assert len(called) == 2


def test_env_is_for_a_shell_and_for_a_program_the_same(
    call: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("estate_tool.setup.engine.bin_folder", lambda: tmp_path / "bin")
    text = json.loads(call(local, "env", "--json").out)
    lines = call(local, "env").out.splitlines()
    assert text["set"]["AWS_ENDPOINT_URL"].startswith("http://127.0.0.1:")
    assert {line.split("=")[0].split()[-1] for line in lines if "=" in line} >= set(text["set"])
    assert any("AWS_PROFILE" in line for line in lines)
    assert "AWS_PROFILE" in text["unset"]
