"""The alarms of queues: those that functions consume, and those that hold what failed."""

from foundation.model import Queue
from observability.alarm_spec import NOTHING_WAITS, STILL_WAITING, AlarmSpec
from observability.config import Thresholds
from observability.metrics import Reference, of_queue

# How many messages of a standard queue may be in flight ("Amazon SQS message quotas"); then none is handed out.
IN_FLIGHT_QUOTA = 120_000
# The life of what failed, in the data and compute layers; the most SQS allows.
KEPT_DAYS = 14
SECONDS_PER_DAY = 86_400


def queue_alarms(queue: Queue, thresholds: Thresholds) -> tuple[AlarmSpec, ...]:
    """The alarms of a queue that a function consumes."""
    return (_age(queue, thresholds), _in_flight(queue, thresholds))


def failure_alarms(queue: Reference) -> tuple[AlarmSpec, ...]:
    """The alarms of a queue that holds failures: its first message is one too many, and none may grow too old."""
    return (_depth(queue), _expiry(queue))


def _age(queue: Queue, thresholds: Thresholds) -> AlarmSpec:
    subject = Reference("queue", queue.name)
    limit, tries = thresholds.maximum_queue_age_seconds, queue.max_receive_count
    rule = f"over {limit} s, or longer than {tries} tries take when that is more"
    return AlarmSpec(
        subject=subject,
        word="age",
        meaning=f"The oldest message of {queue.name} waits {rule}; after {queue.retention_days} days it is lost.",
        action="see whether the consumer runs, fails or is throttled; give it more concurrency when it only is slow.",
        rule=rule,
        metrics=(of_queue(subject, "ApproximateAgeOfOldestMessage"),),
        # A message that gets its tries is not late: one takes as long as it stays invisible.
        threshold=lambda deployed: max(limit, tries * deployed.visibility_seconds),
        silence=NOTHING_WAITS,
        symptom="events-late",
        periods=3,
        datapoints=2,
    )


def _in_flight(queue: Queue, thresholds: Thresholds) -> AlarmSpec:
    subject, percent = Reference("queue", queue.name), thresholds.capacity_percent
    return AlarmSpec(
        subject=subject,
        word="in-flight",
        meaning=f"{queue.name} has over {percent} % of the messages in flight that it may; at the limit it stops.",
        action="see why the consumer neither finishes nor gives up on messages; look at its errors and its duration.",
        rule=f"over {percent} % of the {IN_FLIGHT_QUOTA} that SQS allows",
        metrics=(of_queue(subject, "ApproximateNumberOfMessagesNotVisible"),),
        threshold=IN_FLIGHT_QUOTA * percent / 100,
        silence=NOTHING_WAITS,
        periods=3,
        datapoints=2,
    )


def _depth(queue: Reference) -> AlarmSpec:
    return AlarmSpec(
        subject=queue,
        word="depth",
        meaning=f"Events of {queue.purpose} failed for good and wait here; after {KEPT_DAYS} days they are lost.",
        action="run `estate redrive --dry-run` to see why, remove the cause, then `estate redrive`.",
        rule="the first message",
        metrics=(of_queue(queue, "ApproximateNumberOfMessagesVisible"),),
        threshold=1,
        silence=STILL_WAITING,
        symptom="events-lost",
        comparison="GreaterThanOrEqualToThreshold",
    )


def _expiry(queue: Reference) -> AlarmSpec:
    # Half: SQS counts a dead letter's days from its first queue on, where it may have spent a week of them.
    days = KEPT_DAYS // 2
    return AlarmSpec(
        subject=queue,
        word="expiry",
        meaning=f"Failed events of {queue.purpose} are over {days} days old; after {KEPT_DAYS} SQS deletes them.",
        action="run `estate redrive` now, or keep what is worth keeping: nobody can bring them back later.",
        rule=f"over half of the {KEPT_DAYS} days they are kept",
        metrics=(of_queue(queue, "ApproximateAgeOfOldestMessage"),),
        threshold=days * SECONDS_PER_DAY,
        silence=STILL_WAITING,
        period_seconds=300,
    )
