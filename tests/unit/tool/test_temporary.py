"""Temporary folders of the tool, also those of processes that were killed."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from typing import TYPE_CHECKING

import pytest

from estate_tool.core import temporary

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def _own_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


def test_a_folder_is_private_and_gone_with_its_block(tmp_path: Path) -> None:
    with temporary.folder() as made:
        (made / "events.jsonl").touch()
        assert made.parent == tmp_path
        assert made.stat().st_mode & 0o777 == 0o700

    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_process_left_is_removed_by_the_next_and_nothing_else(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        pass
    for name in (f"estate-{ended.pid}-abc", f"estate-{os.getppid()}-abc", "estate-mine", f"other-{ended.pid}-abc"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "events.jsonl").touch()

    with temporary.folder():
        assert not (tmp_path / f"estate-{ended.pid}-abc").exists()

    kept = {f"estate-{os.getppid()}-abc", "estate-mine", f"other-{ended.pid}-abc"}
    assert {path.name for path in tmp_path.iterdir()} == kept
