"""Types of the catalog: declarations of tables, queues, functions, their triggers and their grants."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from foundation.grants import ActionGrant
from foundation.secrets import Secret, SecretGrant
from foundation.urls import FunctionUrl
from foundation.values import Values


@dataclass(frozen=True, kw_only=True)
class Capacity:
    """Autoscaled capacity units of one direction: bounds, and the utilisation in percent that scaling aims at."""

    minimum: int
    maximum: int
    target_percent: int = 70


@dataclass(frozen=True, kw_only=True)
class Table:
    """A DynamoDB table. Without `read` and `write` it is billed on demand; both or neither are given.

    Only key attributes are declared: DynamoDB knows no others. Keys are strings.
    """

    name: str
    hash_key: str
    range_key: str | None = None
    stream: bool = False
    ttl_attribute: str | None = None
    read: Capacity | None = None
    write: Capacity | None = None


# Dead letters keep the age they had in their source queue, so dead-letter queues have the longest retention of SQS.
DEAD_LETTER_DAYS = 14
# The most that SQS takes ("Amazon SQS message quotas"); a dead letter may be as large as any message or payload.
MAXIMUM_MESSAGE_BYTES = 1_048_576


@dataclass(frozen=True, kw_only=True)
class Queue:
    """An SQS queue; a message received `max_receive_count` times without success goes to its dead-letter queue.

    The consumer itself sends messages that can never succeed there, so receives count temporary failures only. By
    default a message that its consumer delays (`ingest`: up to 15 minutes) stays for the queue's whole retention, and
    one that comes back after each visibility timeout of 61 seconds for 17 hours.
    """

    name: str
    max_receive_count: int = 1000
    retention_days: int = 7


@dataclass(frozen=True, kw_only=True)
class QueueTrigger:
    """Runs the function on batches of a queue's messages."""

    queue: str
    batch_size: int = 10
    window_seconds: int = 0
    maximum_concurrency: int = 2


@dataclass(frozen=True, kw_only=True)
class StreamTrigger:
    """Runs the function on batches of a table's new items, in order within a shard.

    After `retries` of a failing batch its position is sent to the dead-letter queue; -1 retries as long as the stream
    has the batch, for a function that disposes of poison itself. Records stay readable for the stream's full 24 hours,
    so that a function that did not run for hours still gets them all.
    """

    table: str
    batch_size: int = 100
    window_seconds: int = 0
    parallelization: int = 1
    retries: int = 10


@dataclass(frozen=True, kw_only=True)
class ScheduleTrigger:
    """Runs the function by a schedule of EventBridge Scheduler: `rate(…)`, `cron(…)` or `at(…)`.

    The function gets `input`, any JSON object, together with the scheduled time (lambda_src/shared/schedules.py), at
    least once for each time. The scheduler retries a call up to `retry_attempts` times within
    `maximum_event_age_seconds`, then sends the event to the function's dead-letter queue. A schedule that is not
    `enabled` is deployed, and makes no calls.
    """

    expression: str
    timezone: str = "UTC"
    input: Mapping[str, Any] = field(default_factory=dict)
    retry_attempts: int = 185
    maximum_event_age_seconds: int = 3600
    enabled: bool = True


Trigger = QueueTrigger | StreamTrigger | ScheduleTrigger

# Access levels of grants, with the actions of each ("Service Authorization Reference"). Transactions and batches of
# statements have no action of their own: DynamoDB checks the actions of the operations inside.
TABLE_ACCESS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "get": ("dynamodb:GetItem",),
        "query": ("dynamodb:Query",),
        "read": ("dynamodb:BatchGetItem",),
        "insert": ("dynamodb:PartiQLInsert",),
        "put": ("dynamodb:PutItem",),
        "update": ("dynamodb:UpdateItem",),
        "delete": ("dynamodb:DeleteItem",),
    }
)
QUEUE_ACCESS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"send": ("sqs:SendMessage",), "release": ("sqs:ChangeMessageVisibility",)}
)
TABLE_WRITES = frozenset({"insert", "put", "update", "delete"})
QUEUE_WRITES = frozenset({"send"})


