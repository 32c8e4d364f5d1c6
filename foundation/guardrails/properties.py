"""Limits of the rules, and properties of resources.

Pulumi's SDK is not imported here: the audit shares limits and documents, and starts without it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pulumi_policy import PolicyResource, StackValidationArgs

Properties: TypeAlias = Mapping[str, Any]

REGION = "us-east-1"
MEMORY_MB = (512, 1024)
RETENTION_DAYS = (7, 14)


class Unknown:
    """Value that a preview can't know before AWS answers; rules let it pass, and the rollout checks it."""

    def __repr__(self) -> str:
        return "(not known yet)"


UNKNOWN: Final = Unknown()


def of_type(args: StackValidationArgs, type_: str) -> Iterator[tuple[PolicyResource, Properties]]:
    """Yield the resources of an AWS type, given without its prefix, each with its properties."""
    return ((item, item.props) for item in args.resources if item.resource_type == f"aws:{type_}")


def value_at(props: Properties, *path: str) -> Any:
    """Return the value at a path of properties: None without one, UNKNOWN if the path leads into an unknown value."""
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


def shown(value: object) -> str:
    """Return a value in at most a line."""
    line = "nothing" if value is None else repr(value)
    return line if len(line) <= 120 else line[:117] + "..."
