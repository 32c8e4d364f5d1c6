"""The alarms on what a function has been given: memory, concurrency, warm environments."""

from functools import partial

from foundation.model import Function
from observability.alarm_spec import NOT_CALLED, AlarmSpec
from observability.config import Thresholds
from observability.metrics import Reference, memory_used, of_function

DAY = 86_400


def capacity_alarms(function: Function, thresholds: Thresholds) -> list[AlarmSpec]:
    """Memory for every function; concurrency where it is bounded; warm environments where it is critical."""
    specs = [_memory(function, thresholds)]
    if function.concurrency_limit is not None:
        specs.append(_concurrency(function, function.concurrency_limit, thresholds))
    if function.critical:
        specs += [_spillover(function), _under_use(function)]
    return specs


def _spec(function: Function) -> partial[AlarmSpec]:
    return partial(AlarmSpec, subject=Reference("function", function.name), silence=NOT_CALLED)


def _memory(function: Function, thresholds: Thresholds) -> AlarmSpec:
    percent = thresholds.memory_percent
    return _spec(function)(
        word="memory",
        meaning=f"Calls of {function.name} use over {percent} % of its memory; more would end them.",
        action="run `estate rightsize --apply` and roll compute out; undo the last deployment when it began with it.",
        rule=f"over {percent} % of its memory",
        metrics=(memory_used(function),),
        threshold=lambda deployed: deployed.memory_mb * percent / 100,
        period_seconds=300,
        periods=3,
        datapoints=2,
    )


def _concurrency(function: Function, limit: int, thresholds: Thresholds) -> AlarmSpec:
    percent = thresholds.capacity_percent
    return _spec(function)(
        word="concurrency",
        meaning=f"{function.name} has worked at over {percent} % of its {limit} calls at once for 15 minutes.",
        action="wait when a backlog is being worked off; else raise the limit in the catalog, or make calls shorter.",
        rule=f"over {percent} % of its reservation, or of what its queue may start",
        metrics=(of_function(function, "ConcurrentExecutions", "Maximum"),),
        threshold=limit * percent / 100,
        period_seconds=300,
        periods=3,
        datapoints=3,
    )


def _spillover(function: Function) -> AlarmSpec:
    return _spec(function)(
        word="spillover",
        meaning=f"Calls of {function.name} found no warm environment and waited for a cold start.",
        action="raise compute:provisionedMaximum, or compute:peakMinimum when it comes with the peak hours.",
        rule="the first call beyond the warm environments",
        metrics=(of_function(function, "ProvisionedConcurrencySpilloverInvocations", alias=True),),
        threshold=0,
        symptom="queries-slow",
        periods=5,
        datapoints=3,
    )


def _under_use(function: Function) -> AlarmSpec:
    # Five days of seven: a function that rests at the weekend is not called then, and has nothing measured.
    return _spec(function)(
        word="under-use",
        meaning=f"On five days of a week, {function.name} needed less than half of the warm environments it could use.",
        action="lower compute:provisionedMinimum and compute:peakMinimum to what the dashboard shows in use.",
        rule="the day's highest use under half of what autoscaling aims at",
        metrics=(of_function(function, "ProvisionedConcurrencyUtilization", "Maximum", alias=True),),
        threshold=lambda deployed: deployed.warm_percent / 100 / 2,
        comparison="LessThanThreshold",
        period_seconds=DAY,
        periods=7,
        datapoints=5,
    )
