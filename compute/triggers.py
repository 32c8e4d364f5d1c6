"""Callers of functions, always through the alias: event source mappings, schedules and URLs."""

import json
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws

from data.outputs import DataOutputs
from foundation.grants import fill
from foundation.model import QueueTrigger, ScheduleTrigger, StreamTrigger
from foundation.naming import Arns, Names
from foundation.schedules import payload
from foundation.urls import FunctionUrl, label

# Only new items: a TTL deletion or a repair of a stored event must not be counted.
INSERTS_ONLY = json.dumps({"eventName": ["INSERT"]})
# The stream's own retention, so that a function that did not run for hours still gets all records.
STREAM_MAXIMUM_AGE_SECONDS = 86_400


@dataclass(frozen=True, kw_only=True)
class TriggerArgs:
    """The trigger, ARNs of its source, the alias and the dead-letter queue, and tags."""

    trigger: QueueTrigger | StreamTrigger
    source_arn: pulumi.Input[str]
    alias_arn: pulumi.Input[str]
    failure_queue_arn: pulumi.Input[str]
    tags: dict[str, str]


def source_arn(trigger: QueueTrigger | StreamTrigger, data: DataOutputs) -> pulumi.Output[str]:
    """Return the ARN of a trigger's queue, or of its table's stream."""
    if isinstance(trigger, QueueTrigger):
        return data.queues[trigger.queue].arn
    return data.tables[trigger.table].stream_arn


class Trigger(pulumi.ComponentResource):
    """An event source mapping that reports failures per item, and sends exhausted ones to the dead-letter queue."""

    def __init__(self, name: str, args: TriggerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("estate:compute:Trigger", name, None, opts)
        trigger = args.trigger
        settings = _queue_settings(trigger) if isinstance(trigger, QueueTrigger) else _stream_settings(trigger, args)
        mapping = aws.lambda_.EventSourceMapping(
            f"{name}-mapping",
            event_source_arn=args.source_arn,
            function_name=args.alias_arn,
            batch_size=trigger.batch_size,
            maximum_batching_window_in_seconds=trigger.window_seconds,
            function_response_types=["ReportBatchItemFailures"],
            tags=args.tags,
            opts=pulumi.ResourceOptions(parent=self),
            **settings,
        )
        self.register_outputs({"mapping_id": mapping.uuid})


def _queue_settings(trigger: QueueTrigger) -> dict[str, Any]:
    return {"scaling_config": {"maximum_concurrency": trigger.maximum_concurrency}}


def _stream_settings(trigger: StreamTrigger, args: TriggerArgs) -> dict[str, Any]:
    return {
        "starting_position": "TRIM_HORIZON",
        "parallelization_factor": trigger.parallelization,
        # Bisecting isolates poison. A function that isolates poison itself is retried without end: in an outage,
        # bisecting would only cut its batches down to single records.
        "bisect_batch_on_function_error": trigger.retries >= 0,
        "maximum_retry_attempts": trigger.retries,
        "maximum_record_age_in_seconds": STREAM_MAXIMUM_AGE_SECONDS,
        "filter_criteria": {"filters": [{"pattern": INSERTS_ONLY}]},
        "destination_config": {"on_failure": {"destination_arn": args.failure_queue_arn}},
    }


@dataclass(frozen=True, kw_only=True)
class ScheduleArgs:
    """The schedule, its physical name, its role, ARNs of the alias and the dead-letter queue, and tags."""

    trigger: ScheduleTrigger
    physical_name: str
    role_arn: pulumi.Input[str]
    alias_arn: pulumi.Input[str]
    failure_queue_arn: pulumi.Input[str]
    tags: dict[str, str]


class Schedule(pulumi.ComponentResource):
    """A schedule in a group of its own, with the same name.

    Groups, not schedules, have tags and metrics, and are the principals' source in a trust policy.
    """

    def __init__(self, name: str, args: ScheduleArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("estate:compute:Schedule", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        group = aws.scheduler.ScheduleGroup(f"{name}-group", name=args.physical_name, tags=args.tags, opts=child)
        trigger = args.trigger
        aws.scheduler.Schedule(
            f"{name}-schedule",
            name=args.physical_name,
            group_name=group.name,
            description=pulumi.Output.concat("Runs ", args.alias_arn),
            schedule_expression=trigger.expression,
            schedule_expression_timezone=trigger.timezone,
            state="ENABLED" if trigger.enabled else "DISABLED",
            flexible_time_window={"mode": "OFF"},
            target={
                "arn": args.alias_arn,
                "role_arn": args.role_arn,
                "input": payload(trigger),
                "retry_policy": {
                    "maximum_retry_attempts": trigger.retry_attempts,
                    "maximum_event_age_in_seconds": trigger.maximum_event_age_seconds,
                },
                "dead_letter_config": {"arn": args.failure_queue_arn},
            },
            opts=child,
        )
        self.register_outputs({})


LONGEST_LABEL = 80  # a statement's id has at most 100 characters


@dataclass(frozen=True, kw_only=True)
class UrlArgs:
    """The URL, its function and alias, and names of the environment."""

    url: FunctionUrl
    function_name: pulumi.Input[str]
    alias_name: pulumi.Input[str]
    alias_arn: pulumi.Output[str]
    names: Names


class Url(pulumi.ComponentResource):
    """A function URL for signed requests of its invokers.

    Each invoker needs two permissions, the second one limited to calls by URL ("Control access to Lambda function
    URLs", since October 2025).
    """

    url: pulumi.Output[str]

    def __init__(self, name: str, args: UrlArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("estate:compute:Url", name, None, opts)
        url = aws.lambda_.FunctionUrl(
            f"{name}-address",
            function_name=args.function_name,
            qualifier=args.alias_name,
            authorization_type="AWS_IAM",
            opts=pulumi.ResourceOptions(parent=self),
        )
        for invoker in args.url.invokers:
            self._permit(name, args, invoker)
        self.url = url.function_url
        self.register_outputs({"url": self.url})

    def _permit(self, name: str, args: UrlArgs, invoker: str) -> None:
        caller = label(invoker)[-LONGEST_LABEL:]
        principal = args.alias_arn.apply(lambda arn: fill(invoker, Arns.beside(arn, args.names)))
        permissions: tuple[tuple[str, str, dict[str, Any]], ...] = (
            ("url", "url", {"action": "lambda:InvokeFunctionUrl", "function_url_auth_type": "AWS_IAM"}),
            ("invoke", "invoke-by-url", {"action": "lambda:InvokeFunction", "invoked_via_function_url": True}),
        )
        for suffix, statement, settings in permissions:
            aws.lambda_.Permission(
                f"{name}-{caller}-{suffix}",
                statement_id=f"{statement}-{caller}",
                function=args.function_name,
                qualifier=args.alias_name,
                principal=principal,
                opts=pulumi.ResourceOptions(parent=self),
                **settings,
            )
