"""`estate pulumi` becomes the engine, for the environment that its arguments name."""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from estate_tool import cli
from estate_tool.commands import pulumi
from estate_tool.core.paths import VENV
from estate_tool.rollout import session
from estate_tool.setup import engine

if TYPE_CHECKING:
    from collections.abc import Iterator

BIN = Path("/cache/engine/bin")


class Became(Exception):
    """Instead of the engine."""


@pytest.fixture
def became(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """The program and arguments that this process would go on as, and the environments that were made ready."""
    found: list[Any] = []

    @contextlib.contextmanager
    def ready(target: Any) -> Iterator[None]:
        found.append(target.name)
        yield

    def execv(program: Path, arguments: list[str]) -> None:
        found.append((program, arguments))
        raise Became

    monkeypatch.setattr(os, "environ", dict(os.environ))
    monkeypatch.setattr(session, "ready", ready)
    monkeypatch.setattr(engine, "ensure_engine", lambda: SimpleNamespace(folder=BIN, pulumi=BIN / "pulumi"))
    monkeypatch.setattr(os, "execv", execv)
    before = signal.getsignal(signal.SIGPIPE)
    yield found
    # The command sets it for the engine. Left so, the next write to a closed connection would end the test process.
    signal.signal(signal.SIGPIPE, before)


@pytest.mark.parametrize(
    ("line", "added"),
    [
        ("login s3://bucket", []),
        ("--help", []),
        ("up --json --stack dev -- -h", []),
        ("", []),
        ("stack rm --yes --stack dev --cwd data", ["--preserve-config"]),  # which all layers share
        ("stack tag rm estate:lease --stack dev --cwd foundation", []),
    ],
)
def test_every_argument_is_the_engines(became: list[Any], line: str, added: list[str]) -> None:
    with pytest.raises(Became):
        cli.main(["pulumi", *line.split()])
    assert became == [(BIN / "pulumi", ["pulumi", *line.split(), *added])]
    assert os.environ["PATH"].split(os.pathsep)[:2] == [str(BIN), str(VENV / "bin")]


def test_a_local_environment_is_made_ready_and_is_where_the_engine_goes(became: list[Any]) -> None:
    with pytest.raises(Became):
        cli.main(["pulumi", "preview", "--stack", "local-b"])
    assert became == ["local-b", (BIN / "pulumi", ["pulumi", "preview", "--stack", "local-b"])]
    assert os.environ["PULUMI_BACKEND_URL"].startswith("file://")


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("stack ls", ""), ("login local", ""), ("up --stack dev", ""), ("stack init dev", ""), ("up -s", ""),
        ("up --stack local", "local"), ("up --stack=local-b --yes", "local-b"), ("up -s local", "local"),
        ("up -slocal", "local"), ("stack output -j -s organization/data/local", "local"),
        ("stack init --no-select local-c", "local-c"), ("stack select local", "local"), ("cancel --yes local", "local"),
        ("--cwd data stack rm -y local-d", "local-d"),
    ],
)  # fmt: skip
def test_the_stack_decides_about_the_environment(line: str, name: str) -> None:
    assert pulumi.local_stack(line.split()) == name
