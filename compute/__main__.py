"""The compute layer: the functions of the catalog and their triggers."""

from dataclasses import dataclass

import pulumi

from compute import config as configuration
from compute.environment import variables
from compute.function import ServerlessFunction, ServerlessFunctionArgs
from compute.outputs import ComputeOutputs, FunctionOutputs
from compute.packaging import build_all
from compute.triggers import Schedule, ScheduleArgs, Trigger, TriggerArgs, Url, UrlArgs, source_arn
from compute.wheels import PackagesUnavailable
from data.outputs import DataOutputs
from foundation.catalog import CATALOG
from foundation.config import FoundationConfig
from foundation.model import Function, QueueTrigger, ScheduleTrigger
from foundation.outputs import FoundationOutputs
from foundation.problems import InvalidConfiguration
from foundation.program import load, load_foundation


@dataclass(frozen=True, kw_only=True)
class Context:
    """Configuration of the environment, and outputs of the layers below."""

    config: configuration.ComputeConfig
    environment: FoundationConfig
    foundation: FoundationOutputs
    data: DataOutputs


def main() -> None:
    """Register the layer's resources and export its outputs."""
    config = load("compute", configuration.Keys, configuration.parse)
    environment = load_foundation()
    foundation = FoundationOutputs.from_stack("compute", CATALOG.functions)
    foundation.require_suffix(environment.suffix)
    data = DataOutputs.from_stack("compute", CATALOG)
    context = Context(config=config, environment=environment, foundation=foundation, data=data)
    try:
        packages = build_all(CATALOG.functions, config.runtime)
    except (InvalidConfiguration, PackagesUnavailable) as error:
        raise pulumi.RunError(str(error)) from error
    functions: dict[str, FunctionOutputs] = {}
    urls: dict[str, pulumi.Output[str]] = {}
    for function in CATALOG.functions:
        code = pulumi.FileArchive(str(packages[function.name]))
        functions[function.name] = built = _function(function, code, context)
        _trigger(function, built, context)
        if function.url:
            args = UrlArgs(
                url=function.url,
                function_name=built.name,
                alias_name=built.alias_name,
                alias_arn=built.alias_arn,
                names=environment.names,
            )
            urls[function.name] = Url(f"{function.name}-url", args).url
    ComputeOutputs(functions=functions, urls=urls).export()


def _function(function: Function, code: pulumi.Archive, context: Context) -> FunctionOutputs:
    config, names, data, trigger = context.config, context.environment.names, context.data, function.trigger
    consumed = data.queues[trigger.queue] if isinstance(trigger, QueueTrigger) else None
    args = ServerlessFunctionArgs(
        function=function,
        names=names,
        failure_queue=(consumed.dead_letter_arn, consumed.dead_letter_url) if consumed else None,
        role_arn=context.foundation.role_arns[function.name],
        runtime=config.runtime,
        code=code,
        memory_mb=config.memory_mb[function.name],
        environment=variables(function, names, data, config.environment[function.name], CATALOG.secrets),
        log_retention_days=config.log_retention_days,
        provisioning=config.provisioning,
        tags=context.environment.tags.of("compute", function.name),
    )
    return ServerlessFunction(function.name, args).outputs


def _trigger(function: Function, built: FunctionOutputs, context: Context) -> None:
    trigger = function.trigger
    tags = context.environment.tags.of("compute", function.name)
    if isinstance(trigger, ScheduleTrigger):
        schedule = ScheduleArgs(
            trigger=trigger,
            physical_name=context.environment.names.schedule(function.name),
            role_arn=context.foundation.schedule_role_arns[function.name],
            alias_arn=built.alias_arn,
            failure_queue_arn=built.failure_queue_arn,
            tags=tags,
        )
        Schedule(f"{function.name}-schedule", schedule)
    elif trigger is not None:
        mapping = TriggerArgs(
            trigger=trigger,
            source_arn=source_arn(trigger, context.data),
            alias_arn=built.alias_arn,
            failure_queue_arn=built.failure_queue_arn,
            tags=tags,
        )
        Trigger(f"{function.name}-trigger", mapping)


if __name__ == "__main__":
    main()
