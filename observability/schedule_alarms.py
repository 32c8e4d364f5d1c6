"""Alarm types of schedules: calls that EventBridge Scheduler could not make, and times at which nothing ran.

A call that was given up waits in the function's dead-letter queue, whose alarms report it; calls that the function
itself failed on are the function's errors.
"""

from collections.abc import Callable

from foundation.model import Catalog, Function, ScheduleTrigger
from foundation.schedule_expressions import rate_seconds
from observability.alarm_spec import HOUR, WEEK, MissingData
from observability.definition import AlarmDefinition, Watched
from observability.metrics import Metric

NOTHING_FAILED = MissingData("notBreaching", "EventBridge Scheduler publishes nothing while nothing fails")
NOT_CALLED = MissingData("breaching", "Lambda publishes nothing while the function is not called")

# The last attempt at a call is up to an hour after its time, and a metric a few minutes late.
_LOOK_BACK_MINUTES = 10
_GRACE_SECONDS = 600
_MOST_MINUTES = 1_440

OfSchedule = Watched[Function]


def scheduled(catalog: Catalog) -> tuple[Function, ...]:
    """Return the functions with a schedule."""
    return tuple(function for function in catalog.functions if isinstance(function.trigger, ScheduleTrigger))


def _of(*metrics: str) -> Callable[[OfSchedule], tuple[Metric, ...]]:
    return lambda watched: tuple(watched.metrics.schedule(watched.key.name, name) for name in metrics)


def _overdue_seconds(watched: OfSchedule) -> int | None:
    """Return after how long without a call a rate is overdue; None of other schedules.

    A rate calls at once when it is made. Of a cron expression the time between two runs varies.
    """
    trigger = watched.resource.trigger
    rate = rate_seconds(trigger.expression) if isinstance(trigger, ScheduleTrigger) and trigger.enabled else None
    seconds = 2 * rate + _GRACE_SECONDS if rate else None
    return seconds if seconds and seconds <= WEEK else None


def _period(watched: OfSchedule) -> int:
    return 60 if (_overdue_seconds(watched) or 0) <= 60 * _MOST_MINUTES else HOUR


def _periods(watched: OfSchedule) -> int:
    return -(-(_overdue_seconds(watched) or 0) // _period(watched))


SCHEDULE_ALARMS: tuple[AlarmDefinition[Function], ...] = (
    AlarmDefinition(
        alarm_type="calls-failed",
        summary="EventBridge Scheduler could not call {resource.name} at a scheduled time; it tries again for "
        "{resource.trigger.maximum_event_age_seconds} s at most.",
        remediation="see whether the schedule's role may call the alias, and whether both are there: `estate drift`.",
        rule="the first error",
        metrics=_of("TargetErrorCount"),
        threshold=0,
        missing_data=NOTHING_FAILED,
        periods=_LOOK_BACK_MINUTES,
    ),
    AlarmDefinition(
        alarm_type="calls-throttled",
        summary="Calls of {resource.name} at scheduled times were throttled, by Lambda or by the scheduler's quota.",
        remediation="look for what else calls Lambda at the same minute; move the schedule, or have the quota raised.",
        rule="the first one",
        metrics=_of("TargetErrorThrottledCount", "InvocationThrottleCount"),
        expression="FILL(m1, 0) + FILL(m2, 0)",
        threshold=0,
        missing_data=NOTHING_FAILED,
        level="all",
        periods=_LOOK_BACK_MINUTES,
    ),
    AlarmDefinition(
        alarm_type="lost",
        summary="A call of {resource.name} that was given up did not reach the dead-letter queue: its time is lost.",
        remediation="check the queue, and that the schedule's role may send to it; call the function for that time.",
        rule="the first one",
        metrics=_of("InvocationsFailedToBeSentToDeadLetterCount"),
        threshold=0,
        missing_data=NOTHING_FAILED,
        level="symptoms",
        severity="page",
        periods=_LOOK_BACK_MINUTES,
    ),
    AlarmDefinition(
        alarm_type="overdue",
        summary="{resource.name} should run at {resource.trigger.expression}, and has not for {minutes} minutes.",
        remediation="see whether the schedule is there and enabled: `estate drift`; then whether it can call at all.",
        rule="no call for twice the rate and ten minutes; not of cron and at",
        values=lambda watched: {"minutes": (_overdue_seconds(watched) or 0) // 60},
        metrics=lambda watched: (watched.metrics.function(watched.resource, "Invocations"),),
        expression="FILL(m1, 0)",
        threshold=1,
        comparison="LessThanThreshold",
        missing_data=NOT_CALLED,
        period_seconds=_period,
        periods=_periods,
        datapoints=_periods,
        applies=lambda watched: _overdue_seconds(watched) is not None,
    ),
)
