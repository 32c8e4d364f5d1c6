"""Which alarms the estate has: a set for every function, queue, failure queue and table of the catalog."""

from collections.abc import Mapping

from foundation.model import Catalog, Queue
from observability.alarm_spec import AlarmSpec
from observability.config import Thresholds
from observability.function_alarms import function_alarms
from observability.metrics import Reference, failure_queues, of_queue
from observability.table_alarms import table_alarms

AlarmSets = Mapping[Reference, tuple[AlarmSpec, ...]]


def estate_alarms(catalog: Catalog, thresholds: Thresholds) -> AlarmSets:
    """All alarms of a catalog, by the resource they watch."""
    functions = {
        Reference("function", function.name): function_alarms(function, thresholds) for function in catalog.functions
    }
    queues = {Reference("queue", queue.name): queue_alarms(queue, thresholds) for queue in catalog.queues}
    failures = {queue: failure_alarms(queue) for queue in failure_queues(catalog)}
    tables = {Reference("table", table.name): table_alarms(table, catalog, thresholds) for table in catalog.tables}
    return {**functions, **queues, **failures, **tables}


def queue_alarms(queue: Queue, thresholds: Thresholds) -> tuple[AlarmSpec, ...]:
    """The alarms of a queue that a function consumes."""
    subject = Reference("queue", queue.name)
    limit = thresholds.maximum_queue_age_seconds
    age = AlarmSpec(
        subject=subject,
        word="age",
        meaning=f"The oldest message has waited for more than {limit} s; after {queue.retention_days} days it is lost.",
        action="see whether the consumer runs, fails or is throttled; give it more concurrency when it only is slow.",
        metrics=(of_queue(subject, "ApproximateAgeOfOldestMessage"),),
        threshold=limit,
        severity="page",
        periods=3,
        datapoints=2,
    )
    return (age,)


def failure_alarms(queue: Reference) -> tuple[AlarmSpec, ...]:
    """The alarms of a queue that holds failures: its first message is one too many."""
    depth = AlarmSpec(
        subject=queue,
        word="depth",
        meaning=f"Events of {queue.purpose} have failed for good and wait here; after 14 days they are lost.",
        action="read the messages and the function's errors, remove the cause, then send the messages through again.",
        metrics=(of_queue(queue, "ApproximateNumberOfMessagesVisible"),),
        threshold=1,
        comparison="GreaterThanOrEqualToThreshold",
        severity="page",
    )
    return (depth,)
