"""The compute layer: the functions of the catalog and what triggers them."""

from collections.abc import Mapping
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
from foundation.model import Function, QueueTrigger, ScheduleTrigger
from foundation.naming import Names, Tags
from foundation.outputs import FoundationOutputs
from foundation.problems import InvalidConfiguration
from foundation.program import load, load_foundation
from foundation.secrets import reference
from foundation.urls import FunctionUrl


@dataclass(frozen=True, kw_only=True)
class Lower:
    """Names and tags of the environment, and outputs of the layers below."""

    names: Names
    tags: Tags
    role_arns: Mapping[str, pulumi.Output[str]]
    schedule_role_arns: Mapping[str, pulumi.Output[str]]
    data: DataOutputs


def main() -> None:
    """Registers the layer's resources and exports its outputs."""
    config = load("compute", configuration.Keys, configuration.parse)
    environment = load_foundation()
    foundation = FoundationOutputs.from_stack("compute", CATALOG)
    foundation.require_suffix(environment.suffix)
    lower = Lower(
        names=environment.names,
        tags=environment.tags,
        role_arns=foundation.role_arns,
        schedule_role_arns=foundation.schedule_role_arns,
        data=DataOutputs.from_stack("compute", CATALOG),
    )
    try:
        packages = build_all(CATALOG.functions, config.runtime)
    except (InvalidConfiguration, PackagesUnavailable) as error:
        raise pulumi.RunError(str(error)) from error
    functions = {
        function.name: _function(function, pulumi.FileArchive(str(packages[function.name])), config, lower)
        for function in CATALOG.functions
    }
    urls = {
        function.name: _url(function.name, function.url, functions[function.name], lower.names)
        for function in CATALOG.functions
        if function.url
    }
    ComputeOutputs(functions=functions, urls=urls).export()


def _url(name: str, url: FunctionUrl, function: FunctionOutputs, names: Names) -> pulumi.Output[str]:
    args = UrlArgs(
        url=url,
        function_name=function.name,
        alias_name=function.alias_name,
        alias_arn=function.alias_arn,
        names=names,
    )
    return Url(f"{name}-url", args).url


def _function(
    function: Function, code: pulumi.Archive, config: configuration.ComputeConfig, lower: Lower
) -> FunctionOutputs:
    trigger = function.trigger
    names, data = lower.names, lower.data
    consumed = data.queues[trigger.queue] if isinstance(trigger, QueueTrigger) else None
    tags = lower.tags.of("compute", function.name)
    secrets = {each.name: reference(each, names.suffix) for each in CATALOG.secrets}
    built = ServerlessFunction(
        function.name,
        ServerlessFunctionArgs(
            function=function,
            names=names,
            failure_queue=(consumed.dead_letter_arn, consumed.dead_letter_url) if consumed else None,
            role_arn=lower.role_arns[function.name],
            runtime=config.runtime,
            code=code,
            memory_mb=config.memory_mb[function.name],
            environment=variables(function, names, data, config.environment[function.name], secrets),
            log_retention_days=config.log_retention_days,
            provisioning=config.provisioning,
            tags=tags,
        ),
    ).outputs
    if isinstance(trigger, ScheduleTrigger):
        arguments = ScheduleArgs(
            trigger=trigger,
            physical_name=names.schedule(function.name),
            role_arn=lower.schedule_role_arns[function.name],
            alias_arn=built.alias_arn,
            failure_queue_arn=built.failure_queue_arn,
            tags=tags,
        )
        Schedule(f"{function.name}-schedule", arguments)
    elif trigger is not None:
        arguments = TriggerArgs(
            trigger=trigger,
            source_arn=source_arn(trigger, data),
            alias_arn=built.alias_arn,
            failure_queue_arn=built.failure_queue_arn,
            tags=tags,
        )
        Trigger(f"{function.name}-trigger", arguments)
    return built


if __name__ == "__main__":
    main()
