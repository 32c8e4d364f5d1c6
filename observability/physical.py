"""Physical names of the watched resources, and their deployed properties, as the lower layers exported them."""

from collections.abc import Mapping

import pulumi

from compute.outputs import ComputeOutputs, FunctionOutputs
from data.outputs import DataOutputs
from foundation.model import Catalog, Function, QueueTrigger
from observability.alarm_spec import Deployed
from observability.metrics import Reference

PhysicalNames = Mapping[Reference, pulumi.Output[str]]


def physical_names(catalog: Catalog, data: DataOutputs, compute: ComputeOutputs) -> PhysicalNames:
    """Return the name of every resource of the catalog that a metric can be about."""
    names: dict[Reference, pulumi.Output[str]] = {}
    for table, made in data.tables.items():
        names[Reference("table", table)] = made.name
    for queue, pair in data.queues.items():
        names[Reference("queue", queue)] = pair.name
        names[Reference("dlq", queue)] = pair.dead_letter_name
    for function in catalog.functions:
        names.update(_of_function(function, compute.functions[function.name]))
    return names


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
