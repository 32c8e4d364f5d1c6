"""Questions of a rollout before it touches an account, and its report."""

from __future__ import annotations

import contextlib
import io
import json
from typing import TYPE_CHECKING, Any

import pytest

from estate_tool.commands import deploy, destroy
from estate_tool.core import aws_errors
from estate_tool.core.errors import UsageError
from estate_tool.rollout import fingerprint, quota, recovery, session
from foundation.layers import LAYER_NAMES
from tests.support.fake_engine import FakeInputs, FakePulumi
from tests.support.schema import breaches

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.unit.tool.conftest import Estate


@pytest.fixture
def engine(empty_estate: Estate, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., FakePulumi]:
    """Lets the commands work on an engine of the test's."""

    def prepared(**how: Any) -> FakePulumi:
        made = FakePulumi(**how)

        monkeypatch.setattr(session, "ready", lambda *_: contextlib.nullcontext(made))
        monkeypatch.setattr(session, "has_no_stack", lambda _: False)
        return made

    monkeypatch.setenv("ESTATE_HOME", str(tmp_path))
    monkeypatch.setattr(recovery.Recovery, "before", lambda *_: None)
    monkeypatch.setattr(recovery.Recovery, "free", lambda *_: None)
    monkeypatch.setattr(fingerprint, "Inputs", lambda **_: FakeInputs())
    monkeypatch.setattr(quota, "require", lambda *_: None)
    monkeypatch.setattr(aws_errors, "require_running", lambda _: None)
    return prepared


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch, call: Any) -> Callable[..., Any]:
    """Call a command with a person at the terminal, who answers."""

    def calling(command: Any, answer: str, *arguments: str) -> Any:
        class Terminal(io.TextIOWrapper):
            def isatty(self) -> bool:
                return True

        monkeypatch.setattr(io, "TextIOWrapper", Terminal)
        return call(command, *arguments, stdin=answer.encode())

    return calling


def ups(made: FakePulumi) -> list[str]:
    return [layer for verb, layer in made.calls if verb == "up"]


def test_a_real_account_is_shown_the_preview_and_then_asked(engine: Any, answers: Any) -> None:
    made = engine(deployed=LAYER_NAMES)
    refused = answers(deploy, "n\n", "dev", "--layer", "data")
    assert (refused.code, ups(made)) == (2, [])
    assert made.calls == [("preview", "data")]
    assert "~ update " in refused.err
    assert "roll data out to dev? [y/N] error: not confirmed; nothing was changed" in refused.err
    agreed = answers(deploy, "y\n", "dev", "--layer", "data")
    assert (agreed.code, ups(made)) == (0, ["data"])


