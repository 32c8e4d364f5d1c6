from __future__ import annotations

import subprocess
from dataclasses import astuple
from pathlib import Path

import boto3
import pytest

from estate_tool.core import embedded, paths
from estate_tool.core.embedded import credentials
from estate_tool.core.errors import UsageError


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ESTATE_PORT", "http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", "/usr/bin:/bin")


@pytest.fixture
def local(tmp_path: Path) -> embedded.LocalAwsPaths:
    return embedded.LocalAwsPaths(tmp_path / "it's here" / "$HOME", 4700)


def test_the_default_port_is_4566(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ESTATE_HOME", str(tmp_path))

    assert embedded.LocalAwsPaths.from_environment() == embedded.LocalAwsPaths(tmp_path, 4566)


@pytest.mark.parametrize("port", ["80", "65536", "70000", "-1", "four", "4566.0", "4566 "])
def test_a_port_that_cannot_be_used_is_refused_with_the_range(monkeypatch: pytest.MonkeyPatch, port: str) -> None:
    monkeypatch.setenv("ESTATE_PORT", port)

    with pytest.raises(UsageError) as caught:
        embedded.LocalAwsPaths.from_environment()

    assert repr(port) in caught.value.message
    assert "1024 to 65535" in caught.value.hint


def test_the_variables_lead_to_the_embedded_aws_and_to_pulumis_state(local: embedded.LocalAwsPaths) -> None:
    variables = embedded.environment(local, Path("/engine/bin"))

    assert variables["AWS_ENDPOINT_URL"] == "http://127.0.0.1:4700"
    key, secret = astuple(credentials.read_or_create(local.home))
    assert (variables["AWS_ACCESS_KEY_ID"], variables["AWS_SECRET_ACCESS_KEY"]) == (key, secret)
    assert variables["AWS_REGION"] == variables["AWS_DEFAULT_REGION"] == "us-east-1"
    assert variables["PULUMI_BACKEND_URL"] == f"file://{local.home}/state"
    assert variables["PATH"] == f"{paths.VENV}/bin:/engine/bin:/usr/bin:/bin"


def test_endpoints_lead_to_the_embedded_aws_though_the_user_has_them_ignored(
    local: embedded.LocalAwsPaths, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "config").write_text("[default]\nignore_configured_endpoint_urls = true\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true")
    for name, value in embedded.environment(local).items():
        monkeypatch.setenv(name, value)
    assert boto3.Session().client("sqs").meta.endpoint_url == local.endpoint


def test_the_path_does_not_grow_when_taken_twice(
    local: embedded.LocalAwsPaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    once = embedded.environment(local, Path("/engine/bin"))["PATH"]
    monkeypatch.setenv("PATH", once)

    assert embedded.environment(local, Path("/engine/bin"))["PATH"] == once


def test_loopback_is_excepted_from_a_proxy_and_the_other_exceptions_stay(
    local: embedded.LocalAwsPaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "NO_PROXY" not in embedded.environment(local)
    monkeypatch.setenv("http_proxy", "http://proxy:3128")
    monkeypatch.setenv("no_proxy", "intranet")

    variables = embedded.environment(local)

    assert variables["NO_PROXY"] == variables["no_proxy"] == "intranet,127.0.0.1"


@pytest.mark.parametrize("shell", ["bash", "dash", "zsh", "sh"])
def test_a_shell_that_evaluates_the_lines_has_exactly_the_values(shell: str) -> None:
    values = {
        "PLAIN": "x", "QUOTES": "it's \"quoted\"", "DOLLAR": "$HOME `id` $(id)", "LINES": "a\nb", "EMPTY": "",
        "BACK": "\\n\\", "STAR": "* ~ #!",
    }  # fmt: skip
    script = "\n".join([*embedded.shell_lines(values), *(f'printf "%s\\0" "${name}"' for name in values)])
    script += '\nprintf "%s\\0" "${AWS_PROFILE-unset}" "${AWS_SESSION_TOKEN-unset}"'
    try:
        done = subprocess.run(
            [shell, "-c", f"AWS_PROFILE=mine; export AWS_PROFILE; {script}"], capture_output=True, text=True, check=True
        )
    except FileNotFoundError:
        pytest.skip(f"{shell} is not installed")

    assert done.stdout.split("\0")[:-1] == [*values.values(), "unset", "unset"]
