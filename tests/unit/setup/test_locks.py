"""`make lock`: which files it writes, and how."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from estate_tool.core import paths
from estate_tool.core.errors import Failed
from estate_tool.setup import locks
from tests.unit.setup.test_lock_files import LOCKS

if TYPE_CHECKING:
    from tests.unit.setup.conftest import Programs, Said


@pytest.fixture
def calls(programs: Programs, cache: Path, tmp_path: Path) -> Path:
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


def test_every_lock_file_is_made_from_its_source_with_hashes(calls: Path, said: Said) -> None:
    locks.make(said)
    lines = calls.read_text().splitlines()
    assert len(lines) == len(LOCKS)
    for lock, line in zip(LOCKS, lines, strict=True):
        name = lock.relative_to(paths.ROOT)
        folder, *words = line.split()
        assert folder == str(paths.ROOT)
        assert words[-2:] == ["--output-file", str(name)]
        assert (paths.ROOT / words[-3]).is_file()
        assert {"--generate-hashes", "--universal", "--upgrade"} <= set(words)
        assert f"{name} is up to date" in said.text
    # Developers have the tools, too.
    assert "--group dev pyproject.toml" in lines[0]


def test_a_lock_that_can_not_be_made_is_named_and_stops_the_others(
    calls: Path, said: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(os.environ, "UNSOLVABLE", "local_aws/requirements.in")
    with pytest.raises(Failed) as failed:
        locks.make(said)
    assert "locking scripts/local_aws/requirements.lock" in failed.value.message
    assert "no solution found" in f"{failed.value.message}{failed.value.hint}"
    assert len(calls.read_text().splitlines()) == 2
