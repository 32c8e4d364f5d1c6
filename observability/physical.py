"""Physical names of the watched resources, and their deployed properties, as the lower layers exported them."""

from collections.abc import Mapping
from typing import get_args

import pulumi

from compute.outputs import ComputeOutputs
from data.outputs import DataOutputs
from foundation.model import Catalog
from foundation.naming import ALIAS, Names
from observability.alarm_spec import Deployed
from observability.config import SEVERITIES
from observability.metrics import LogMetric, Reference, failure_queues

PhysicalNames = Mapping[Reference, str]


def physical_names(catalog: Catalog, names: Names) -> PhysicalNames:
    """Return the name of everything that a metric can be about: resources, and metrics that are made of logs."""
    found = {Reference("topic", severity): names.of("topic", severity) for severity in SEVERITIES}
    found |= {Reference("table", table.name): names.table(table.name) for table in catalog.tables}
    found |= {Reference("queue", queue.name): names.queue(queue.name) for queue in catalog.queues}
    found |= {queue: names.dead_letter_queue(queue.purpose) for queue in failure_queues(catalog)}
    for function in catalog.functions:
        name = names.function(function.name)
        found[Reference("function", function.name)] = name
        found[Reference("alias", function.name)] = f"{name}:{ALIAS}"
        # Of a function without a schedule, no metric is about it.
        found[Reference("schedule", function.name)] = names.schedule(function.name)
        found[Reference("log-group", function.name)] = names.log_group(function.name)
        for kind in get_args(LogMetric):
            found[Reference(kind, function.name)] = names.of(kind, function.name)
    return found


def deployed(subject: Reference, data: DataOutputs, compute: ComputeOutputs) -> pulumi.Output[Deployed]:
    """Return the deployed properties of a resource; none of dead-letter queues, which are all alike."""
    if subject.kind == "table":
        known = {"billing": data.tables[subject.purpose].billing}
    elif subject.kind == "queue":
        known = {"visibility_seconds": data.queues[subject.purpose].visibility_seconds}
    elif subject.kind == "function":
        function = compute.functions[subject.purpose]
        known = {"memory_mb": function.memory_mb, "warm_percent": function.warm_percent}
    else:
        return pulumi.Output.from_input(Deployed())
    return pulumi.Output.all(**known).apply(lambda values: Deployed(**values))
