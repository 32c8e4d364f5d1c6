"""Alarm types of queues: those that functions consume, and those that hold what failed."""

from foundation.model import Catalog, Function, Queue
from observability.alarm_spec import HOUR, MissingData
from observability.definition import AlarmDefinition, Watched
from observability.metrics import Metric

# Messages of a standard queue that may be in flight ("Amazon SQS message quotas"); then none is handed out.
IN_FLIGHT_QUOTA = 120_000
# Retention of dead-letter queues in the data and compute layers; the most that SQS allows.
KEPT_DAYS = 14

UNUSED = MissingData("notBreaching", "SQS publishes nothing for a queue that was empty and unused for six hours")
STILL_WAITING = MissingData("ignore", "a gap does not say that the messages are gone; an emptied queue publishes zeros")

# A message that was received more often no longer counts in the age ("Available CloudWatch metrics").
COUNTED_TRIES = 3

OfQueue = Watched[Queue]
OfFailures = Watched["Queue | None"]


def _late_seconds(watched: OfQueue) -> float:
    """A message that gets its first tries is not late: one takes as long as it stays invisible."""
    return max(
        watched.thresholds.maximum_queue_age_seconds,
        COUNTED_TRIES * _consumer(watched.catalog, watched.resource).visibility_seconds,
    )


def _consumer(catalog: Catalog, queue: Queue) -> Function:
    return catalog.consumer(queue.name)


def _handed_back_or_waiting(watched: OfQueue) -> tuple[Metric, ...]:
    """A consumer may put its next try off: then nothing fails for minutes, and the messages wait, hidden."""
    return (
        watched.metrics.log(_consumer(watched.catalog, watched.resource), "records-failed"),
        watched.metrics.queue(watched.key.name, "NumberOfMessagesSent", "Sum"),
        watched.metrics.queue(watched.key.name, "ApproximateNumberOfMessagesVisible", "Average"),
        watched.metrics.queue(watched.key.name, "ApproximateNumberOfMessagesNotVisible", "Average"),
    )


QUEUE_ALARMS: tuple[AlarmDefinition[Queue], ...] = (
    AlarmDefinition(
        alarm_type="age",
        summary="The oldest message of {resource.name} waits over {thresholds.maximum_queue_age_seconds} s, or longer "
        f"than {COUNTED_TRIES} tries take when that is more; "
        "after {resource.retention_days} days it is lost.",
        remediation="see whether the consumer runs, fails or is throttled; give it more concurrency when it is slow.",
        rule="over {thresholds.maximum_queue_age_seconds} s, "
        f"or longer than {COUNTED_TRIES} tries take when that is more",
        metrics=lambda watched: (watched.metrics.queue(watched.key.name, "ApproximateAgeOfOldestMessage"),),
        threshold=_late_seconds,
        missing_data=UNUSED,
        level="symptoms",
        symptom="events-late",
        periods=6,
        datapoints=2,
    ),
    AlarmDefinition(
        alarm_type="stuck",
        # Not the age: SQS leaves out what was received more than three times.
        summary="For 15 minutes records of {resource.name} were handed back, or messages waited while none were sent.",
        remediation="run the saved query of errors: the reasons stand there; look for a throttled table.",
        rule="records handed back, or messages and none sent, in 15 of 20 minutes",
        metrics=_handed_back_or_waiting,
        expression="MAX([IF(FILL(m1, 0) > 0, 1, 0), IF(FILL(m2, 0) == 0 AND FILL(m3, 0) + FILL(m4, 0) >= 1, 1, 0)])",
        threshold=0,
        missing_data=UNUSED,
        level="symptoms",
        symptom="events-late",
        periods=20,
        datapoints=15,
    ),
    AlarmDefinition(
        alarm_type="silent",
        summary="Nothing was sent to {resource.name} for {thresholds.quiet_hours} hours.",
        remediation="see whether its senders run, and whether they are refused: nothing is wrong in the estate itself.",
        rule="no message for observability:quietHours",
        metrics=lambda watched: (watched.metrics.queue(watched.key.name, "NumberOfMessagesSent", "Sum"),),
        expression="FILL(m1, 0)",
        threshold=1,
        comparison="LessThanThreshold",
        missing_data=MissingData("breaching", "SQS publishes nothing for an unused queue"),
        level="symptoms",
        severity="page",
        period_seconds=HOUR,
        periods=lambda watched: watched.thresholds.quiet_hours,
        datapoints=lambda watched: watched.thresholds.quiet_hours,
        applies=lambda watched: watched.thresholds.quiet_hours > 0,
    ),
    AlarmDefinition(
        alarm_type="in-flight",
        summary="{resource.name} has over {thresholds.capacity_percent} % of the messages in flight that it may; "
        "at the limit it stops.",
        remediation="see why the consumer neither finishes nor gives up on messages; look at its errors and duration.",
        rule="over {thresholds.capacity_percent} % of the {quota} that SQS allows",
        values=lambda _: {"quota": IN_FLIGHT_QUOTA},
        metrics=lambda watched: (watched.metrics.queue(watched.key.name, "ApproximateNumberOfMessagesNotVisible"),),
        threshold=lambda watched: IN_FLIGHT_QUOTA * watched.thresholds.capacity_percent / 100,
        missing_data=UNUSED,
        level="all",
        periods=6,
        datapoints=2,
    ),
)


