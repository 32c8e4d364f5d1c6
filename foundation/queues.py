"""Dead-letter queues and policies of queues, the same in every layer."""

import pulumi
import pulumi_aws as aws

from foundation.model import DEAD_LETTER_DAYS, MAXIMUM_MESSAGE_BYTES
from foundation.resource_policies import queue_policy

SECONDS_PER_DAY = 86_400


def build_dead_letter_queue(
    logical_name: str, name: str, tags: dict[str, str], parent: pulumi.Resource
) -> aws.sqs.Queue:
    """Register a dead-letter queue and its policy."""
    queue = aws.sqs.Queue(
        logical_name,
        name=name,
        message_retention_seconds=DEAD_LETTER_DAYS * SECONDS_PER_DAY,
        max_message_size=MAXIMUM_MESSAGE_BYTES,
        sqs_managed_sse_enabled=True,
        tags=tags,
        opts=pulumi.ResourceOptions(parent=parent),
    )
    build_policy(logical_name, queue, parent)
    return queue


def build_policy(logical_name: str, queue: aws.sqs.Queue, parent: pulumi.Resource) -> None:
    """Register the policy of a queue."""
    aws.sqs.QueuePolicy(
        f"{logical_name}-policy",
        queue_url=queue.url,
        policy=pulumi.Output.json_dumps(queue.arn.apply(queue_policy)),
        opts=pulumi.ResourceOptions(parent=parent),
    )
