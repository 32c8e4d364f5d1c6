"""Paths of local state and the cache; temporary folders, also those of processes that were killed."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from estate_tool.core import paths
from estate_tool.core.errors import UsageError


@pytest.fixture(autouse=True)
def unset(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ESTATE_HOME", "ESTATE_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", "/home/ann")


@pytest.mark.parametrize(
    ("variables", "folder"),
    [
        ({}, "/home/ann/.cache/estate"),
        ({"XDG_CACHE_HOME": "/var/cache/ann"}, "/var/cache/ann/estate"),
        ({"XDG_CACHE_HOME": "relative"}, "/home/ann/.cache/estate"),
        ({"XDG_CACHE_HOME": ""}, "/home/ann/.cache/estate"),
        ({"ESTATE_CACHE": "/shared", "XDG_CACHE_HOME": "/var/cache/ann"}, "/shared"),
        ({"ESTATE_CACHE": "~/mine"}, "/home/ann/mine"),
        ({"ESTATE_CACHE": "here"}, str(Path.cwd() / "here")),
    ],
)
def test_the_cache_is_estate_cache_else_the_xdg_folder(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], folder: str
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert paths.cache() == Path(folder)


def test_local_state_is_in_the_checkout_unless_estate_home_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    assert paths.home() == paths.ROOT / ".estate"
    monkeypatch.setenv("ESTATE_HOME", "~/state")
    assert paths.home() == Path("/home/ann/state")


def test_without_a_home_folder_the_variable_that_helps_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", homeless)
    with pytest.raises(UsageError) as refused:
        paths.cache()
    assert "no home folder" in refused.value.message
    assert "ESTATE_CACHE" in refused.value.hint


@pytest.fixture
def own_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


@pytest.mark.usefixtures("own_temporary_folder")
def test_a_temporary_folder_is_private_and_gone_with_its_block(tmp_path: Path) -> None:
    with paths.temporary_folder() as made:
        (made / "events.jsonl").touch()
        assert made.parent == tmp_path
        assert made.stat().st_mode & 0o777 == 0o700

    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("own_temporary_folder")
def test_what_a_killed_process_left_is_removed_by_the_next_and_nothing_else(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        pass
    for name in (f"estate-{ended.pid}-abc", f"estate-{os.getppid()}-abc", "estate-mine", f"other-{ended.pid}-abc"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "events.jsonl").touch()

    with paths.temporary_folder():
        assert not (tmp_path / f"estate-{ended.pid}-abc").exists()

    kept = {f"estate-{os.getppid()}-abc", "estate-mine", f"other-{ended.pid}-abc"}
    assert {path.name for path in tmp_path.iterdir()} == kept
