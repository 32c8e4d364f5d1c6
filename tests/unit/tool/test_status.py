"""Status of layers, read from the state of each stack."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from estate_tool.commands import status
from estate_tool.core.errors import Failed
from estate_tool.engine import locks
from estate_tool.engine.checkpoint import Record, StackState
from estate_tool.engine.provenance import Provenance
from estate_tool.rollout import session
from estate_tool.setup import engine
from foundation.layers import LAYER_NAMES

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class Engine:
    """Foundation is deployed, data has a stack with nothing in it, the others have none."""

    def former(self) -> dict[str, str]:
        return {}

    def states(self) -> dict[str, StackState]:
        origin = Provenance(commit="abcdef0123456789", when="2026-11-27T01:02:03Z", who="ann@here", tool="1.2.3")
        found = StackState(deployment=self.deployment(), record=Record(origin=origin))
        return {"foundation": found, "data": StackState(deployment={})}

    def deployment(self) -> dict[str, Any]:
        outputs = {"suffix": "dev", "roles": {"query": "arn:q", "ingest": "arn:i"}}
        stack = {"type": "pulumi:pulumi:Stack", "outputs": outputs}
        return {"resources": [stack, {"type": "aws:iam/role:Role"}, {"type": "estate:foundation:Roles"}]}


def test_each_layer_is_told_with_its_resources_and_outputs(
    empty_estate: Any, call: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "reader", lambda _: Engine())
    layers = json.loads(call(status, "dev", "--json").out)["layers"]
    assert [(layer["layer"], layer["deployed"], layer["resources"]) for layer in layers] == [
        ("foundation", True, 1), ("data", False, 0), ("compute", False, 0), ("observability", False, 0)
    ]  # fmt: skip
    assert layers[0]["outputs"]["roles"]["query"] == "arn:q"
    assert layers[0]["rolled_out"]["commit"] == "abcdef0123456789"
    assert layers[1]["rolled_out"] is None
    shown = call(status, "dev", "--outputs").out
    assert all(part in shown for part in ("abcdef012345", "ann@here", "2026-11-27T01:02:03Z", "roles.ingest = arn:i"))
    assert "roles.ingest" not in call(status, "dev").out


def test_who_has_the_environment_is_told(
    empty_estate: Any, call: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    held = StackState(deployment={}, lease="1 n h 2026-11-27T01:02:03Z 42 ann@here estate destroy")
    monkeypatch.setattr(session, "reader", lambda _: SimpleNamespace(former=dict, states=lambda: {"foundation": held}))
    told = json.loads(call(status, "dev", "--json").out)["held_by"]
    assert (told["who"], told["doing"], told["since"]) == ("ann@here", "estate destroy", "2026-11-27T01:02:03Z")
    assert "taken by ann@here (estate destroy, process 42) since 2026-11-27T01:02:03Z" in call(status, "dev").out
    monkeypatch.setattr(session, "reader", lambda _: Engine())
    assert json.loads(call(status, "dev", "--json").out)["held_by"] is None


def test_a_topic_that_nobody_is_subscribed_to_is_named(
    empty_estate: Any, call: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def topic(severity: str) -> dict[str, Any]:
        return {"type": "aws:sns/topic:Topic", "outputs": {"name": f"topic-{severity}-dev", "arn": severity}}

    subscription = {"type": "aws:sns/topicSubscription:TopicSubscription", "inputs": {"topic": "page"}}
    found = {"resources": [topic("page"), topic("ticket"), subscription]}
    engine = SimpleNamespace(former=dict, states=lambda: {"observability": StackState(deployment=found)})
    monkeypatch.setattr(session, "reader", lambda _: engine)
    answer = json.loads(call(status, "dev", "--json").out)
    assert answer["topics_without_subscriber"] == ["topic-ticket-dev"]
    assert not any("unheard" in layer for layer in answer["layers"])
    assert "topic-ticket-dev" in call(status, "dev").out


def test_where_nothing_was_ever_deployed_no_engine_is_asked(
    empty_estate: Any, call: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "reader", lambda _: None)
    done = call(status, "dev", "--json")
    assert done.code == 0
    assert {layer["layer"]: layer["deployed"] for layer in json.loads(done.out)["layers"]} == dict.fromkeys(
        LAYER_NAMES, False
    )


@pytest.mark.parametrize(("local", "found", "state"), [(True, True, False), (True, False, True)])
def test_a_local_environment_is_read_only_where_there_is_an_engine_and_a_state(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, local: bool, found: bool, state: bool
) -> None:
    monkeypatch.setenv("ESTATE_HOME", str(tmp_path))
    if state:
        (tmp_path / "state").mkdir()
    monkeypatch.setattr(engine, "find_engine", lambda: SimpleNamespace(folders=[]) if found else None)
    assert session.reader(SimpleNamespace(local=local, name="local")) is None  # type: ignore[arg-type]


def test_to_read_the_state_the_engine_is_put_on_the_path_and_broken_locks_are_mended(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    mended: list[Path] = []
    monkeypatch.setenv("PATH", "/before")
    monkeypatch.setattr(engine, "find_engine", lambda: SimpleNamespace(folders=[tmp_path]))
    monkeypatch.setattr(locks, "state_folder", lambda _: tmp_path)
    monkeypatch.setattr(locks, "mend", mended.append)
    reader = session.reader(SimpleNamespace(local=False, name="dev"))  # type: ignore[arg-type]
    assert reader is not None
    assert reader.stack == "dev"
    assert session.os.environ["PATH"] == f"{tmp_path}:/before"
    assert mended == [tmp_path]


def test_without_an_engine_an_account_can_not_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "find_engine", lambda: None)
    with pytest.raises(Failed, match="no Pulumi engine"):
        session.reader(SimpleNamespace(local=False, name="dev"))  # type: ignore[arg-type]


def test_only_the_embedded_aws_has_an_identity_of_its_own() -> None:
    assert session.aws_identity(SimpleNamespace(local=False, name="dev")) == ""  # type: ignore[arg-type]