def _held(watched: OfFailures) -> tuple[Metric, Metric]:
    """Messages that wait and those that somebody looks at: together, looking changes nothing."""
    return (
        watched.metrics.dead_letter_queue(watched.key.name, "ApproximateNumberOfMessagesVisible"),
        watched.metrics.dead_letter_queue(watched.key.name, "ApproximateNumberOfMessagesNotVisible"),
    )


def _held_and_explained(watched: OfFailures) -> tuple[Metric, ...]:
    """Malformed events reach the dead-letter queue of a queue, too; the alarm `invalid` counts those."""
    if watched.resource is None:
        return _held(watched)
    return (*_held(watched), watched.metrics.log(_consumer(watched.catalog, watched.resource), "events-invalid"))


def _increase(watched: OfFailures) -> str:
    """The messages that came since the beginning of the range, less those that the consumer said were malformed."""
    increase = "RUNNING_SUM(DIFF(FILL(m1, 0) + FILL(m2, 0)))"
    return increase if watched.resource is None else f"{increase} - RUNNING_SUM(FILL(m3, 0))"


def _source_days(watched: OfFailures) -> int:
    return watched.resource.retention_days if watched.resource else 0


def waiting_days(watched: OfFailures) -> int:
    """Days that a failed event may wait before somebody is asked again: half of what is left of its life at worst.

    SQS counts the life of a dead letter from its first queue on. Lambda sends its failures anew.
    """
    return (KEPT_DAYS - _source_days(watched)) // 2


FAILURE_ALARMS: tuple[AlarmDefinition[Queue | None], ...] = (
    AlarmDefinition(
        alarm_type="depth",
        summary="Events of {queue} failed for good and wait here; {days} days after they were sent they are lost.",
        remediation="run `estate redrive --dry-run` to see why, remove the cause, then `estate redrive`.",
        rule="the first message",
        values=lambda watched: {"queue": watched.key.name, "days": KEPT_DAYS},
        metrics=_held,
        expression="m1 + m2",
        threshold=1,
        comparison="GreaterThanOrEqualToThreshold",
        missing_data=STILL_WAITING,
        level="symptoms",
        symptom="events-lost",
        periods=5,
    ),
    AlarmDefinition(
        alarm_type="arrivals",
        summary="More events of {queue} failed for good; they wait in its dead-letter queue.",
        remediation="run `estate redrive --dry-run` to see why, remove the cause, then `estate redrive`.",
        rule="every further message; malformed events are left out",
        values=lambda watched: {"queue": watched.key.name},
        metrics=_held_and_explained,
        expression=_increase,
        threshold=0,
        missing_data=UNUSED,
        level="symptoms",
        severity="page",
        # Two datapoints, or three where two services publish: one may come a minute before the other.
        periods=lambda watched: 6 if watched.resource is None else 7,
        datapoints=lambda watched: 2 if watched.resource is None else 3,
    ),
    AlarmDefinition(
        alarm_type="expiry",
        summary="Failed events of {queue} have waited for {waited} days; {days} days after they were sent they are "
        "lost.",
        remediation="run `estate redrive` now, or keep what is worth keeping: it cannot be brought back later.",
        rule="at least one for half of what is left of the {days} days after the source queue's retention",
        values=lambda watched: {"queue": watched.key.name, "waited": waiting_days(watched), "days": KEPT_DAYS},
        # The average of an hour: a look hides messages for half a minute. The age of a dead letter begins anew with
        # each look at it, and does not tell when SQS deletes it.
        metrics=lambda watched: (
            watched.metrics.dead_letter_queue(watched.key.name, "ApproximateNumberOfMessagesVisible", "Average"),
        ),
        threshold=0.5,
        comparison="GreaterThanOrEqualToThreshold",
        missing_data=STILL_WAITING,
        level="symptoms",
        period_seconds=HOUR,
        periods=lambda watched: 24 * waiting_days(watched),
        datapoints=lambda watched: 24 * waiting_days(watched),
    ),
)