def test_a_quota_that_is_too_small_stops_compute_before_anything_is_touched(
    engine: Any, call: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def short(*_: object) -> None:
        raise UsageError("the account has a quota of 10", "ask AWS for more")

    made = engine()
    monkeypatch.setattr(quota, "require", short)
    for command in (["dev", "--yes"], ["dev", "--preview"], ["dev", "--layer", "compute", "--yes"]):
        refused = call(deploy, *command)
        assert (refused.code, made.calls) == (2, [])
        assert "ask AWS for more" in refused.err
    assert call(deploy, "dev", "--layer", "foundation", "--yes").code == 0


def test_no_question_without_a_terminal_or_without_changes(engine: Any, call: Any) -> None:
    made = engine(deployed=LAYER_NAMES)
    refused = call(deploy, "dev")
    assert (refused.code, ups(made)) == (2, [])
    assert "cannot ask for confirmation; nothing was changed" in refused.err
    assert "add --yes once you have seen the preview" in refused.err
    made = engine(deployed=LAYER_NAMES, unchanged=True)
    assert call(deploy, "dev").code == 0
    made = engine()
    assert call(deploy, "dev", "--yes").code == 0
    assert sorted(verb for verb, _ in made.calls) == ["create_stack"] * 4 + ["preview"] * 4 + ["up"] * 4
    made = engine()
    assert call(deploy, "dev", "--yes", "--skip-preview").code == 0
    assert sorted(verb for verb, _ in made.calls) == ["create_stack"] * 4 + ["up"] * 4


def test_a_preview_that_fails_ends_it(engine: Any, call: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    made = engine(deployed=LAYER_NAMES)
    monkeypatch.setattr(made, "preview", lambda *_, **__: "the bucket is unknown")
    for how in ((), ("--yes",)):
        done = call(deploy, "dev", "--json", *how)
        assert (done.code, ups(made)) == (1, [])
        first, *others = json.loads(done.out)["layers"]
        assert (first["result"], first["error"]) == ("failed", "the bucket is unknown")
        assert {one["result"] for one in others} == {"skipped"}


def test_without_a_preview_a_person_is_asked_before_anything_is_known(engine: Any, answers: Any) -> None:
    made = engine(deployed=LAYER_NAMES)
    assert answers(deploy, "n\n", "dev", "--skip-preview").code == 2
    assert made.calls == []
    assert answers(deploy, "y\n", "dev", "--skip-preview").code == 0
    assert ups(made) == list(LAYER_NAMES)


def test_a_failed_rollout_names_the_next_command(engine: Any, call: Any) -> None:
    engine(failing="data")
    done = call(deploy, "dev", "--yes", "--json")
    assert done.code == 1
    report = json.loads(done.out)
    assert [layer["result"] for layer in report["layers"]] == ["deployed", "failed", "skipped", "skipped"]
    assert report["continue"] == "scripts/deploy_all.sh dev"


def test_what_is_done_next_is_named_with_the_environment_and_the_layer(
    engine: Any, call: Any, empty_estate: Estate
) -> None:
    engine()
    done = call(deploy, "dev", "--preview", "--layer", "foundation")
    assert "environment dev: nothing was changed in" in done.err
    assert done.err.endswith("  → roll out: scripts/deploy_layer.sh foundation dev\n")
    empty_estate.name, empty_estate.local = "local", True
    assert call(deploy, "--preview").err.endswith("  → roll out: scripts/deploy_all.sh\n")
    done = call(deploy, "--json")
    assert json.loads(done.out)["continue"] is None
    assert done.err.endswith("  → see what is deployed: scripts/estate status\n")
    for severity in ("page", "ticket"):
        assert f"  → {severity}s have no subscriber: set observability:subscriptions\n" in done.err


@pytest.mark.parametrize(
    ("arguments", "failing", "last"),
    [
        (["--yes"], None, "roll out again: scripts/deploy_all.sh dev"),
        (["--yes", "--layer", "observability"], None, "roll out again: scripts/deploy_layer.sh observability dev"),
        (["--preview"], None, "destroy: scripts/destroy_all.sh dev"),
        (
            ["--yes"],
            "data",
            "what is left stands as it was; fix the cause, then go on with: scripts/destroy_all.sh dev",
        ),
    ],
)
def test_a_teardown_names_the_way_on_or_back(
    engine: Any, call: Any, monkeypatch: pytest.MonkeyPatch, arguments: list[str], failing: str | None, last: str
) -> None:
    made = engine(deployed=LAYER_NAMES, failing=failing)
    monkeypatch.setattr(made, "export", lambda _: {"resources": []}, raising=False)
    done = call(destroy, "dev", *arguments, "--json")
    assert done.code == (1 if failing else 0)
    assert json.loads(done.out)["ok"] is (failing is None)
    assert done.err.endswith(f"  → {last}\n")


PAGES = "table-pages-dev"


class Keyed(FakePulumi):
    """An engine that would replace a table, and goes on to do it when it is asked to."""

    def deployment(self, layer: str) -> dict[str, Any]:
        table = {"urn": TABLE_URN, "type": "aws:dynamodb/table:Table", "inputs": {"name": PAGES}}
        return {"resources": [table] if layer == "data" else [{"urn": "urn:a", "type": "aws:iam/role:Role"}]}

    def preview(self, layer: str, on_event: Any, **_: Any) -> str:
        self.calls.append(("preview", layer))
        keys = {"op": "replace", "urn": TABLE_URN, "type": "aws:dynamodb/table:Table", "keys": ["hashKey"]}
        if layer == "data":
            on_event({"resourcePreEvent": {"metadata": keys}})
        return ""


TABLE_URN = "urn:pulumi:dev::data::estate:data:ScalingTable$aws:dynamodb/table:Table::pages"


def test_a_rollout_that_would_lose_items_touches_nothing_unless_they_are_named(
    engine: Any, call: Any, estate: Estate, monkeypatch: pytest.MonkeyPatch
) -> None:
    for key in ("a", "b"):
        estate.client("dynamodb").put_item(TableName=PAGES, Item={"page": {"S": key}})
    made = Keyed(deployed=LAYER_NAMES)

    monkeypatch.setattr(session, "ready", lambda *_: contextlib.nullcontext(made))
    for flags in (("--yes",), ("--yes", "--skip-preview"), ("--yes", "--lose-data", PAGES, "table-b-dev"), ()):
        refused = call(deploy, "dev", "--json", *flags)
        assert (refused.code, ups(made)) == (2, [])
        report = json.loads(refused.out)
        assert breaches("rollout", report) == []
        assert (report["ok"], report["error"].endswith("nothing was changed")) == (False, True)
        (loss,) = report["losses"]
        assert (loss["name"], loss["change"], loss["because"]) == (PAGES, "replaced", ["hashKey"])
        assert loss["held"] == {"count": 2, "unit": "items", "bound": "exactly", "problem": None}
        assert f"{PAGES}: 2 items would be LOST (table replaced: hashKey)" in refused.err
    previewed = call(deploy, "dev", "--json", "--preview")
    assert (previewed.code, ups(made)) == (0, [])
    assert [loss["name"] for loss in json.loads(previewed.out)["losses"]] == [PAGES]
    assert f"roll out: scripts/deploy_all.sh dev --lose-data {PAGES}" in previewed.err
    done = call(deploy, "dev", "--json", "--yes", "--lose-data", PAGES)
    assert (done.code, "data" in ups(made)) == (0, True)
    assert breaches("rollout", json.loads(done.out)) == []


def test_a_changed_suffix_is_refused_before_anything_is_asked_of_the_engine(
    engine: Any, call: Any, empty_estate: Estate
) -> None:
    made = engine(deployed=LAYER_NAMES)
    role = {"type": "aws:iam/role:Role", "inputs": {"tags": {"Environment": "blue"}}, "outputs": {}}
    made.deployment = lambda _layer: {"resources": [role]}
    for flags in (("--yes",), ("--preview",), ("--yes", "--skip-preview")):
        refused = call(deploy, "dev", "--json", *flags)
        assert (refused.code, made.calls) == (2, [])
        assert json.loads(refused.out)["ok"] is False
        assert "docs/moving.md" in refused.err
