"""All alarms of the estate: a set for every function, queue, dead-letter queue, table and topic, and the account's."""

from collections.abc import Iterator, Mapping
from typing import TypeVar

from observability.account_alarms import ACCOUNT, ACCOUNT_ALARMS, TOPIC_ALARMS
from observability.alarm_spec import AlarmSpec, Key
from observability.config import LEVELS, SEVERITIES, Level
from observability.definition import Estate, Watched, specifications
from observability.function_alarms import FUNCTION_ALARMS
from observability.function_capacity import CAPACITY_ALARMS
from observability.queue_alarms import FAILURE_ALARMS, QUEUE_ALARMS
from observability.schedule_alarms import SCHEDULE_ALARMS, scheduled
from observability.table_alarms import TABLE_ALARMS

R = TypeVar("R")
AlarmSets = Mapping[Key, tuple[AlarmSpec, ...]]


def estate_alarms(estate: Estate, level: Level) -> AlarmSets:
    """Return the alarms of a level by the resource they watch; the composite alarms over them are in symptoms.py."""
    sets = {key: tuple(spec for spec in specs if _has(level, spec)) for key, specs in _all(estate)}
    return {key: specs for key, specs in sets.items() if specs}


def _has(level: Level, spec: AlarmSpec) -> bool:
    if level == "pages":
        return spec.level == "symptoms" and spec.severity == "page" and spec.symptom is None
    return LEVELS.index(spec.level) <= LEVELS.index(level)


def _all(estate: Estate) -> Iterator[tuple[Key, tuple[AlarmSpec, ...]]]:
    def watched(key: Key, resource: R) -> Watched[R]:
        return Watched(key=key, resource=resource, estate=estate)

    catalog = estate.catalog
    for function in catalog.functions:
        key = Key("function", function.name)
        yield key, specifications(watched(key, function), (*FUNCTION_ALARMS, *CAPACITY_ALARMS))
    for function in scheduled(catalog):
        key = Key("schedule", function.name)
        yield key, specifications(watched(key, function), SCHEDULE_ALARMS)
    for queue in catalog.queues:
        key = Key("queue", queue.name)
        yield key, specifications(watched(key, queue), QUEUE_ALARMS)
    sources = {queue.name: queue for queue in catalog.queues}
    for name in catalog.dead_letter_queues:
        key = Key("dlq", name)
        yield key, specifications(watched(key, sources.get(name)), FAILURE_ALARMS)
    for table in catalog.tables:
        key = Key("table", table.name)
        yield key, specifications(watched(key, table), TABLE_ALARMS)
    yield ACCOUNT, specifications(watched(ACCOUNT, None), ACCOUNT_ALARMS)
    for severity in SEVERITIES:
        key = Key("topic", severity)
        yield key, specifications(watched(key, None), TOPIC_ALARMS)
