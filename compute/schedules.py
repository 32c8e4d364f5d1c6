"""Schedules: calls of a function's alias at times."""

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from foundation.model import ScheduleTrigger
from foundation.schedules import payload


@dataclass(frozen=True, kw_only=True)
class ScheduleArgs:
    """The declared schedule, its name, its role, the alias it runs, where its failures go, and tags."""

    trigger: ScheduleTrigger
    physical_name: str
    role_arn: pulumi.Input[str]
    alias_arn: pulumi.Input[str]
    failure_queue_arn: pulumi.Input[str]
    tags: dict[str, str]


class Schedule(pulumi.ComponentResource):
    """A schedule in a group of its own, whose name is the schedule's.

    AWS tags groups, not schedules, publishes metrics by group, and lets a role trust a group, not a schedule.
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
            flexible_time_window=aws.scheduler.ScheduleFlexibleTimeWindowArgs(mode="OFF"),
            target=aws.scheduler.ScheduleTargetArgs(
                arn=args.alias_arn,
                role_arn=args.role_arn,
                input=payload(trigger),
                retry_policy=aws.scheduler.ScheduleTargetRetryPolicyArgs(
                    maximum_retry_attempts=trigger.retry_attempts,
                    maximum_event_age_in_seconds=trigger.maximum_event_age_seconds,
                ),
                dead_letter_config=aws.scheduler.ScheduleTargetDeadLetterConfigArgs(arn=args.failure_queue_arn),
            ),
            opts=child,
        )
        self.register_outputs({})
