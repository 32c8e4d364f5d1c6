"""`estate permissions`: refusals, documents, managed policies."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from estate_tool.commands import permissions as command
from estate_tool.core import environment
from estate_tool.engine import dry_run
from estate_tool.engine.dry_run import Planned

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def answered(monkeypatch: pytest.MonkeyPatch, *accounts: str) -> None:
    configuration = SimpleNamespace(allowed_accounts=accounts, region="us-east-1")
    target = SimpleNamespace(name="dev", local=False, configuration=configuration)
    monkeypatch.setattr(environment, "resolve", lambda _name: target)


@pytest.mark.parametrize(
    ("words", "accounts"),
    [
        (("dev", "data"), 1), (("data", "dev", "more"), 1), (("nothing", "dev"), 1), (("data", "dev"), 0),
        (("data", "dev"), 2), (("dev", "--account", "1234"), 1), (("dev", "--backend", "No_Bucket"), 1),
        (("dev", "--backend", "b-1", "--key", "alias/x"), 1), (("dev", "--key", "arn:aws:kms:a:1:key/x"), 1),
    ],
)  # fmt: skip
def test_without_a_layer_an_environment_and_one_account_or_a_bucket_nothing_is_printed(
    call: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], accounts: int
) -> None:
    answered(monkeypatch, *("111122223333", "444455556666")[:accounts])
    done = call(command, *words)
    assert (done.code, done.out) == (2, "")


def test_the_command_prints_the_policy(
    call: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, resources: list[Planned]
) -> None:
    monkeypatch.setattr(dry_run, "resources", lambda *_: resources)
    done = call(command, "foundation", "dev", "--account", "111122223333")
    assert done.code == 0
    assert json.loads(done.out)["Statement"][0]["Effect"] == "Allow"
    assert "one managed policy" in done.err
    shown = json.loads(call(command, "data", "dev", "--account", "111122223333", "--json").out)
    assert (shown["environment"], shown["layers"], shown["account"]) == ("dev", ["data"], "111122223333")
    assert shown["policy"]["Version"] == "2012-10-17"
    assert [each["reason"] for each in shown["unscoped"]]


def test_managed_policies_are_written_to_a_new_folder(
    call: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, resources: list[Planned], tmp_path: Path
) -> None:
    monkeypatch.setattr(dry_run, "resources", lambda *_: resources)
    words = ("dev", "--account", "111122223333", "--out", str(tmp_path / "new"))
    assert call(command, *words).code == 0
    written = [json.loads(file.read_text()) for file in sorted((tmp_path / "new").iterdir())]
    policies = json.loads(call(command, *words[:-2], "--json").out)["policies"]
    assert len(policies) == 2
    assert written == policies
    assert call(command, *words).code == 2


def test_the_command_prints_the_policies_of_readers_and_of_the_backend(
    call: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, resources: list[Planned]
) -> None:
    monkeypatch.setattr(dry_run, "resources", lambda *_: resources)
    reader = json.loads(call(command, "dev", "--account", "111122223333", "--read-only", "--json").out)
    assert "iam:CreateRole" not in {action for each in reader["policy"]["Statement"] for action in each["Action"]}
    assert [each["actions"] for each in reader["unscoped"]]
    backend = json.loads(call(command, "dev", "--account", "111122223333", "--backend", "estate-state").out)
    assert [each["Sid"] for each in backend["Statement"]] == ["ListState", "State"]
