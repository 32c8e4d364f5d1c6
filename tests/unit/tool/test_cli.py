"""Exit codes and messages of the command line."""

from __future__ import annotations

import argparse
import errno
import json
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from estate_tool import cli
from estate_tool.commands import status
from estate_tool.core.errors import Failed, UsageError
from foundation.layers import project

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def run_raising(monkeypatch: pytest.MonkeyPatch, error: BaseException, *flags: str, printed: str = "") -> int:
    def run(args: argparse.Namespace) -> int:
        print(printed, end="")
        raise error

    monkeypatch.setattr(status, "run", run)
    return cli.main(["status", *flags])


@pytest.mark.parametrize(("error", "code"), [(Failed("it broke", "fix it\nthen go on"), 1), (UsageError("no"), 2)])
def test_an_expected_failure_is_a_message_a_hint_and_a_code_also_in_json(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: Failed, code: int
) -> None:
    assert run_raising(monkeypatch, error) == code
    hints = [f"  → {line}" for line in error.hint.splitlines()]
    assert capsys.readouterr() == ("", "\n".join([f"error: {error.message}", *hints, ""]))
    assert run_raising(monkeypatch, error, "--json") == code
    assert json.loads(capsys.readouterr().out) == {
        "ok": False, "error": error.message, "hint": error.hint, "code": error.code
    }  # fmt: skip
    assert run_raising(monkeypatch, error, "--json", printed='{"half": 1}') == code
    assert json.loads(capsys.readouterr().out) == {"half": 1}


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (errno.ENOSPC, "free some space"),
        (errno.EACCES, "make it writable"),
        (errno.EROFS, "make it writable"),
        (errno.EIO, "scripts/estate doctor"),
    ],
)
def test_what_the_operating_system_refuses_has_the_place_and_the_way_out(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], number: int, text: str
) -> None:
    assert run_raising(monkeypatch, OSError(number, os.strerror(number), "/some/file")) == 1
    err = capsys.readouterr().err
    assert "error: /some/file: " in err
    assert text in err
    assert "Traceback" not in err


def test_ctrl_c_and_a_reader_that_has_gone_are_no_errors(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_raising(monkeypatch, KeyboardInterrupt()) == 130
    assert capsys.readouterr().err == "error: interrupted\n"
    assert run_raising(monkeypatch, BrokenPipeError()) == 0
    assert capsys.readouterr().err == ""


def test_a_defect_of_the_tool_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ZeroDivisionError):
        run_raising(monkeypatch, ZeroDivisionError())


@pytest.fixture
def own_signals() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("at_start", [signal.default_int_handler, signal.SIG_IGN])
def test_a_signal_to_end_is_an_interruption(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    own_signals: None,
    number: signal.Signals,
    at_start: Any,
) -> None:
    def run(args: argparse.Namespace) -> int:
        signal.raise_signal(number)
        return 0

    signal.signal(signal.SIGINT, at_start)
    monkeypatch.setattr(status, "run", run)
    assert cli.main(["status"]) == 130
    assert "interrupted" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "code", "suggested"),
    [
        (["deplyo"], "unknown_name", "deploy"),
        (["deploy", "--layer", "dta"], "usage", "data"),
        (["deploy", "--nonsense"], "usage", ""),
        (["--nonsense"], "usage", ""),
    ],
)
def test_wrong_usage_ends_with_2_a_code_and_the_nearest_name(
    arguments: list[str], code: str, suggested: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main([*arguments, "--json"]) == 2
    out, err = capsys.readouterr()
    assert (json.loads(out)["code"], suggested in err) == (code, True)
    assert bool(suggested) == ("did you mean" in err)


def test_without_a_command_the_next_step_is_shown(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("ESTATE_HOME", str(tmp_path))
    assert cli.main([]) == 0
    assert "scripts/deploy_all.sh" in capsys.readouterr().out
    for layer in ("foundation", "data"):
        folder = tmp_path / "state" / ".pulumi" / "stacks" / project(layer)
        folder.mkdir(parents=True)
        stack = {"checkpoint": {"latest": {"resources": [{"type": "aws:sqs/queue:Queue"}]}}}
        (folder / "local-b.json").write_text(json.dumps(stack))
    (tmp_path / "state" / ".pulumi" / "meta.yaml").write_text("version: 1\n")
    assert cli.main([]) == 0
    output = capsys.readouterr().out
    assert "environment local-b: foundation, data deployed" in output
    assert "scripts/deploy_all.sh local-b" in output


def test_of_the_commands_only_the_named_one_is_loaded() -> None:
    code = (
        "import sys; from estate_tool import cli\n"
        "try: cli.main(['status', '--help'])\n"
        "except SystemExit: pass\n"
        "print(*(name for name in sys.modules if name.startswith('estate_tool.commands.')), file=sys.stderr)"
    )
    loaded = subprocess.run([sys.executable, "-c", code], env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
                            capture_output=True, text=True, check=True).stderr.split()  # fmt: skip
    assert set(loaded) == {"estate_tool.commands.status", "estate_tool.commands.arguments"}
