"""What the doctor finds: on the machine, in the embedded AWS, in an account."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from estate_tool import accounts, environment, paths
from estate_tool.commands import doctor
from estate_tool.errors import EstateError, Failed, UsageError
from estate_tool.setup import engine
from local_aws import server

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ROOM = 8_000_000_000
OWN_RUNTIME = f"python{sys.version_info.major}.{sys.version_info.minor}"


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine with plenty of room, an engine, and an embedded AWS that runs."""
    monkeypatch.setenv("ESTATE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("ESTATE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=ROOM))
    monkeypatch.setattr(engine, "find_engine", lambda: SimpleNamespace(version="3.259.0", source="PATH"))
    up = SimpleNamespace(port=4566, answering=True, problem="")
    monkeypatch.setattr(server, "status", lambda _: up)


def target(*, local: bool, runtime: str = OWN_RUNTIME) -> Any:
    configuration = SimpleNamespace(compute=SimpleNamespace(runtime=runtime))
    return SimpleNamespace(local=local, names=SimpleNamespace(suffix="dev"), configuration=configuration)


@pytest.fixture
def examined(call: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Exit code and findings by name, for a local environment or a real one."""

    def examining(*, local: bool = True, runtime: str = OWN_RUNTIME) -> tuple[int, dict[str, dict[str, Any]]]:
        monkeypatch.setattr(environment, "resolve", lambda _: target(local=local, runtime=runtime))
        done = call(doctor, "dev", "--json")
        answer = json.loads(done.out)
        assert answer["environment"] == "dev"
        return done.code, {check["name"]: check for check in answer["checks"]}

    return examining


def test_a_machine_that_has_everything_is_well(examined: Any) -> None:
    code, checks = examined()
    assert code == 0
    assert all(check["ok"] for check in checks.values())
    assert checks["Pulumi engine"]["found"] == "3.259.0, PATH"
    assert checks["embedded AWS"]["found"] == "running on port 4566"


def test_what_set_up_can_get_is_a_note_and_no_failure(examined: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1_000_000_000))
    monkeypatch.setattr(engine, "find_engine", lambda: None)
    down = SimpleNamespace(port=4566, answering=False, problem="")
    monkeypatch.setattr(server, "status", lambda _: down)
    code, checks = examined()
    assert code == 0
    assert {name for name, check in checks.items() if not check["ok"]} == {
        "local state", "cache", "Pulumi engine", "embedded AWS"
    }  # fmt: skip
    assert checks["embedded AWS"]["found"] == "not running"
    assert checks["cache"]["fix"] == "free some space: set-up needs up to 4 GB for a while"


def test_packages_that_are_not_compiled_here_are_a_note_and_no_failure(examined: Any) -> None:
    code, checks = examined(runtime="python3.99")
    assert code == 0
    assert not checks["packages"]["ok"]
    assert "no python3.99 on this machine" in checks["packages"]["found"]
    assert "install python3.99" in checks["packages"]["fix"]


@pytest.mark.parametrize(("name", "variable"), [("local state", "ESTATE_HOME"), ("cache", "ESTATE_CACHE")])
def test_a_folder_that_is_not_writable_is_told_with_the_variable_that_moves_it(
    examined: Any, monkeypatch: pytest.MonkeyPatch, name: str, variable: str
) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)
    code, checks = examined()
    assert code == 1
    assert "is not writable" in checks[name]["found"]
    assert variable in checks[name]["fix"]


def test_a_wrong_configuration_is_told_as_the_rollout_would(
    call: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def wrong(_: str) -> Any:
        raise UsageError("there is no environment dev", "known are: local")

    monkeypatch.setattr(environment, "resolve", wrong)
    done = call(doctor, "dev")
    assert done.code == 1
    assert "missing  configuration      there is no environment dev\n           → known are: local\n" in done.out


@pytest.mark.parametrize(
    ("account", "asked", "code"),
    [
        ("123456789012", subprocess.CompletedProcess([], 0, "somebody\n", ""), 0),
        (Failed("no credentials", ""), subprocess.CompletedProcess([], 0, "somebody\n", ""), 1),
        ("123456789012", subprocess.CompletedProcess([], 1, "", "error: not signed in\n"), 1),
        ("123456789012", subprocess.CompletedProcess([], 1, "", ""), 1),
        ("123456789012", FileNotFoundError("pulumi"), 1),
    ],
)
def test_an_account_needs_credentials_and_a_backend(
    examined: Any, monkeypatch: pytest.MonkeyPatch, account: Any, asked: Any, code: int
) -> None:
    def answered(answer: Any) -> Any:
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(accounts, "require_own_account", lambda _: answered(account))
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: answered(asked))
    found, checks = examined(local=False)
    assert found == code
    assert checks["AWS credentials"]["ok"] == (not isinstance(account, EstateError))
    assert checks["Pulumi backend"]["ok"] == (getattr(asked, "returncode", 1) == 0)
    if checks["AWS credentials"]["ok"]:
        assert checks["AWS credentials"]["found"] == "account 123456789012, as configured"
    for check in checks.values():
        assert check["ok"] or check["fix"].startswith("sign in to")


def test_the_environment_of_the_tool_is_named(examined: Any) -> None:
    assert str(paths.VENV) in examined()[1]["Python"]["found"]
