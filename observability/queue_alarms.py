"""Alarms of source queues and dead-letter queues.

Alarms on messages in a dead-letter queue ignore missing data: a gap doesn't mean that the messages are gone, as an
emptied queue publishes zeros.
"""

from collections.abc import Iterator
from functools import partial

from foundation.model import DEAD_LETTER_DAYS, Queue
from observability.alarm_spec import HOUR, AlarmSpec, Key
from observability.metrics import Estate

# Messages of a standard queue that may be in flight ("Amazon SQS message quotas"); beyond, receives are refused.
IN_FLIGHT_QUOTA = 120_000

# A message that was received more often no longer counts in the age ("Available CloudWatch metrics").
COUNTED_TRIES = 3


def queue_alarms(queue: Queue, estate: Estate) -> Iterator[AlarmSpec]:
    """Yield the alarms of a queue that a function consumes."""
    key = Key("queue", queue.name)
    yield _age(key, queue, estate)
    yield _stuck(key, queue, estate)
    if estate.thresholds.quiet_hours:
        yield _silent(key, queue, estate)
    percent = estate.thresholds.capacity_percent
    yield AlarmSpec(
        key=key,
        alarm_type="in-flight",
        summary=f"{queue.name} has over {percent} % of the messages in flight that it may; at the limit it stops.",
        remediation="see why the consumer neither finishes nor gives up on messages; look at its errors and duration.",
        rule=f"over {percent} % of the {IN_FLIGHT_QUOTA} that SQS allows",
        metrics=(estate.metrics.queue(queue.name, "ApproximateNumberOfMessagesNotVisible"),),
        threshold=IN_FLIGHT_QUOTA * percent / 100,
        level="all",
        periods=6,
        datapoints=2,
    )


def _age(key: Key, queue: Queue, estate: Estate) -> AlarmSpec:
    seconds = estate.thresholds.maximum_queue_age_seconds
    late = f"over {seconds} s, or longer than {COUNTED_TRIES} tries take when that is more"
    return AlarmSpec(
        key=key,
        alarm_type="age",
        summary=f"The oldest message of {queue.name} waits {late}; after {queue.retention_days} days it is lost.",
        remediation="see whether the consumer runs, fails or is throttled; give it more concurrency when it is slow.",
        rule=late,
        metrics=(estate.metrics.queue(queue.name, "ApproximateAgeOfOldestMessage"),),
        # A message in its first tries is not late; each try takes up to the visibility timeout.
        threshold=max(seconds, COUNTED_TRIES * estate.catalog.consumer(queue.name).visibility_seconds),
        level="symptoms",
        symptom="events-late",
        periods=6,
        datapoints=2,
    )


def _stuck(key: Key, queue: Queue, estate: Estate) -> AlarmSpec:
    of_queue = partial(estate.metrics.queue, queue.name)
    return AlarmSpec(
        key=key,
        alarm_type="stuck",
        # Not the age: SQS leaves out messages received more than three times.
        summary=f"For 15 minutes records of {queue.name} were handed back, or messages waited while none were sent.",
        remediation="run the saved query of errors: the reasons stand there; look for a throttled table.",
        rule="records handed back, or messages and none sent, in 15 of 20 minutes",
        # A consumer may delay its next try: then no record fails for minutes, and the messages wait, invisible.
        metrics=(
            estate.metrics.log(estate.catalog.consumer(queue.name), "records-failed"),
            of_queue("NumberOfMessagesSent", "Sum"),
            of_queue("ApproximateNumberOfMessagesVisible", "Average"),
            of_queue("ApproximateNumberOfMessagesNotVisible", "Average"),
        ),
        expression="MAX([IF(FILL(m1, 0) > 0, 1, 0), IF(FILL(m2, 0) == 0 AND FILL(m3, 0) + FILL(m4, 0) >= 1, 1, 0)])",
        level="symptoms",
        symptom="events-late",
        periods=20,
        datapoints=15,
    )


