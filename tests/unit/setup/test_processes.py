"""Commands of set-up: their output, their failures, and their locks."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from estate_tool.console import progress
from estate_tool.core import paths
from estate_tool.core.errors import Failed
from estate_tool.setup import processes
from estate_tool.setup.processes import environ, explain, hold
from tests.support.waiting import expect_soon

if TYPE_CHECKING:
    from collections.abc import Iterator

LOG = Path("/cache/logs/x.log")


@pytest.mark.parametrize(
    ("printed", "cause"),
    [
        ("error: failed to write: No space left on device (os error 28)", "no space left"),
        ("error: failed to create directory: Permission denied (os error 13)", "no permission to write"),
        ("mkdir: Read-only file system", "no permission to write"),
        ("Hash mismatch for `uv==0.13.9`", "the hash in the lock file"),
        ("THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE", "the hash in the lock file"),
        ("Caused by: dns error: failed to lookup address", "registry can't be reached"),
        ("dial tcp 10.0.0.1:443: connect: connection refused", "registry can't be reached"),
        ("tls: failed to verify certificate: x509: unknown authority", "registry can't be reached"),
        ("compile: signal: killed", "too little memory"),
    ],
)
def test_the_cause_is_named_whatever_tool_reports_it(printed: str, cause: str) -> None:
    failed = explain("installing", f"first\n{printed}\nlast", LOG)
    assert failed.message.startswith("installing: ")
    assert cause in failed.message
    assert str(LOG) in failed.hint


def test_any_other_failure_shows_the_last_lines_and_the_log() -> None:
    failed = explain("installing", "\n".join(f"line {number}" for number in range(20)), LOG)
    assert failed.message.split("\n  ") == ["installing failed:", *(f"line {number}" for number in range(14, 20))]
    assert str(LOG) in failed.hint


def run(code: str, **more: Any) -> str:
    return processes.run([sys.executable, "-c", code], doing="trying", log="it", env=environ(), **more)


def test_the_reason_of_a_command_that_ends_at_once_is_in_its_error(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Ended(subprocess.Popen[bytes]):
        def __init__(self, *arguments: Any, **more: Any) -> None:
            super().__init__(*arguments, **more)
            self.wait()

    monkeypatch.setattr(processes.subprocess, "Popen", Ended)
    with pytest.raises(Failed, match="the reason"):
        run("raise SystemExit('the reason')")


def test_the_output_of_a_command_is_in_the_log_and_its_last_line_in_the_progress(
    cache: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(progress, "_SECONDS_BETWEEN", 0)
    monkeypatch.setattr(progress, "_SECONDS_BETWEEN_LINES", 0)
    assert run("print('a'); print('b')") == ""
    assert (cache / "logs" / "it.log").read_text().endswith("\na\nb\n")
    assert capsys.readouterr().err.splitlines()[-1] == "trying · b · 0 s"


def test_standard_output_can_be_captured(cache: Path) -> None:
    assert run("import sys; print('answer'); print('remark', file=sys.stderr)", captured=True) == "answer\n"
    assert (cache / "logs" / "it.log").read_text().endswith("\nremark\n")


def test_a_failure_has_the_last_line_also_without_its_end_and_nothing_of_earlier_commands() -> None:
    run("print('timed out')")
    with pytest.raises(Failed, match="the end of it"):
        run("import sys; sys.stdout.write('the end of it'); sys.exit(3)")


def test_a_command_that_can_not_be_started_is_a_message(tmp_path: Path) -> None:
    with pytest.raises(Failed, match=r"trying: .*/none can't be started: No such file"):
        processes.run([tmp_path / "none"], doing="trying", log="it", env=environ())


def test_tools_get_the_users_proxies_and_mirrors_and_no_variables_that_mislead(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTPS_PROXY", "UV_DEFAULT_INDEX", "VIRTUAL_ENV", "PIP_TARGET", "UV_PYTHON"):
        monkeypatch.setenv(name, "set")
    env = environ(MORE="1")
    assert {"HTTPS_PROXY", "UV_DEFAULT_INDEX", "MORE"} <= env.keys()
    assert not {"VIRTUAL_ENV", "PIP_TARGET", "UV_PYTHON"} & env.keys()


_HOLD = """
import sys
from pathlib import Path
from estate_tool.setup.processes import hold
with hold(Path(sys.argv[1]), "it"):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    return tmp_path / "locks" / "engine.lock"


@pytest.fixture
def holder(lock: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the lock until its standard input ends."""
    with subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(lock)], env=os.environ | {"PYTHONPATH": str(paths.SCRIPTS)},
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_the_second_waits_and_names_the_holder(
    lock: Path, holder: subprocess.Popen[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    lines: list[str] = []
    monkeypatch.setattr(processes, "say", lines.append)
    entered = threading.Event()

    def second() -> None:
        with hold(lock, "the engine"):
            entered.set()

    thread = threading.Thread(target=second)
    thread.start()
    expect_soon(lambda: bool(lines), "it waits")
    assert lines == [f"set-up: waiting for process {holder.pid}, which is making the engine"]
    assert not entered.is_set()
    holder.communicate("")
    thread.join(10)
    assert entered.is_set()


def test_a_lock_ends_with_the_process_that_held_it(
    lock: Path, holder: subprocess.Popen[str], capsys: pytest.CaptureFixture[str]
) -> None:
    holder.kill()
    holder.wait()
    with hold(lock, "the engine"):
        assert capsys.readouterr().err == ""
        assert lock.read_text() == str(os.getpid())
