"""Expected failures on people's machines: each is a message with a hint, through the real command line."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from botocore import exceptions
from botocore.awsrequest import AWSResponse
from botocore.httpsession import URLLib3Session

from estate_tool import cli
from estate_tool.core.paths import ROOT, VENV
from estate_tool.engine.cli import Pulumi
from estate_tool.engine.diagnostics import hint

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture
def no_credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Somebody who is signed in nowhere."""
    for name in [name for name in os.environ if name.startswith(("AWS_", "PULUMI_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("ESTATE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture
def signed_in(no_credentials: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")


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


def answers(monkeypatch: pytest.MonkeyPatch, answer: Callable[[Any], Any]) -> None:
    """Every request to AWS gets this, as no AWS answers here."""
    monkeypatch.setattr(URLLib3Session, "send", lambda _self, request: answer(request))
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda _seconds: None)


class Body:
    def __init__(self, content: bytes) -> None:
        self._content = [content]

    def stream(self, **_: Any) -> list[bytes]:
        taken, self._content = self._content, []
        return taken


def response(request: Any, status: int, text: str) -> AWSResponse:
    raw: Any = Body(text.encode())
    return AWSResponse(request.url, status, {"Content-Type": "text/xml"}, raw)


def account(number: str) -> Callable[[Any], AWSResponse]:
    text = (
        '<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>'
        f"<Account>{number}</Account></GetCallerIdentityResult></GetCallerIdentityResponse>"
    )
    return lambda request: response(request, 200, text)


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
def test_an_unknown_environment(
    signed_in: None, monkeypatch: pytest.MonkeyPatch, run: Callable[..., tuple[int, str]], command: tuple[str, ...]
) -> None:
    answers(monkeypatch, account("222222222222"))
    code, output = run(*command, "nosuch", "--yes")
    assert code == 2
    assert "there is no environment nosuch" in output
    assert "environments there are: local," in output


def test_what_aws_refuses_outside_of_every_care_is_a_message_too(
    monkeypatch: pytest.MonkeyPatch, run: Callable[..., tuple[int, str]]
) -> None:
    def fail(_args: Any) -> int:
        raise exceptions.NoCredentialsError

    monkeypatch.setattr("estate_tool.commands.status.run", fail)
    code, output = run("status")
    assert code == 1
    assert "there are no AWS credentials" in output


def test_a_missing_pulumi_login(
    no_credentials: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, run: Callable[..., tuple[int, str]]
) -> None:
    """The engine's own words, from an engine that does nothing else."""
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


@pytest.mark.parametrize(
    ("diagnostic", "way"),
    [
        ("error: incorrect passphrase", "PULUMI_CONFIG_PASSPHRASE"),
        ("write /x: no space left on device", "free some space"),
        ("dial tcp: lookup api.pulumi.com: no such host", "check the network"),
        ("NoCredentialProviders: no valid providers in chain", "sign in to AWS"),
        ("something else", "scripts/estate doctor"),
    ],
)
def test_the_engines_diagnostics_have_a_way_out(diagnostic: str, way: str) -> None:
    assert way in hint(diagnostic)


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