@dataclass(frozen=True, kw_only=True)
class TableGrant:
    """Access of a function to a table: keys of TABLE_ACCESS."""

    table: str
    access: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class QueueGrant:
    """Access of a function to a queue beyond consuming it: keys of QUEUE_ACCESS."""

    queue: str
    access: tuple[str, ...]


Grant = TableGrant | QueueGrant | SecretGrant | ActionGrant


# AWS asks for at least six times the consumer's timeout, plus its batching window ("Using Lambda with Amazon SQS").
VISIBILITY_FACTOR = 6


@dataclass(frozen=True, kw_only=True)
class Function:
    """A Lambda function, declared once: role, environment, trigger, dead-letter queue, alarms and dashboard follow.

    `handler` is the entry point within lambda_src, as package.module.function. A critical function has provisioned
    concurrency, unless the environment waives it (`provisioned`, set by foundation/waiver.py, not in declarations).
    `reserved_concurrency` reserves, and limits it to, a part of the account's concurrency; `url` is an HTTPS address
    for callers that sign with IAM. Its environment variables are TABLE_<NAME>, QUEUE_<NAME> and SECRET_<NAME> of its
    grants, DEAD_LETTER_QUEUE if it takes batches, and those of `environment`.
    """

    name: str
    handler: str
    description: str
    timeout_seconds: int
    trigger: Trigger | None = None
    grants: tuple[Grant, ...] = ()
    critical: bool = False
    provisioned: bool = True
    reserved_concurrency: int | None = None
    environment: Values = field(default_factory=dict)
    url: FunctionUrl | None = None

    @property
    def package(self) -> str:
        """The folder of lambda_src with the handler."""
        return self.handler.split(".", 1)[0]

    @property
    def dead_letter_queue(self) -> str:
        """Name of its dead-letter queue: the one of its source queue, or one of its own."""
        return self.trigger.queue if isinstance(self.trigger, QueueTrigger) else self.name

    @property
    def visibility_seconds(self) -> int:
        """Visibility timeout of its source queue in seconds, so that no message is processed twice at once."""
        window = self.trigger.window_seconds if isinstance(self.trigger, QueueTrigger) else 0
        return VISIBILITY_FACTOR * self.timeout_seconds + window

    @property
    def concurrency_limit(self) -> int | None:
        """Most concurrent calls where the declaration limits them: its reservation, or its trigger's maximum."""
        started = self.trigger.maximum_concurrency if isinstance(self.trigger, QueueTrigger) else None
        limits = [limit for limit in (self.reserved_concurrency, started) if limit is not None]
        return min(limits, default=None)

    @property
    def takes_batches(self) -> bool:
        """True if a queue or a stream triggers it; others are called with one payload."""
        return isinstance(self.trigger, QueueTrigger | StreamTrigger)

    def consumes(self, queue: str) -> bool:
        """True if the queue of that name triggers the function."""
        return isinstance(self.trigger, QueueTrigger) and self.trigger.queue == queue


@dataclass(frozen=True, kw_only=True)
class Catalog:
    """All tables, queues, functions and secrets of the estate."""

    tables: tuple[Table, ...]
    queues: tuple[Queue, ...]
    functions: tuple[Function, ...]
    secrets: tuple[Secret, ...] = ()

    def table(self, name: str) -> Table:
        """Return the table of that name; a validated catalog has every table that it names."""
        return next(table for table in self.tables if table.name == name)

    def secret(self, name: str) -> Secret:
        """Return the secret of that name; a validated catalog has every secret that it names."""
        return next(secret for secret in self.secrets if secret.name == name)

    @property
    def dead_letter_queues(self) -> tuple[str, ...]:
        """Names of all dead-letter queues: those of queues, and of functions that consume no queue."""
        names = (*(queue.name for queue in self.queues), *(function.dead_letter_queue for function in self.functions))
        return tuple(dict.fromkeys(names))

    @property
    def scheduled(self) -> tuple[Function, ...]:
        """The functions with a schedule."""
        return tuple(function for function in self.functions if isinstance(function.trigger, ScheduleTrigger))

    def consumer(self, queue: str) -> Function:
        """Return the function that consumes a queue; a validated catalog has exactly one."""
        return next(function for function in self.functions if function.consumes(queue))
