"""A computer to set up on: an empty cache, and a PATH with the programs of a test."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from pathlib import Path

import pytest

# Programs that the scripts under test and the fake programs call.
_SYSTEM_PROGRAMS = ("bash", "cat", "cmp", "cp", "env", "ln", "mkdir", "readlink", "realpath", "dirname", "sh", "touch")

# Makes environments like uv, with the standard library alone; FAKE_UV is its failure, or "hang".
_FAKE_UV = """
import os, pathlib, signal, sys, venv
args = sys.argv[1:]
with open(os.environ["FAKE_UV_CALLS"], "a") as calls:
    print(*args, file=calls)
if args[0] == "--version":
    print("uv 9.9.9")
elif args[0] == "venv":
    venv.create(args[-1], symlinks=True, with_pip=False)
elif args[:2] == ["pip", "sync"]:
    wanted = os.environ.get("FAKE_UV", "")
    if wanted == "hang":
        pathlib.Path(os.environ["FAKE_UV_CALLS"] + ".hanging").write_text(str(os.getpid()))
        signal.alarm(60)
        signal.pause()
    if wanted:
        sys.exit(wanted)
"""


class Programs:
    """The programs on PATH."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in _SYSTEM_PROGRAMS:
            found = shutil.which(name)
            if found:
                (folder / name).symlink_to(found)

    def add(self, name: str, script: str, folder: Path | None = None) -> Path:
        """A program: `script` is its source, for sh unless it names an interpreter."""
        path = (folder or self.folder) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(script if script.startswith("#!") else f"#!/bin/sh\n{script}\n", encoding="utf-8")
        path.chmod(0o755)
        return path

    def add_pulumi(self, version: str, folder: Path | None = None) -> Path:
        """A `pulumi` that prints its version, and adds a line to a file beside it for each question."""
        return self.add("pulumi", f'echo asked >> "$0.asked"\necho {version}', folder)


class FakeUv:
    """A uv on PATH; `calls` are its command lines."""

    def __init__(self, programs: Programs, record: Path) -> None:
        self.path = programs.add("uv", f'exec {shlex.quote(sys.executable)} -c {shlex.quote(_FAKE_UV)} "$@"')
        self.record = record
        self.hanging = record.with_name(record.name + ".hanging")

    @property
    def calls(self) -> list[str]:
        return self.record.read_text(encoding="utf-8").splitlines() if self.record.exists() else []


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "a cache"
    monkeypatch.setenv("ESTATE_CACHE", str(folder))
    return folder


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Programs:
    folder = tmp_path / "programs"
    folder.mkdir()
    programs = Programs(folder)
    monkeypatch.setenv("PATH", str(folder))
    for name in [name for name in os.environ if name.startswith(("ESTATE_PY", "ESTATE_PULUMI", "UV_", "GO"))]:
        monkeypatch.delenv(name)
    return programs


@pytest.fixture
def uv(programs: Programs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeUv:
    record = tmp_path / "uv-calls"
    monkeypatch.setenv("FAKE_UV_CALLS", str(record))
    return FakeUv(programs, record)
