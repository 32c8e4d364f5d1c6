"""Resources as the engine shows them to the guardrails, and what the guardrails report of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pulumi_policy import (
    PolicyResource,
    PolicyResourceOptions,
    ResourceValidationArgs,
    StackValidationArgs,
    StackValidationPolicy,
)
from pulumi_policy.policy import PolicyCustomTimeouts

from foundation.guardrails.policies import RULES, known
from foundation.layers import project

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.support.mocks import Recording

BY_NAME: dict[str, Any] = {rule.name: rule for rule in RULES}


def resource(
    kind: str, props: Mapping[str, Any], name: str = "thing", *, layer: str = "data", protect: bool = False
) -> PolicyResource:
    """Return a resource of a type, given with or without the prefix of AWS's."""
    type_ = kind if kind.count(":") > 1 else f"aws:{kind}"
    options = PolicyResourceOptions(protect, [], None, [], PolicyCustomTimeouts(0, 0, 0), [], None)
    urn = f"urn:pulumi:dev::{project(layer)}::{type_}::{name}"
    return PolicyResource(type_, known(props), urn, name, options, None, None, [], {})


def stack(layer: str) -> PolicyResource:
    """Return the stack of a layer, as the engine names it."""
    return resource("pulumi:pulumi:Stack", {}, layer=layer)


def registered(layer: str, recording: Recording) -> list[PolicyResource]:
    """Return the stack of a layer and the resources that its program registered."""
    items = recording.registrations
    own = [resource(item.type, item.inputs, item.name, layer=layer, protect=item.protect) for item in items]
    return [stack(layer), *own]


def violations(rule: str, resources: Sequence[PolicyResource], config: Mapping[str, Any] | None = None) -> list[str]:
    """Return the text of each violation of a rule; `config` is the configuration of the stack."""
    found: list[str] = []

    def report(text: str, urn: str | None = None) -> None:
        assert urn in {item.urn for item in resources}
        found.append(text)

    policy = BY_NAME[rule]
    if isinstance(policy, StackValidationPolicy):
        policy.validate(StackValidationArgs(list(resources), config), report)
        return found
    for item in resources:
        policy.validate(
            ResourceValidationArgs(item.resource_type, item.props, item.urn, item.name, item.opts, None), report
        )
    return found
