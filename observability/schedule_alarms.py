"""Alarms of schedules: failed calls of EventBridge Scheduler, and overdue runs.

A call that exhausted its retries is in the function's dead-letter queue, which has alarms; calls that the function
itself failed on are the function's errors.
"""

from collections.abc import Iterator
from functools import partial

from foundation.model import Function, ScheduleTrigger
from foundation.schedule_expressions import rate_seconds
from observability.alarm_spec import HOUR, WEEK, AlarmSpec, Key
from observability.metrics import Estate

# The last attempt of a call is up to an hour after its time, and metrics are a few minutes late.
_LOOK_BACK_MINUTES = 10
_GRACE_SECONDS = 600
_MOST_MINUTES = 1_440


def schedule_alarms(function: Function, trigger: ScheduleTrigger, estate: Estate) -> Iterator[AlarmSpec]:
    """Yield the alarms of a function's schedule."""
    key, metric = Key("schedule", function.name), partial(estate.metrics.schedule, function.name)
    yield AlarmSpec(
        key=key,
        alarm_type="calls-failed",
        summary=f"EventBridge Scheduler could not call {function.name} at a scheduled time; it tries again for "
        f"{trigger.maximum_event_age_seconds} s at most.",
        remediation="see whether the schedule's role may call the alias, and whether both are there: `estate drift`.",
        rule="the first error",
        metrics=(metric("TargetErrorCount"),),
        periods=_LOOK_BACK_MINUTES,
    )
    yield AlarmSpec(
        key=key,
        alarm_type="calls-throttled",
        summary=f"Calls of {function.name} at scheduled times were throttled, by Lambda or by the scheduler's quota.",
        remediation="look for what else calls Lambda at the same minute; move the schedule, or have the quota raised.",
        rule="the first one",
        metrics=(metric("TargetErrorThrottledCount"), metric("InvocationThrottleCount")),
        expression="FILL(m1, 0) + FILL(m2, 0)",
        level="all",
        periods=_LOOK_BACK_MINUTES,
    )
    yield AlarmSpec(
        key=key,
        alarm_type="lost",
        summary=f"A call of {function.name} that was given up did not reach the dead-letter queue: its time is lost.",
        remediation="check the queue, and that the schedule's role may send to it; call the function for that time.",
        rule="the first one",
        metrics=(metric("InvocationsFailedToBeSentToDeadLetterCount"),),
        level="symptoms",
        severity="page",
        periods=_LOOK_BACK_MINUTES,
    )
    yield from _overdue(key, function, trigger, estate)


def _overdue(key: Key, function: Function, trigger: ScheduleTrigger, estate: Estate) -> Iterator[AlarmSpec]:
    # A rate runs at once when it is created. Of a cron expression the time between two runs varies.
    rate = rate_seconds(trigger.expression) if trigger.enabled else None
    seconds = 2 * rate + _GRACE_SECONDS if rate else 0
    if not 0 < seconds <= WEEK:
        return
    period = 60 if seconds <= 60 * _MOST_MINUTES else HOUR
    periods = -(-seconds // period)
    yield AlarmSpec(
        key=key,
        alarm_type="overdue",
        summary=f"{function.name} should run at {trigger.expression}, and has not for {seconds // 60} minutes.",
        remediation="see whether the schedule is there and enabled: `estate drift`; then whether it can call at all.",
        rule="no call for twice the rate and ten minutes; not of cron and at",
        metrics=(estate.metrics.function(function, "Invocations"),),
        expression="FILL(m1, 0)",
        threshold=1,
        comparison="LessThanThreshold",
        missing_data="breaching",  # Lambda publishes nothing while the function is not called
        period_seconds=period,
        periods=periods,
        datapoints=periods,
    )
