"""Types with tags and without, the reading of tags, and their activation in Billing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import boto3
import pytest

from estate_tool.core.errors import Failed
from estate_tool.deployer_policy import tag_coverage
from foundation.naming import TAG_KEYS
from tests.support.billing import Billing
from tests.support.sdk import arguments

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.mark.parametrize("kind", tag_coverage.UNTAGGABLE)
def test_what_is_said_to_have_no_tags_has_none(kind: str) -> None:
    assert "tags" not in arguments(kind)
    assert tag_coverage.UNTAGGABLE[kind]


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
