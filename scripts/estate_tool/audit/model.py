"""Inventory of an account's serverless resources, and the findings of an audit."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from estate_tool.audit.access import is_of_url
from foundation.guardrails.documents import listed

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal

    from estate_tool.sizing.evidence import Evidence


# Namespace, name and dimensions (name, value) of a metric.
AlarmMetric = tuple[str, str, frozenset[tuple[str, str]]]


class Finding(NamedTuple):
    """One breach of a requirement (1 to 10). `usd_month` is its cost a month, None where it has no price.

    `resource` is an ARN, or a log group's name; for a mapping its function's ARN, for a policy its role's.
    """

    requirement: int
    check: str
    resource: str
    found: str
    fix: str
    usd_month: Decimal | None = None


# The invoker of a function with a URL.
URL = "url"
# Callers that wait for the answer, and so learn of a failure.
SYNCHRONOUS = frozenset({
    "apigateway.amazonaws.com", "elasticloadbalancing.amazonaws.com", "cognito-idp.amazonaws.com",
    "edgelambda.amazonaws.com", "lex.amazonaws.com", "lexv2.amazonaws.com", "vpc-lattice.amazonaws.com", URL,
})  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Function:
    """A Lambda function with its settings on failures and cold starts.

    `failures_to` are the ARNs that take failed asynchronous events, of the function and of every qualifier with a
    destination of its own; `policy` has the statements of its resource policy; `provisioned` maps a qualifier to its
    provisioned concurrency; `settings` are as ListFunctions returns them.
    """

    name: str
    arn: str
    memory_mb: int
    timeout_seconds: int
    architecture: str
    role: str
    code_sha256: str
    log_group: str
    environment: Mapping[str, str] = field(default_factory=dict)
    failures_to: tuple[str, ...] = ()
    succeeds_to: tuple[str, ...] = ()
    policy: tuple[Mapping[str, Any], ...] = ()
    provisioned: Mapping[str, int] = field(default_factory=dict)
    reserved: int | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def invokers(self) -> frozenset[str]:
        """Service principals that its resource policy lets call it, and URL where that allows calls of its URL."""
        principals = [one.get("Principal") for one in self.policy]
        services = [name for one in principals if isinstance(one, dict) for name in listed(one.get("Service"))]
        return frozenset((*services, *([URL] if any(map(is_of_url, self.policy)) else [])))


@dataclass(frozen=True, kw_only=True)
class Notification:
    """Notification of a bucket about objects that are made; `target` is the ARN of a function, queue or topic."""

    bucket: str
    target: str
    prefix: str = ""
    suffix: str = ""


@dataclass(frozen=True, kw_only=True)
class EventSourceMapping:
    """An event source mapping, `settings` as ListEventSourceMappings returns them.

    `function` is its function's ARN, `source` empty for a self-managed one. `retries` and `age_seconds` are -1 for no
    limit, None for a queue.
    """

    function: str
    source: str
    enabled: bool = True
    retries: int | None = None
    age_seconds: int | None = None
    failures_to: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_stream(self) -> bool:
        """True for streams of Kinesis and DynamoDB, which retry in order; False for queues and brokers."""
        return self.source.split(":")[2:3] in (["kinesis"], ["dynamodb"])


@dataclass(frozen=True, kw_only=True)
class Capacity:
    """Provisioned units of a table or index in one direction (read, write), and their scaling.

    `needed` are the units that the busiest hour of the window would take at 70 %, None if it was not measured.
    """

    direction: str
    units: int
    index: str = ""
    bounds: tuple[int, int] | None = None
    scaled: bool = False
    needed: Decimal | None = None


@dataclass(frozen=True, kw_only=True)
class Table:
    """A DynamoDB table; `capacities` is empty when it is billed on demand, `settings` are of DescribeTable."""

    name: str
    arn: str
    capacities: tuple[Capacity, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Queue:
    """An SQS queue: its redrive policy in `dead_letters_to` and `max_receives`, its attributes in `settings`."""

    name: str
    arn: str
    url: str = ""
    visibility_seconds: int
    retention_seconds: int
    messages: int = 0
    dead_letters_to: str = ""
    max_receives: int | None = None
    settings: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class LogGroup:
    """A log group; `retention_days` is None when it keeps logs for ever."""

    name: str
    retention_days: int | None
    stored_bytes: int


@dataclass(frozen=True, kw_only=True)
class Role:
    """An IAM role with the statements of all its policies: (policy's name, statement)."""

    name: str
    arn: str
    statements: tuple[tuple[str, Mapping[str, Any]], ...] = ()
    trust: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, kw_only=True)
