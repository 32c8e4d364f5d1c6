"""Schedules: what runs a function at times, through its alias, with a role of its own."""

import json
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from foundation.model import ScheduleTrigger
from foundation.schedules import payload, schedule_policy, trust_policy


@dataclass(frozen=True, kw_only=True)
class ScheduleArgs:
    """The declared schedule, its name, the alias it runs, where its failures go, and tags."""

    trigger: ScheduleTrigger
    physical_name: str
    alias_arn: pulumi.Input[str]
    failure_queue_arn: pulumi.Input[str]
    tags: dict[str, str]


class Schedule(pulumi.ComponentResource):
    """A schedule in a group of its own, and the role that may call the function's alias and nothing else.

    AWS tags groups, not schedules, publishes metrics by group, and lets a role trust a group, not a schedule. The
    group's name is the schedule's.
    """

    def __init__(self, name: str, args: ScheduleArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("estate:compute:Schedule", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        group = aws.scheduler.ScheduleGroup(f"{name}-group", name=args.physical_name, tags=args.tags, opts=child)
        role, policy = self._build_role(name, args, group)
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
                role_arn=role.arn,
                input=payload(trigger),
                retry_policy=aws.scheduler.ScheduleTargetRetryPolicyArgs(
                    maximum_retry_attempts=trigger.retry_attempts,
                    maximum_event_age_in_seconds=trigger.maximum_event_age_seconds,
                ),
                dead_letter_config=aws.scheduler.ScheduleTargetDeadLetterConfigArgs(arn=args.failure_queue_arn),
            ),
            # A rate calls at once: its role has to be able to by then.
            opts=pulumi.ResourceOptions(parent=self, depends_on=[policy]),
        )
        self.register_outputs({})

    def _build_role(
        self, name: str, args: ScheduleArgs, group: aws.scheduler.ScheduleGroup
    ) -> tuple[aws.iam.Role, aws.iam.RolePolicy]:
        role = aws.iam.Role(
            f"{name}-role",
            name=args.physical_name,
            description=pulumi.Output.concat("Schedule of ", args.alias_arn),
            assume_role_policy=group.arn.apply(lambda arn: json.dumps(trust_policy(arn))),
            tags=args.tags,
            opts=pulumi.ResourceOptions(parent=self),
        )
        allowed = pulumi.Output.all(args.alias_arn, args.failure_queue_arn)
        policy = aws.iam.RolePolicy(
            f"{name}-policy",
            name=args.physical_name,
            role=role.name,
            policy=allowed.apply(lambda known: json.dumps(schedule_policy(*known))),
            opts=pulumi.ResourceOptions(parent=self),
        )
        return role, policy
