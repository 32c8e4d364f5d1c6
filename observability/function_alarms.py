"""Alarm types of functions: failures, delays and losses of their calls. Each row is data, derived from the declaration.

Lambda stamps a metric with the start of the call, and publishes it after the end: a call that times out after a minute
belongs to a period that has been evaluated before ("Types of metrics for Lambda functions"). Alarms on single failures
therefore look back for the timeout and four minutes.
"""

from foundation.model import Catalog, Function, QueueTrigger, StreamTrigger, TableGrant
from observability.alarm_spec import HOUR, MOST_METRICS, Key, MissingData, Symptom
from observability.config import Level
from observability.definition import AlarmDefinition, Watched
from observability.metrics import Metric

# Below so many calls or records in a minute, one failure would be a rate; of callers fewer matter.
FEWEST_RECORDS = 10
FEWEST_CALLS = 2
# A percentile or a share of fewer calls in a minute is that of single calls: 20 within five minutes.
ENOUGH_CALLS = 4
# Minutes from the end of a call until its metrics can be read, at worst.
PUBLICATION_MINUTES = 4

NOT_CALLED = MissingData("notBreaching", "Lambda publishes nothing while the function is not called")
NOTHING_LOGGED = MissingData("notBreaching", "a metric filter publishes nothing while nothing matches")

Of = Watched[Function]


def _critical(watched: Of) -> bool:
    return watched.resource.critical


def _on_queue(watched: Of) -> bool:
    return isinstance(watched.resource.trigger, QueueTrigger)


def _on_stream(watched: Of) -> bool:
    return isinstance(watched.resource.trigger, StreamTrigger)


def _called_singly(watched: Of) -> bool:
    return not watched.resource.takes_batches


def _slow_for_callers(watched: Of) -> Symptom | None:
    return "queries-slow" if watched.resource.critical else None


def _first_level_when_critical(watched: Of) -> Level:
    return "symptoms" if watched.resource.critical else "standard"


