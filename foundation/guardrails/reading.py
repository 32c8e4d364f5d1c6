"""Properties of resources as plain data, and the form in which rules report a violation."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from pulumi_policy import PolicyResource, ReportViolation, ResourceValidationArgs, StackValidationArgs, proxy

Resource = PolicyResource | ResourceValidationArgs
Properties = Mapping[str, Any]


class Unknown:
    """Value that a preview can't know yet, because AWS has not answered; rules let it pass, the rollout sees it."""

    def __repr__(self) -> str:
        return "(not known yet)"


UNKNOWN: Final = Unknown()


# Strings by which the engine marks what a preview can't know.
_MARKERS = {value for name, value in vars(proxy).items() if name.startswith("UNKNOWN_")}


def known(value: Any) -> Any:
    """Return a value as the engine sends it with UNKNOWN in place of the engine's markers."""
    if isinstance(value, Mapping):
        return {key: known(each) for key, each in value.items()}
    if isinstance(value, list):
        return [known(each) for each in value]
    return UNKNOWN if isinstance(value, str) and value in _MARKERS else value


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
