"""Vocabulary of the table of resource types."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

COST, SECURITY = "cost", "security"  # classes of drift

Conditions = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True, kw_only=True)
class Needs:
    """A statement: actions on ARNs. `why` is given for those that AWS lets no narrower resource be named for."""

    actions: str
    on: tuple[str, ...]
    when: Conditions
    why: str


def needs(actions: str, *on: str, when: Conditions | None = None, why: str = "") -> Needs:
    """Return a statement; `actions` is the service, a colon and its actions: `sqs: CreateQueue DeleteQueue`."""
    return Needs(actions=actions, on=on, when=when or {}, why=why)


def arn(service: str, resource: str) -> str:
    """An ARN in the account and region, with what is left to be filled in."""
    return f"arn:{{partition}}:{service}:{{region}}:{{account}}:{resource}"


def tags(list_: str = "ListTagsForResource") -> str:
    """The actions by which tags are read and written; services differ in the name of the first."""
    return f"{list_} TagResource UntagResource"


Inputs = Mapping[str, Any]


class NotThere(Exception):
    """The resource does not exist, as AWS lists no such thing."""


@dataclass(frozen=True)
class Account:
    """The environment's AWS: clients by service, and where it is."""

    client: Callable[[str], Any]
    region: str

    def number(self) -> str:
        """The account's twelve digits."""
        return self.arn("", "").split(":")[4]

    def arn(self, service: str, resource: str) -> str:
        """The ARN of a resource of this account."""
        _, partition, _, _, account, _ = str(self.client("sts").get_caller_identity()["Arn"]).split(":", 5)
        return f"arn:{partition}:{service}:{self.region}:{account}:{resource}"


@dataclass(frozen=True)
class TagListing:
    """Call that lists a resource's tags: service, operation, parameter, and the resource's output that goes into it."""

    service: str
    operation: str
    parameter: str
    key: str = "arn"


@dataclass(frozen=True, kw_only=True)
class ResourceType:
    """A resource type.

    `permissions` are those a deployer needs; `import_id` a template of inputs or a function; `tags` their listing, or
    the reason for having none; `arn` the template by which other resources name one, empty if none does; `drift` the
    class of any drift of it.
    """

    permissions: tuple[Needs, ...]
    import_id: str | Callable[[Inputs, Account], str]
    tags: TagListing | str
    arn: str = ""
    drift: str | None = None
