"""Leftovers of an interrupted run are settled before the next one begins."""

from __future__ import annotations

import copy
import json
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from estate_tool.core.environment import Environment
from estate_tool.core.errors import Failed
from estate_tool.rollout.recovery import Recovery
from tests.support.locks import lock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

PREFIX = "urn:pulumi:dev::data::"


def resource(name: str, kind: str = "aws:dynamodb/table:Table", **more: Any) -> dict[str, Any]:
    return {"urn": f"{PREFIX}{kind}::{name}", "type": kind, "custom": True, "inputs": {"name": f"{name}-dev"}, **more}


def made(name: str) -> dict[str, Any]:
    return resource(name, id=f"{name}-dev", outputs={"arn": f"{name}-dev"})


def operation(what: str, name: str, kind: str = "aws:dynamodb/table:Table") -> dict[str, Any]:
    return {"type": what, "resource": resource(name, kind)}


class FakePulumi:
    """An engine with one stack: a refresh drops what does not exist in AWS and fills in the rest.

    Notes go as they do with the real one: a refresh keeps those of creations, an import of a deployment none.
    """

    stack = "dev"

    def __init__(self, *resources: dict[str, Any], pending: tuple[dict[str, Any], ...], exist: set[str]) -> None:
        self.exported: Any = {"version": 3, "deployment": {"resources": list(resources)}}
        if pending:
            self.exported["deployment"]["pending_operations"] = list(pending)
        self.exist = exist
        self.calls: list[str] = []
        self.diagnostic = ""

    @property
    def names(self) -> dict[str, Any]:
        """The ids of the resources in the state, by name."""
        return {one["urn"].rpartition("::")[2]: one.get("id") for one in self.exported["deployment"]["resources"]}

    @property
    def pending(self) -> list[Any]:
        return self.exported["deployment"].get("pending_operations") or []

    def export_versioned(self, layer: str) -> dict[str, Any]:
        self.calls.append("export")
        return copy.deepcopy(self.exported)

    def replace(self, layer: str, exported: dict[str, Any]) -> None:
        self.calls.append("replace")
        self.exported = copy.deepcopy(exported)
        self.exported["deployment"].pop("pending_operations", None)

    def refresh(self, layer: str, urns: Iterable[str], on_event: Callable[[Any], None]) -> str:
        self.calls.append("refresh")
        if self.diagnostic:
            return self.diagnostic
        kept = []
        notes = [one for one in self.pending if one["type"] == "creating"]
        self.exported["deployment"]["pending_operations"] = notes
        for one in self.exported["deployment"]["resources"]:
            if one["urn"] not in urns:
                kept.append(one)
            elif one["id"] in self.exist:
                kept.append(one | {"outputs": {"arn": one["id"]}})
        self.exported["deployment"]["resources"] = kept
        return ""


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PULUMI_BACKEND_URL", f"file://{tmp_path}")
    return tmp_path / ".pulumi"


def recovery(pulumi: FakePulumi, said: list[str]) -> Recovery:
    configuration: Any = SimpleNamespace(region="us-east-1")
    environment = Environment(name="dev", local=False, configuration=configuration)
    return Recovery(pulumi=pulumi, environment=environment, say=said.append)  # type: ignore[arg-type]


def settle(pulumi: FakePulumi) -> list[str]:
    said: list[str] = []
    recovery(pulumi, said).before("data")
    return [line.strip() for line in said]


@pytest.mark.parametrize(
    ("pending", "exist", "ids", "said"),
    [
        ([("creating", "c")], "abc", "abc", ["c: was left unfinished, exists"]),
        ([("creating", "c")], "ab", "ab", ["c: was left unfinished, does not exist"]),
        (
            [("deleting", "a"), ("updating", "b")], "b", "b",
            ["a: was left unfinished, does not exist", "b: was left unfinished, exists"],
        ),
    ],
)  # fmt: skip
def test_what_was_under_way_is_read_from_aws_or_forgotten(
    pending: list[tuple[str, str]], exist: str, ids: str, said: list[str]
) -> None:
    notes = tuple(operation(*one) for one in pending)
    pulumi = FakePulumi(made("a"), made("b"), pending=notes, exist={f"{name}-dev" for name in exist})
    assert settle(pulumi) == said
    assert pulumi.names == {name: f"{name}-dev" for name in ids}
    assert all(one["outputs"] == {"arn": one["id"]} for one in pulumi.exported["deployment"]["resources"])
    assert pulumi.pending == []


