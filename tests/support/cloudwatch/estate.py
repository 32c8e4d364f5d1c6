"""The estate in a simulation: what its parts do in a minute, as the metrics that AWS makes of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from foundation.catalog import CATALOG
from foundation.model import QueueTrigger, StreamTrigger
from observability.log_metrics import batch_metrics
from observability.metrics import OWN_NAMESPACE
from tests.support.cloudwatch.metrics import Metrics, identity

CONSUMER = next(function for function in CATALOG.functions if isinstance(function.trigger, QueueTrigger))
COUNTER = next(function for function in CATALOG.functions if isinstance(function.trigger, StreamTrigger))
CRITICAL = next(function for function in CATALOG.functions if function.critical)
QUEUE = CONSUMER.trigger.queue if isinstance(CONSUMER.trigger, QueueTrigger) else ""
TABLE = COUNTER.trigger.table if isinstance(COUNTER.trigger, StreamTrigger) else ""
FUNCTIONS = {function.name: function for function in CATALOG.functions}


@dataclass(frozen=True, kw_only=True)
class Calls:
    """Calls of a function that start within a minute, each with its duration; `cold` of them on no warm environment."""

    calls: int = 0
    milliseconds: float = 200
    errors: int = 0
    throttles: int = 0
    cold: int = 0
    memory_mb: float = 150
    received: int = 0
    failed: int = 0
    stored: int = 0
    invalid: int = 0
    left_out: int = 0
    age_ms: float = 500
    more: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """A queue at some moment of a minute; `age` of the oldest message in seconds."""

    visible: int = 0
    hidden: int = 0
    age: float = 0
    sent: int = 0


@dataclass(frozen=True, kw_only=True)
class Used:
    """A table in a minute: write units, of how many a second, refused writes, failures of DynamoDB itself."""

    written: float = 0
    provisioned: float = 50
    refused: int = 0
    faults: int = 0
    expired: int = 0


@dataclass(frozen=True, kw_only=True)
class Minute:
    """All that happens within a minute. Queues by their physical names."""

    calls: Mapping[str, Calls] = field(default_factory=dict)
    queues: Mapping[str, Waiting] = field(default_factory=dict)
    tables: Mapping[str, Used] = field(default_factory=dict)
    claimed: int = 0
    undelivered: Mapping[str, int] = field(default_factory=dict)

    def but(self, part: str, name: str, **changes: object) -> Minute:
        """Return the same minute with other calls, queues or tables."""
        before = getattr(self, part)
        default = {"calls": Calls(), "queues": Waiting(), "tables": Used()}[part]
        after = {**before, name: replace(before.get(name, default), **changes)}
        return replace(self, **{part: after})


# What is not of the workload works: somebody sends to its queues, and its functions take every batch.
OTHERS = {f"queue-{queue.name}": Waiting(sent=1) for queue in CATALOG.queues if queue.name != QUEUE}
OTHER_CALLS = {
    function.name: Calls(calls=1, received=1)
    for function in CATALOG.functions
    if function.trigger and function not in (CONSUMER, COUNTER)
}
# Nothing happens; the dead-letter queues have been looked at within six hours, so that SQS publishes zeros.
NOTHING = Minute(
    calls=OTHER_CALLS,
    queues={f"queue-{QUEUE}": Waiting(), f"dlq-{QUEUE}": Waiting(), f"dlq-{COUNTER.name}": Waiting(), **OTHERS},
)
# A hundred events, in batches of ten, and thirty queries.
BUSY = Minute(
    calls={
        **OTHER_CALLS,
        CONSUMER.name: Calls(calls=10, received=100, stored=100),
        COUNTER.name: Calls(calls=10, received=100),
        CRITICAL.name: Calls(calls=30, milliseconds=80),
    },
    queues={**NOTHING.queues, f"queue-{QUEUE}": Waiting(visible=3, age=2, sent=100)},
    tables={TABLE: Used(written=100)},
    claimed=8,
)


def publish(metrics: Metrics, minute: int, happened: Minute) -> None:
    """Put the metrics of a minute as AWS stamps them."""
    for name, calls in happened.calls.items():
        _function(metrics, minute, name, calls)
    for name, waiting in happened.queues.items():
        _queue(metrics, minute, f"{name}-dev", waiting)
    for name, used in happened.tables.items():
        _table(metrics, minute, f"table-{name}-dev", used)
    if happened.claimed:
        metrics.put(identity("AWS/Lambda", "ClaimedAccountConcurrency", {}), minute, happened.claimed)
    for topic, failed in happened.undelivered.items():
        metrics.put(
            identity("AWS/SNS", "NumberOfNotificationsFailed", {"TopicName": f"topic-{topic}-dev"}), minute, failed
        )


def _function(metrics: Metrics, minute: int, name: str, calls: Calls) -> None:
    """Stamped with the start of a call, known at its end ("Types of metrics for Lambda functions")."""
    function, ended = {"FunctionName": f"lambda-{name}-dev"}, minute + int(calls.milliseconds // 60_000)

    def put(metric: str, value: float, **more: str) -> None:
        metrics.put(identity("AWS/Lambda", metric, {**function, **more}), minute, value, known=ended)

    if calls.throttles:
        put("Throttles", calls.throttles)
    for metric, value in calls.more.items():
        put(metric, value)
    if not calls.calls:
        return
    put("Invocations", calls.calls)
    put("Errors", calls.errors)
    duration = identity("AWS/Lambda", "Duration", function)
    metrics.put(duration, minute, calls.milliseconds, count=calls.calls, known=ended)
    if isinstance(FUNCTIONS[name].trigger, StreamTrigger):
        put("IteratorAge", calls.age_ms)
    if FUNCTIONS[name].critical and calls.calls > calls.cold:
        put("ProvisionedConcurrencyInvocations", calls.calls - calls.cold, Resource=f"lambda-{name}-dev:live")
    _logged(metrics, ended, name, calls)


def _logged(metrics: Metrics, minute: int, name: str, calls: Calls) -> None:
    """Put the metrics of log filters: stamped with the line's own time, nothing for a line without the number."""
    values = {
        "memory-used": calls.memory_mb,
        "records-received": calls.received,
        "records-failed": calls.failed,
        "events-stored": calls.stored,
        "events-invalid": calls.invalid,
        "fields-left-out": calls.left_out,
    }
    for kind in ("memory-used", *batch_metrics(FUNCTIONS[name])):
        if values[kind]:
            metrics.put(identity(OWN_NAMESPACE, f"{kind}-{name}-dev", {}), minute, values[kind])


