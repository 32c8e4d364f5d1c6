"""Limits of the rules, properties of resources, and the form in which rules report a violation.

Pulumi's SDK is not imported here: the audit shares limits and documents, and starts without it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pulumi_policy import PolicyResource, ReportViolation, ResourceValidationArgs, StackValidationArgs

    Resource: TypeAlias = PolicyResource | ResourceValidationArgs

Properties: TypeAlias = Mapping[str, Any]

REGION = "us-east-1"
MEMORY_MB = (512, 1024)
RETENTION_DAYS = (7, 14)
# What a message or an asynchronous payload may have ("Amazon SQS message quotas", "Lambda quotas"), and what the
# official provider sends where a queue has no size.
LARGEST_MESSAGE_BYTES, PROVIDER_MESSAGE_BYTES = 1_048_576, 262_144


class Unknown:
    """Value that a preview can't know yet, because AWS has not answered; rules let it pass, the rollout sees it."""

    def __repr__(self) -> str:
        return "(not known yet)"


UNKNOWN: Final = Unknown()


def of_type(args: StackValidationArgs, type_: str) -> Iterator[tuple[PolicyResource, Properties]]:
    """Yield the resources of an AWS type, given without its prefix, each with its properties."""
    return ((item, item.props) for item in args.resources if item.resource_type == f"aws:{type_}")


def value_at(props: Properties, *path: str) -> Any:
    """Return the value at a path of properties: None without one, UNKNOWN if the path leads into what is unknown."""
    value: Any = props
    for key in path:
        if value is UNKNOWN:
            return UNKNOWN
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def text(props: Properties, *path: str) -> str:
    """Return the text at a path of properties; empty when there is none or it is not known yet."""
    value = value_at(props, *path)
    return value if isinstance(value, str) else ""


def tags(props: Properties) -> Properties:
    """Return the tags; empty when there are none or they are not known yet."""
    found = props.get("tags")
    return found if isinstance(found, Mapping) else {}


def violation(report: ReportViolation, resource: Resource, found: str, fix: str) -> None:
    """Report what was found on a resource, and how to fix it."""
    where = f"{resource.name} ({resource.resource_type})"
    report(f"{where}: found {found}. To fix it: {fix}.", resource.urn)


def shown(value: object) -> str:
    """Return a value as a person would recognise it, never longer than a line."""
    line = "nothing" if value is None else repr(value)
    return line if len(line) <= 120 else line[:117] + "..."
