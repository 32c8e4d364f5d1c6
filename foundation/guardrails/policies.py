"""The rules as policies of the Pulumi engine."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from pulumi_policy import (
    EnforcementLevel,
    Policy,
    PolicyResource,
    ReportViolation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    StackValidationArgs,
    StackValidationPolicy,
)
from pulumi_policy.proxy import UnknownValueError

from foundation import small
from foundation.guardrails.access import ACCESS_RULES
from foundation.guardrails.exemptions import exempted
from foundation.guardrails.rules import CONFIGURATION, UNKNOWN, Finding, Resource, Rule, StackRule, message
from foundation.guardrails.settings import SETTING_RULES
from foundation.guardrails.together import STACK_RULES
from foundation.layers import LAYERS, project
from foundation.stack_files import small_defaults

NAME = "estate-guardrails"
VERSION = "1.0.0"
RULES: tuple[Rule, ...] = (*ACCESS_RULES, *SETTING_RULES)
ALL_RULES: tuple[Rule | StackRule, ...] = (*RULES, *STACK_RULES)


Configured = Callable[[], Mapping[str, Any]]


def policies(configured: Configured = dict) -> list[Policy]:
    """Every rule as a policy; the pack makes them mandatory.

    `configured` gives the stack's configuration when a run is at its end.
    """
    return [*(_resource_policy(rule) for rule in RULES), *(_stack_policy(rule, configured) for rule in STACK_RULES)]


def _resource_policy(rule: Rule) -> Policy:
    def validate(args: ResourceValidationArgs, report: ReportViolation) -> None:
        for finding in rule.check(_resource(args)):
            _report(rule, finding, report)

    return ResourceValidationPolicy(name=rule.name, description=rule.statement, validate=validate)


def _stack_policy(rule: StackRule, configured: Configured) -> Policy:
    def validate(args: StackValidationArgs, report: ReportViolation) -> None:
        resources = [_resource(item) for item in args.resources]
        props = {**_small(resources), **configured()}
        configuration = Resource(type=CONFIGURATION, name="configuration", props=props)
        for finding in rule.check([configuration, *resources]):
            _report(rule, finding, report)

    level = EnforcementLevel.ADVISORY if rule.advisory else None
    return StackValidationPolicy(name=rule.name, description=rule.statement, validate=validate, enforcement_level=level)


def _small(resources: Sequence[Resource]) -> dict[str, str]:
    """Configuration of the layer in a small environment, which the engine does not know of."""
    stack = next((item for item in resources if item.type == "pulumi:pulumi:Stack" and "::" in item.urn), None)
    if stack is None:
        return {}
    name = stack.urn.split("::")[0].rpartition(":")[2]
    layers = (layer.name for layer in LAYERS if project(layer.name) == stack.project)
    found = {f"{layer}:{key}": value for layer in layers for key, value in small_defaults(layer, name).items()}
    return {f"{small.LAYER}:{small.KEY}": "true", **found} if found else {}


def _report(rule: Rule | StackRule, finding: Finding, report: Callable[[str, str | None], None]) -> None:
    text = message(rule, finding)
    if not exempted(rule.name, finding.resource.name, text, datetime.now(UTC).date()):
        report(text, finding.resource.urn)


def _resource(source: ResourceValidationArgs | PolicyResource) -> Resource:
    return Resource(
        type=source.resource_type,
        name=source.name,
        urn=source.urn,
        props=_plain(source.props),
        protect=bool(source.opts.protect),
    )


def _plain(value: Any) -> Any:
    """Plain data in place of the engine's proxies, which raise when something is read that is not known yet."""
    if isinstance(value, Mapping):
        return {key: _known(value, key) for key in value}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_known(value, position) for position in range(len(value))]
    return value


def _known(container: Any, key: Any) -> Any:
    try:
        return _plain(container[key])
    except UnknownValueError:
        return UNKNOWN
