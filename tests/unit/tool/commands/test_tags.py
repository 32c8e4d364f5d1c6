"""`estate tags`: coverage, and activation in Billing."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from estate_tool.commands import tags as command
from estate_tool.engine.checkpoint import StackState
from estate_tool.rollout import session
from foundation.naming import TAG_KEYS
from tests.support.billing import Billing

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.unit.tool.conftest import Estate


FULL: dict[str, str] = dict.fromkeys(TAG_KEYS, "some")


def resource(
    name: str, kind: str = "aws:sqs/queue:Queue", tags: dict[str, str] = FULL, **outputs: str
) -> dict[str, Any]:
    urn = f"urn:pulumi:dev::data::{kind}::{name}"
    return {"urn": urn, "type": kind, "inputs": {"tags": tags}, "outputs": outputs}


@pytest.fixture
def deployed(empty_estate: Estate, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """A state with a complete, an incomplete, a changed and a removed queue, and a thing without tags."""
    sqs = empty_estate.client("sqs")
    lacking = {key: value for key, value in FULL.items() if key != "Owner"}
    made = {"full": FULL, "lacking": lacking, "changed": {**FULL, "CostCenter": "other"}}
    urls = {name: sqs.create_queue(QueueName=name, tags=tags)["QueueUrl"] for name, tags in made.items()}
    urls["gone"] = urls["full"].replace("full", "gone")
    state = [resource(name, url=url) for name, url in urls.items()]
    state.append(resource("allow", "aws:sqs/redriveAllowPolicy:RedriveAllowPolicy", {}))

    states = {"foundation": StackState(deployment={}), "data": StackState(deployment={"resources": state})}
    monkeypatch.setattr(session, "reader", lambda _target: SimpleNamespace(states=lambda: states))
    return state


def test_incomplete_resources_are_named(deployed: list[dict[str, Any]], call: Callable[..., Any]) -> None:
    done = call(command, "dev", "--json")
    answer = json.loads(done.out)
    assert (done.code, answer["taggable"], answer["tagged"]) == (1, 4, 1)
    found = {one["resource"]: (one["missing"], one["different"]) for one in answer["incomplete"]}
    assert found == {"lacking": (["Owner"], {}), "changed": ([], {"CostCenter": "other"}), "gone": (list(TAG_KEYS), {})}
    (untaggable,) = answer["untaggable"]
    assert (untaggable["resources"], untaggable["reason"]) == (1, "a setting of its queue, which carries the tags")


def test_nothing_deployed_is_an_error(
    empty_estate: Estate, call: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "reader", lambda _target: None)
    done = call(command, "dev")
    assert (done.code, done.out) == (1, "")
    assert "nothing of environment dev is deployed" in done.err


def test_without_yes_nothing_is_activated(
    deployed: list[dict[str, Any]], empty_estate: Estate, call: Callable[..., Any]
) -> None:
    billing = empty_estate.clients["ce"] = Billing(6)
    done = call(command, "dev", "--activate")
    assert billing.changes == 0
    assert "not there yet" in done.out
    assert "estate tags dev --activate --yes" in done.out
    found = json.loads(call(command, "dev", "--activate", "--yes", "--json").out)
    assert found["activation"] == dict.fromkeys(TAG_KEYS, "Active")
    assert billing.changes == 1


def test_a_local_environment_has_no_billing(empty_estate: Estate, call: Callable[..., Any]) -> None:
    empty_estate.local = True
    done = call(command, "--activate")
    assert (done.code, done.out) == (2, "")
    assert "no Billing" in done.err
