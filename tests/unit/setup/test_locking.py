from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from estate_tool.core import paths
from estate_tool.setup.processes import hold

if TYPE_CHECKING:
    from tests.unit.setup.conftest import Said

_HOLD = """
import sys
from pathlib import Path
from estate_tool.setup.processes import hold
from estate_tool.console.progress import Report
with hold(Path(sys.argv[1]), "it", Report()):
    print("held", flush=True)
    sys.stdin.read()
"""


def holder(lock: Path) -> subprocess.Popen[str]:
    """Another process that holds `lock` until its standard input ends."""
    process = subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(lock)],
        env=os.environ | {"PYTHONPATH": str(paths.SCRIPTS)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_the_second_waits_and_names_the_holder(tmp_path: Path, said: Said) -> None:
    lock = tmp_path / "locks" / "engine.lock"
    with holder(lock) as first:
        entered = threading.Event()

        def second() -> None:
            with hold(lock, "the engine", said):
                entered.set()

        thread = threading.Thread(target=second)
        thread.start()
        assert not entered.wait(0.3)
        assert said.text.startswith(f"set-up: waiting for process {first.pid}, which is making the engine")
        first.communicate("")
        assert entered.wait(10)
        thread.join()


def test_a_lock_ends_with_the_process_that_held_it(tmp_path: Path, said: Said) -> None:
    lock = tmp_path / "engine.lock"
    with holder(lock) as first:
        first.kill()
    with hold(lock, "the engine", said):
        assert said.text == ""
        assert lock.read_text() == str(os.getpid())
