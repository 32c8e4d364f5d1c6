"""Scripted incidents: what happens minute by minute, and the notifications that somebody should get of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from tests.support.cloudwatch.estate import BUSY, CONSUMER, COUNTER, CRITICAL, NOTHING, QUEUE, TABLE, Minute, publish
from tests.support.cloudwatch.simulation import Notification, Simulation, registered

HOUR, DAY = 60, 1440
# The minute in which something begins to be wrong.
BEGIN = 60

LOST, LATE, SLOW = "estate-events-lost", "estate-events-late", "estate-queries-slow"


@dataclass(frozen=True)
class Expected:
    """A notification, and the earliest and latest minute after the cause in which it comes, whatever the delay."""

    severity: str
    alarm: str
    earliest: int
    latest: int
    state: str = "ALARM"
    after: int = BEGIN


@dataclass(frozen=True, kw_only=True)
class Incident:
    """A name for tests, one line for a person, the script, and what should come of it; `cause` makes it a row of docs.

    The alarms are `made` in a minute, with the configuration of the layer: `level` and whatever is `configured`.
    """

    name: str
    title: str
    minutes: int = 180
    script: Callable[[int], Minute]
    expected: tuple[Expected, ...] = ()
    cause: bool = False
    made: int = 0
    level: str = "standard"
    configured: Mapping[str, str] = field(default_factory=dict)


def _between(first: int, last: int, usual: Minute, other: Callable[[int, Minute], Minute]) -> Callable[[int], Minute]:
    """The usual minute, and another one from the first on and before the last."""
    return lambda minute: other(minute - first, usual) if first <= minute < last else usual


def _from(usual: Minute, other: Callable[[int, Minute], Minute], lasting: int = 10 * DAY) -> Callable[[int], Minute]:
    return _between(BEGIN, BEGIN + lasting, usual, other)


def _table(**changes: float) -> Callable[[int, Minute], Minute]:
    return lambda _, usual: usual.but("tables", TABLE, **changes)


def _calls(function: str, **changes: object) -> Callable[[int, Minute], Minute]:
    return lambda _, usual: usual.but("calls", function, **changes)


_QUERIES_FAIL = _calls(CRITICAL.name, errors=15)
_SLOW_QUERIES = _calls(CRITICAL.name, milliseconds=3500)


def _dead(owner: str, count: int, *, hidden: int = 0, usual: Minute = BUSY) -> Minute:
    return usual.but("queues", f"dlq-{owner}", visible=count - hidden, hidden=hidden, age=60)


def _three_losses(minute: int) -> Minute:
    return _dead(COUNTER.name, sum(minute >= at for at in (60, 90, 120)))


def _another_queue(minute: int) -> Minute:
    waiting = _dead(COUNTER.name, 1, usual=BUSY) if minute >= BEGIN else BUSY
    return _dead(CRITICAL.name, 1, usual=waiting) if minute >= 150 else waiting


def _one_event_at_night(minute: int) -> Minute:
    if minute != BEGIN:
        return NOTHING
    stored = NOTHING.but("calls", CONSUMER.name, calls=1, received=1, stored=1)
    return stored.but("tables", TABLE, written=2)


def _events_now_and_then(minute: int) -> Minute:
    """One event every 17 minutes, counted in the minute after it was stored."""
    stored, counted = minute % 17 == 0, minute % 17 == 1
    one = NOTHING.but("calls", CONSUMER.name, calls=int(stored), received=1, stored=1)
    one = one.but("calls", COUNTER.name, calls=int(counted), received=1)
    return one.but("tables", TABLE, written=2 if stored else 0)


def _duplicates_only(passed: int, usual: Minute) -> Minute:
    """A file is sent again: write units, and nothing new."""
    del passed
    return usual.but("calls", CONSUMER.name, stored=0).but("calls", COUNTER.name, calls=0)


def _half_fails(passed: int, usual: Minute) -> Minute:
    """Half of each batch is handed back. After three receives the age leaves a message out."""
    waiting = min(50 * passed, 5000)
    failing = usual.but("calls", CONSUMER.name, failed=50, stored=50)
    return failing.but("queues", f"queue-{QUEUE}", visible=waiting, hidden=50, age=min(60 * passed, 180))


def _put_off(minute: int) -> Minute:
    """Fifty events of the minute BEGIN can't be stored; the next tries come after 1, 2, 4, 8, then 15 minutes each."""
    usual = NOTHING.but("queues", f"queue-{QUEUE}", sent=50 * (minute == BEGIN))
    if minute < BEGIN:
        return usual
    tries = (0, 1, 3, 7, *range(15, 600, 15))
    waiting = usual.but("queues", f"queue-{QUEUE}", hidden=50, age=60 * min(minute - BEGIN, 3))
    if minute - BEGIN in tries:
        return waiting.but("calls", CONSUMER.name, calls=1, received=50, failed=50)
    return waiting


