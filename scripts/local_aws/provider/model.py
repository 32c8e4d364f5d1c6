"""Declaration of resource types: the vocabulary of `resources/`, interpreted by check, diff, calls and lifecycle.

The rule behind all of it: a parameter of an AWS operation takes the property of the same name (`memorySize` →
`MemorySize`), in the shape botocore declares for it, and a property takes the field of the same name from what AWS
returns. A declaration only names what differs.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from local_aws.provider.wire import UNKNOWN, Properties

if TYPE_CHECKING:
    from local_aws.provider.aws import Session


@dataclass(frozen=True, kw_only=True)
class Change:
    """Change of one resource: before (empty when it is being created) and after."""

    session: Session
    id: str
    new: Properties
    old: Properties = field(default_factory=dict[str, Any])

    def changed(self, *names: str) -> bool:
        """True if one of these properties differs."""
        return any(self.new.get(name) != self.old.get(name) for name in names)


Failure = tuple[str, str]  # the property path that is wrong, and what is wrong with it
Rule = Callable[[Properties], Failure | None]
# A failure of new inputs, given the old ones (empty for a resource that is being created), if any.
Transition = Callable[[Properties, Properties], Failure | None]
Condition = Callable[[Change], bool]
# By parameter: a value, a template ("{name}" is a property, "{id}" the identifier), a function, or None to omit it.
Parameters = Mapping[str, Any]


@dataclass(frozen=True)
class Call:
    """One AWS operation; `parameters` are added to those derived from the properties' names."""

    operation: str
    parameters: Parameters = field(default_factory=dict[str, Any])
    when: Condition | None = None  # default for updates: when a property it carries has changed
    each: Callable[[Change], Sequence[Parameters]] | None = None  # called once for each of these
    settle: bool = False  # wait before each call until the resource is ready again
    auto: bool = True  # fill parameters from properties of the same name


@dataclass(frozen=True)
class Tagging:
    """The operations that list, add and remove tags, and the parameter that names the resource."""

    list: str
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
    # The calls, each with a JMESPath to its record; the first one decides whether the resource exists. By default, the
    # whole answer of get_X for a type created by create_X or put_X; and delete_X deletes it.
    read: Sequence[tuple[Call, str]] = ()
    update: Sequence[Call] = ()
    delete: Sequence[Call] = ()
    gone: Sequence[str] = ()  # error codes that mean "does not exist"
    names: Mapping[str, str] = field(default_factory=dict[str, str])  # property path → AWS name, where they differ
    outputs: Mapping[str, Callable[[Properties], Any] | str] = field(default_factory=dict[str, Any])  # from the record
    tagging: Tagging | None = None
    id: Sequence[str] = ("{name}",)  # templates over the properties; the first that can be filled is the identifier
    imports: Sequence[str] = ()  # forms of the identifier for `pulumi import`, by default those of `id`
    force_new: AbstractSet[str] = frozenset()
    defaults: Mapping[str, Any] = field(default_factory=dict[str, Any])
    computed: AbstractSet[str] = frozenset()  # optional inputs AWS fills in: absent means "as it is"
    kept: AbstractSet[str] = frozenset()  # inputs AWS does not return: the last known value stays
    json: AbstractSet[str] = frozenset()  # JSON documents, compared by content
    policies: AbstractSet[str] = frozenset()  # IAM policy documents, compared by effect
    sets: AbstractSet[str] = frozenset()  # lists without an order
    same: Mapping[str, Callable[[Any, Any], bool]] = field(default_factory=dict[str, Any])  # equal in another spelling
    reset: Mapping[str, Any] = field(default_factory=dict[str, Any])  # property → parameter value that undoes it
    recompute: Callable[[AbstractSet[str], Properties], set[str]] = lambda _changed, _new: set()  # outputs that follow
    unsupported: AbstractSet[str] = frozenset()
    named: str = "name"  # the input that gets a generated name, if the type has it
    name_limit: int = 255
    limits: Mapping[str, Mapping[str, Any]] = field(default_factory=dict[str, Any])  # in addition to botocore's model
    rules: Sequence[Rule] = ()
    transitions: Sequence[Transition] = ()
    ready: str | None = None  # JMESPath over the record: true once usable
    failed: str | None = None  # JMESPath over the record: the reason, once hopeless
    vanish: bool = False  # deletion takes effect later: wait for it
    retry: Sequence[str] = ()  # texts of errors that pass by themselves (eventual consistency)

    def __post_init__(self) -> None:
        noun = self.create[0].operation.partition("_")[2]
        object.__setattr__(self, "read", self.read or [(Call(f"get_{noun}"), "@")])
        object.__setattr__(self, "delete", self.delete or [Call(f"delete_{noun}")])


def words(text: str) -> frozenset[str]:
    """A set of names, written as one text."""
    return frozenset(text.split())


def attributes(names: str, **others: str) -> dict[str, str]:
    """Return AWS's names of properties: capitalised, where they are not given otherwise."""
    return {name: name[0].upper() + name[1:] for name in names.split()} | others


def becomes(name: str, *, given: bool) -> Condition:
    """Condition: the property has changed, and is now given (or no longer)."""
    return lambda change: change.changed(name) and (name in change.new) is given


def changes_in(*names: str) -> Condition:
    """Condition: one of these properties has changed."""
    return lambda change: change.changed(*names)


def fill(template: Any, properties: Mapping[str, Any], identifier: str = "") -> Any:
    """Return a template with its `{property}` fields filled; UNKNOWN when one of them is, None when one is missing."""
    if not isinstance(template, str) or "{" not in template:
        return template
    values = {"id": identifier} | dict(properties)
    parts = [values.get(name) for name in re.findall(r"{(\w+)}", template)]
    if any(part is UNKNOWN for part in parts):
        return UNKNOWN
    return None if None in parts else re.sub(r"{(\w+)}", lambda match: str(values[match[1]]), template)


def fill_first(templates: Sequence[str], properties: Mapping[str, Any]) -> str:
    """Return the first template whose fields are all known; ValueError when there is none."""
    for template in templates:
        if (text := fill(template, properties)) is not None:
            return str(text)
    raise ValueError(f"none of {', '.join(templates)} can be filled")


def parse(templates: Sequence[str], text: str) -> Properties | None:
    """The properties in an identifier of one of these forms, or None when the text has none of them."""
    for template in templates:
        pieces = re.split(r"{(\w+)}", template)
        pattern = "".join(_field(pieces, i) if i % 2 else re.escape(piece) for i, piece in enumerate(pieces))
        if match := re.fullmatch(pattern, text):
            return dict(match.groupdict())
    return None


def _field(pieces: Sequence[str], index: int) -> str:
    """Return the pattern of a field: anything but the character that ends it, which only a `resourceId` may contain."""
    name, border = pieces[index], pieces[index + 1][:1] or pieces[index - 1][-1:]
    return f"(?P<{name}>{'.+' if not border or name == 'resourceId' else f'[^{re.escape(border)}]+'})"
