"""A Lambda function with log group, dead-letter queue, alias, limits of asynchronous calls, provisioned concurrency."""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from compute.config import Provisioning
from compute.outputs import FunctionOutputs
from compute.provisioning import ProvisionedConcurrency, ProvisionedConcurrencyArgs
from compute.wheels import ARCHITECTURE
from foundation.model import Function
from foundation.naming import ALIAS, Names
from foundation.queues import build_dead_letter_queue

# With provisioned concurrency, an alias's update waits until nothing is routed to the old version (15 minutes).
ALIAS_TIMEOUTS = pulumi.CustomTimeouts(create="30m", update="30m")
# Asynchronous calls: the most retries Lambda makes, within an hour ("PutFunctionEventInvokeConfig").
ASYNC_RETRIES = 2
ASYNC_MAXIMUM_AGE_SECONDS = 3600


@dataclass(frozen=True, kw_only=True)
class ServerlessFunctionArgs:
    """A function's declaration, and its settings in the environment.

    `failure_queue` is the ARN and the URL of its dead-letter queue; without one, the component creates it. Memory is
    in MB.
    """

    function: Function
    names: Names
    failure_queue: tuple[pulumi.Input[str], pulumi.Input[str]] | None = None
    role_arn: pulumi.Input[str]
    runtime: str
    code: pulumi.Archive
    memory_mb: int
    environment: Mapping[str, pulumi.Input[str]]
    log_retention_days: int
    provisioning: Provisioning
    tags: dict[str, str]


class ServerlessFunction(pulumi.ComponentResource):
    """Log group, dead-letter queue, function, version, alias; provisioned concurrency of a critical function."""

    outputs: FunctionOutputs

    def __init__(self, name: str, args: ServerlessFunctionArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("estate:compute:ServerlessFunction", name, None, opts)
        self._child = pulumi.ResourceOptions(parent=self)
        log_group = aws.cloudwatch.LogGroup(
            f"{name}-logs",
            name=args.names.log_group(args.function.name),
            retention_in_days=args.log_retention_days,
            tags=args.tags,
            opts=self._child,
        )
        failure_queue = self._build_failure_queue(name, args)
        function = self._build_function(name, args, log_group, failure_queue)
        alias = self._build_alias(name, function)
        if args.function.critical and args.function.provisioned and args.provisioning.minimum:
            provisioned = ProvisionedConcurrencyArgs(
                component=args.function.name,
                function_name=function.name,
                alias_name=alias.name,
                provisioning=args.provisioning,
                names=args.names,
                tags=args.tags,
            )
            ProvisionedConcurrency(f"{name}-warm", provisioned, opts=self._child)
        self.outputs = FunctionOutputs(
            name=function.name,
            alias_name=alias.name,
            alias_arn=alias.arn,
            log_group=log_group.name,
            failure_queue_arn=failure_queue[0],
            memory_mb=pulumi.Output.from_input(args.memory_mb),
            warm_percent=pulumi.Output.from_input(args.provisioning.target_percent),
        )
        self.register_outputs({"name": function.name, "alias_arn": alias.arn, "version": function.version})

    def _build_failure_queue(
        self, name: str, args: ServerlessFunctionArgs
    ) -> tuple[pulumi.Output[str], pulumi.Output[str]]:
        if args.failure_queue is not None:
            arn, url = args.failure_queue
            return pulumi.Output.from_input(arn), pulumi.Output.from_input(url)
        name, physical_name = f"{name}-failures", args.names.dead_letter_queue(args.function.name)
        queue = build_dead_letter_queue(name, physical_name, args.tags, self)
        return queue.arn, queue.url

    def _build_function(
        self,
        name: str,
        args: ServerlessFunctionArgs,
        log_group: aws.cloudwatch.LogGroup,
        failure_queue: tuple[pulumi.Output[str], pulumi.Output[str]],
    ) -> aws.lambda_.Function:
        failure_queue_arn, failure_queue_url = failure_queue
        variables = dict(args.environment)
        if args.function.takes_batches:
            variables["DEAD_LETTER_QUEUE"] = failure_queue_url
        return aws.lambda_.Function(
            f"{name}-function",
            name=args.names.function(args.function.name),
            description=args.function.description,
            role=args.role_arn,
            runtime=args.runtime,
            architectures=[ARCHITECTURE],
            handler=args.function.handler,
            code=args.code,
            memory_size=args.memory_mb,
            timeout=args.function.timeout_seconds,
            reserved_concurrent_executions=args.function.reserved_concurrency,
            environment={"variables": variables},
            dead_letter_config={"target_arn": failure_queue_arn},
            logging_config={"log_format": "JSON", "log_group": log_group.name},
            publish=True,
            tags=args.tags,
            # The group first: a function that logs before creates one without retention.
            opts=pulumi.ResourceOptions(parent=self, depends_on=[log_group]),
        )

    def _build_alias(self, name: str, function: aws.lambda_.Function) -> aws.lambda_.Alias:
        alias = aws.lambda_.Alias(
            f"{name}-alias",
            name=ALIAS,
            description="The version that events and callers reach.",
            function_name=function.name,
            function_version=function.version,
            opts=pulumi.ResourceOptions(parent=self, custom_timeouts=ALIAS_TIMEOUTS),
        )
        aws.lambda_.FunctionEventInvokeConfig(
            f"{name}-async",
            function_name=function.name,
            qualifier=alias.name,
            maximum_retry_attempts=ASYNC_RETRIES,
            maximum_event_age_in_seconds=ASYNC_MAXIMUM_AGE_SECONDS,
            opts=self._child,
        )
        return alias
