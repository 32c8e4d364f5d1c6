from __future__ import annotations

import argparse
import io
import json
from typing import TYPE_CHECKING

import pytest

from estate_tool.commands import local
from estate_tool.core import embedded
from estate_tool.core.embedded import ports
from estate_tool.core.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> embedded.LocalAwsPaths:
    found = embedded.LocalAwsPaths(tmp_path / "home", ports.free_port())
    monkeypatch.setenv("ESTATE_HOME", str(found.home))
    monkeypatch.setenv("ESTATE_PORT", str(found.port))
    return found


def run(*arguments: str) -> int:
    parser = argparse.ArgumentParser()
    local.add_arguments(parser)
    return local.run(parser.parse_args(arguments))


def test_status_and_down_say_that_nothing_runs(
    place: embedded.LocalAwsPaths, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("status") == 0
    assert run("down") == 0

    assert capsys.readouterr().out.splitlines() == ["embedded AWS: not running", "embedded AWS: was not running"]
    assert not place.home.exists()


def test_status_is_json_for_scripts(place: embedded.LocalAwsPaths, capsys: pytest.CaptureFixture[str]) -> None:
    run("status", "--json")

    answer = json.loads(capsys.readouterr().out)
    assert (answer["running"], answer["port"]) == (False, place.port)


def test_env_prints_lines_for_a_shell_and_json_for_scripts(
    place: embedded.LocalAwsPaths, capsys: pytest.CaptureFixture[str]
) -> None:
    run("env")
    lines = capsys.readouterr().out.splitlines()
    run("env", "--json")
    answer = json.loads(capsys.readouterr().out)

    assert lines[0] == f"unset {' '.join(embedded.REMOVED)}"
    assert f"export AWS_ENDPOINT_URL={place.endpoint}" in lines
    assert answer["set"]["AWS_ENDPOINT_URL"] == place.endpoint
    assert answer["unset"] == list(embedded.REMOVED)


def test_reset_asks_and_deletes_nothing_without_an_answer(
    place: embedded.LocalAwsPaths, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = place.home / "state" / "stack.json"
    kept.parent.mkdir(parents=True)
    kept.write_text("{}")
    monkeypatch.setattr("sys.stdin", io.StringIO())

    with pytest.raises(UsageError) as caught:
        run("reset")

    assert kept.exists()
    assert "--yes" in caught.value.hint
    assert str(place.home / "state") in capsys.readouterr().err


def test_reset_deletes_the_aws_state_and_pulumis_and_nothing_else(place: embedded.LocalAwsPaths) -> None:
    for name in ("aws/state.pickle", "state/stack.json", "pulumi/plugins"):
        path = place.home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")

    assert run("reset", "--yes") == 0

    assert not (place.home / "aws").exists()
    assert not (place.home / "state").exists()
    assert (place.home / "pulumi" / "plugins").exists()
