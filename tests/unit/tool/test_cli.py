"""The command line: exit codes and messages, help and examples, and failures that people meet on their machines."""

from __future__ import annotations

import argparse
import errno
import importlib
import json
import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from botocore import exceptions

from estate_tool import cli
from estate_tool.commands import status
from estate_tool.core.errors import Failed, UsageError
from estate_tool.core.paths import ROOT, VENV
from estate_tool.engine.cli import Pulumi
from tests.support.promises import leaves

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


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
def test_a_refusal_of_the_operating_system_has_the_place_and_a_hint(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], number: int, text: str
) -> None:
    assert run_raising(monkeypatch, OSError(number, os.strerror(number), "/some/file")) == 1
    err = capsys.readouterr().err
    assert "error: /some/file: " in err
    assert text in err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (KeyboardInterrupt(), 130, "error: interrupted\n"),
        (BrokenPipeError(), 0, ""),
        (exceptions.NoCredentialsError(), 1, "error: there are no AWS credentials\n  → "),
    ],
    ids=["Ctrl-C", "the reader has gone", "no care for AWS's refusal"],
)
def test_an_end_from_outside_is_no_defect(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: BaseException, code: int, message: str
) -> None:
    assert run_raising(monkeypatch, error) == code
    assert capsys.readouterr().err.startswith(message)


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


PARSER = cli.parser()
LEAVES = dict(leaves(PARSER))
EXAMPLES = [
    (name, command)
    for name in cli.COMMANDS
    for command, _ in importlib.import_module(f"estate_tool.commands.{name.replace('-', '_')}").EXAMPLES
]


def test_every_command_has_an_example() -> None:
    assert {name for name, _ in EXAMPLES} == set(cli.COMMANDS)
    assert {name.split()[0] for name in LEAVES} == set(cli.COMMANDS)


@pytest.mark.parametrize(("name", "command"), EXAMPLES, ids=lambda value: value)
def test_an_example_is_understood(name: str, command: str) -> None:
    inner = command.removeprefix('eval "$(').removesuffix(')"').partition(" > ")[0]
    first, *words = shlex.split(inner)
    assert (first, words[0]) == ("estate", name)
    assert callable(PARSER.parse_args(words).run)


@pytest.mark.parametrize("name", sorted(LEAVES.keys() - {"pulumi"}))  # whose flags are the engine's
def test_json_is_understood_everywhere(name: str) -> None:
    assert "--json" in LEAVES[name].format_help()


def test_help_shows_the_examples_as_they_are_typed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["local", "--help"])
    assert '\n  eval "$(scripts/estate local env)"\n' in capsys.readouterr().out


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        ("sample flights --limit", ("-1", "many", "1.5")),
        ("redrive --rate", ("0", "x")),
        ("send - --from-line", ("0", "1.5")),
        ("send - --timeout", ("0", "nan", "inf", "x")),
        ("status --watch", ("0", "x", "nan", "1e9")),
        ("rightsize --slower", ("-1", "x")),
        ("rightsize --min-samples", ("0",)),
    ],
)
def test_a_number_that_is_none_or_out_of_bounds_is_wrong_usage(line: str, wrong: tuple[str, ...]) -> None:
    for value in wrong:
        assert cli.main([*line.split(), value]) == 2, value


@pytest.mark.parametrize("line", ["sample flights --limit 0", "redrive --rate 1", "status --watch 1"])
def test_the_least_number_is_allowed(line: str) -> None:
    assert PARSER.parse_args(line.split())


@pytest.fixture
def no_credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A person who is signed in nowhere."""
    for name in [name for name in os.environ if name.startswith(("AWS_", "PULUMI_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("ESTATE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str]]:
    def running(*arguments: str) -> tuple[int, str]:
        code = cli.main(arguments)
        out, err = capsys.readouterr()
        assert out == ""
        assert "Traceback" not in err
        assert "\n  → " in err, "it has to say what to do next"
        return code, err

    return running


EVERYWHERE = [("deploy", "dev", "--yes"), ("destroy", "dev", "--yes"), ("query", "a.type", "dev"), ("cost", "dev")]


@pytest.mark.parametrize("command", EVERYWHERE, ids=lambda command: command[0])
def test_missing_credentials(
    no_credentials: None, run: Callable[..., tuple[int, str]], command: tuple[str, ...]
) -> None:
    code, output = run(*command)
    assert code == 1
    assert "there are no AWS credentials for environment dev" in output
    assert "aws sso login" in output


def test_a_profile_that_does_not_exist(
    no_credentials: None, monkeypatch: pytest.MonkeyPatch, run: Callable[..., tuple[int, str]]
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nosuch")
    code, output = run("deploy", "dev")
    assert code == 1
    assert "nosuch" in output
    assert "aws configure list-profiles" in output


@pytest.mark.parametrize("command", [("deploy",), ("destroy",), ("deploy", "--layer", "data")])
def test_an_unknown_environment(aws: None, run: Callable[..., tuple[int, str]], command: tuple[str, ...]) -> None:
    code, output = run(*command, "nosuch", "--yes")
    assert code == 2
    assert "there is no environment nosuch" in output
    assert "environments there are: local," in output


def test_a_missing_pulumi_login(
    no_credentials: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, run: Callable[..., tuple[int, str]]
) -> None:
    engine = tmp_path / "bin" / "pulumi"
    engine.parent.mkdir()
    words = "error: PULUMI_ACCESS_TOKEN must be set for login during non-interactive CLI sessions"
    engine.write_text(f"#!/bin/sh\necho '{words}' >&2\nexit 255\n")
    engine.chmod(0o755)
    monkeypatch.setenv("PATH", str(engine.parent), prepend=os.pathsep)
    monkeypatch.setattr("estate_tool.rollout.session.reader", lambda target: Pulumi(stack=target.name))
    code, output = run("status", "dev")
    assert code == 1
    assert words in output
    assert "pulumi login" in output


@pytest.mark.parametrize("command", [("sample", "flights", "--limit", "5"), ("completion", "bash"), ("local", "env")])
def test_a_full_disk(command: tuple[str, ...], tmp_path: Path) -> None:
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(
            [VENV / "bin" / "python", "-P", "-m", "estate_tool", *command],
            env={**os.environ, "PYTHONPATH": str(ROOT / "scripts")}, stdout=full, stderr=subprocess.PIPE, text=True,
            check=False,
        )  # fmt: skip
    assert ended.returncode == 1
    error, way_on = ended.stderr.splitlines()
    assert error == "error: No space left on device"
    assert way_on.startswith("  → free some space and run the same command again")


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
