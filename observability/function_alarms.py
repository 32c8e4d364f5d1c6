"""The alarms of a function, from its declaration: whether its calls succeed, in time, and their failures are kept."""

from functools import partial

from foundation.model import Function, StreamTrigger
from observability.alarm_spec import NOT_CALLED, AlarmSpec
from observability.config import Thresholds
from observability.function_capacity import capacity_alarms
from observability.metrics import Reference, of_function

# Below so many calls in a period, one failure would be a rate.
FEWEST_CALLS = 10


def function_alarms(function: Function, thresholds: Thresholds) -> tuple[AlarmSpec, ...]:
    """The alarms every function has, and those that its trigger and its being critical bring with them."""
    specs = [
        _errors(function),
        _error_rate(function, thresholds),
        _throttles(function),
        _duration(function, thresholds),
        _dead_lettering(function),
    ]
    if isinstance(function.trigger, StreamTrigger):
        specs += [_lag(function, thresholds), _delivery(function)]
    if function.critical:
        specs.append(_latency(function, thresholds))
    return (*specs, *capacity_alarms(function, thresholds))


def _spec(function: Function) -> partial[AlarmSpec]:
    return partial(AlarmSpec, subject=Reference("function", function.name), silence=NOT_CALLED)


def _errors(function: Function) -> AlarmSpec:
    return _spec(function)(
        word="errors",
        meaning=f"Calls of {function.name} ended in an error or a timeout.",
        action="run the saved query of errors; undo the last deployment when they began with it.",
        rule="the first error",
        metrics=(of_function(function, "Errors"),),
        threshold=0,
    )


def _error_rate(function: Function, thresholds: Thresholds) -> AlarmSpec:
    percent = thresholds.error_percent
    return _spec(function)(
        word="error-rate",
        meaning=f"Over {percent} % of the calls of {function.name} fail, and have for minutes.",
        action="undo the last deployment when it began with it; else see whether what it calls is down or throttled.",
        rule=f"over {percent} % of at least {FEWEST_CALLS} calls",
        metrics=(of_function(function, "Errors"), of_function(function, "Invocations")),
        expression=f"IF(m2 >= {FEWEST_CALLS}, 100 * m1 / m2, 0)",
        threshold=percent,
        symptom="queries-slow" if function.critical else None,
        period_seconds=300,
        periods=3,
        datapoints=2,
    )


def _throttles(function: Function) -> AlarmSpec:
    # A trigger tries again, so that one minute of throttling does no harm; who calls directly is turned away.
    periods, datapoints = (3, 2) if function.trigger else (1, 1)
    return _spec(function)(
        word="throttles",
        meaning=f"Calls of {function.name} were refused because no concurrency was left.",
        action="look for the function that uses up the account's concurrency, or have the quota raised.",
        rule="the first refused call",
        metrics=(of_function(function, "Throttles"),),
        threshold=0,
        symptom="queries-slow" if function.critical else None,
        periods=periods,
        datapoints=datapoints,
    )


def _duration(function: Function, thresholds: Thresholds) -> AlarmSpec:
    percent = thresholds.duration_percent
    return _spec(function)(
        word="duration",
        meaning=f"The slowest calls take over {percent} % of the {function.timeout_seconds} s they may; timeouts loom.",
        action="run the saved query of the slowest calls; look at what they wait for and at the memory they have.",
        rule=f"p99 over {percent} % of the timeout",
        metrics=(of_function(function, "Duration", "p99"),),
        threshold=function.timeout_seconds * 1000 * percent / 100,
        periods=3,
        datapoints=2,
    )


def _latency(function: Function, thresholds: Thresholds) -> AlarmSpec:
    limit = thresholds.slow_query_milliseconds
    return _spec(function)(
        word="latency",
        meaning=f"Who calls {function.name} waits for over {limit} ms.",
        action="run the saved query of the slowest calls; look for a throttled table or too little memory.",
        rule=f"p99 over {limit} ms",
        metrics=(of_function(function, "Duration", "p99"),),
        threshold=limit,
        symptom="queries-slow",
        periods=3,
        datapoints=2,
    )


def _dead_lettering(function: Function) -> AlarmSpec:
    return _spec(function)(
        word="dead-lettering",
        meaning=f"A failed asynchronous call of {function.name} did not reach its failure queue: the event is lost.",
        action="check the failure queue, and that the function's role may send to it; find the event in the logs.",
        rule="the first one",
        metrics=(of_function(function, "DeadLetterErrors"),),
        threshold=0,
        symptom="events-lost",
    )


def _lag(function: Function, thresholds: Thresholds) -> AlarmSpec:
    limit = thresholds.maximum_stream_lag_seconds
    return _spec(function)(
        word="lag",
        meaning=f"{function.name} gets records over {limit} s after they were written; after 24 hours they are lost.",
        action="see whether it fails on a batch or is slow; raise the trigger's parallelization when it only is slow.",
        rule=f"a record older than {limit} s",
        metrics=(of_function(function, "IteratorAge", "Maximum"),),
        threshold=limit * 1000,
        symptom="events-late",
        periods=3,
        datapoints=2,
    )


def _delivery(function: Function) -> AlarmSpec:
    return _spec(function)(
        word="delivery",
        meaning=f"Records that {function.name} failed on did not reach its failure queue: nothing points at them.",
        action="check the failure queue, and that the function's role may send to it; the table has the records.",
        rule="the first one",
        metrics=(of_function(function, "DestinationDeliveryFailures"),),
        threshold=0,
        symptom="events-lost",
    )
