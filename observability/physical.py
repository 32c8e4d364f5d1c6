"""Physical names of what is watched, as the layers that made it exported them."""

from collections.abc import Mapping

import pulumi

from compute.outputs import ComputeOutputs, FunctionOutputs
from data.outputs import DataOutputs
from foundation.model import Catalog, Function, QueueTrigger
from observability.metrics import Reference

PhysicalNames = Mapping[Reference, pulumi.Output[str]]


def physical_names(catalog: Catalog, data: DataOutputs, compute: ComputeOutputs) -> PhysicalNames:
    """The name of every resource of the catalog that a metric can be about."""
    names: dict[Reference, pulumi.Output[str]] = {}
    for table, made in data.tables.items():
        names[Reference("table", table)] = made.name
    for queue, pair in data.queues.items():
        names[Reference("queue", queue)] = pair.name
        names[Reference("dlq", queue)] = pair.dead_letter_name
    for function in catalog.functions:
        names.update(_of_function(function, compute.functions[function.name]))
    return names


def _of_function(function: Function, made: FunctionOutputs) -> PhysicalNames:
    names = {
        Reference("function", function.name): made.name,
        Reference("alias", function.name): pulumi.Output.concat(made.name, ":", made.alias_name),
        Reference("log-group", function.name): made.log_group,
    }
    if not isinstance(function.trigger, QueueTrigger):
        # An ARN of SQS ends in the queue's name.
        names[Reference("dlq", function.name)] = made.failure_queue_arn.apply(lambda arn: arn.rsplit(":", 1)[-1])
    return names
