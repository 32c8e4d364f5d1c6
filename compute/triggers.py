"""Event source mappings: what runs a function, always through its alias."""

import json
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from data.outputs import DataOutputs
from foundation.model import QueueTrigger, StreamTrigger

# Only new items: a TTL deletion or a repair of a stored event must not be counted.
INSERTS_ONLY = json.dumps({"eventName": ["INSERT"]})
# As long as the stream keeps records, so that a function that was away for hours still gets them all.
STREAM_MAXIMUM_AGE_SECONDS = 86_400


@dataclass(frozen=True, kw_only=True)
class TriggerArgs:
    """The declared trigger, the ARNs of its source, of the alias it runs and of the queue for failures, and tags."""

    trigger: QueueTrigger | StreamTrigger
    source_arn: pulumi.Input[str]
    alias_arn: pulumi.Input[str]
    failure_queue_arn: pulumi.Input[str]
    tags: dict[str, str]


def source_arn(trigger: QueueTrigger | StreamTrigger, data: DataOutputs) -> pulumi.Output[str]:
    """The ARN of what a declared trigger reads: a queue, or the stream of a table."""
    if isinstance(trigger, QueueTrigger):
        return data.queues[trigger.queue].arn
    return data.tables[trigger.table].stream_arn


class Trigger(pulumi.ComponentResource):
    """One event source mapping that reports failures per item and gives up on none silently."""

    mapping_id: pulumi.Output[str]

    def __init__(self, name: str, args: TriggerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("estate:compute:Trigger", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        if isinstance(args.trigger, QueueTrigger):
            mapping = self._queue_mapping(name, args, args.trigger, child)
        else:
            mapping = self._stream_mapping(name, args, args.trigger, child)
        self.mapping_id = mapping.uuid
        self.register_outputs({"mapping_id": self.mapping_id})

    @staticmethod
    def _queue_mapping(
        name: str, args: TriggerArgs, trigger: QueueTrigger, opts: pulumi.ResourceOptions
    ) -> aws.lambda_.EventSourceMapping:
        return aws.lambda_.EventSourceMapping(
            f"{name}-mapping",
            event_source_arn=args.source_arn,
            function_name=args.alias_arn,
            batch_size=trigger.batch_size,
            maximum_batching_window_in_seconds=trigger.window_seconds,
            function_response_types=["ReportBatchItemFailures"],
            scaling_config=aws.lambda_.EventSourceMappingScalingConfigArgs(
                maximum_concurrency=trigger.maximum_concurrency
            ),
            tags=args.tags,
            opts=opts,
        )

    @staticmethod
    def _stream_mapping(
        name: str, args: TriggerArgs, trigger: StreamTrigger, opts: pulumi.ResourceOptions
    ) -> aws.lambda_.EventSourceMapping:
        return aws.lambda_.EventSourceMapping(
            f"{name}-mapping",
            event_source_arn=args.source_arn,
            function_name=args.alias_arn,
            starting_position="TRIM_HORIZON",
            batch_size=trigger.batch_size,
            maximum_batching_window_in_seconds=trigger.window_seconds,
            parallelization_factor=trigger.parallelization,
            # To isolate what can never succeed. A function that does so itself, and is retried without end, gains
            # nothing from it: an outage would cut its batches down to single records.
            bisect_batch_on_function_error=trigger.retries >= 0,
            maximum_retry_attempts=trigger.retries,
            maximum_record_age_in_seconds=STREAM_MAXIMUM_AGE_SECONDS,
            function_response_types=["ReportBatchItemFailures"],
            filter_criteria=aws.lambda_.EventSourceMappingFilterCriteriaArgs(
                filters=[aws.lambda_.EventSourceMappingFilterCriteriaFilterArgs(pattern=INSERTS_ONLY)]
            ),
            destination_config=aws.lambda_.EventSourceMappingDestinationConfigArgs(
                on_failure=aws.lambda_.EventSourceMappingDestinationConfigOnFailureArgs(
                    destination_arn=args.failure_queue_arn
                )
            ),
            tags=args.tags,
            opts=opts,
        )
