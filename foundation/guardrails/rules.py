"""Decorators that make a policy of a generator of findings, each with its fix."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from pulumi_policy import (
    EnforcementLevel,
    PolicyResource,
    ReportViolation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    StackValidationArgs,
    StackValidationPolicy,
)

from foundation.guardrails.exemptions import exempted

Findings = Iterator[tuple[str, str]]
LayerFindings = Iterator[tuple[PolicyResource, str, str]]
Check = Callable[[ResourceValidationArgs], Findings]
LayerCheck = Callable[[StackValidationArgs], LayerFindings]


def resource_rule(name: str, description: str, *types: str) -> Callable[[Check], ResourceValidationPolicy]:
    """Return a decorator for a rule on single resources, of any type unless `types` are given."""

    def policy(check: Check) -> ResourceValidationPolicy:
        def validate(args: ResourceValidationArgs, report: ReportViolation) -> None:
            for found, fix in check(args) if not types or args.resource_type in types else ():
                _report(name, report, args, found, fix)

        return ResourceValidationPolicy(name, description, validate)

    return policy


def layer_rule(
    name: str, description: str, level: EnforcementLevel | None = None
) -> Callable[[LayerCheck], StackValidationPolicy]:
    """Return a decorator for a rule on all resources of a layer; advisory violations do not stop a rollout."""

    def policy(check: LayerCheck) -> StackValidationPolicy:
        def validate(args: StackValidationArgs, report: ReportViolation) -> None:
            for resource, found, fix in check(args):
                _report(name, report, resource, found, fix)

        return StackValidationPolicy(name, description, validate, level)

    return policy


def _report(
    rule: str, report: ReportViolation, resource: PolicyResource | ResourceValidationArgs, found: str, fix: str
) -> None:
    text = f"{resource.name} ({resource.resource_type}): found {found}. To fix it: {fix}."
    if not exempted(rule, resource.name, text, datetime.now(UTC).date()):
        report(f"rule {rule}: {text}", resource.urn)
