"""Functions to adopt as they were found in an account, and notes on what of them the catalog can't say."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from estate_tool.adopt.schedules import OldSchedule
    from estate_tool.audit.model import Capacity, Function, Queue, Role
    from estate_tool.sizing.evidence import Evidence

Kind = Literal["missing", "differs", "code"]


@dataclass(frozen=True, kw_only=True)
class Note:
    """One thing that the written files do not hold as it was found.

    `kind` is `missing` for what can't be declared, `differs` for what is declared but works otherwise here, and `code`
    for what the function's code has to do otherwise. `resource` is a name in the old account.
    """

    kind: Kind
    resource: str
    setting: str
    found: str
    reason: str
    instead: str

    @classmethod
    def missing(cls, resource: str, setting: str, found: str, reason: str, instead: str) -> Note:
        """Return a note on what can't be declared."""
        return cls(kind="missing", resource=resource, setting=setting, found=found, reason=reason, instead=instead)

    @classmethod
    def differs(cls, resource: str, setting: str, found: str, reason: str, instead: str) -> Note:
        """Return a note on what is declared, and works otherwise."""
        return cls(kind="differs", resource=resource, setting=setting, found=found, reason=reason, instead=instead)

    @classmethod
    def code(cls, resource: str, setting: str, found: str, reason: str, instead: str) -> Note:
        """Return a note on what the code has to do otherwise."""
        return cls(kind="code", resource=resource, setting=setting, found=found, reason=reason, instead=instead)

    def to_dict(self) -> dict[str, str]:
        """Return the note as docs/schemas/adopt.schema.json describes it."""
        return {
            "kind": self.kind, "resource": self.resource, "setting": self.setting, "found": self.found,
            "reason": self.reason, "instead": self.instead,
        }  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Code:
    """A function's package: its own files by path, the AWS operations and the texts that its Python names.

    `requirements` are the third-party packages that lie in it, as name==version.
    """

    files: Mapping[str, bytes]
    operations: frozenset[str]
    texts: frozenset[str]
    requirements: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class OldFunction:
    """A function as found: `settings` as ListFunctions, `mappings` as ListEventSourceMappings has them.

    `callers` are the statements of its resource policy; `urls` its addresses as ListFunctionUrlConfigs has them;
    `shared_role` names the functions that have its role, itself among them; `peak` is the most calls that ran at once,
    None for want of a metric.
    """

    found: Function
    settings: Mapping[str, Any]
    mappings: tuple[Mapping[str, Any], ...] = ()
    callers: tuple[Mapping[str, Any], ...] = ()
    role: Role | None = None
    shared_role: tuple[str, ...] = ()
    usage: Evidence | None = None
    peak: int | None = None
    code: Code | None = None
    schedules: tuple[OldSchedule, ...] = ()
    urls: tuple[Mapping[str, Any], ...] = ()

    @property
    def name(self) -> str:
        """The function's name in the old account."""
        return self.found.name


@dataclass(frozen=True, kw_only=True)
class OldTable:
    """A table as DescribeTable has it, its TTL attribute, and its capacity units with their scaling."""

    settings: Mapping[str, Any]
    ttl_attribute: str | None = None
    capacities: tuple[Capacity, ...] = ()

    @property
    def name(self) -> str:
        """The table's name in the old account."""
        return str(self.settings["TableName"])

    @property
    def arn(self) -> str:
        """The table's ARN."""
        return str(self.settings["TableArn"])

    @property
    def indexes(self) -> list[str]:
        """Names of its secondary indexes, global and local."""
        kinds = (self.settings.get(f"{kind}SecondaryIndexes") or [] for kind in ("Global", "Local"))
        return [str(one["IndexName"]) for several in kinds for one in several]


@dataclass(frozen=True, kw_only=True)
class OldQueue:
    """A queue, with its attributes as GetQueueAttributes has them."""

    found: Queue
    url: str
    settings: Mapping[str, str]

    @property
    def name(self) -> str:
        """The queue's name in the old account."""
        return self.found.name

    @property
    def arn(self) -> str:
        """The queue's ARN."""
        return self.found.arn


@dataclass(frozen=True, kw_only=True)
class Source:
    """Functions to adopt, and the tables and queues that they name, exactly or by their environment.

    `consumers` maps the ARN of a queue or stream to all functions of the account that it triggers. `unread` lists what
    the credentials did not allow to read.
    """

    account: str
    region: str
    functions: tuple[OldFunction, ...]
    tables: Mapping[str, OldTable] = field(default_factory=dict)
    queues: Mapping[str, OldQueue] = field(default_factory=dict)
    consumers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    unread: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Declared:
    """Logical names of what is declared: of functions by their old ARN, of tables, queues and secrets by ARN.

    A secret's ARN is one of those under which a role's statements name it.
    """

    functions: Mapping[str, str]
    tables: Mapping[str, str]
    queues: Mapping[str, str]
    secrets: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Values:
    """Values of old environments that name something declared.

    `variables` maps names, ARNs and URLs of tables and queues to the variables that tell them here, `functions` names
    and ARNs of functions to their logical names; `secrets` are names and ARNs of secrets, which stay what they are.
    """

    variables: Mapping[str, str]
    functions: Mapping[str, str]
    secrets: frozenset[str]
