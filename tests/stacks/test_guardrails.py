"""The four layers as they are keep every guardrail, and the guardrails see them."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import pytest

from foundation.guardrails.policies import RULES
from foundation.layers import LAYER_NAMES
from tests.support.guardrails import registered, resource, violations
from tests.support.mocks import OPTIONAL, roll_out

if TYPE_CHECKING:
    from pulumi_policy import PolicyResource


@cache
def resources(layer: str, stack: str = "dev") -> list[PolicyResource]:
    """Resources as the engine would show them to the guardrails of a layer."""
    return registered(layer, roll_out(layer, stack=stack, config=OPTIONAL)[layer])


# A suffix with hyphens, too.
@pytest.mark.parametrize("stack", ["dev", "a-0123456789-xyz"])
@pytest.mark.parametrize("layer", LAYER_NAMES)
def test_every_layer_keeps_every_rule(layer: str, stack: str) -> None:
    seen = resources(layer, stack)
    assert {rule.name: found for rule in RULES if (found := violations(rule.name, seen))} == {}


@pytest.mark.parametrize(
    ("layer", "type_", "rule"),
    [
        ("data", "aws:appautoscaling/policy:Policy", "table-scaling"),
        ("compute", "aws:cloudwatch/logGroup:LogGroup", "log-group"),
        ("compute", "aws:lambda/provisionedConcurrencyConfig:ProvisionedConcurrencyConfig", "warm-when-critical"),
        ("observability", "aws:cloudwatch/compositeAlarm:CompositeAlarm", "alarms"),
    ],
)
def test_a_layer_that_loses_any_resource_of_a_kind_breaks_a_rule(layer: str, type_: str, rule: str) -> None:
    seen = resources(layer)
    removed = [item for item in seen if item.resource_type == type_]
    assert removed
    found = {item.name for item in removed if violations(rule, [other for other in seen if other is not item])}
    assert found == {item.name for item in removed}


def test_tags_are_asked_of_everything_the_layers_tag() -> None:
    for layer in LAYER_NAMES:
        for item in resources(layer):
            if item.props.get("tags"):
                bare = {key: value for key, value in item.props.items() if key != "tags"}
                assert violations("tags", [resource(item.resource_type, bare)]), item.name