class Inventory:
    """The serverless resources of one region of an account.

    `watched` are the metrics of alarms that notify a subscriber. `usage` is evidence by function name,
    `provisioned_use` the peak share of provisioned concurrency in use (0 to 1) by (function, qualifier),
    `provisioned_floor` the least that autoscaling keeps of it. `subscriptions` are (topic ARN, endpoint ARN),
    `other_failure_queues` the ARNs of queues for failures of subscriptions, rules and schedules. `packages` maps a
    function's name to the digests of its modules by path; `tags` are by ARN, for every taggable resource. `unread`
    lists the parts that the credentials may not read, with AWS's reason.
    """

    account: str
    region: str
    functions: tuple[Function, ...] = ()
    mappings: tuple[EventSourceMapping, ...] = ()
    tables: tuple[Table, ...] = ()
    queues: tuple[Queue, ...] = ()
    topics: tuple[str, ...] = ()
    subscriptions: tuple[tuple[str, str], ...] = ()
    notifications: tuple[Notification, ...] = ()
    other_failure_queues: frozenset[str] = frozenset()
    log_groups: tuple[LogGroup, ...] = ()
    roles: tuple[Role, ...] = ()
    watched: frozenset[AlarmMetric] = frozenset()
    tags: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    usage: Mapping[str, Evidence] = field(default_factory=dict)
    provisioned_use: Mapping[tuple[str, str], float] = field(default_factory=dict)
    provisioned_floor: Mapping[tuple[str, str], int] = field(default_factory=dict)
    packages: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    window_days: float = 14.0
    unread: tuple[str, ...] = ()

    def mappings_of(self, function: str) -> list[EventSourceMapping]:
        """Return the mappings of a function, by its ARN."""
        return [mapping for mapping in self.mappings if mapping.function == function]

    def queue(self, arn: str) -> Queue | None:
        """Return the queue of that ARN, None for one of another region or account."""
        return next((queue for queue in self.queues if queue.arn == arn), None)

    def days_of_logs(self, group: str) -> float:
        """Return for how many days of the window a log group can hold reports: its retention may be shorter."""
        kept = next((one.retention_days for one in self.log_groups if one.name == group), None)
        return min(self.window_days, kept) if kept else self.window_days

    @property
    def dead_letter_queues(self) -> dict[str, list[Queue]]:
        """Return the ARN of every queue that takes failures, with the queues that redrive to it."""
        of_functions = (arn for function in self.functions for arn in function.failures_to)
        of_mappings = (mapping.failures_to for mapping in self.mappings)
        targets = (*of_functions, *of_mappings, *self.other_failure_queues)
        found: dict[str, list[Queue]] = {arn: [] for arn in targets if ":sqs:" in arn}
        for queue in self.queues:
            if queue.dead_letters_to:
                found.setdefault(queue.dead_letters_to, []).append(queue)
        return found

    def is_watched(self, namespace: str, metrics: frozenset[str], dimension: tuple[str, str]) -> bool:
        """True if an alarm that notifies watches one of the metrics of this resource, or of all together."""
        return any(
            space == namespace and metric in metrics and (not dimensions or dimension in dimensions)
            for space, metric, dimensions in self.watched
        )
