"""Findings of the doctor: on the machine, in the embedded AWS, in an account."""

from __future__ import annotations

import json
import os
import shutil
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

import compute.config
from estate_tool.commands import doctor
from estate_tool.core import embedded, environment
from estate_tool.core.errors import EstateError, Failed, UsageError
from estate_tool.engine import backend
from estate_tool.rollout import quota
from estate_tool.setup import engine

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ROOM = 8_000_000_000


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine with plenty of room, an engine, and an embedded AWS that runs."""
    monkeypatch.setenv("ESTATE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("ESTATE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=ROOM))
    monkeypatch.setattr(engine, "find_engine", lambda: SimpleNamespace(version="3.259.0", source="PATH"))
    up = SimpleNamespace(port=4566, answering=True, problem="")
    monkeypatch.setattr(embedded, "status", lambda _: up)


def target(*, local: bool) -> Any:
    configuration = SimpleNamespace(compute=compute.config.parse({}, stack="dev"), region="us-east-1")
    return SimpleNamespace(name="dev", local=local, names=SimpleNamespace(suffix="dev"), configuration=configuration)


@pytest.fixture
def examined(call: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Exit code and findings by name, for a local environment or a real one."""

    def examining(*, local: bool = True) -> tuple[int, dict[str, dict[str, Any]]]:
        monkeypatch.setattr(environment, "resolve", lambda _: target(local=local))
        done = call(doctor, "dev", "--json")
        answer = json.loads(done.out)
        assert answer["environment"] == "dev"
        return done.code, {check["name"]: check for check in answer["checks"]}

    return examining


def test_what_set_up_can_get_is_a_note_and_no_failure(examined: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1_000_000_000))
    monkeypatch.setattr(engine, "find_engine", lambda: None)
    down = SimpleNamespace(port=4566, answering=False, problem="")
    monkeypatch.setattr(embedded, "status", lambda _: down)
    code, checks = examined()
    assert code == 0
    assert {name for name, check in checks.items() if not check["ok"]} == {
        "local state", "cache", "Pulumi engine", "embedded AWS"
    }  # fmt: skip
    assert checks["embedded AWS"]["found"] == "not running"
    assert checks["cache"]["fix"] == "free some space: set-up needs up to 4 GB for a while"


@pytest.mark.parametrize(("name", "variable"), [("local state", "ESTATE_HOME"), ("cache", "ESTATE_CACHE")])
def test_a_folder_that_is_not_writable_is_reported_with_the_variable_that_moves_it(
    examined: Any, monkeypatch: pytest.MonkeyPatch, name: str, variable: str
) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)
    code, checks = examined()
    assert code == 1
    assert "is not writable" in checks[name]["found"]
    assert variable in checks[name]["fix"]


def test_a_wrong_configuration_is_reported_as_the_rollout_would(
    call: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def wrong(_: str) -> Any:
        raise UsageError("there is no environment dev", "known are: local")

    monkeypatch.setattr(environment, "resolve", wrong)
    done = call(doctor, "dev")
    assert done.code == 1
    assert "missing  configuration      there is no environment dev\n           → known are: local\n" in done.out


@pytest.fixture
def well(monkeypatch: pytest.MonkeyPatch) -> None:
    """An account of ours, a backend in a bucket, a passphrase, and room for provisioned concurrency."""
    found = backend.Backend(url="s3://state", user="somebody", named_by="pulumi login")
    monkeypatch.setattr(environment, "require_own_account", lambda _: "123456789012")
    monkeypatch.setattr(backend, "find", lambda _: found)
    monkeypatch.setattr(backend, "passphrase", lambda *_: "PULUMI_CONFIG_PASSPHRASE")
    monkeypatch.setattr(quota, "read", lambda _: quota.Quota(limit=1000, unreserved=1000, needed=2))


@pytest.mark.parametrize("local", [True, False])
def test_a_machine_and_an_account_that_have_everything_are_well(examined: Any, well: None, local: bool) -> None:
    code, checks = examined(local=local)
    assert code == 0
    assert all(check["ok"] for check in checks.values())
    assert ("embedded AWS" in checks) == local
    assert ("Pulumi backend" in checks) != local


def raising(error: EstateError) -> Callable[..., Any]:
    def ask(*_: Any) -> Any:
        raise error

    return ask


@pytest.mark.parametrize(
    ("module", "function", "name"),
    [
        (environment, "require_own_account", "AWS credentials"),
        (backend, "find", "Pulumi backend"),
        (backend, "passphrase", "passphrase"),
    ],
)
def test_what_a_rollout_needs_and_has_not_is_reported_with_the_next_command(
    examined: Any, well: None, monkeypatch: pytest.MonkeyPatch, module: Any, function: str, name: str
) -> None:
    monkeypatch.setattr(module, function, raising(Failed("it is not there", "get it")))
    code, checks = examined(local=False)
    assert code == 1
    assert {each for each, check in checks.items() if not check["ok"]} == {name}
    assert (checks[name]["found"], checks[name]["fix"]) == ("it is not there", "get it")


@pytest.mark.parametrize(
    ("quota_", "code"),
    [
        (lambda _: quota.Quota(limit=10, unreserved=10, needed=2), 1),
        (raising(Failed("AWS does not allow it", "")), 0),  # the rollout finds out
    ],
)
def test_a_quota_that_is_too_small_is_missing_and_one_that_may_not_be_read_is_a_note(
    examined: Any, well: None, monkeypatch: pytest.MonkeyPatch, quota_: Any, code: int
) -> None:
    monkeypatch.setattr(quota, "read", quota_)
    found, checks = examined(local=False)
    assert (found, checks["concurrency quota"]["ok"]) == (code, False)
    assert ("request-service-quota-increase" in checks["concurrency quota"]["fix"]) == bool(code)


def test_without_an_engine_the_backend_is_not_known(examined: Any, well: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "find_engine", lambda: None)
    code, checks = examined(local=False)
    assert (code, checks["Pulumi backend"]["ok"]) == (1, False)
