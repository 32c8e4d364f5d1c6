"""Commands end with the process that started them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from estate_tool.core.paths import SCRIPTS
from estate_tool.engine import process
from estate_tool.engine.process import killed_with_parent
from tests.support.waiting import expect_soon

if TYPE_CHECKING:
    from collections.abc import Iterator

PARENT = """
import subprocess, sys
from estate_tool.engine.process import killed_with_parent
process = subprocess.Popen(killed_with_parent(["sleep", "60"]))
print(process.pid, flush=True)
process.wait()
"""


@pytest.fixture(params=["setpriv", "interpreter"], autouse=True)
def launcher(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """With util-linux, and with one that knows no --pdeathsig, as others' are."""
    process._has_setpriv.cache_clear()  # pyright: ignore[reportPrivateUsage]
    if request.param == "interpreter":
        other = tmp_path / "setpriv"
        other.write_text("#!/bin/sh\nexit 1\n")
        other.chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    elif sys.platform.startswith("linux") and not process._has_setpriv():  # pyright: ignore[reportPrivateUsage]
        pytest.skip("this machine's setpriv knows no --pdeathsig")
    yield
    process._has_setpriv.cache_clear()  # pyright: ignore[reportPrivateUsage]


def test_the_command_runs_with_its_arguments_and_its_exit_code() -> None:
    ended = subprocess.run(
        killed_with_parent(["sh", "-c", "echo $0 $1; exit 7", "a b", "c"]), capture_output=True, check=False
    )
    assert (ended.returncode, ended.stdout) == (7, b"a b c\n")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="no other kernel does this")
def test_the_command_ends_when_its_parent_is_killed() -> None:
    environ = {**os.environ, "PYTHONPATH": str(SCRIPTS)}
    with subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True, env=environ) as parent:
        assert parent.stdout is not None
        command = int(parent.stdout.readline())
        # Until then the launcher has not asked the kernel yet.
        expect_soon(lambda: comm(command) == "sleep", "the command is started")
        parent.kill()
    expect_soon(lambda: comm(command) is None, "the command ends with its parent")


def comm(pid: int) -> str | None:
    """Return the name of a process; None when it has ended."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except (FileNotFoundError, ProcessLookupError):
        return None
    name, _, rest = stat.partition("(")[2].rpartition(") ")
    return None if rest.startswith("Z") else name
