"""Status of layers, read from the state of each stack, and its sum."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from estate_tool.commands import status
from estate_tool.drift import record
from estate_tool.drift.detect import Drift
from estate_tool.engine.checkpoint import Record, StackState
from estate_tool.engine.provenance import Provenance
from estate_tool.rollout import health, session
from foundation.layers import LAYER_NAMES

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def shown(
    empty_estate: Any, call: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Callable[..., Any]:
    """Show the status of an environment of these states; AWS refuses to list its alarms."""
    refused = {**dict.fromkeys(health.PARTS), "unknown": {"alarms": "no"}}
    monkeypatch.setenv("ESTATE_HOME", str(tmp_path))
    monkeypatch.setattr(health, "read", lambda *_: refused)

    def showing(states: dict[str, StackState] | None, *flags: str) -> Any:
        engine = SimpleNamespace(former=dict, states=lambda: states)
        monkeypatch.setattr(session, "reader", lambda _: None if states is None else engine)
        return call(status, "dev", *flags)

    return showing


def state(*resources: dict[str, Any], **more: Any) -> StackState:
    return StackState(deployment={"resources": list(resources)}, **more)


ROLE = {"type": "aws:iam/role:Role"}
# Foundation is deployed, data has a stack with nothing in it, the others have none.
ORIGIN = Provenance(commit="abcdef0123456789", when="2026-11-27T01:02:03Z", who="ann@here", tool="1.2.3")
OUTPUTS = {"suffix": "dev", "roles": {"query": "arn:q", "ingest": "arn:i"}}
BEGUN = {
    "foundation": state(
        {"type": "pulumi:pulumi:Stack", "outputs": OUTPUTS}, ROLE, {"type": "estate:foundation:Roles"},
        record=Record(origin=ORIGIN),
    ),
    "data": StackState(deployment={}),
}  # fmt: skip


def test_each_layer_is_reported_with_its_resources_and_outputs(shown: Callable[..., Any]) -> None:
    layers = json.loads(shown(BEGUN, "--json").out)["layers"]
    assert [(layer["layer"], layer["deployed"], layer["resources"]) for layer in layers] == [
        ("foundation", True, 1), ("data", False, 0), ("compute", False, 0), ("observability", False, 0)
    ]  # fmt: skip
    assert layers[0]["outputs"]["roles"]["query"] == "arn:q"
    assert layers[0]["rolled_out"]["commit"] == "abcdef0123456789"
    assert layers[1]["rolled_out"] is None
    text = shown(BEGUN, "--outputs").out
    assert all(part in text for part in ("abcdef012345", "ann@here", "2026-11-27T01:02:03Z", "roles.ingest = arn:i"))
    assert "roles.ingest" not in shown(BEGUN).out


def test_the_holder_of_the_environment_is_reported(shown: Callable[..., Any]) -> None:
    held = {"foundation": state(lease="1 n h 2026-11-27T01:02:03Z 42 ann@here estate destroy")}
    answer = json.loads(shown(held, "--json").out)["held_by"]
    assert (answer["who"], answer["doing"], answer["since"]) == ("ann@here", "estate destroy", "2026-11-27T01:02:03Z")
    assert "taken by ann@here (estate destroy, process 42) since 2026-11-27T01:02:03Z" in shown(held).out
    assert json.loads(shown(BEGUN, "--json").out)["held_by"] is None


def test_a_topic_without_a_subscriber_is_named(shown: Callable[..., Any]) -> None:
    topics = [
        {"type": "aws:sns/topic:Topic", "outputs": {"name": f"topic-{severity}-dev", "arn": severity}}
        for severity in ("page", "ticket")
    ]
    subscription = {"type": "aws:sns/topicSubscription:TopicSubscription", "inputs": {"topic": "page"}}
    found = {"observability": state(*topics, subscription)}
    assert json.loads(shown(found, "--json").out)["topics_without_subscriber"] == ["topic-ticket-dev"]
    assert "topic-ticket-dev" in shown(found).out


def test_where_nothing_was_ever_deployed_no_engine_is_asked(shown: Callable[..., Any]) -> None:
    done = shown(None, "--json")
    assert done.code == 0
    assert [layer["deployed"] for layer in json.loads(done.out)["layers"]] == [False] * len(LAYER_NAMES)


def test_the_status_sums_up_and_is_shown_again_while_it_is_watched(
    shown: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    record.keep("dev", LAYER_NAMES, [Drift(layer="data", urn="u", path="p", expected=1, actual=2, kind="cost")])
    states = {layer: state(ROLE) for layer in LAYER_NAMES}
    answer = json.loads(shown(states, "--json").out)
    assert (answer["well"], len(answer["problems"])) == (False, 2)  # alarms, drift
    assert answer["unknown"] == {"alarms": "no"}
    assert (answer["drift"]["differences"], answer["drift"]["unexpected"]) == (1, 1)
    assert answer["links"]["dashboard"].endswith("#dashboards/dashboard/dashboard-estate-dev")
    pauses = iter([None, KeyboardInterrupt()])

    def sleep(_seconds: float) -> None:
        if (error := next(pauses)) is not None:
            raise error

    monkeypatch.setattr(status.time, "sleep", sleep)
    with pytest.raises(KeyboardInterrupt):
        shown(states, "--watch", "2")
