"""The vocabulary of the catalog: what a table, a queue and a function declare about themselves."""

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

    Its consumer sends what can never succeed there itself, so that receives only count what failed for now: by default
    so many that a message which its consumer delays (`ingest`: up to 15 minutes) is kept for as long as the queue keeps
    any, and one that always comes back after a visibility timeout of 61 seconds for 17 hours.
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

    `retries` bounds how often a failing batch is tried before its position goes to the failure queue; -1 is for as long
    as the stream has it, for a function that disposes of what can never succeed itself. Records stay readable for the
    stream's full 24 hours, so that a function that was away for hours loses nothing.
    """

    table: str
    batch_size: int = 100
    window_seconds: int = 0
    parallelization: int = 1
    retries: int = 10


@dataclass(frozen=True, kw_only=True)
class ScheduleTrigger:
    """Runs the function at times, by a schedule of EventBridge Scheduler: `rate(…)`, `cron(…)` or `at(…)`.

    The function gets `input`, any JSON object, together with the scheduled time (lambda_src/shared/schedules.py), at
    least once for each time. `retry_attempts` and `maximum_event_age_seconds` bound how often and for how long the
    scheduler tries to call it; then the event is in the function's failure queue. A schedule that is not `enabled`
    stays, and calls nothing.
    """

    expression: str
    timezone: str = "UTC"
    input: Mapping[str, Any] = field(default_factory=dict)
    retry_attempts: int = 185
    maximum_event_age_seconds: int = 3600
    enabled: bool = True


Trigger = QueueTrigger | StreamTrigger | ScheduleTrigger

# What a function may be allowed to do, by the word its declaration uses. Actions as in the "Service Authorization
# Reference"; transactions and batches of statements have none of their own, DynamoDB checks those of what is inside.
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
    """Access of a function to a table: words of TABLE_ACCESS."""

    table: str
    access: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class QueueGrant:
    """Access of a function to a queue beyond consuming it: words of QUEUE_ACCESS."""

    queue: str
    access: tuple[str, ...]


Grant = TableGrant | QueueGrant | SecretGrant | ActionGrant


# AWS asks for at least six times the consumer's timeout, plus its batching window ("Using Lambda with Amazon SQS").
VISIBILITY_FACTOR = 6


@dataclass(frozen=True, kw_only=True)
class Function:
    """A Lambda function, declared once: role, environment, trigger, failure queue, alarms and dashboard follow.

    `package` is the folder of lambda_src that holds its code, `handler` the entry point within lambda_src.
    A critical function keeps provisioned concurrency, where the environment does not waive it (`provisioned`, which
    foundation/waiver.py sets, not the declaration); `reserved_concurrency` sets a part of the account's concurrency
    aside for it, which also is the most it gets; `url` gives it an HTTPS address for callers that sign with IAM. The
    environment names the tables, queues and secrets it is granted, as TABLE_<NAME>, QUEUE_<NAME> and SECRET_<NAME>,
    its dead-letter queue as DEAD_LETTER_QUEUE if it takes batches, and what `environment` adds.
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
        """The folder of lambda_src that holds the handler."""
        return self.handler.split(".", 1)[0]

    @property
    def dead_letter_queue(self) -> str:
        """Name of the queue where its failures end: its source queue's or one of its own."""
        return self.trigger.queue if isinstance(self.trigger, QueueTrigger) else self.name

    @property
    def visibility_seconds(self) -> int:
        """Seconds that a message it received stays invisible, so that it is not processed twice at once."""
        window = self.trigger.window_seconds if isinstance(self.trigger, QueueTrigger) else 0
        return VISIBILITY_FACTOR * self.timeout_seconds + window

    @property
    def concurrency_limit(self) -> int | None:
        """Most concurrent calls, where a declaration limits them: the reservation, or the maximum of its queue."""
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
    """Everything the estate runs."""

    tables: tuple[Table, ...]
    queues: tuple[Queue, ...]
    functions: tuple[Function, ...]
    secrets: tuple[Secret, ...] = ()

    def table(self, name: str) -> Table:
        """The table of that name, which a validated catalog has wherever it names one."""
        return next(table for table in self.tables if table.name == name)

    def secret(self, name: str) -> Secret:
        """The secret of that name, which a validated catalog has wherever it names one."""
        return next(secret for secret in self.secrets if secret.name == name)

    @property
    def dead_letter_queues(self) -> tuple[str, ...]:
        """Every dead-letter queue, by the name of its queue, or of the function that consumes none."""
        names = (*(queue.name for queue in self.queues), *(function.dead_letter_queue for function in self.functions))
        return tuple(dict.fromkeys(names))

    def consumer(self, queue: str) -> Function:
        """The function that consumes a queue; in a validated catalog there is exactly one."""
        return next(function for function in self.functions if function.consumes(queue))
