"""Tags: what carries them, what can't, and their activation in Billing."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from estate_tool.commands import tags as command
from estate_tool.core.errors import Failed
from estate_tool.deployer_policy import tag_coverage
from estate_tool.rollout import session
from foundation.layers import LAYER_NAMES
from foundation.naming import TAG_KEYS
from tests.support.sdk import arguments

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.unit.tool.conftest import Estate

FULL: dict[str, str] = dict.fromkeys(TAG_KEYS, "some")
TABLE = "aws:dynamodb/table:Table"


@pytest.mark.parametrize("kind", tag_coverage.UNTAGGABLE)
def test_what_is_said_to_have_no_tags_has_none(kind: str) -> None:
    assert "tags" not in arguments(kind)
    assert tag_coverage.UNTAGGABLE[kind]


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

    class Engine:
        def stacks(self) -> dict[str, int]:
            return dict.fromkeys(LAYER_NAMES[:2], 3)

        def export(self, layer: str) -> dict[str, Any]:
            return {"resources": state if layer == "data" else []}

    monkeypatch.setattr(session, "reader", lambda _target: Engine())
    return state


@pytest.mark.parametrize("kind", tag_coverage.TAGGABLE)
def test_the_tags_of_every_type_are_read_whatever_the_service_calls_them(kind: str) -> None:
    listing = tag_coverage.TAGGABLE[kind]
    client = boto3.client(listing.service, region_name="us-east-1", aws_access_key_id="k", aws_secret_access_key="s")
    shape = client.meta.service_model.operation_model(client.meta.method_to_api_mapping[listing.operation]).output_shape
    (name,) = [name for name in shape.members if name.lower().endswith("tags")]
    answer = {"Owner": "me"} if shape.members[name].type_name == "map" else [{"Key": "Owner", "Value": "me"}]

    class Answering:
        exceptions = client.exceptions

        def __getattr__(self, operation: str) -> Callable[..., Any]:
            return lambda **_: {name: answer}

    assert tag_coverage.tags_of(lambda _: Answering(), kind, {listing.key: "one"}) == {"Owner": "me"}


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


class Billing:
    """Cost Explorer, where one more key appears with each look."""

    def __init__(self, known: int, *, appears: bool = True, refuses: str = "") -> None:
        self.status = dict.fromkeys(TAG_KEYS[:known], "Inactive")
        self.changes = 0
        self._appears, self._refuses = appears, refuses

    def list_cost_allocation_tags(self, **request: Any) -> dict[str, Any]:
        assert request == {"TagKeys": list(TAG_KEYS), "Type": "UserDefined"}
        answer = [{"TagKey": key, "Type": "UserDefined", "Status": status} for key, status in self.status.items()]
        if self._appears and len(self.status) < len(TAG_KEYS):
            self.status[TAG_KEYS[len(self.status)]] = "Inactive"
        return {"CostAllocationTags": answer}

    def update_cost_allocation_tags_status(self, **request: Any) -> dict[str, Any]:
        self.changes += 1
        for wanted in request["CostAllocationTagsStatus"]:
            if wanted["TagKey"] == self._refuses:
                return {"Errors": [{"TagKey": self._refuses, "Code": "Denied", "Message": "not you"}]}
            self.status[wanted["TagKey"]] = wanted["Status"]
        return {"Errors": []}


def test_keys_are_activated_as_they_appear() -> None:
    billing, said = Billing(5), list[str]()
    assert set(tag_coverage.activate(billing, 60, said.append, poll=0).values()) == {"Active"}
    assert billing.status == dict.fromkeys(TAG_KEYS, "Active")
    assert said[0] == f"activated: {', '.join(TAG_KEYS[:5])}"
    before = billing.changes
    tag_coverage.activate(billing, 60, said.append, poll=0)
    assert billing.changes == before


def test_a_key_that_does_not_appear_in_time_is_named() -> None:
    with pytest.raises(Failed, match=f"does not know {TAG_KEYS[5]}, {TAG_KEYS[6]} yet") as failed:
        tag_coverage.activate(Billing(5, appears=False), 0.05, lambda _text: None, poll=0.01)
    assert "24 hours" in failed.value.hint


def test_a_refusal_of_billing_is_reported() -> None:
    with pytest.raises(Failed, match="does not activate Owner: not you"):
        tag_coverage.activate(Billing(7, refuses="Owner"), 60, lambda _text: None, poll=0)


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
