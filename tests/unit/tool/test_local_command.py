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
from local_aws.server.control import Endpoints

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


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.0, "0 s"), (59.9, "59 s"), (60.0, "1 min"), (3599.0, "59 min"), (3720.0, "1 h 02 min")]
)
def test_status_shows_where_it_runs_since_when_and_what_is_in_it(
    call: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, seconds: float, text: str
) -> None:
    does(monkeypatch, "status", replace(RUNNING, uptime_seconds=seconds))
    said = call(local, "status").out
    assert "running on 127.0.0.1, port 4566, PID 99" in said
    assert f"up for {text};" in said
    assert "holds 3 tables, 1 queue\n" in said
    assert "problem: the state could not be saved" in said
    assert json.loads(call(local, "status", "--json").out)["resources"] == RUNNING.resources


def test_status_of_what_does_not_run_shows_the_reason(
    call: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    does(monkeypatch, "status", replace(RUNNING, running=False, problem="port 4566 is taken"))
    assert call(local, "status").out == "embedded AWS: not running; port 4566 is taken\n"


@pytest.mark.parametrize(("started", "word"), [(True, "running"), (False, "already running")])
def test_up_shows_where_it_is(
    call: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, started: bool, word: str
) -> None:
    does(monkeypatch, "up", Endpoints("http://127.0.0.1:4566", started))
    assert call(local, "up").out == f"embedded AWS: {word} at http://127.0.0.1:4566\n"
    assert json.loads(call(local, "up", "--json").out)["started"] is started


@pytest.mark.parametrize(("stopped", "text"), [(True, "stopped, its state is kept"), (False, "was not running")])
def test_down_shows_whether_there_was_anything_to_stop(
    call: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, stopped: bool, text: str
) -> None:
    does(monkeypatch, "down", stopped)
    assert call(local, "down").out == f"embedded AWS: {text}\n"
    assert json.loads(call(local, "down", "--json").out) == {"stopped": stopped}


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


def test_what_an_action_needs_is_looked_for_only_when_it_is_used(
    call: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("estate_tool.setup.environments.ensure_local_aws", lambda _report: tmp_path)
    found: list[Path] = []

    def starts(_place: Any, _say: Any, interpreter: Callable[[], Path]) -> Any:
        found.append(interpreter())
        return Endpoints("http://127.0.0.1:1", True)

    monkeypatch.setattr(server, "up", starts)
    assert call(local, "up").code == 0
    assert found == [tmp_path]
