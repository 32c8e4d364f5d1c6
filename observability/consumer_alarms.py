"""Alarms of functions that consume a queue or a stream: late, not consumed, or refused records.

Lambda stamps a metric with the start of the call, and publishes it after the end: a call that times out after a minute
belongs to a period that has been evaluated before ("Types of metrics for Lambda functions"). Alarms on single failures
therefore look back for the timeout and four minutes.
"""

from collections.abc import Iterator

from foundation.model import Catalog, Function, QueueTrigger, StreamTrigger, TableGrant
from observability.alarm_spec import HOUR, MOST_METRICS, AlarmSpec, Key
from observability.metrics import Estate

# Minutes from the end of a call until its metrics can be read, at worst.
PUBLICATION_MINUTES = 4


def look_back_minutes(function: Function) -> int:
    """Return the minutes from the start of a call until its failure is published, at worst."""
    return -(-function.timeout_seconds // 60) + PUBLICATION_MINUTES


def consumer_alarms(key: Key, function: Function, estate: Estate) -> Iterator[AlarmSpec]:
    """Yield the alarms of a function on its queue or stream; none of another function."""
    trigger = function.trigger
    if isinstance(trigger, QueueTrigger):
        yield _stalled(key, function, trigger, estate)
        yield _invalid_events(key, function, estate)
    elif isinstance(trigger, StreamTrigger):
        yield _lag(key, function, estate)
        yield _stalled(key, function, trigger, estate)
        yield from _losses_of_stream(key, function, estate)


def _lag(key: Key, function: Function, estate: Estate) -> AlarmSpec:
    seconds = estate.thresholds.maximum_stream_lag_seconds
    return AlarmSpec(
        key=key,
        alarm_type="lag",
        summary=f"{function.name} gets records over {seconds} s after they were written; after 24 hours they are lost.",
        remediation="see whether it fails on a batch; raise the trigger's parallelization when it only is slow.",
        rule=f"a record older than {seconds} s",
        metrics=(estate.metrics.function(function, "IteratorAge", "Maximum"),),
        threshold=seconds * 1000,
        level="symptoms",
        symptom="events-late",
        periods=look_back_minutes(function) + 1,
        datapoints=2,
    )


def _stalled(key: Key, function: Function, trigger: QueueTrigger | StreamTrigger, estate: Estate) -> AlarmSpec:
    metrics = estate.metrics
    if isinstance(trigger, QueueTrigger):
        source, writers = f"queue {trigger.queue}", list[Function]()
        arriving = metrics.queue(trigger.queue, "NumberOfMessagesSent", "Sum")
    else:
        source, writers = f"table {trigger.table}", _writers(estate.catalog, trigger.table)
        arriving = metrics.table(trigger.table, "ConsumedWriteCapacityUnits")
    received = [metrics.log(writer, "records-received") for writer in writers]
    stored = [metrics.log(writer, "events-stored") for writer in writers]
    # Minutes from an arrival until its call is published, at worst, and five more.
    minutes = look_back_minutes(function) + -(-trigger.window_seconds // 60) + 5
    return AlarmSpec(
        key=key,
        alarm_type="stalled",
        summary=f"Something arrives in {source}, and {function.name} is not called; what waits is lost in the end, "
        "after 24 hours in a stream.",
        remediation="see whether its event source mapping is enabled and what state it reports; roll compute out.",
        rule=f"arrivals and no call for {minutes} minutes",
        metrics=(arriving, metrics.function(function, "Invocations"), *received, *stored),
        expression=_arrivals_without_calls(len(writers)),
        level="symptoms",
        symptom="events-late",
        periods=2 * minutes,
        datapoints=minutes,
    )


def _writers(catalog: Catalog, table: str) -> list[Function]:
    """Return the functions that store events of a queue in a table; none if an alarm can't have as many metrics.

    Their logs distinguish new events from refused duplicates.
    """

    def stores(function: Function) -> bool:
        return isinstance(function.trigger, QueueTrigger) and any(
            isinstance(grant, TableGrant) and grant.table == table and {"insert", "put"}.intersection(grant.access)
            for grant in function.grants
        )

    found = [function for function in catalog.functions if stores(function)]
    return found if 2 + 2 * len(found) <= MOST_METRICS else []


def _arrivals_without_calls(writers: int) -> str:
    """Return an expression: 1 from an arrival until a call; refused duplicates use write units, and don't count."""
    received, stored = (
        " + ".join(f"RUNNING_SUM(FILL(m{number}, 0))" for number in range(first, first + writers))
        for first in (3, 3 + writers)
    )
    duplicates_only = f" AND ({received} == 0 OR {stored} > 0)" if writers else ""
    return f"IF(RUNNING_SUM(FILL(m1, 0)) > 0 AND RUNNING_SUM(FILL(m2, 0)) == 0{duplicates_only}, 1, 0)"


def _losses_of_stream(key: Key, function: Function, estate: Estate) -> Iterator[AlarmSpec]:
    yield AlarmSpec(
        key=key,
        alarm_type="delivery",
        summary=f"Records that {function.name} failed on did not reach its dead-letter queue: nothing points at them.",
        remediation="check the queue, and that the function's role may send to it; the table has the records.",
        rule="the first one",
        metrics=(estate.metrics.function(function, "DestinationDeliveryFailures"),),
        level="symptoms",
        severity="page",
        periods=look_back_minutes(function),
    )
    yield AlarmSpec(
        key=key,
        alarm_type="fields",
        summary=f"{function.name} left fields of events out: their aggregates have all the field names they may have.",
        remediation="see which fields the log names, and stop their sender; MAX_FIELDS in the catalog is the limit.",
        rule="the first one of a day",
        metrics=(estate.metrics.log(function, "fields-left-out"),),
        period_seconds=HOUR,
        periods=24,
    )


def _invalid_events(key: Key, function: Function, estate: Estate) -> AlarmSpec:
    invalid = estate.thresholds.invalid_events
    return AlarmSpec(
        key=key,
        alarm_type="invalid",
        summary=f"{function.name} refused {invalid} events or more within 15 minutes.",
        remediation="run the saved query of invalid events: it has the reasons; have the sender fix what it sends.",
        rule=f"{invalid} malformed events; fewer are in the ticket of the dead-letter queue",
        metrics=(estate.metrics.log(function, "events-invalid"),),
        threshold=invalid,
        comparison="GreaterThanOrEqualToThreshold",
        level="symptoms",
        severity="page",
        period_seconds=900,
    )
