"""All alarms of the estate: of functions, schedules, queues, dead-letter queues, tables, topics and the account."""

from collections.abc import Iterator, Mapping

from foundation.model import ScheduleTrigger
from observability.alarm_spec import AlarmSpec, Key
from observability.config import LEVELS, SEVERITIES, Level, Severity
from observability.function_alarms import function_alarms
from observability.metrics import Estate, account_metric
from observability.queue_alarms import dead_letter_alarms, queue_alarms
from observability.schedule_alarms import schedule_alarms
from observability.table_alarms import table_alarms

ACCOUNT = Key("account", "lambda")

AlarmSets = Mapping[Key, tuple[AlarmSpec, ...]]


def estate_alarms(estate: Estate, level: Level) -> AlarmSets:
    """Return the alarms of a level by resource; composite alarms over them are in alarm_set.py."""
    sets: dict[Key, tuple[AlarmSpec, ...]] = {}
    for spec in _all(estate):
        if _has(level, spec):
            sets[spec.key] = (*sets.get(spec.key, ()), spec)
    return sets


def _has(level: Level, spec: AlarmSpec) -> bool:
    if level == "pages":
        return spec.level == "symptoms" and spec.severity == "page" and spec.symptom is None
    return LEVELS.index(spec.level) <= LEVELS.index(level)


def _all(estate: Estate) -> Iterator[AlarmSpec]:
    catalog = estate.catalog
    for function in catalog.functions:
        yield from function_alarms(function, estate)
    for function in catalog.functions:
        if isinstance(function.trigger, ScheduleTrigger):
            yield from schedule_alarms(function, function.trigger, estate)
    for queue in catalog.queues:
        yield from queue_alarms(queue, estate)
    sources = {queue.name: queue for queue in catalog.queues}
    for name in catalog.dead_letter_queues:
        yield from dead_letter_alarms(name, sources.get(name), estate)
    for table in catalog.tables:
        yield from table_alarms(table, estate)
    yield _account(estate)
    for severity in SEVERITIES:
        yield _topic(severity, estate)


def _account(estate: Estate) -> AlarmSpec:
    percent, most = estate.thresholds.capacity_percent, estate.thresholds.account_concurrency
    return AlarmSpec(
        key=ACCOUNT,
        alarm_type="claimed",
        summary=f"Over {percent} % of the account's {most} concurrent executions are claimed; at the limit, calls of "
        "all functions are refused.",
        remediation="look for the function that takes most of them; bound it, or have the quota raised.",
        rule=f"over {percent} % of observability:accountConcurrency",
        metrics=(account_metric("ClaimedAccountConcurrency"),),
        threshold=most * percent / 100,
        periods=6,
        datapoints=3,
    )


def _topic(severity: Severity, estate: Estate) -> AlarmSpec:
    return AlarmSpec(
        key=Key("topic", severity),
        alarm_type="deliveries",
        summary=f"Notifications of the topic {severity} did not reach a subscriber.",
        remediation="see whether its endpoint answers; `estate fire-drill` shows what arrives.",
        rule="the first one",
        metrics=(estate.metrics.topic(severity, "NumberOfNotificationsFailed"),),
        # Notifies the other topic: this one may not reach its subscribers.
        severity="ticket" if severity == "page" else "page",
        period_seconds=300,
        periods=3,
    )
