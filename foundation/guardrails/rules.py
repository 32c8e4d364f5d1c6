"""The vocabulary of the guardrails: resources as plain data, rules as functions on them, what a rule finds."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final


class Unknown:
    """Value that a preview can't know yet, because AWS has not answered; rules let it pass, the rollout sees it."""

    def __repr__(self) -> str:
        return "(not known yet)"


UNKNOWN: Final = Unknown()


@dataclass(frozen=True, kw_only=True)
class Resource:
    """A resource as the engine shows it: type, logical name, URN and properties as on the wire (camelCase)."""

    type: str
    name: str
    urn: str = ""
    props: Mapping[str, Any] = field(default_factory=dict)
    protect: bool = False

    @property
    def project(self) -> str:
        """The Pulumi project it belongs to; empty when the URN does not say."""
        return self.urn.split("::")[1] if "::" in self.urn else ""

    @property
    def tags(self) -> Mapping[str, Any]:
        """Its tags, without any when it has none or they are not known yet."""
        tags = self.props.get("tags")
        return tags if isinstance(tags, Mapping) else {}

    def text(self, *path: str) -> str:
        """The text at a path of properties; empty when there is none or it is not known yet."""
        value: Any = self.props
        for key in path:
            value = value.get(key) if isinstance(value, Mapping) else None
        return value if isinstance(value, str) else ""


Resources = Sequence[Resource]

# Stands among a layer's resources for its configuration: properties by their keys, such as data:onDemand.
CONFIGURATION: Final = "estate:configuration"


def of_type(resources: Resources, type_: str) -> list[Resource]:
    """Resources of an AWS type, given without its prefix."""
    return [resource for resource in resources if resource.type == f"aws:{type_}"]


def suffixes_of(resources: Resources) -> list[str]:
    """The suffixes that the layer's tags name: one, unless rule one-environment is broken."""
    return sorted({tag for resource in resources if isinstance(tag := resource.tags.get("Environment"), str)})


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One breach: the resource, what was found there, and how to fix it."""

    resource: Resource
    found: str
    fix: str


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A rule on single resources. `statement` says in one sentence what holds."""

    name: str
    statement: str
    check: Callable[[Resource], Iterable[Finding]]


@dataclass(frozen=True, kw_only=True)
class StackRule:
    """A rule on all resources of a layer together. What an `advisory` one finds is told, and stops nothing."""

    name: str
    statement: str
    check: Callable[[Resources], Iterable[Finding]]
    advisory: bool = False


def message(rule: Rule | StackRule, finding: Finding) -> str:
    """Text for a person: the rule, the resource, the value found, how to fix it."""
    where = f"{finding.resource.name} ({finding.resource.type})"
    return f"rule {rule.name}: {where}: found {finding.found}. To fix it: {finding.fix}."


def shown(value: object) -> str:
    """A value as a person would recognise it, never longer than a line."""
    text = "nothing" if value is None else repr(value)
    return text if len(text) <= 120 else text[:117] + "..."