def _queue(metrics: Metrics, minute: int, name: str, waiting: Waiting) -> None:
    for metric, value in (
        ("ApproximateNumberOfMessagesVisible", waiting.visible),
        ("ApproximateNumberOfMessagesNotVisible", waiting.hidden),
        ("ApproximateAgeOfOldestMessage", waiting.age),
        ("NumberOfMessagesSent", waiting.sent),
    ):
        metrics.put(identity("AWS/SQS", metric, {"QueueName": name}), minute, value)


def _table(metrics: Metrics, minute: int, name: str, used: Used) -> None:
    """Only what is not zero; provisioned units every five minutes ("DynamoDB metrics and dimensions")."""
    found = {
        "ConsumedWriteCapacityUnits": used.written,
        "WriteThrottleEvents": used.refused,
        "TimeToLiveDeletedItemCount": used.expired,
    }
    if minute % 5 == 0:
        found["ProvisionedWriteCapacityUnits"] = used.provisioned
    for metric, value in found.items():
        if value:
            metrics.put(identity("AWS/DynamoDB", metric, {"TableName": name}), minute, value)
    if used.faults:
        dimensions = {
            "TableName": name,
            "Operation": "BatchExecuteStatement" if "events" in name else "TransactWriteItems",
        }
        metrics.put(identity("AWS/DynamoDB", "SystemErrors", dimensions), minute, used.faults)
