"""The compute layer: the functions of the catalog and what triggers them."""

import pulumi

from compute import config as configuration
from compute.environment import variables
from compute.function import ServerlessFunction, ServerlessFunctionArgs
from compute.outputs import ComputeOutputs, FunctionOutputs
from compute.packaging import build
from compute.triggers import Trigger, TriggerArgs, source_arn
from data.outputs import DataOutputs
from foundation.catalog import CATALOG
from foundation.model import Function, QueueTrigger
from foundation.outputs import FoundationOutputs
from foundation.program import load


def main() -> None:
    """Registers the layer's resources and exports its outputs."""
    config = load("compute", configuration.SETTINGS, configuration.parse)
    foundation = FoundationOutputs.from_stack("compute", CATALOG)
    data = DataOutputs.from_stack("compute", CATALOG)
    functions = {function.name: _function(function, config, foundation, data) for function in CATALOG.functions}
    ComputeOutputs(functions=functions).export()


def _function(
    function: Function, config: configuration.ComputeConfig, foundation: FoundationOutputs, data: DataOutputs
) -> FunctionOutputs:
    trigger = function.trigger
    consumed = data.queues[trigger.queue] if isinstance(trigger, QueueTrigger) else None
    tags = foundation.tags("compute", function.name)
    built = ServerlessFunction(
        function.name,
        ServerlessFunctionArgs(
            function=function,
            physical_name=foundation.name("lambda", function.name),
            log_group_name=foundation.names().apply(lambda names: names.log_group(function.name)),
            failure_queue_name=foundation.name("dlq", function.name),
            failure_queue=(consumed.dead_letter_arn, consumed.dead_letter_url) if consumed else None,
            role_arn=foundation.role_arns[function.name],
            runtime=config.runtime,
            code=pulumi.FileArchive(str(build(function.package))),
            memory_mb=config.memory_mb[function.name],
            environment=variables(function, data),
            log_retention_days=config.log_retention_days,
            provisioning=config.provisioning,
            suffix=foundation.suffix,
            tags=tags,
        ),
    )
    if trigger is not None:
        arguments = TriggerArgs(
            trigger=trigger,
            source_arn=source_arn(trigger, data),
            alias_arn=built.alias_arn,
            failure_queue_arn=built.failure_queue_arn,
            tags=tags,
        )
        Trigger(f"{function.name}-trigger", arguments)
    return FunctionOutputs(**{key: getattr(built, key) for key in FunctionOutputs.__dataclass_fields__})


if __name__ == "__main__":
    main()
