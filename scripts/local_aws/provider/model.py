"""How a resource type is declared: the vocabulary of `types/`, interpreted by check, diff and lifecycle.

The rule behind all of it: a parameter of an AWS operation takes the property of the same name (`memorySize` →
`MemorySize`), in the shape botocore declares for it, and a property takes the field of the same name from what AWS
returns. A declaration only says what differs.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from local_aws.provider.wire import UNKNOWN, Properties, has_unknown

if TYPE_CHECKING:
    from local_aws.provider.aws import Session

Rule = Callable[[Properties], "tuple[str, str] | None"]  # the property path that is wrong, and what is wrong


@dataclass(frozen=True, kw_only=True)
class Change:
    """What an operation works on: one resource before and after."""

    session: Session
    id: str
    new: Properties
    old: Properties = field(default_factory=dict)

    @property
    def creating(self) -> bool:
        """Whether the resource is being made."""
        return not self.old

    def changed(self, *names: str) -> bool:
        """Whether one of these properties differs (always so when creating)."""
        return any(self.new.get(name) != self.old.get(name) for name in names)


# A parameter's value: a literal, a template ("{name}" is a property, "{id}" the identifier) or what a function returns.
Parameter = Any
Parameters = Mapping[str, Parameter]


@dataclass(frozen=True)
class Call:
    """One AWS operation; `parameters` overrides what the property names give, None leaves a parameter out."""

    operation: str
    parameters: Parameters = field(default_factory=dict)
    when: Callable[[Change], bool] | None = None  # default for updates: when a property it carries has changed
    each: Callable[[Change], Sequence[Parameters]] | None = None  # called once for each of these
    settle: bool = False  # wait until the resource is ready again before the next call
    auto: bool = True  # fill parameters from properties of the same name
    gone: Sequence[str] = ()  # error codes that mean "does not exist"


@dataclass(frozen=True)
class Tagging:
    """The operations that list, add and remove tags, and the parameter that names the resource."""

    add: str
    remove: str
    parameter: str
    value: str = "{arn}"


@dataclass(frozen=True, kw_only=True)
class ResourceType:
    """One type: which operations make, show, change and remove it, and what AWS and the official provider enforce."""

    token: str
    service: str
    create: Sequence[Call]
    read: Sequence[tuple[Call, str]]  # the call and a JMESPath to its record; the first one decides whether it exists
    update: Sequence[Call] = ()
    delete: Sequence[Call] = ()
    gone: Sequence[str] = ()  # error codes that mean "does not exist"
    names: Mapping[str, str] = field(default_factory=dict)  # property path → AWS name, where they differ
    outputs: Mapping[str, str | Callable[[Properties], Any]] = field(default_factory=dict)  # property ← record
    tagging: Tagging | None = None
    id: Sequence[str] = ("{name}",)  # templates over the properties; the first that can be filled is the identifier
    imports: Sequence[str] = ("{name}",)  # forms of the identifier that `pulumi import` takes
    force_new: frozenset[str] = frozenset()
    defaults: Mapping[str, Any] = field(default_factory=dict)
    computed: frozenset[str] = frozenset()  # optional inputs AWS fills in: absent means "as it is"
    kept: frozenset[str] = frozenset()  # inputs AWS does not return: the last known value stays
    json: frozenset[str] = frozenset()  # JSON documents, compared by content
    policies: frozenset[str] = frozenset()  # IAM policy documents, compared by meaning
    sets: frozenset[str] = frozenset()  # lists without an order
    same: Mapping[str, Callable[[Any, Any], bool]] = field(default_factory=dict)  # equal in another spelling
    reset: Mapping[str, Any] = field(default_factory=dict)  # property → parameter value that undoes it
    recompute: Callable[[set[str], Properties], set[str]] = lambda _changed, _new: set()  # outputs that change with it
    unsupported: frozenset[str] = frozenset()
    named: str | None = "name"  # the property that gets a generated name
    name_separator: str = "-"
    name_limit: int = 255
    rules: Sequence[Rule] = ()
    ready: str | None = None  # JMESPath over the record: true once usable
    failed: str | None = None  # JMESPath over the record: the reason, once hopeless
    vanish: bool = False  # deletion takes effect later: wait for it
    retry: Sequence[str] = ()  # texts of errors that pass by themselves (eventual consistency)


def fill(template: Any, properties: Mapping[str, Any], identifier: str = "") -> Any:
    """A template with its `{property}` places filled; UNKNOWN when one of them is, None when one is missing."""
    if not isinstance(template, str) or "{" not in template:
        return template
    values = {"id": identifier} | dict(properties)
    parts = [values.get(name) for name in re.findall(r"{(\w+)}", template)]
    if any(part is UNKNOWN for part in parts):
        return UNKNOWN
    return None if None in parts else re.sub(r"{(\w+)}", lambda match: str(values[match[1]]), template)


def fill_first(templates: Sequence[str], properties: Mapping[str, Any]) -> str:
    """The first of the templates whose places are all known; raises ValueError when none is."""
    for template in templates:
        if (text := fill(template, properties)) is not None:
            return str(text)
    raise ValueError(f"none of {', '.join(templates)} can be filled")


def parse(templates: Sequence[str], text: str) -> Properties | None:
    """The properties in an identifier of one of these forms, or None when the text has none of them."""
    for template in templates:
        pieces = re.split(r"{(\w+)}", template)
        pattern = "".join(_place(pieces, i) if i % 2 else re.escape(piece) for i, piece in enumerate(pieces))
        if match := re.fullmatch(pattern, text):
            return dict(match.groupdict())
    return None


def _place(pieces: Sequence[str], index: int) -> str:
    """What a place can hold: anything but the character that ends it. A resource's id may hold that one too."""
    name, border = pieces[index], pieces[index + 1][:1] or pieces[index - 1][-1:]
    return f"(?P<{name}>{'.+' if not border or name == 'resourceId' else f'[^{re.escape(border)}]+'})"