def _refused(passed: int, usual: Minute) -> Minute:
    """The events table is at its limit; what can't be stored waits."""
    waiting = 90 * passed
    slow = usual.but("calls", CONSUMER.name, milliseconds=9500, failed=90, stored=10, errors=2)
    slow = slow.but("calls", COUNTER.name, calls=2, received=10)
    slow = slow.but("queues", f"queue-{QUEUE}", visible=waiting, hidden=90, age=min(60 * passed, 180))
    return slow.but("tables", TABLE, written=3000, refused=500)


def _ramp(passed: int, usual: Minute) -> Minute:
    """Throttled for the six minutes that autoscaling takes to follow."""
    del passed
    hot = usual.but("tables", TABLE, written=3000, refused=30)
    return hot.but("calls", CONSUMER.name, calls=40, received=3000, stored=2970, failed=30)


def _consumer_stopped(passed: int, usual: Minute) -> Minute:
    stopped = usual.but("calls", CONSUMER.name, calls=0).but("calls", COUNTER.name, calls=0)
    stopped = stopped.but("tables", TABLE, written=0)
    return stopped.but("queues", f"queue-{QUEUE}", visible=100 * passed, age=60 * passed)


def _batches_fail(passed: int, usual: Minute) -> Minute:
    """Every call of the stream's function ends in an error: the batch is tried again, and grows old."""
    return usual.but("calls", COUNTER.name, calls=12, errors=12, failed=100, age_ms=60_000 * passed)


def _malformed(count: int) -> Callable[[int], Minute]:
    """Malformed events in the minute BEGIN; ingest puts them into the dead-letter queue."""

    def script(minute: int) -> Minute:
        if minute < BEGIN:
            return BUSY
        waiting = _dead(QUEUE, count)
        return waiting.but("calls", CONSUMER.name, invalid=count) if minute == BEGIN else waiting

    return script


def _looked_at(minute: int) -> Minute:
    """A failed event waits for nine days; every morning somebody looks at it, which hides it for a minute."""
    if minute < BEGIN:
        return NOTHING
    return _dead(COUNTER.name, 1, hidden=int(minute % DAY == 8 * HOUR), usual=NOTHING)


def _reviewed(minute: int) -> Minute:
    """Three failed events wait; from minute 120 on they are looked at, five minutes long."""
    hidden = 3 if 120 <= minute < 125 else 0
    return _dead(COUNTER.name, 3, hidden=hidden) if minute >= BEGIN else BUSY


def _deployment(passed: int, usual: Minute) -> Minute:
    """New environments start: cold calls, one error, one slow minute."""
    new = usual.but("calls", CONSUMER.name, errors=int(passed == 0), milliseconds=900)
    return new.but("calls", CRITICAL.name, cold=30 if passed < 2 else 0, milliseconds=700)


def _week(minute: int) -> Minute:
    """Idle nights, ramps that are throttled for minutes, a deployment a day, one malformed event on the third."""
    of_day = minute % DAY
    if not 6 * HOUR <= of_day < 22 * HOUR:
        usual = NOTHING
    elif 6 * HOUR <= of_day < 6 * HOUR + 6:
        usual = _ramp(0, BUSY)
    elif 10 * HOUR <= of_day < 10 * HOUR + 3:
        usual = _deployment(of_day - 10 * HOUR, BUSY)
    else:
        usual = BUSY
    poisoned = 2 * DAY + 9 * HOUR
    if poisoned <= minute < poisoned + 2 * HOUR:
        usual = _dead(QUEUE, 1, usual=usual)
        if minute == poisoned:
            usual = usual.but("calls", CONSUMER.name, invalid=1)
    return usual


def _failure_of(metric: str, function: str, milliseconds: float) -> Callable[[int], Minute]:
    """One call in the minute BEGIN, whose failure got lost, by a metric."""
    lost = _calls(function, calls=12, milliseconds=milliseconds, more={metric: 1})
    return _between(BEGIN, BEGIN + 1, BUSY, lost)


def _arrivals(owner: str, after: int = BEGIN) -> Expected:
    return Expected("page", f"dlq-{owner}-arrivals", 3, 5, after=after)


