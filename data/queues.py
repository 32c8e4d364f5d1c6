"""An SQS queue with a dead-letter queue."""

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from data.outputs import QueueOutputs
from foundation.model import MAXIMUM_MESSAGE_BYTES, Function, Queue
from foundation.naming import Names
from foundation.queues import SECONDS_PER_DAY, build_dead_letter_queue, build_policy


@dataclass(frozen=True, kw_only=True)
class DeadLetteredQueueArgs:
    """The queue, the function that consumes it, names of the environment, tags."""

    queue: Queue
    consumer: Function
    names: Names
    tags: dict[str, str]


class DeadLetteredQueue(pulumi.ComponentResource):
    """A queue, its dead-letter queue, the redrive policy between them, the permission to redrive, their policies."""

    outputs: QueueOutputs

    def __init__(self, name: str, args: DeadLetteredQueueArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("estate:data:DeadLetteredQueue", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        dead_letters = build_dead_letter_queue(
            f"{name}-dead-letters", args.names.dead_letter_queue(args.queue.name), args.tags, self
        )
        queue = aws.sqs.Queue(
            f"{name}-queue",
            name=args.names.queue(args.queue.name),
            message_retention_seconds=args.queue.retention_days * SECONDS_PER_DAY,
            max_message_size=MAXIMUM_MESSAGE_BYTES,
            visibility_timeout_seconds=args.consumer.visibility_seconds,
            receive_wait_time_seconds=20,
            redrive_policy=pulumi.Output.json_dumps(
                {"deadLetterTargetArn": dead_letters.arn, "maxReceiveCount": args.queue.max_receive_count}
            ),
            sqs_managed_sse_enabled=True,
            tags=args.tags,
            opts=child,
        )
        build_policy(f"{name}-queue", queue, self)
        # A resource of its own, as the dead-letter queue is created before the queue named here.
        aws.sqs.RedriveAllowPolicy(
            f"{name}-redrive-allow",
            queue_url=dead_letters.url,
            redrive_allow_policy=pulumi.Output.json_dumps(
                {"redrivePermission": "byQueue", "sourceQueueArns": [queue.arn]}
            ),
            opts=child,
        )
        self.outputs = QueueOutputs(
            name=queue.name,
            arn=queue.arn,
            url=queue.url,
            dead_letter_name=dead_letters.name,
            dead_letter_arn=dead_letters.arn,
            dead_letter_url=dead_letters.url,
            visibility_seconds=pulumi.Output.from_input(args.consumer.visibility_seconds),
        )
        self.register_outputs({"url": queue.url, "arn": queue.arn, "dead_letter_arn": dead_letters.arn})
