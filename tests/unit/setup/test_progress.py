from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from estate_tool.console.progress import Report, duration
from estate_tool.core.errors import Failed
from estate_tool.setup.processes import environ, run

if TYPE_CHECKING:
    from tests.unit.setup.conftest import Said


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_shows_one_line_that_is_rewritten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    out = Terminal()
    report = Report(out)
    report.moving("one of many packages compiled")
    report.moving("two")
    report.line("done")
    assert out.getvalue() == "\r\x1b[Kone of many package\r\x1b[Ktwo\r\x1b[Kdone\n"


def test_a_log_file_gets_a_moving_line_only_now_and_then() -> None:
    out = io.StringIO()
    report = Report(out, seconds_between=3600)
    report.line("begins")
    report.moving("one")
    report.moving("two")
    assert out.getvalue() == "begins\n"


@pytest.mark.parametrize(("seconds", "text"), [(0.4, "0 s"), (59.9, "59 s"), (60, "1 min 00 s"), (245, "4 min 05 s")])
def test_durations_are_read_at_a_glance(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_the_output_of_a_command_is_in_the_log_and_its_last_line_in_the_progress(cache: Path, said: Said) -> None:
    run([sys.executable, "-c", "print('a'); print('b')"], doing="trying", log="it", report=said, env=environ())
    assert (cache / "logs" / "it.log").read_text().endswith("\na\nb\n")
    assert "trying · 0 s · b" in said.text


def test_a_last_line_without_its_end_is_not_lost(cache: Path, said: Said) -> None:
    with pytest.raises(Failed, match="the end of it"):
        run(
            [sys.executable, "-c", "import sys; sys.stdout.write('the end of it'); sys.exit(3)"],
            doing="trying",
            log="it",
            report=said,
            env=environ(),
        )


def test_standard_output_can_go_to_a_file_of_its_own(cache: Path, said: Said, tmp_path: Path) -> None:
    answer = tmp_path / "answer"
    code = "import sys; print('answer'); print('remark', file=sys.stderr)"
    run([sys.executable, "-c", code], doing="asking", log="it", report=said, env=environ(), to=answer)
    assert answer.read_text() == "answer\n"
    assert "remark" in (cache / "logs" / "it.log").read_text()


def test_a_command_that_can_not_be_started_is_a_message(cache: Path, said: Said, tmp_path: Path) -> None:
    with pytest.raises(Failed, match=r"trying: .*/none can't be started: No such file"):
        run([tmp_path / "none"], doing="trying", log="it", report=said, env=environ())


def test_tools_get_the_users_proxies_and_mirrors_and_not_what_misleads_them(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTPS_PROXY", "UV_DEFAULT_INDEX", "VIRTUAL_ENV", "PIP_TARGET", "UV_PYTHON"):
        monkeypatch.setenv(name, "set")
    env = environ(MORE="1")
    assert {"HTTPS_PROXY", "UV_DEFAULT_INDEX", "MORE"} <= env.keys()
    assert not {"VIRTUAL_ENV", "PIP_TARGET", "UV_PYTHON"} & env.keys()
