"""All alarms of the estate: a set for every function, queue, dead-letter queue, table and topic, and the account's."""

from collections.abc import Iterator, Mapping
from typing import TypeVar

from foundation.model import Catalog
from observability.account_alarms import ACCOUNT, ACCOUNT_ALARMS, TOPIC_ALARMS
from observability.alarm_spec import AlarmSpec
from observability.config import LEVELS, SEVERITIES, Level, Thresholds
from observability.definition import Watched, specifications
from observability.function_alarms import FUNCTION_ALARMS
from observability.function_capacity import CAPACITY_ALARMS
from observability.metrics import Reference, failure_queues
from observability.queue_alarms import FAILURE_ALARMS, QUEUE_ALARMS
from observability.schedule_alarms import SCHEDULE_ALARMS, scheduled
from observability.table_alarms import TABLE_ALARMS

R = TypeVar("R")
AlarmSets = Mapping[Reference, tuple[AlarmSpec, ...]]


def estate_alarms(catalog: Catalog, thresholds: Thresholds, level: Level) -> AlarmSets:
    """Return the alarms of a level by the resource they watch; the composite alarms over them are in symptoms.py."""
    sets = {key: tuple(spec for spec in specs if _has(level, spec)) for key, specs in _all(catalog, thresholds)}
    return {key: specs for key, specs in sets.items() if specs}


def _has(level: Level, spec: AlarmSpec) -> bool:
    if level == "pages":
        return spec.level == "symptoms" and spec.severity == "page" and spec.symptom is None
    return LEVELS.index(spec.level) <= LEVELS.index(level)


def _all(catalog: Catalog, thresholds: Thresholds) -> Iterator[tuple[Reference, tuple[AlarmSpec, ...]]]:
    def watched(key: Reference, resource: R) -> Watched[R]:
        return Watched(key=key, resource=resource, catalog=catalog, thresholds=thresholds)

    for function in catalog.functions:
        key = Reference("function", function.name)
        yield key, specifications(watched(key, function), (*FUNCTION_ALARMS, *CAPACITY_ALARMS))
    for key, function in scheduled(catalog):
        yield key, specifications(watched(key, function), SCHEDULE_ALARMS)
    for queue in catalog.queues:
        key = Reference("queue", queue.name)
        yield key, specifications(watched(key, queue), QUEUE_ALARMS)
    sources = {queue.name: queue for queue in catalog.queues}
    for key in failure_queues(catalog):
        yield key, specifications(watched(key, sources.get(key.purpose)), FAILURE_ALARMS)
    for table in catalog.tables:
        key = Reference("table", table.name)
        yield key, specifications(watched(key, table), TABLE_ALARMS)
    yield ACCOUNT, specifications(watched(ACCOUNT, None), ACCOUNT_ALARMS)
    for severity in SEVERITIES:
        key = Reference("topic", severity)
        yield key, specifications(watched(key, None), TOPIC_ALARMS)
