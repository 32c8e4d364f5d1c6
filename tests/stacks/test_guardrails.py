"""The four layers as they are keep every guardrail, and the guardrails see them."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import pytest

from foundation.guardrails.policies import ALL_RULES
from foundation.guardrails.rules import Resource, Rule, StackRule, message
from foundation.layers import LAYER_NAMES, project
from tests.support.mocks import OPTIONAL, roll_out


@cache
def resources(layer: str, stack: str = "dev") -> list[Resource]:
    """Resources as the engine would show them to the guardrails of a layer."""
    own = Resource(
        type="pulumi:pulumi:Stack", name=f"{layer}-{stack}", urn=f"urn:pulumi:{stack}::{project(layer)}::x::y"
    )
    return [
        own,
        *(
            Resource(type=item.type, name=item.name, urn=item.urn, props=item.inputs, protect=item.protect)
            for item in roll_out(layer, stack=stack, config=OPTIONAL)[layer].registrations
        ),
    ]


def breaches(rule: Rule | StackRule, seen: list[Resource]) -> list[str]:
    found = rule.check(seen) if isinstance(rule, StackRule) else (f for item in seen for f in rule.check(item))
    return [message(rule, finding) for finding in found]


@pytest.mark.parametrize("rule", ALL_RULES, ids=lambda rule: rule.name)
@pytest.mark.parametrize("layer", LAYER_NAMES)
def test_every_layer_keeps_every_rule(layer: str, rule: Rule | StackRule) -> None:
    assert breaches(rule, resources(layer)) == []


def test_a_suffix_with_hyphens_breaks_no_rule() -> None:
    for layer in LAYER_NAMES:
        for rule in ALL_RULES:
            assert breaches(rule, resources(layer, "a-0123456789-xyz")) == []


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
    (checked,) = [candidate for candidate in ALL_RULES if candidate.name == rule]
    seen = resources(layer)
    losses = [item for item in seen if item.type == type_]
    assert losses
    found = {item.name for item in losses if breaches(checked, [other for other in seen if other is not item])}
    assert found == {item.name for item in losses}


def test_tags_are_asked_of_everything_the_layers_tag() -> None:
    (tags,) = [rule for rule in ALL_RULES if rule.name == "tags"]
    for layer in LAYER_NAMES:
        for item in resources(layer):
            if item.tags:
                bare = replace(item, props={key: value for key, value in item.props.items() if key != "tags"})
                assert breaches(tags, [bare]), item.name
