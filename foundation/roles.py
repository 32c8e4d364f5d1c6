"""The execution role of one function, and the role of its schedule."""

import json
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from foundation.model import Function
from foundation.naming import Arns
from foundation.policies import execution_policy, trust_policy
from foundation.schedules import schedule_policy
from foundation.schedules import trust_policy as schedule_trust_policy
from foundation.secrets import Secret


@dataclass(frozen=True, kw_only=True)
class ExecutionRoleArgs:
    """The function the role belongs to, where its resources will be, the role's tags, and the catalog's secrets."""

    function: Function
    arns: Arns
    tags: dict[str, str]
    secrets: tuple[Secret, ...] = ()


class ExecutionRole(pulumi.ComponentResource):
    """A role that only Lambda can assume and that may do what its function's declaration says, nothing else."""

    arn: pulumi.Output[str]
    name: pulumi.Output[str]

    def __init__(self, name: str, args: ExecutionRoleArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("estate:foundation:ExecutionRole", name, None, opts)
        physical_name = args.arns.names.role(args.function.name)
        role = aws.iam.Role(
            f"{name}-role",
            name=physical_name,
            description=f"Runs {args.arns.names.function(args.function.name)}",
            assume_role_policy=json.dumps(trust_policy(args.arns.account)),
            tags=args.tags,
            opts=pulumi.ResourceOptions(parent=self),
        )
        policy = aws.iam.RolePolicy(
            f"{name}-policy",
            name=args.arns.names.of("policy", args.function.name),
            role=role.name,
            policy=json.dumps(execution_policy(args.function, args.arns, args.secrets)),
            opts=pulumi.ResourceOptions(parent=self),
        )
        # A reader of the ARN thereby waits for the permissions too.
        self.arn = pulumi.Output.all(role.arn, policy.id).apply(lambda both: str(both[0]))
        self.name = role.name
        self.register_outputs({"arn": self.arn, "name": self.name})


@dataclass(frozen=True, kw_only=True)
class ScheduleRoleArgs:
    """The name of the scheduled function, where its resources will be, and the role's tags."""

    function_name: str
    arns: Arns
    tags: dict[str, str]


class ScheduleRole(pulumi.ComponentResource):
    """A role for the schedules of one function's group: it may call the function's alias and report its failures."""

    arn: pulumi.Output[str]

    def __init__(self, name: str, args: ScheduleRoleArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("estate:foundation:ScheduleRole", name, None, opts)
        function, arns = args.function_name, args.arns
        role = aws.iam.Role(
            f"{name}-role",
            name=arns.names.schedule(function),
            description=f"Schedule of {arns.names.function(function)}",
            assume_role_policy=json.dumps(schedule_trust_policy(arns.schedule_group(function))),
            tags=args.tags,
            opts=pulumi.ResourceOptions(parent=self),
        )
        policy = aws.iam.RolePolicy(
            f"{name}-policy",
            name=arns.names.schedule(function),
            role=role.name,
            policy=json.dumps(schedule_policy(arns.alias(function), arns.dead_letter_queue(function))),
            opts=pulumi.ResourceOptions(parent=self),
        )
        # A rate calls at once: a reader of the ARN waits for the permissions too.
        self.arn = pulumi.Output.all(role.arn, policy.id).apply(lambda both: str(both[0]))
        self.register_outputs({"arn": self.arn})