def within(name: str, low: float, high: float, unit: str = "") -> Rule:
    """The number `name` lies in a range."""

    def rule(properties: Properties) -> tuple[str, str] | None:
        value = properties.get(name)
        if not isinstance(value, int | float) or low <= value <= high:
            return None
        return name, f"is {value:g}; allowed are {low:g} to {high:g}{unit and ' ' + unit}"

    return rule


def matches(name: str, pattern: str, meaning: str) -> Rule:
    """The text `name` has the form AWS accepts, told in words by `meaning`."""

    def rule(properties: Properties) -> tuple[str, str] | None:
        value = properties.get(name)
        if not isinstance(value, str) or re.fullmatch(pattern, value, re.DOTALL):
            return None
        return name, f'is "{value}"; it must be {meaning}'

    return rule


def one_of(name: str, *allowed: str | int) -> Rule:
    """`name` is one of these values."""

    def rule(properties: Properties) -> tuple[str, str] | None:
        value = properties.get(name)
        if value is None or has_unknown(value) or value in allowed:
            return None
        return name, f"is {value!r}; allowed are {', '.join(map(str, allowed))}"

    return rule


def conflicts(*names: str) -> Rule:
    """At most one of these is given."""

    def rule(properties: Properties) -> tuple[str, str] | None:
        given = [name for name in names if name in properties]
        return (given[1], f"can't stand beside {given[0]}: give one of them") if len(given) > 1 else None

    return rule


def nested(path: str, check: Rule) -> Rule:
    """A rule for the object, or for every object of the list, at a dotted path."""

    def rule(properties: Properties) -> tuple[str, str] | None:
        places: list[tuple[str, Any]] = [("", properties)]
        for step in path.split("."):
            places = [found for place in places for found in _step(place, step)]
        for where, value in places:
            if isinstance(value, dict) and (failure := check(value)):
                name, text = failure
                return f"{where}.{name}".strip("."), text
        return None

    return rule


def _step(place: tuple[str, Any], step: str) -> list[tuple[str, Any]]:
    where, value = place
    found = value.get(step) if isinstance(value, dict) else None
    here = f"{where}.{step}".strip(".")
    return [(f"{here}[{i}]", item) for i, item in enumerate(found)] if isinstance(found, list) else [(here, found)]
