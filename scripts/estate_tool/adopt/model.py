"""Functions to adopt as they were found in an account, and notes on differences between them and their declarations."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from estate_tool.audit.model import Function

if TYPE_CHECKING:
    from collections.abc import Mapping

    from estate_tool.audit.model import EventSourceMapping, Queue, Role, Table
    from estate_tool.sizing.evidence import Evidence
    from foundation.secrets import Secret


class Note(NamedTuple):
    """One setting that the written files do not hold as it was found (docs/schemas/adopt.schema.json).

    `kind` is `missing` for a setting that can't be declared, `differs` for one that is declared but works otherwise
    here, and `code` for one that the function's code has to follow. `resource` is a name in the old account.
    """

    kind: Literal["missing", "differs", "code"]
    resource: str
    setting: str
    found: str
    reason: str
    instead: str


@dataclass(frozen=True, kw_only=True)
class Code:
    """A function's package: its own files by path, the AWS operations and the texts that its Python names.

    `siblings` maps a module to the files that import it as if it lay on Python's path; `requirements` are the
    third-party packages, as name==version.
    """

    files: Mapping[str, bytes]
    operations: frozenset[str]
    texts: frozenset[str]
    siblings: Mapping[str, list[str]]
    requirements: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class OldSchedule:
    """A schedule as GetSchedule has it, or a rule as DescribeRule has it together with its target of the function."""

    arn: str
    settings: Mapping[str, Any]
    target: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class OldFunction(Function):
    """A function with its triggers, role and evidence.

    `urls` are as ListFunctionUrlConfigs returns them; `shared_role` names the functions that have its role, itself
    among them; `peak` is the most calls that ran at once, None for want of a metric.
    """

    mappings: tuple[EventSourceMapping, ...] = ()
    schedules: tuple[OldSchedule, ...] = ()
    urls: tuple[Mapping[str, Any], ...] = ()
    permissions: Role | None = None
    shared_role: tuple[str, ...] = ()
    usage: Evidence | None = None
    peak: int | None = None
    code: Code | None = None


@dataclass(frozen=True, kw_only=True)
class Source:
    """Functions to adopt, and the tables and queues that they use, by ARN.

    `consumers` maps the ARN of a queue or stream to the names of all functions of the account that it triggers. The
    settings of a table have its TimeToLiveDescription beside them. `unread` lists what may not be read.
    """

    account: str
    region: str
    functions: tuple[OldFunction, ...]
    tables: Mapping[str, Table] = field(default_factory=dict)
    queues: Mapping[str, Queue] = field(default_factory=dict)
    consumers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    unread: tuple[str, ...] = ()

    @property
    def dead_letters(self) -> set[str]:
        """ARNs of the queues, topics and functions that take failures."""
        redriven = (queue.dead_letters_to for queue in self.queues.values())
        return {*filter(None, redriven), *(arn for old in self.functions for arn in old.failures_to)}


@dataclass(frozen=True, kw_only=True)
class Declared:
    """Logical names of declared functions, tables and queues by their old ARNs.

    `secrets` are by the ARNs under which statements of roles name them.
    """

    functions: Mapping[str, str]
    tables: Mapping[str, str]
    queues: Mapping[str, str]
    secrets: Mapping[str, Secret]