@pytest.mark.parametrize("exists", [True, False])
def test_what_was_deleted_to_be_replaced_is_read_anew_and_waits_no_longer(exists: bool) -> None:
    exist = {"a-dev", "b-dev"} if exists else {"a-dev"}
    pulumi = FakePulumi(made("a"), made("b") | {"pendingReplacement": True}, pending=(), exist=exist)
    pulumi.diagnostic = "error: throttled"
    with pytest.raises(Failed):
        settle(pulumi)
    # As the next run finds it, whatever has become of the first.
    pulumi.diagnostic = ""
    assert settle(pulumi) == [f"b: was left unfinished, {'exists' if exists else 'does not exist'}"]
    assert set(pulumi.names) == {"a", "b"} if exists else {"a"}
    assert not any(one.get("pendingReplacement") for one in pulumi.exported["deployment"]["resources"])
    assert settle(pulumi) == []


def test_what_is_not_in_aws_is_only_forgotten() -> None:
    provider = operation("creating", "p", "pulumi:providers:aws")
    pulumi = FakePulumi(pending=(provider, operation("reading", "s", "pulumi:pulumi:StackReference")), exist=set())
    assert settle(pulumi) == []
    assert (pulumi.names, pulumi.pending) == ({}, [])
    assert "refresh" not in pulumi.calls


def test_a_recovery_that_was_interrupted_is_completed_by_the_next() -> None:
    pulumi = FakePulumi(pending=(operation("creating", "b"), operation("creating", "c")), exist={"b-dev"})
    pulumi.diagnostic = "error: throttled"
    with pytest.raises(Failed, match="can't be read: error: throttled"):
        settle(pulumi)
    assert pulumi.pending == []
    pulumi.diagnostic = ""
    assert settle(pulumi) == ["b: was left unfinished, exists", "c: was left unfinished, does not exist"]
    assert pulumi.names == {"b": "b-dev"}
    assert settle(pulumi) == []


def test_what_a_dead_provider_may_have_created_is_kept_until_it_is_read() -> None:
    pulumi = FakePulumi(made("a"), pending=(), exist={"a-dev", "b-dev"})
    recovery(pulumi, []).after("data", [resource("a"), resource("b"), resource("c")])
    assert pulumi.names == {"a": "a-dev", "b": "b-dev", "c": "c-dev"}
    assert len(pulumi.exported["deployment"]["resources"]) == 3
    assert settle(pulumi) == ["b: was left unfinished, exists", "c: was left unfinished, does not exist"]
    assert pulumi.names == {"a": "a-dev", "b": "b-dev"}


@pytest.mark.parametrize("same", [False, True])
def test_a_replacement_takes_the_place_of_what_was_deleted_for_it(same: bool) -> None:
    # Under a name that was chosen, what was deleted and its replacement have one id.
    old = resource("b", id="b-dev" if same else "b-old", pendingReplacement=True)
    pulumi = FakePulumi(old, pending=(operation("creating", "b"),), exist={"b-dev"})
    settle(pulumi)
    assert pulumi.names == {"b": "b-dev"}
    assert len(pulumi.exported["deployment"]["resources"]) == 1


@pytest.mark.parametrize(
    ("checkpoint", "asked"),
    [
        ({"checkpoint": {"latest": {"resources": []}}}, False),
        ({"checkpoint": {"stack": "organization/data/dev"}}, False),
        ({"checkpoint": {"latest": {"pending_operations": [{}]}}}, True),
        ({"checkpoint": {"latest": {"resources": [resource("a", id="a-dev")]}}}, True),
        ({"unheard": "of"}, True),
        (None, True),
    ],
)
def test_the_engine_is_only_asked_when_its_file_shows_that_something_is_left(
    state: Path, checkpoint: Any, asked: bool
) -> None:
    if checkpoint is not None:
        file = state / "stacks" / "estate-data" / "dev.json"
        file.parent.mkdir(parents=True)
        file.write_text(json.dumps(checkpoint))
    pulumi = FakePulumi(made("a"), pending=(), exist=set())
    settle(pulumi)
    assert pulumi.calls == (["export"] if asked else [])


def test_a_dead_process_holds_no_stack_that_is_gone(state: Path, ended: int) -> None:
    held = lock(state, ended)
    said: list[str] = []
    pulumi = FakePulumi(pending=(), exist=set())
    recovery(pulumi, said).free("data")
    assert not held.exists()
    assert len(said) == 1
    assert pulumi.calls == []


def test_without_a_file_backend_the_engine_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULUMI_BACKEND_URL", "s3://states")
    pulumi = FakePulumi(pending=(operation("creating", "b"),), exist={"b-dev"})
    settle(pulumi)
    assert pulumi.names == {"b": "b-dev"}
