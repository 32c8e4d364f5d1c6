"""The execution role of one function."""

import json
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from foundation.model import Function
from foundation.naming import Arns
from foundation.policies import execution_policy, trust_policy
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
