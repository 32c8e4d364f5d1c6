"""Which alarms the estate has: a set for every function, queue, failure queue and table of the catalog."""

from collections.abc import Mapping

from foundation.model import Catalog
from observability.alarm_spec import AlarmSpec
from observability.config import Thresholds
from observability.function_alarms import function_alarms
from observability.metrics import Reference, failure_queues
from observability.queue_alarms import failure_alarms, queue_alarms
from observability.table_alarms import table_alarms

AlarmSets = Mapping[Reference, tuple[AlarmSpec, ...]]


def estate_alarms(catalog: Catalog, thresholds: Thresholds) -> AlarmSets:
    """All alarms of a catalog, by the resource they watch; the composite alarms over them are in symptoms.py."""
    functions = {
        Reference("function", function.name): function_alarms(function, thresholds) for function in catalog.functions
    }
    queues = {Reference("queue", queue.name): queue_alarms(queue, thresholds) for queue in catalog.queues}
    failures = {queue: failure_alarms(queue) for queue in failure_queues(catalog)}
    tables = {Reference("table", table.name): table_alarms(table, catalog, thresholds) for table in catalog.tables}
    return {**functions, **queues, **failures, **tables}
