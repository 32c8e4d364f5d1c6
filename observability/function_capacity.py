"""Alarm types of what a function has been given: memory, concurrency, provisioned concurrency."""

from foundation.model import Function
from observability.alarm_spec import DAY
from observability.definition import AlarmDefinition, Watched
from observability.function_alarms import ENOUGH_CALLS, NOT_CALLED, NOTHING_LOGGED

# Share of the calls that may start cold before autoscaling of provisioned concurrency is taken to be behind; percent.
COLD_PERCENT = 10
# With fewer provisioned environments, one call at a time already is a use of a third or more.
FEWEST_PROVISIONED = 3

Of = Watched[Function]


def _concurrency_limit(watched: Of) -> int:
    return watched.resource.concurrency_limit or 0


def _has_provisioned_concurrency(watched: Of) -> bool:
    return watched.resource.critical and watched.resource.provisioned


CAPACITY_ALARMS: tuple[AlarmDefinition[Function], ...] = (
    AlarmDefinition(
        alarm_type="memory",
        summary="Calls of {resource.name} use over {thresholds.memory_percent} % of its memory; more would end them.",
        remediation="run `estate rightsize --apply`, roll compute out; undo the last deployment when it began with it.",
        rule="over {thresholds.memory_percent} % of its memory in two minutes of 15",
        metrics=lambda watched: (watched.metrics.memory_used(watched.resource),),
        threshold=lambda watched: (
            watched.estate.memory_mb[watched.resource.name] * watched.thresholds.memory_percent / 100
        ),
        missing_data=NOTHING_LOGGED,
        periods=15,
        datapoints=2,
    ),
    AlarmDefinition(
        alarm_type="concurrency",
        summary="{resource.name} has worked at over {thresholds.capacity_percent} % of its "
        "{resource.concurrency_limit} calls at once for 15 minutes.",
        remediation="wait while a backlog is worked off; else raise the limit in the catalog, or make calls shorter.",
        rule="over {thresholds.capacity_percent} % of its reservation, or of what its queue may start",
        metrics=lambda watched: (watched.metrics.function(watched.resource, "ConcurrentExecutions", "Maximum"),),
        threshold=lambda watched: _concurrency_limit(watched) * watched.thresholds.capacity_percent / 100,
        missing_data=NOT_CALLED,
        level="all",
        period_seconds=300,
        periods=3,
        datapoints=3,
        applies=lambda watched: watched.resource.concurrency_limit is not None,
    ),
    AlarmDefinition(
        alarm_type="spillover",
        summary="Over {percent} % of the calls of {resource.name} found no provisioned environment; callers wait for "
        "cold starts.",
        remediation="see whether its provisioned concurrency is there; raise compute:provisionedMaximum or "
        "compute:peakMinimum when it is used up.",
        rule="over {percent} % of at least {enough} calls of a minute",
        values=lambda _: {"percent": COLD_PERCENT, "enough": ENOUGH_CALLS},
        # Not the calls that spilled over: without any provisioned concurrency, Lambda counts none.
        metrics=lambda watched: (
            watched.metrics.function(watched.resource, "ProvisionedConcurrencyInvocations", alias=True),
            watched.metrics.function(watched.resource, "Invocations"),
        ),
        expression=f"IF(m2 >= {ENOUGH_CALLS}, 100 * (m2 - FILL(m1, 0)) / m2, 0)",
        # Without provisioned concurrency every call is a cold one, and no alarm.
        threshold=lambda watched: COLD_PERCENT if watched.estate.target_percent else 100,
        missing_data=NOT_CALLED,
        periods=25,
        datapoints=15,
        applies=_has_provisioned_concurrency,
    ),
    AlarmDefinition(
        alarm_type="under-use",
        # Five days of seven: a function that rests at the weekend is not called then, and has nothing measured.
        summary="On five days of a week, {resource.name} needed less than half of the provisioned concurrency it could "
        "use.",
        remediation="lower compute:provisionedMinimum and compute:peakMinimum to what the dashboard shows in use.",
        rule="the day's highest use under half of the target, of {fewest} environments or more",
        values=lambda _: {"fewest": FEWEST_PROVISIONED},
        metrics=lambda watched: (
            watched.metrics.function(watched.resource, "ProvisionedConcurrencyUtilization", "Maximum", alias=True),
            watched.metrics.function(watched.resource, "ProvisionedConcurrentExecutions", "Maximum", alias=True),
        ),
        expression=f"IF(m2 >= {FEWEST_PROVISIONED}, m1, 1)",
        threshold=lambda watched: watched.estate.target_percent / 100 / 2,
        comparison="LessThanThreshold",
        missing_data=NOT_CALLED,
        level="all",
        period_seconds=DAY,
        periods=7,
        datapoints=5,
        applies=_has_provisioned_concurrency,
    ),
)
