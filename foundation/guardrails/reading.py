"""Properties of resources as plain data, and the form in which rules report a violation."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from pulumi_policy import PolicyResource, ReportViolation, ResourceValidationArgs, StackValidationArgs
from pulumi_policy.proxy import UnknownValueError

Resource = PolicyResource | ResourceValidationArgs
Properties = Mapping[str, Any]


class Unknown:
    """Value that a preview can't know yet, because AWS has not answered; rules let it pass, the rollout sees it."""

    def __repr__(self) -> str:
        return "(not known yet)"


UNKNOWN: Final = Unknown()


def properties(resource: Resource) -> dict[str, Any]:
    """Return the inputs as on the wire (camelCase), UNKNOWN where the SDK raises when a value is read."""
    return _plain(resource.props)


def of_type(args: StackValidationArgs, type_: str) -> Iterator[tuple[PolicyResource, dict[str, Any]]]:
    """Yield the resources of an AWS type, given without its prefix, each with its properties."""
    return ((item, properties(item)) for item in args.resources if item.resource_type == f"aws:{type_}")


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


def _plain(value: Any) -> Any:
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
