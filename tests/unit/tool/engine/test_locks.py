"""Leftovers of killed engines in a file backend."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from estate_tool.core.errors import Failed
from estate_tool.engine import locks
from tests.support.locks import HERE, lock

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[int]:
    """The number of a living process that is called as the engine."""
    program = shutil.copy(str(shutil.which("sleep")), tmp_path / "pulumi")
    with subprocess.Popen([program, "60"]) as process:
        yield process.pid
        process.kill()


def free(state: Path) -> list[str]:
    said: list[str] = []
    locks.free_dead(state, "data", "dev", said.append)
    return said


def test_a_dead_processs_lock_is_freed_and_reported(tmp_path: Path, ended: int) -> None:
    path = lock(tmp_path, ended)
    (line,) = free(tmp_path)
    assert f"process {ended} of ann on {HERE} since 2026-01-0" in line
    assert list(path.parent.iterdir()) == []


def test_a_number_that_now_belongs_to_another_program_is_no_engine(tmp_path: Path) -> None:
    path = lock(tmp_path, os.getpid())
    assert len(free(tmp_path)) == 1
    assert not path.exists()


def test_a_living_engine_keeps_its_lock_and_is_named(tmp_path: Path, engine: int) -> None:
    path = lock(tmp_path, engine)
    with pytest.raises(Failed) as held:
        free(tmp_path)
    assert f"layer data of dev is held by process {engine} of ann" in held.value.message
    assert "pulumi cancel --yes --cwd data --stack dev" in held.value.hint
    assert path.exists()


@pytest.mark.parametrize(("runs", "freed"), [("/usr/bin/pulumi-main", False), ("python3", True), ("", True)])
def test_without_proc_the_machine_is_asked_whose_number_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, runs: str, freed: bool
) -> None:
    exists = Path.exists
    monkeypatch.setattr(Path, "exists", lambda path: not str(path).startswith("/proc") and exists(path))
    ps = tmp_path / "ps"
    ps.write_text(f"#!/bin/sh\n[ $2 = comm= ] && [ $4 = {os.getpid()} ] && echo {runs}\n")
    ps.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    path = lock(tmp_path, os.getpid())
    with contextlib.nullcontext() if freed else pytest.raises(Failed):
        free(tmp_path)
    assert path.exists() is not freed


def test_somebody_elses_process_may_hold_a_lock_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, engine: int
) -> None:
    def forbidden(_pid: int, number: int) -> None:
        assert number == 0, "no process is ended"
        raise PermissionError

    lock(tmp_path, engine)
    with monkeypatch.context() as patched:
        patched.setattr(os, "kill", forbidden)
        with pytest.raises(Failed, match=f"held by process {engine}"):
            free(tmp_path)


def test_a_process_of_another_machine_counts_as_alive(tmp_path: Path, ended: int) -> None:
    path = lock(tmp_path, ended, host="elsewhere")
    with pytest.raises(Failed, match="on elsewhere"):
        free(tmp_path)
    assert path.exists()


def test_a_lock_that_was_never_written_to_the_end_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locks, "_SETTLE_SECONDS", 0.1)
    path = lock(tmp_path, 1)
    path.write_text('{"pid": 1')
    free(tmp_path)
    assert not path.exists()


def test_another_stacks_lock_stays(tmp_path: Path, ended: int) -> None:
    path = lock(tmp_path, ended)
    locks.free_dead(tmp_path, "data", "dev-b", print)
    locks.free_dead(tmp_path, "compute", "dev", print)
    assert path.exists()


def test_what_a_killed_engine_left_half_written_is_removed_and_nothing_else(tmp_path: Path) -> None:
    stacks = tmp_path / "stacks" / "estate-data"
    stacks.mkdir(parents=True)
    left = {"dev.json.attrs": ("", 0), "dev.json.17ab.tmp": ("{", 60)}
    kept = {"dev.json": ("", 60), "b.json.attrs": ("{}", 60), "dev.json.17ac.tmp": ("{", 0)}
    for name, (text, age) in {**left, **kept}.items():
        (stacks / name).write_text(text)
        os.utime(stacks / name, (time.time() - age, time.time() - age))
    locks.fix(tmp_path)
    assert {path.name for path in stacks.iterdir()} == set(kept)


@pytest.mark.parametrize(
    ("url", "folder"),
    [
        ("file:///var/state", "/var/state/.pulumi"),
        ("file:///var/my%20state?no_tmp_dir=true", "/var/my state/.pulumi"),
        ("file://./state", "state/.pulumi"),
        ("file://~", "~/.pulumi"),
        ("s3://bucket/state", None),
        ("https://app.example.com", None),
    ],
)
def test_the_state_folder_is_that_of_the_backend(url: str, folder: str | None, tmp_path: Path) -> None:
    expected = None if folder is None else Path(folder).expanduser()
    assert locks.state_folder({"PULUMI_BACKEND_URL": url}) == expected
    (tmp_path / "credentials.json").write_text(json.dumps({"current": url}))
    assert locks.state_folder({"PULUMI_HOME": str(tmp_path)}) == expected
    assert locks.state_folder({"PULUMI_HOME": str(tmp_path / "none")}) is None


@pytest.mark.parametrize(
    "diagnostic",
    [
        "error: the stack is currently locked by 1 lock(s). Either wait",
        "error: [409] Conflict: Another update is currently in progress.",
    ],
)
def test_of_other_backends_locks_the_way_out_is_reported(diagnostic: str) -> None:
    explained = locks.explained(diagnostic, "data", "dev")
    assert explained.startswith(diagnostic)
    assert "pulumi cancel --yes --cwd data --stack dev" in explained
    assert locks.explained("error: denied", "data", "dev") == "error: denied"