def _look_back(watched: Of) -> int:
    """Minutes until the failure of a call that began in a minute is published for certain."""
    return -(-watched.resource.timeout_seconds // 60) + PUBLICATION_MINUTES


def _calls_and_records(watched: Of) -> tuple[Metric, ...]:
    metrics, function = watched.metrics, watched.resource
    calls = (metrics.function(function, "Errors"), metrics.function(function, "Invocations"))
    if _called_singly(watched):
        return calls
    return (
        *calls,
        watched.metrics.log(watched.resource, "records-failed"),
        watched.metrics.log(watched.resource, "records-received"),
    )


def _failed_share(watched: Of) -> str:
    """Percent of calls that failed; of batches also the records, which a successful call may hand back."""
    fewest = FEWEST_CALLS if _called_singly(watched) else FEWEST_RECORDS
    calls = f"IF(m2 >= {fewest}, 100 * m1 / m2, 0)"
    if _called_singly(watched):
        return calls
    return f"MAX([{calls}, IF(FILL(m4, 0) >= {FEWEST_RECORDS}, 100 * FILL(m3, 0) / m4, 0)])"


def _writers(catalog: Catalog, table: str) -> list[Function]:
    """Return the functions that store events of a queue in a table."""
    return [
        function
        for function in catalog.functions
        if isinstance(function.trigger, QueueTrigger)
        and any(
            isinstance(it, TableGrant) and it.table == table and {"insert", "put"}.intersection(it.access)
            for it in function.grants
        )
    ]


def _source(watched: Of) -> Key:
    """The table or queue that triggers the function."""
    trigger = watched.resource.trigger
    if isinstance(trigger, QueueTrigger):
        return Key("queue", trigger.queue)
    assert isinstance(trigger, StreamTrigger)  # for the type checker: the row applies to functions with batches only
    return Key("table", trigger.table)


def _exonerating(watched: Of) -> list[Function]:
    """Return the functions whose logs tell new events from refused duplicates, as far as an alarm has room for them."""
    source = _source(watched)
    found = _writers(watched.catalog, source.name) if source.kind == "table" else []
    return found if 2 + 2 * len(found) <= MOST_METRICS else []


def _arriving_and_called(watched: Of) -> tuple[Metric, ...]:
    source, writers = _source(watched), _exonerating(watched)
    if source.kind == "queue":
        arriving = watched.metrics.queue(source.name, "NumberOfMessagesSent", "Sum")
    else:
        arriving = watched.metrics.table(source.name, "ConsumedWriteCapacityUnits")
    return (
        arriving,
        watched.metrics.function(watched.resource, "Invocations"),
        *(watched.metrics.log(writer, "records-received") for writer in writers),
        *(watched.metrics.log(writer, "events-stored") for writer in writers),
    )


def _arriving_and_not_called(watched: Of) -> str:
    """1 from the first arrival on until the function is called. Refused duplicates take write units, and are none."""
    count = len(_exonerating(watched))
    received, stored = (
        " + ".join(f"RUNNING_SUM(FILL(m{first + number}, 0))" for number in range(count)) for first in (3, 3 + count)
    )
    duplicates_only = f" AND ({received} == 0 OR {stored} > 0)" if count else ""
    return f"IF(RUNNING_SUM(FILL(m1, 0)) > 0 AND RUNNING_SUM(FILL(m2, 0)) == 0{duplicates_only}, 1, 0)"


def _stalled_minutes(watched: Of) -> int:
    """Minutes after which the call for an arrival must have been published, and five more."""
    trigger = watched.resource.trigger
    window = trigger.window_seconds if isinstance(trigger, QueueTrigger | StreamTrigger) else 0
    return _look_back(watched) + -(-window // 60) + 5


FUNCTION_ALARMS: tuple[AlarmDefinition[Function], ...] = (
    AlarmDefinition(
        alarm_type="errors",
        summary="Calls of {resource.name} ended in an error or a timeout.",
        remediation="run the saved query of errors; undo the last deployment when they began with it.",
        rule="the first error",
        metrics=lambda watched: (watched.metrics.function(watched.resource, "Errors"),),
        threshold=0,
        missing_data=NOT_CALLED,
        # A trigger tries again: an error that lasts shows as a share, as delay or in the dead-letter queue.
        level=lambda watched: "standard" if _called_singly(watched) else "all",
        periods=_look_back,
    ),
    AlarmDefinition(
        alarm_type="error-rate",
        summary="Over {thresholds.error_percent} % of the calls of {resource.name}, or of its records, fail.",
        remediation="undo the last deployment when it began with it; else see whether what it calls is throttled.",
        rule="over {thresholds.error_percent} % of at least {fewest} calls or records of a minute",
        values=lambda watched: {"fewest": FEWEST_CALLS if _called_singly(watched) else FEWEST_RECORDS},
        metrics=_calls_and_records,
        expression=_failed_share,
        threshold=lambda watched: watched.thresholds.error_percent,
        missing_data=NOT_CALLED,
        level=_first_level_when_critical,
        symptom=_slow_for_callers,
        # Minutes, as periods slide by the minute: a burst that longer ones divide comes and goes. A consumer may put
        # its next try off by a quarter of an hour: within that, nothing is over.
        periods=lambda watched: 15 if _called_singly(watched) else 60,
        datapoints=lambda watched: 5 if _called_singly(watched) else 3,
    ),
    AlarmDefinition(
        alarm_type="url-failing",
        summary="Over {thresholds.error_percent} % of the requests to the URL of {resource.name} were answered with "
        "5xx.",
        remediation="run the saved query of errors; undo the last deployment when it began with it.",
        rule="over {thresholds.error_percent} % of at least {fewest} requests of a minute",
        values=lambda _: {"fewest": FEWEST_CALLS},
        metrics=lambda watched: (
            watched.metrics.function(watched.resource, "Url5xxCount"),
            watched.metrics.function(watched.resource, "UrlRequestCount"),
        ),
        expression=f"IF(m2 >= {FEWEST_CALLS}, 100 * FILL(m1, 0) / m2, 0)",
        threshold=lambda watched: watched.thresholds.error_percent,
        missing_data=NOT_CALLED,
        periods=15,
        datapoints=5,
        applies=lambda watched: watched.resource.url is not None,
    ),
    AlarmDefinition(
        alarm_type="throttles",
        summary="Calls of {resource.name} were refused because no concurrency was left.",
        remediation="look for the function that uses up the account's concurrency, or have the quota raised.",
        rule="the first refused call; 10 minutes of them where a trigger tries again",
        metrics=lambda watched: (watched.metrics.function(watched.resource, "Throttles"),),
        threshold=0,
        missing_data=NOT_CALLED,
        level=lambda watched: _first_level_when_critical(watched) if _called_singly(watched) else "all",
        symptom=_slow_for_callers,
        periods=lambda watched: _look_back(watched) if _called_singly(watched) else 15,
        datapoints=lambda watched: 1 if _called_singly(watched) else 10,
    ),
    AlarmDefinition(
        alarm_type="duration",
        summary="The slowest calls take over {thresholds.duration_percent} % of the {resource.timeout_seconds} s they "
        "may; timeouts loom.",
        remediation="run the saved query of the slowest calls; look at what they wait for and at the memory they have.",
        rule="p99 over {thresholds.duration_percent} % of the timeout",
        metrics=lambda watched: (watched.metrics.function(watched.resource, "Duration", "p99"),),
        threshold=lambda watched: watched.resource.timeout_seconds * 10 * watched.thresholds.duration_percent,
        missing_data=NOT_CALLED,
        level="all",
        periods=20,
        datapoints=3,
    ),
    AlarmDefinition(
        alarm_type="latency",
        summary="Calls of {resource.name} run for over {thresholds.slow_query_milliseconds} ms; callers wait for that "
        "long, and longer with a cold start.",
        remediation="run the saved query of the slowest calls; look for a throttled table or too little memory.",
        rule="p99 over {thresholds.slow_query_milliseconds} ms of at least {enough} calls of a minute, without cold "
        "starts",
        values=lambda _: {"enough": ENOUGH_CALLS},
        metrics=lambda watched: (
            watched.metrics.function(watched.resource, "Duration", "p99"),
            watched.metrics.function(watched.resource, "Invocations"),
        ),
        expression=f"IF(m2 >= {ENOUGH_CALLS}, m1)",
        threshold=lambda watched: watched.thresholds.slow_query_milliseconds,
        missing_data=NOT_CALLED,
        level="symptoms",
        symptom="queries-slow",
        periods=15,
        datapoints=5,
        applies=_critical,
    ),
    AlarmDefinition(
        alarm_type="dead-lettering",
        summary="A failed asynchronous call of {resource.name} did not reach its dead-letter queue: the event is lost.",
        remediation="check the queue, and that the function's role may send to it; find the event in the logs.",
        rule="the first one",
        metrics=lambda watched: (watched.metrics.function(watched.resource, "DeadLetterErrors"),),
        threshold=0,
        missing_data=NOT_CALLED,
        level="symptoms",
        severity="page",
        periods=_look_back,
        # Queues and streams do not call asynchronously.
        applies=_called_singly,
    ),
    AlarmDefinition(
        alarm_type="lag",
        summary="{resource.name} gets records over {thresholds.maximum_stream_lag_seconds} s after they were written; "
        "after 24 hours they are lost.",
        remediation="see whether it fails on a batch; raise the trigger's parallelization when it only is slow.",
        rule="a record older than {thresholds.maximum_stream_lag_seconds} s",
        metrics=lambda watched: (watched.metrics.function(watched.resource, "IteratorAge", "Maximum"),),
        threshold=lambda watched: watched.thresholds.maximum_stream_lag_seconds * 1000,
        missing_data=NOT_CALLED,
        level="symptoms",
        symptom="events-late",
        periods=lambda watched: _look_back(watched) + 1,
        datapoints=2,
        applies=_on_stream,
    ),
    AlarmDefinition(
        alarm_type="stalled",
        summary="Something arrives in {source.kind} {source.name}, and {resource.name} is not called; what waits is "
        "lost in the end, after 24 hours in a stream.",
        remediation="see whether its event source mapping is enabled and what state it reports; roll compute out.",
        rule="arrivals and no call for {minutes} minutes",
        values=lambda watched: {"minutes": _stalled_minutes(watched), "source": _source(watched)},
        metrics=_arriving_and_called,
        expression=_arriving_and_not_called,
        threshold=0,
        missing_data=NOT_CALLED,
        level="symptoms",
        symptom="events-late",
        periods=lambda watched: 2 * _stalled_minutes(watched),
        datapoints=_stalled_minutes,
        applies=lambda watched: not _called_singly(watched),
    ),
    AlarmDefinition(
        alarm_type="delivery",
        summary="Records that {resource.name} failed on did not reach its dead-letter queue: nothing points at them.",
        remediation="check the queue, and that the function's role may send to it; the table has the records.",
        rule="the first one",
        metrics=lambda watched: (watched.metrics.function(watched.resource, "DestinationDeliveryFailures"),),
        threshold=0,
        missing_data=NOT_CALLED,
        level="symptoms",
        severity="page",
        periods=_look_back,
        applies=_on_stream,
    ),
    AlarmDefinition(
        alarm_type="invalid",
        summary="{resource.name} refused {thresholds.invalid_events} events or more within 15 minutes.",
        remediation="run the saved query of invalid events: it has the reasons; have the sender fix what it sends.",
        rule="{thresholds.invalid_events} malformed events; fewer are in the ticket of the dead-letter queue",
        metrics=lambda watched: (watched.metrics.log(watched.resource, "events-invalid"),),
        threshold=lambda watched: watched.thresholds.invalid_events,
        comparison="GreaterThanOrEqualToThreshold",
        missing_data=NOTHING_LOGGED,
        level="symptoms",
        severity="page",
        period_seconds=900,
        applies=_on_queue,
    ),
    AlarmDefinition(
        alarm_type="fields",
        summary="{resource.name} left fields of events out: their aggregates have all the field names they may have.",
        remediation="see which fields the log names, and stop their sender; MAX_FIELDS in the catalog is the limit.",
        rule="the first one of a day",
        metrics=lambda watched: (watched.metrics.log(watched.resource, "fields-left-out"),),
        threshold=0,
        missing_data=NOTHING_LOGGED,
        period_seconds=HOUR,
        periods=24,
        applies=_on_stream,
    ),
    AlarmDefinition(
        alarm_type="log-volume",
        summary="{resource.name} wrote over {thresholds.log_megabytes_per_hour} MB of logs within an hour.",
        remediation="see what it writes; undo the last deployment when it began with it.",
        rule="over {thresholds.log_megabytes_per_hour} MB within an hour",
        metrics=lambda watched: (watched.metrics.log_group(watched.resource, "IncomingBytes"),),
        threshold=lambda watched: watched.thresholds.log_megabytes_per_hour * 1_000_000,
        missing_data=NOT_CALLED,
        level="all",
        period_seconds=HOUR,
    ),
)