INCIDENTS: tuple[Incident, ...] = (
    Incident(
        name="three-losses",
        title="an event is lost to the dead-letter queue, twice more while the first waits",
        minutes=200,
        script=_three_losses,
        expected=(
            _arrivals(COUNTER.name),
            Expected("ticket", LOST, 2, 4),
            _arrivals(COUNTER.name, after=90),
            _arrivals(COUNTER.name, after=120),
        ),
    ),
    Incident(
        name="loss",
        title="an event fails for good in the stream's function",
        script=lambda minute: _dead(COUNTER.name, 1) if minute >= BEGIN else BUSY,
        expected=(_arrivals(COUNTER.name), Expected("ticket", LOST, 2, 4)),
        cause=True,
    ),
    Incident(
        name="loss-elsewhere",
        title="an event is lost while one waits in another dead-letter queue",
        minutes=240,
        script=_another_queue,
        expected=(_arrivals(COUNTER.name), Expected("ticket", LOST, 2, 4), _arrivals(CRITICAL.name, after=150)),
    ),
    Incident(
        name="mapping-disabled",
        title="the event source mapping of the stream is disabled",
        minutes=240,
        script=_from(BUSY, _calls(COUNTER.name, calls=0)),
        expected=(Expected("page", LATE, 22, 26),),
        cause=True,
    ),
    Incident(
        name="one-event-and-no-call",
        title="a single event at night, and the mapping is disabled",
        script=_one_event_at_night,
        # A quarter of an hour later it is beyond the range; the state's end is notified, as it was a page.
        expected=(Expected("page", LATE, 11, 11), Expected("page", LATE, 23, 27, state="OK")),
    ),
    Incident(
        name="duplicates-only",
        title="a file is sent again: write units, no new event, no call of the stream's function",
        script=_from(BUSY, _duplicates_only),
    ),
    Incident(name="now-and-then", title="one event in 17 minutes", minutes=12 * HOUR, script=_events_now_and_then),
    Incident(
        name="half-of-each-batch",
        title="half of the records of each batch are handed back",
        minutes=240,
        script=_from(BUSY, _half_fails),
        expected=(Expected("page", LATE, 16, 18), Expected("ticket", f"{CONSUMER.name}-error-rate", 4, 6)),
        cause=True,
    ),
    Incident(
        name="half-of-each-batch-for-14-minutes",
        title="half of the records of each batch are handed back for 14 minutes",
        minutes=240,
        script=_from(BUSY, _half_fails, 14),
        expected=(Expected("ticket", f"{CONSUMER.name}-error-rate", 4, 6),),
    ),
    Incident(
        name="half-of-each-batch-for-17-minutes",
        title="half of the records of each batch are handed back for 17 minutes",
        minutes=240,
        script=_from(BUSY, _half_fails, 17),
        expected=(
            Expected("page", LATE, 16, 18),
            Expected("ticket", f"{CONSUMER.name}-error-rate", 4, 6),
            Expected("page", LATE, 23, 26, state="OK"),
        ),
    ),
    Incident(
        name="put-off",
        title="fifty events cannot be stored, nothing else arrives, and the consumer puts its next tries off",
        minutes=240,
        script=_put_off,
        expected=(Expected("page", LATE, 16, 18), Expected("ticket", f"{CONSUMER.name}-error-rate", 5, 7)),
    ),
    Incident(
        name="table-at-its-limit",
        title="writes of the events table are throttled for hours",
        minutes=300,
        script=_from(BUSY, _refused),
        expected=(
            Expected("page", LATE, 16, 18),
            Expected("ticket", f"table-{TABLE}-write-throttling", 11, 13),
            Expected("ticket", f"{CONSUMER.name}-error-rate", 4, 6),
        ),
        cause=True,
    ),
    Incident(name="ramp", title="a rising load, throttled until autoscaling follows", script=_from(BUSY, _ramp, 6)),
    Incident(
        name="faults",
        title="DynamoDB fails for five minutes",
        script=_from(BUSY, _table(faults=3), 5),
        expected=(Expected("ticket", f"table-{TABLE}-faults", 3, 5),),
        cause=True,
    ),
    Incident(
        name="consumer-stopped",
        title="the consumer of the queue does not run",
        minutes=240,
        script=_from(BUSY, _consumer_stopped),
        expected=(Expected("page", LATE, 19, 21),),
        cause=True,
    ),
    Incident(
        name="stream-function-fails",
        title="every batch of the stream fails",
        minutes=240,
        script=_from(BUSY, _batches_fail),
        expected=(Expected("page", LATE, 9, 11), Expected("ticket", f"{COUNTER.name}-error-rate", 4, 6)),
        cause=True,
    ),
    Incident(
        name="a-burst-of-failures",
        title="half of the records are handed back and half of the queries fail, for four minutes",
        minutes=240,
        script=_from(BUSY, lambda passed, usual: _half_fails(passed, _QUERIES_FAIL(passed, usual)), 4),
        expected=(
            Expected("ticket", f"{CONSUMER.name}-error-rate", 4, 6),
            Expected("ticket", f"{CRITICAL.name}-errors", 2, 4),
        ),
    ),
    Incident(
        name="a-small-burst-of-failures",
        title="all of some forty records are handed back within three minutes, and nothing else happens",
        minutes=300,
        script=_from(NOTHING, _calls(CONSUMER.name, calls=1, received=14, failed=14), 3),
        expected=(Expected("ticket", f"{CONSUMER.name}-error-rate", 4, 6),),
    ),
    Incident(
        name="queries-fail",
        title="half of the queries fail",
        script=_from(BUSY, _QUERIES_FAIL),
        expected=(Expected("page", SLOW, 6, 8), Expected("ticket", f"{CRITICAL.name}-errors", 2, 4)),
        cause=True,
    ),
    Incident(
        name="query-times-out",
        title="a single query ends in a timeout a minute after its start",
        script=_between(BEGIN, BEGIN + 1, BUSY, _calls(CRITICAL.name, calls=1, errors=1, milliseconds=60_000)),
        expected=(Expected("ticket", f"{CRITICAL.name}-errors", 3, 5),),
    ),
    Incident(
        name="slow-queries",
        title="queries take over the configured two seconds",
        script=_from(BUSY, _SLOW_QUERIES),
        expected=(Expected("page", SLOW, 6, 8),),
        cause=True,
    ),
    Incident(
        name="slow-for-four-minutes", title="queries are slow for four minutes", script=_from(BUSY, _SLOW_QUERIES, 4)
    ),
    Incident(
        name="slow-for-nine-minutes",
        title="queries are slow for nine minutes",
        script=_from(BUSY, _SLOW_QUERIES, 9),
        expected=(Expected("page", SLOW, 6, 8), Expected("page", SLOW, 20, 23, state="OK")),
    ),
    Incident(
        name="a-handful-of-slow-calls",
        title="three slow queries in an hour with few",
        script=lambda minute: NOTHING.but("calls", CRITICAL.name, calls=int(minute % 20 == 0), milliseconds=4000),
    ),
    Incident(
        name="queries-refused",
        title="queries are throttled by Lambda",
        script=_from(BUSY, _calls(CRITICAL.name, throttles=4)),
        expected=(Expected("page", SLOW, 2, 4),),
        cause=True,
    ),
    Incident(
        name="spillover-for-a-quarter-of-an-hour",
        title="most of the calls are cold for 17 minutes",
        script=_from(BUSY, _calls(CRITICAL.name, calls=30, cold=20, milliseconds=80), 17),
        expected=(Expected("ticket", f"{CRITICAL.name}-spillover", 16, 18),),
    ),
    Incident(
        name="memory-now-and-then",
        title="three calls within eight minutes use nearly all of their memory",
        script=_from(
            BUSY, lambda passed, usual: usual.but("calls", CRITICAL.name, memory_mb=500 if passed in (0, 4, 8) else 150)
        ),
        expected=(Expected("ticket", f"{CRITICAL.name}-memory", 6, 8),),
    ),
    Incident(
        name="ids-as-field-names",
        title="a sender uses ids as names of fields, for an hour every two hours",
        minutes=9 * HOUR,
        script=_from(
            BUSY, lambda passed, usual: usual.but("calls", COUNTER.name, left_out=40 * (passed // HOUR % 2 == 0))
        ),
        expected=(Expected("ticket", f"{COUNTER.name}-fields", 2, 4),),
        cause=True,
    ),
    Incident(
        name="spillover-now-and-then",
        title="one query in three minutes finds no provisioned environment",
        minutes=240,
        script=lambda minute: BUSY.but("calls", CRITICAL.name, cold=int(minute % 3 == 0)),
    ),
    Incident(
        name="spillover",
        title="a third of the queries find no provisioned environment",
        script=_from(BUSY, _calls(CRITICAL.name, cold=10)),
        expected=(Expected("ticket", f"{CRITICAL.name}-spillover", 16, 18),),
    ),
    Incident(
        name="provisioned-concurrency-gone",
        title="the provisioned concurrency of queries is gone",
        script=_from(BUSY, _calls(CRITICAL.name, cold=30)),
        expected=(Expected("ticket", f"{CRITICAL.name}-spillover", 16, 18),),
        cause=True,
    ),
    Incident(
        name="one-malformed-event",
        title="one malformed event",
        script=_malformed(1),
        expected=(Expected("ticket", LOST, 2, 4),),
        cause=True,
    ),
    Incident(
        name="many-malformed-events",
        title="a sender sends a hundred malformed events",
        script=_malformed(100),
        expected=(Expected("page", f"{CONSUMER.name}-invalid", 2, 4), Expected("ticket", LOST, 2, 4)),
        cause=True,
    ),
    Incident(
        name="failed-delivery",
        title="records that failed do not reach their dead-letter queue; the call took a minute",
        script=_failure_of("DestinationDeliveryFailures", COUNTER.name, 60_000),
        expected=(Expected("page", f"{COUNTER.name}-delivery", 3, 5),),
    ),
    Incident(
        name="failed-dead-lettering",
        title="a failed asynchronous call does not reach its dead-letter queue",
        script=_failure_of("DeadLetterErrors", CRITICAL.name, 9_000),
        expected=(Expected("page", f"{CRITICAL.name}-dead-lettering", 2, 4),),
    ),
    Incident(
        name="reviewed",
        title="failed events wait and are looked at (`redrive --dry-run`)",
        minutes=240,
        script=_reviewed,
        expected=(_arrivals(COUNTER.name), Expected("ticket", LOST, 2, 4)),
    ),
    Incident(
        name="expiry",
        title="a failed event waits for over a week, and is looked at every morning",
        minutes=7 * DAY + 3 * HOUR,
        script=_looked_at,
        expected=(
            _arrivals(COUNTER.name),
            Expected("ticket", LOST, 2, 4),
            Expected("ticket", f"dlq-{COUNTER.name}-expiry", 7 * DAY, 7 * DAY),
        ),
    ),
    Incident(
        name="account-concurrency",
        title="other functions of the account claim nine tenths of its concurrency",
        script=_from(BUSY, lambda _, usual: Minute(calls=usual.calls, queues=usual.queues, claimed=900)),
        expected=(Expected("ticket", "account-lambda-claimed", 4, 6),),
        cause=True,
    ),
    Incident(
        name="undelivered-pages",
        title="the subscriber of pages does not answer",
        script=_between(BEGIN, BEGIN + 1, BUSY, lambda _, usual: Minute(calls=usual.calls, undelivered={"page": 2})),
        expected=(Expected("ticket", "topic-page-deliveries", 2, 4),),
    ),
    Incident(name="deployment", title="a deployment: new environments, one error", script=_from(BUSY, _deployment, 5)),
    Incident(name="idle-night", title="a night without anything", minutes=10 * HOUR, script=lambda _: NOTHING),
    Incident(
        name="nothing-arrives",
        title="no event for six hours, where that is configured to matter",
        minutes=16 * HOUR,
        script=lambda minute: BUSY if minute < 8 * HOUR else NOTHING,
        made=7 * HOUR,
        configured={"quietHours": "6"},
        expected=(Expected("page", f"queue-{QUEUE}-silent", 6 * HOUR, 6 * HOUR, after=8 * HOUR),),
    ),
    Incident(
        name="scaling-behind",
        title="a table uses all it has for an hour, and autoscaling does not follow",
        minutes=240,
        script=_from(BUSY, _table(written=2950), 60),
        level="all",
        expected=(Expected("ticket", f"table-{TABLE}-write-scaling", 16, 18),),
    ),
    Incident(
        name="expired-items-stay",
        title="a table stops deleting expired items",
        minutes=6 * DAY + 2 * HOUR,
        script=_between(0, 2 * DAY, NOTHING, _table(expired=5)),
        level="all",
        expected=(Expected("ticket", f"table-{TABLE}-ttl", 4 * DAY, 4 * DAY, after=2 * DAY),),
    ),
    Incident(
        name="quiet-week",
        title="a quiet week: ramps, deployments, one malformed event, idle nights",
        minutes=7 * DAY,
        script=_week,
        expected=(Expected("ticket", LOST, 2, 4, after=2 * DAY + 9 * HOUR),),
    ),
)


def simulate(
    incident: Incident, delay: int, spare: int = 2, others: Mapping[str, int] | None = None
) -> list[Notification]:
    """Return the notifications of an incident; `delay`, `spare` and `others` as of Simulation."""
    layer = registered(incident.level, **incident.configured)
    simulation = Simulation(layer, delay=delay, spare=spare, others=others)
    return simulation.run(
        incident.minutes, lambda metrics, minute: publish(metrics, minute, incident.script(minute)), made=incident.made
    )
