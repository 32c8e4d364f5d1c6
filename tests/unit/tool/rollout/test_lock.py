"""One rollout of an environment at a time."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from estate_tool.core.errors import Failed
from estate_tool.core.paths import SCRIPTS, home
from estate_tool.rollout import lock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HOLDER = """
import sys
from estate_tool.rollout.lock import alone
with alone("dev", "estate destroy", wait=False, say=print):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ESTATE_HOME", str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", f"{SCRIPTS}{os.pathsep}{SCRIPTS.parent}")


@pytest.fixture
def holder() -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the environment `dev` until its input ends."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_the_second_is_refused_with_the_holder_and_its_start(holder: subprocess.Popen[str]) -> None:
    with pytest.raises(Failed) as refused, lock.alone("dev", "estate deploy", wait=False, say=print):
        pass
    assert f"process {holder.pid} (estate destroy) since 2" in refused.value.message
    assert "nothing was touched" in refused.value.message
    assert "--wait" in refused.value.hint


def test_another_environment_is_free(holder: subprocess.Popen[str]) -> None:
    with lock.alone("dev-b", "estate deploy", wait=False, say=print):
        assert holder.poll() is None


def test_a_killed_holder_holds_nothing(holder: subprocess.Popen[str]) -> None:
    holder.kill()
    holder.wait()
    said: list[str] = []
    with lock.alone("dev", "estate deploy", wait=False, say=said.append):
        assert said == []


def test_waiting_ends_when_the_holder_does(holder: subprocess.Popen[str]) -> None:
    said: list[str] = []
    assert holder.stdin is not None
    release = holder.stdin.close

    def say(text: str) -> None:
        said.append(text)
        threading.Thread(target=release).start()

    with lock.alone("dev", "estate deploy", wait=True, say=say):
        assert holder.wait(10) == 0
    assert len(said) == 1
    assert said[0].startswith(f"waiting for process {holder.pid} (estate destroy)")


def test_it_is_free_again_after_a_failure() -> None:
    with pytest.raises(ZeroDivisionError), lock.alone("dev", "estate deploy", wait=False, say=print):
        raise ZeroDivisionError
    with lock.alone("dev", "estate deploy", wait=False, say=print):
        pass


def test_a_holder_that_has_not_said_yet_who_it_is_holds_it_all_the_same(holder: subprocess.Popen[str]) -> None:
    (file,) = home().rglob("dev.lock")
    file.write_text("")
    with pytest.raises(Failed, match="taken by another process, which has only just started; nothing was touched"):
        lock.alone("dev", "estate deploy", wait=False, say=print).__enter__()
