"""Alarms of functions: failures and delays of their calls, and use of memory, concurrency and logs."""

from collections.abc import Iterator

from foundation.model import Function
from observability.alarm_spec import DAY, HOUR, AlarmSpec, Key
from observability.consumer_alarms import consumer_alarms, look_back_minutes
from observability.metrics import Estate, Metric

# Fewest calls or records in a minute for an error rate; a caller's failures matter from fewer on.
FEWEST_RECORDS = 10
FEWEST_CALLS = 2
# Fewest calls in a minute for a percentile or a share: 20 within five minutes.
ENOUGH_CALLS = 4
# Percent of the calls that may start cold before autoscaling of provisioned concurrency counts as too slow.
COLD_PERCENT = 10
# With fewer provisioned environments, a single call at a time is a use of a third or more.
FEWEST_PROVISIONED = 3


def function_alarms(function: Function, estate: Estate) -> Iterator[AlarmSpec]:
    """Yield the alarms of a function."""
    key = Key("function", function.name)
    yield from _failures(key, function, estate)
    yield from _refusals(key, function, estate)
    yield from _slowness(key, function, estate)
    if not function.takes_batches:
        yield _dead_lettering(key, function, estate)
    yield from consumer_alarms(key, function, estate)
    yield from _resources(key, function, estate)
    if function.critical and function.provisioned:
        yield from _provisioned_concurrency(key, function, estate)


def _failures(key: Key, function: Function, estate: Estate) -> Iterator[AlarmSpec]:
    metrics, percent = estate.metrics, estate.thresholds.error_percent
    errors, calls = metrics.function(function, "Errors"), metrics.function(function, "Invocations")
    records = (metrics.log(function, "records-failed"), metrics.log(function, "records-received"))
    fewest = FEWEST_RECORDS if function.takes_batches else FEWEST_CALLS
    share = f"IF(m2 >= {fewest}, 100 * m1 / m2, 0)"
    # A successful call of a batch may return records as failed.
    worse = f"MAX([{share}, IF(FILL(m4, 0) >= {fewest}, 100 * FILL(m3, 0) / m4, 0)])"
    yield AlarmSpec(
        key=key,
        alarm_type="errors",
        summary=f"Calls of {function.name} ended in an error or a timeout.",
        remediation="run the saved query of errors; undo the last deployment when they began with it.",
        rule="the first error",
        metrics=(errors,),
        # Triggers retry: a lasting error shows in the error rate, as delay or in the dead-letter queue.
        level="all" if function.takes_batches else "standard",
        periods=look_back_minutes(function),
    )
    yield AlarmSpec(
        key=key,
        alarm_type="error-rate",
        summary=f"Over {percent} % of the calls of {function.name}, or of its records, fail.",
        remediation="undo the last deployment when it began with it; else see whether what it calls is throttled.",
        rule=f"over {percent} % of at least {fewest} calls or records of a minute",
        metrics=(errors, calls, *records) if function.takes_batches else (errors, calls),
        expression=worse if function.takes_batches else share,
        threshold=percent,
        level="symptoms" if function.critical else "standard",
        symptom="queries-slow" if function.critical else None,
        # Periods of minutes, which slide by the minute: longer ones may divide a burst. A consumer may delay its next
        # try by a quarter of an hour, so failures may pause that long.
        periods=60 if function.takes_batches else 15,
        datapoints=3 if function.takes_batches else 5,
    )


def _refusals(key: Key, function: Function, estate: Estate) -> Iterator[AlarmSpec]:
    metrics, percent = estate.metrics, estate.thresholds.error_percent
    if function.url is not None:
        yield AlarmSpec(
            key=key,
            alarm_type="url-failing",
            summary=f"Over {percent} % of the requests to the URL of {function.name} were answered with 5xx.",
            remediation="run the saved query of errors; undo the last deployment when it began with it.",
            rule=f"over {percent} % of at least {FEWEST_CALLS} requests of a minute",
            metrics=(metrics.function(function, "Url5xxCount"), metrics.function(function, "UrlRequestCount")),
            expression=f"IF(m2 >= {FEWEST_CALLS}, 100 * FILL(m1, 0) / m2, 0)",
            threshold=percent,
            periods=15,
            datapoints=5,
        )
    yield AlarmSpec(
        key=key,
        alarm_type="throttles",
        summary=f"Calls of {function.name} were refused because no concurrency was left.",
        remediation="look for the function that uses up the account's concurrency, or have the quota raised.",
        rule="the first refused call; 10 minutes of them where a trigger tries again",
        metrics=(metrics.function(function, "Throttles"),),
        level="all" if function.takes_batches else "symptoms" if function.critical else "standard",
        symptom="queries-slow" if function.critical else None,
        periods=15 if function.takes_batches else look_back_minutes(function),
        datapoints=10 if function.takes_batches else 1,
    )