def _silent(key: Key, queue: Queue, estate: Estate) -> AlarmSpec:
    hours = estate.thresholds.quiet_hours
    return AlarmSpec(
        key=key,
        alarm_type="silent",
        summary=f"Nothing was sent to {queue.name} for {hours} hours.",
        remediation="see whether its senders run, and whether they are refused: nothing is wrong in the estate itself.",
        rule="no message for observability:quietHours",
        metrics=(estate.metrics.queue(queue.name, "NumberOfMessagesSent", "Sum"),),
        expression="FILL(m1, 0)",
        threshold=1,
        comparison="LessThanThreshold",
        missing_data="breaching",  # SQS publishes nothing for an unused queue
        level="symptoms",
        severity="page",
        period_seconds=HOUR,
        periods=hours,
        datapoints=hours,
    )


def dead_letter_alarms(name: str, source: Queue | None, estate: Estate) -> Iterator[AlarmSpec]:
    """Yield the alarms of a dead-letter queue; `source` is its source queue, None if Lambda sends to it."""
    key = Key("dlq", name)
    # Visible and invisible messages: their sum doesn't change when messages are looked at.
    visible = estate.metrics.dead_letter_queue(name, "ApproximateNumberOfMessagesVisible")
    hidden = estate.metrics.dead_letter_queue(name, "ApproximateNumberOfMessagesNotVisible")
    yield AlarmSpec(
        key=key,
        alarm_type="depth",
        summary=f"Events of {name} failed for good and wait here; {DEAD_LETTER_DAYS} days after they were sent they "
        "are lost.",
        remediation="run `estate redrive --dry-run` to see why, remove the cause, then `estate redrive`.",
        rule="the first message",
        metrics=(visible, hidden),
        expression="m1 + m2",
        threshold=1,
        comparison="GreaterThanOrEqualToThreshold",
        missing_data="ignore",
        level="symptoms",
        symptom="events-lost",
        periods=5,
    )
    increase = "RUNNING_SUM(DIFF(FILL(m1, 0) + FILL(m2, 0)))"
    # The dead-letter queue of a queue gets malformed events, too; the alarm `invalid` counts those.
    malformed = (estate.metrics.log(estate.catalog.consumer(source.name), "events-invalid"),) if source else ()
    yield AlarmSpec(
        key=key,
        alarm_type="arrivals",
        summary=f"More events of {name} failed for good; they wait in its dead-letter queue.",
        remediation="run `estate redrive --dry-run` to see why, remove the cause, then `estate redrive`.",
        rule="every further message; malformed events are left out",
        metrics=(visible, hidden, *malformed),
        expression=f"{increase} - RUNNING_SUM(FILL(m3, 0))" if malformed else increase,
        level="symptoms",
        severity="page",
        # Two datapoints, or three with metrics of two services, which may be published a minute apart.
        periods=7 if malformed else 6,
        datapoints=3 if malformed else 2,
    )
    yield _expiry(key, source, estate)


def waiting_days(source: Queue | None) -> int:
    """Return the days that a failed event may wait before an alarm: half of its remaining retention, at worst.

    SQS counts the retention of a dead letter from its first queue on. Lambda sends failures as new messages.
    """
    return (DEAD_LETTER_DAYS - (source.retention_days if source else 0)) // 2


def _expiry(key: Key, source: Queue | None, estate: Estate) -> AlarmSpec:
    days = waiting_days(source)
    return AlarmSpec(
        key=key,
        alarm_type="expiry",
        summary=f"Failed events of {key.name} have waited for {days} days; {DEAD_LETTER_DAYS} days after they were "
        "sent they are lost.",
        remediation="run `estate redrive` now, or keep what is worth keeping: it cannot be brought back later.",
        rule=f"at least one for half of what is left of the {DEAD_LETTER_DAYS} days after the source queue's retention",
        # The average of an hour, as looking at messages hides them for half a minute. Not the age of a dead letter:
        # each look resets it, and SQS deletes by another age.
        metrics=(estate.metrics.dead_letter_queue(key.name, "ApproximateNumberOfMessagesVisible", "Average"),),
        threshold=0.5,
        comparison="GreaterThanOrEqualToThreshold",
        missing_data="ignore",
        level="symptoms",
        period_seconds=HOUR,
        periods=24 * days,
        datapoints=24 * days,
    )
