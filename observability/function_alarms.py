"""The alarms of a function, from its declaration."""

from foundation.model import Function, StreamTrigger
from observability.alarm_spec import AlarmSpec
from observability.config import Thresholds
from observability.metrics import Reference, of_function


def function_alarms(function: Function, thresholds: Thresholds) -> tuple[AlarmSpec, ...]:
    """The alarms every function has, and those that its trigger and its being critical bring with them."""
    specs = [_errors(function), _throttles(function), _duration(function, thresholds), _dead_lettering(function)]
    if isinstance(function.trigger, StreamTrigger):
        specs += [_lag(function, thresholds), _delivery(function)]
    if function.critical:
        specs.append(_spillover(function))
    return tuple(specs)


def _subject(function: Function) -> Reference:
    return Reference("function", function.name)


def _errors(function: Function) -> AlarmSpec:
    return AlarmSpec(
        subject=_subject(function),
        word="errors",
        meaning=f"Calls of {function.name} ended in an error or a timeout.",
        action="run the saved query of errors; undo the last deployment when they began with it.",
        metrics=(of_function(function, "Errors"),),
        threshold=0,
        severity="ticket",
    )


def _throttles(function: Function) -> AlarmSpec:
    # A trigger tries again, so that one minute of throttling does no harm; who calls directly is turned away.
    periods, datapoints = (3, 2) if function.trigger else (1, 1)
    return AlarmSpec(
        subject=_subject(function),
        word="throttles",
        meaning=f"Calls of {function.name} were refused because no concurrency was left.",
        action="look for the function that uses up the account's concurrency, or have the quota raised.",
        metrics=(of_function(function, "Throttles"),),
        threshold=0,
        severity="ticket",
        periods=periods,
        datapoints=datapoints,
    )


def _duration(function: Function, thresholds: Thresholds) -> AlarmSpec:
    percent = thresholds.duration_percent
    return AlarmSpec(
        subject=_subject(function),
        word="duration",
        meaning=f"The slowest calls take over {percent} % of the {function.timeout_seconds} s they may; timeouts loom.",
        action="run the saved query of the slowest calls; look at what they wait for and at the memory they have.",
        metrics=(of_function(function, "Duration", "p99"),),
        threshold=function.timeout_seconds * 1000 * percent / 100,
        severity="ticket",
        periods=3,
        datapoints=2,
    )


def _dead_lettering(function: Function) -> AlarmSpec:
    return AlarmSpec(
        subject=_subject(function),
        word="dead-lettering",
        meaning=f"A failed asynchronous call of {function.name} did not reach its failure queue: the event is lost.",
        action="check the failure queue, and that the function's role may send to it; find the event in the logs.",
        metrics=(of_function(function, "DeadLetterErrors"),),
        threshold=0,
        severity="page",
    )


def _lag(function: Function, thresholds: Thresholds) -> AlarmSpec:
    limit = thresholds.maximum_stream_lag_seconds
    return AlarmSpec(
        subject=_subject(function),
        word="lag",
        meaning=f"{function.name} gets records over {limit} s after they were written; after 24 hours they are lost.",
        action="see whether it fails on a batch or is slow; raise the trigger's parallelization when it only is slow.",
        metrics=(of_function(function, "IteratorAge", "Maximum"),),
        threshold=limit * 1000,
        severity="page",
        periods=3,
        datapoints=2,
    )


def _delivery(function: Function) -> AlarmSpec:
    return AlarmSpec(
        subject=_subject(function),
        word="delivery",
        meaning=f"Records that {function.name} failed on did not reach its failure queue: nothing points at them.",
        action="check the failure queue, and that the function's role may send to it; the table has the records.",
        metrics=(of_function(function, "DestinationDeliveryFailures"),),
        threshold=0,
        severity="page",
    )


def _spillover(function: Function) -> AlarmSpec:
    return AlarmSpec(
        subject=_subject(function),
        word="spillover",
        meaning=f"Calls of {function.name} found no warm environment and waited for a cold start.",
        action="raise compute:provisionedMaximum, or compute:peakMinimum when it comes with the peak hours.",
        metrics=(of_function(function, "ProvisionedConcurrencySpilloverInvocations", alias=True),),
        threshold=0,
        severity="ticket",
        periods=3,
        datapoints=2,
    )
