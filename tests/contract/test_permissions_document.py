"""docs/permissions.md is what the policies are, and the proof knows every permission."""

from __future__ import annotations

import json

from foundation.catalog import CATALOG
from foundation.naming import Arns, Names
from tests.integration.behaviours import BEHAVIOURS
from tests.integration.minimality import DOCUMENT, Permission, needing, permissions, without
from tests.integration.permissions_document import render
from tests.support.mocks import roll_out

ARNS = Arns(names=Names("dev"), account="123456789012", region="us-east-1")


def resolved() -> list[Permission]:
    """Every permission of the policies that the layer foundation registers."""
    foundation = roll_out("foundation")["foundation"]
    policies = {
        function.name: json.loads(foundation.one("RolePolicy", name=f"policy-{function.name}-dev").inputs["policy"])
        for function in CATALOG.functions
    }
    return [each for name, policy in policies.items() for each in permissions(name, policy, ARNS)]


def test_every_permission_has_a_behaviour_that_needs_it_and_no_behaviour_needs_another() -> None:
    pairs = resolved()
    assert [pair for pair in pairs if not needing(pair)] == []
    needed = {
        (behaviour.function, action, resource)
        for behaviour in BEHAVIOURS
        for resource, actions in behaviour.needs.items()
        for action in actions
    }
    assert needed == {(pair.function, pair.action, pair.resource) for pair in pairs}


def test_the_document_is_up_to_date() -> None:
    wanted = render({pair: [behaviour.name for behaviour in needing(pair)] for pair in resolved()})
    assert DOCUMENT.read_text() == wanted, "run: make permissions"


def test_a_permission_is_taken_out_of_its_own_statement_only() -> None:
    statements = [
        {"Sid": "A", "Action": ["s:One", "s:Two"], "Resource": "arn:aws:s:r:1:a-dev"},
        {"Sid": "B", "Action": ["s:One"], "Resource": "arn:aws:s:r:1:b-dev"},
    ]
    policy = {"Statement": statements}
    first, _, last = permissions("f", policy, ARNS)
    assert (first.resource, last.resource) == ("a", "b")
    assert without(policy, first)["Statement"] == [statements[0] | {"Action": ["s:Two"]}, statements[1]]
    assert without(policy, last)["Statement"] == [statements[0]]
