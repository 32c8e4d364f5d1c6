"""`make lock`, and the lock files that it wrote."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from estate_tool.core import paths
from estate_tool.core.errors import Failed, UsageError
from estate_tool.setup import locks
from estate_tool.setup.environments import CHECKERS_LOCK, LOCAL_AWS_LOCK, PINS

if TYPE_CHECKING:
    from tests.unit.setup.conftest import Programs

LOCK = paths.ROOT / "requirements.lock"
LOCKS = [LOCK, LOCAL_AWS_LOCK, CHECKERS_LOCK, PINS / "uv.txt", PINS / "go.txt"]


def requirements(lock: Path) -> list[str]:
    """The lock file's entries, each with its hashes."""
    lines = [line for line in lock.read_text().splitlines() if not line.lstrip().startswith("#")]
    return [entry for entry in re.split(r"\n(?=\S)", "\n".join(lines)) if entry.strip()]


def names(lock: Path) -> set[str]:
    return {entry.split("==")[0] for entry in requirements(lock)}


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: f"{lock.parent.name}/{lock.name}")
def test_every_package_is_pinned_with_hashes(lock: Path) -> None:
    entries = requirements(lock)
    assert entries
    for entry in entries:
        assert re.match(r"[a-z0-9.-]+==\S+", entry), entry
        assert re.search(r"--hash=sha256:[0-9a-f]{64}\b", entry), entry


@pytest.mark.parametrize("file", [*LOCKS, paths.ROOT / "pyproject.toml"], ids=lambda file: file.name)
def test_no_index_address_is_written_down(file: Path) -> None:
    assert not re.search(r"https?://|--(extra-)?index-url|--find-links", file.read_text())
    assert not (paths.ROOT / "uv.lock").exists()


def test_every_direct_dependency_is_locked_and_the_emulator_and_data_frames_are_kept_out() -> None:
    project = tomllib.loads((paths.ROOT / "pyproject.toml").read_text())
    direct = [*project["project"]["dependencies"], *project["dependency-groups"]["dev"]]
    assert {re.split(r"[\[=><~ ]", name)[0].lower() for name in direct} <= names(LOCK)
    assert not {"ministack", "pandas", "numpy"} & names(LOCK)
    assert "ministack" in names(LOCAL_AWS_LOCK)


@pytest.mark.parametrize("pin", ["uv", "go"])
def test_a_pin_is_the_version_that_is_asked_for(pin: str) -> None:
    assert (PINS / f"{pin}.in").read_text().strip() in (PINS / f"{pin}.txt").read_text()


@pytest.fixture
def calls(programs: Programs, tmp_path: Path) -> Path:
    """The command lines of a uv that fails for what is in UNSOLVABLE."""
    record = tmp_path / "calls"
    programs.add(
        "uv",
        f"""[ "$1" = --version ] && echo uv 9.9.9 && exit
echo "$PWD $@" >> "{record}"
case "$*" in *"${{UNSOLVABLE:-nothing}}"*) echo "error: no solution found" >&2; exit 1;; esac
""",
    )
    return record


def test_every_lock_file_is_made_from_its_source_with_hashes(calls: Path, capsys: pytest.CaptureFixture[str]) -> None:
    locks.make()
    lines = calls.read_text().splitlines()
    reported = capsys.readouterr().err
    for lock, line in zip(LOCKS, lines, strict=True):
        name = str(lock.relative_to(paths.ROOT))
        folder, *words = line.split()
        assert folder == str(paths.ROOT)
        assert words[-2:] == ["--output-file", name]
        assert (paths.ROOT / words[-3]).is_file()
        assert {"--generate-hashes", "--universal", "--upgrade"} <= set(words)
        assert f"{name} is up to date" in reported
    assert "--group dev" in lines[0]  # developers have the tools, too
    assert not any("--group" in line for line in lines[1:])


def test_one_package_is_lifted_where_it_is_locked(calls: Path) -> None:
    locks.make("Typing_Extensions")
    assert [line.split()[-1] for line in calls.read_text().splitlines()] == [
        str(lock.relative_to(paths.ROOT)) for lock in LOCKS if "typing-extensions" in names(lock)
    ]
    assert "--upgrade-package Typing_Extensions" in calls.read_text()
    with pytest.raises(UsageError, match="has no-such-package"):
        locks.make("no-such-package")


def test_a_lock_that_can_not_be_made_is_named_and_stops_the_others(
    calls: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UNSOLVABLE", "local_aws/requirements.in")
    with pytest.raises(Failed) as failed:
        locks.make()
    assert "locking scripts/local_aws/requirements.lock" in failed.value.message
    assert "no solution found" in f"{failed.value.message}{failed.value.hint}"
    assert len(calls.read_text().splitlines()) == 2
