"""The execution role of a function, and the role of its schedule."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws

from foundation.model import Function
from foundation.naming import Arns
from foundation.policies import execution_policy, trust_policy
from foundation.schedules import schedule_policy
from foundation.schedules import trust_policy as schedule_trust_policy
from foundation.secrets import Secret


@dataclass(frozen=True, kw_only=True)
class RoleArgs:
    """The function, ARNs of the environment, the role's tags, and the catalog's secrets."""

    function: Function
    arns: Arns
    tags: dict[str, str]
    secrets: tuple[Secret, ...] = ()


class _Role(pulumi.ComponentResource):
    """An IAM role with one inline policy; its ARN is known once the policy is attached."""

    arn: pulumi.Output[str]

    def _build(self, name: str, role_args: aws.iam.RoleArgs, policy_name: str, policy: Mapping[str, Any]) -> None:
        child = pulumi.ResourceOptions(parent=self)
        role = aws.iam.Role(f"{name}-role", role_args, opts=child)
        attached = aws.iam.RolePolicy(
            f"{name}-policy", name=policy_name, role=role.name, policy=json.dumps(policy), opts=child
        )
        # Known only after the policy is attached, so that dependents wait for both: a rate calls at once.
        self.arn = pulumi.Output.all(role.arn, attached.id).apply(lambda both: str(both[0]))
        self.register_outputs({"arn": self.arn, "name": role.name})


class ExecutionRole(_Role):
    """A role that only Lambda can assume, with the permissions that the function's declaration implies."""

    def __init__(self, name: str, args: RoleArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("estate:foundation:ExecutionRole", name, None, opts)
        function, names = args.function.name, args.arns.names
        role = aws.iam.RoleArgs(
            name=names.role(function),
            description=f"Runs {names.function(function)}",
            assume_role_policy=json.dumps(trust_policy(args.arns.account)),
            tags=args.tags,
        )
        policy = execution_policy(args.function, args.arns, args.secrets)
        self._build(name, role, names.of("policy", function), policy)


class ScheduleRole(_Role):
    """A role of one function's schedule group, which may call the function's alias and send failures."""

    def __init__(self, name: str, args: RoleArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("estate:foundation:ScheduleRole", name, None, opts)
        function, arns = args.function.name, args.arns
        role = aws.iam.RoleArgs(
            name=arns.names.schedule(function),
            description=f"Schedule of {arns.names.function(function)}",
            assume_role_policy=json.dumps(schedule_trust_policy(arns.schedule_group(function))),
            tags=args.tags,
        )
        policy = schedule_policy(arns.alias(function), arns.dead_letter_queue(function))
        self._build(name, role, arns.names.schedule(function), policy)