def _slowness(key: Key, function: Function, estate: Estate) -> Iterator[AlarmSpec]:
    percent, milliseconds = estate.thresholds.duration_percent, estate.thresholds.slow_query_milliseconds
    duration = estate.metrics.function(function, "Duration", "p99")
    yield AlarmSpec(
        key=key,
        alarm_type="duration",
        summary=f"The slowest calls take over {percent} % of the {function.timeout_seconds} s they may; timeouts loom.",
        remediation="run the saved query of the slowest calls; look at what they wait for and at the memory they have.",
        rule=f"p99 over {percent} % of the timeout",
        metrics=(duration,),
        threshold=function.timeout_seconds * 10 * percent,
        level="all",
        periods=20,
        datapoints=3,
    )
    if function.critical:
        yield AlarmSpec(
            key=key,
            alarm_type="latency",
            summary=f"Calls of {function.name} run for over {milliseconds} ms; callers wait for that long, and longer "
            "with a cold start.",
            remediation="run the saved query of the slowest calls; look for a throttled table or too little memory.",
            rule=f"p99 over {milliseconds} ms of at least {ENOUGH_CALLS} calls of a minute, without cold starts",
            metrics=(duration, estate.metrics.function(function, "Invocations")),
            expression=f"IF(m2 >= {ENOUGH_CALLS}, m1)",
            threshold=milliseconds,
            level="symptoms",
            symptom="queries-slow",
            periods=15,
            datapoints=5,
        )


def _dead_lettering(key: Key, function: Function, estate: Estate) -> AlarmSpec:
    # Calls of queues and streams are synchronous.
    return AlarmSpec(
        key=key,
        alarm_type="dead-lettering",
        summary=f"A failed asynchronous call of {function.name} did not reach its dead-letter queue: the event is "
        "lost.",
        remediation="check the queue, and that the function's role may send to it; find the event in the logs.",
        rule="the first one",
        metrics=(estate.metrics.function(function, "DeadLetterErrors"),),
        level="symptoms",
        severity="page",
        periods=look_back_minutes(function),
    )


def _resources(key: Key, function: Function, estate: Estate) -> Iterator[AlarmSpec]:
    metrics, limits = estate.metrics, estate.thresholds
    yield AlarmSpec(
        key=key,
        alarm_type="log-volume",
        summary=f"{function.name} wrote over {limits.log_megabytes_per_hour} MB of logs within an hour.",
        remediation="see what it writes; undo the last deployment when it began with it.",
        rule=f"over {limits.log_megabytes_per_hour} MB within an hour",
        metrics=(metrics.log_group(function, "IncomingBytes"),),
        threshold=limits.log_megabytes_per_hour * 1_000_000,
        level="all",
        period_seconds=HOUR,
    )
    yield AlarmSpec(
        key=key,
        alarm_type="memory",
        summary=f"Calls of {function.name} use over {limits.memory_percent} % of its memory; more would end them.",
        remediation="run `estate rightsize --apply`, roll compute out; undo the last deployment when it began with it.",
        rule=f"over {limits.memory_percent} % of its memory in two minutes of 15",
        metrics=(metrics.memory_used(function),),
        threshold=estate.memory_mb[function.name] * limits.memory_percent / 100,
        periods=15,
        datapoints=2,
    )
    if (most := function.concurrency_limit) is not None:
        yield AlarmSpec(
            key=key,
            alarm_type="concurrency",
            summary=f"{function.name} has worked at over {limits.capacity_percent} % of its {most} calls at once for "
            "15 minutes.",
            remediation="wait while a backlog is worked off; else raise the limit in the catalog, or make calls "
            "shorter.",
            rule=f"over {limits.capacity_percent} % of its reservation, or of what its queue may start",
            metrics=(metrics.function(function, "ConcurrentExecutions", "Maximum"),),
            threshold=most * limits.capacity_percent / 100,
            level="all",
            period_seconds=300,
            periods=3,
            datapoints=3,
        )


def _provisioned_concurrency(key: Key, function: Function, estate: Estate) -> Iterator[AlarmSpec]:
    def of_alias(name: str, statistic: str) -> Metric:
        return estate.metrics.function(function, name, statistic, alias=True)

    yield AlarmSpec(
        key=key,
        alarm_type="spillover",
        summary=f"Over {COLD_PERCENT} % of the calls of {function.name} found no provisioned environment; callers wait "
        "for cold starts.",
        remediation="see whether its provisioned concurrency is there; raise compute:provisionedMaximum or "
        "compute:peakMinimum when it is used up.",
        rule=f"over {COLD_PERCENT} % of at least {ENOUGH_CALLS} calls of a minute",
        # Not the metric of spillover: without any provisioned concurrency, Lambda counts none.
        metrics=(
            of_alias("ProvisionedConcurrencyInvocations", "Sum"),
            estate.metrics.function(function, "Invocations"),
        ),
        expression=f"IF(m2 >= {ENOUGH_CALLS}, 100 * (m2 - FILL(m1, 0)) / m2, 0)",
        # Without provisioned concurrency every call is a cold one, and no alarm.
        threshold=COLD_PERCENT if estate.target_percent else 100,
        periods=25,
        datapoints=15,
    )
    yield AlarmSpec(
        key=key,
        alarm_type="under-use",
        # Five days of seven: a function that is not called at the weekend has no data then.
        summary=f"On five days of a week, {function.name} needed less than half of the provisioned concurrency it "
        "could use.",
        remediation="lower compute:provisionedMinimum and compute:peakMinimum to what the dashboard shows in use.",
        rule=f"the day's highest use under half of the target, of {FEWEST_PROVISIONED} environments or more",
        metrics=(
            of_alias("ProvisionedConcurrencyUtilization", "Maximum"),
            of_alias("ProvisionedConcurrentExecutions", "Maximum"),
        ),
        expression=f"IF(m2 >= {FEWEST_PROVISIONED}, m1, 1)",
        threshold=estate.target_percent / 100 / 2,
        comparison="LessThanThreshold",
        level="all",
        period_seconds=DAY,
        periods=7,
        datapoints=5,
    )
