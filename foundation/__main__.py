"""The foundation layer: one execution role per function, and the names and tags the other layers follow."""

import pulumi
import pulumi_aws as aws

from foundation.catalog import CATALOG
from foundation.model import ScheduleTrigger
from foundation.naming import Arns
from foundation.outputs import FoundationOutputs
from foundation.program import load_foundation
from foundation.roles import ExecutionRole, ExecutionRoleArgs, ScheduleRole, ScheduleRoleArgs


def main() -> None:
    """Registers the layer's resources and exports its outputs."""
    config = load_foundation()
    account = aws.get_caller_identity().account_id
    region = aws.get_region().region
    partition = aws.get_partition().partition
    arns = Arns(names=config.names, account=account, region=region, partition=partition)
    roles = {
        function.name: ExecutionRole(
            function.name,
            ExecutionRoleArgs(
                function=function,
                arns=arns,
                tags=config.tags.of("foundation", function.name),
                secrets=CATALOG.secrets,
            ),
        )
        for function in CATALOG.functions
    }
    schedule_roles = {
        function.name: ScheduleRole(
            f"{function.name}-schedule",
            ScheduleRoleArgs(function_name=function.name, arns=arns, tags=config.tags.of("foundation", function.name)),
        )
        for function in CATALOG.functions
        if isinstance(function.trigger, ScheduleTrigger)
    }
    FoundationOutputs(
        suffix=pulumi.Output.from_input(config.suffix),
        account=pulumi.Output.from_input(account),
        region=pulumi.Output.from_input(region),
        partition=pulumi.Output.from_input(partition),
        project=pulumi.Output.from_input(config.tags.project),
        owner=pulumi.Output.from_input(config.tags.owner),
        cost_center=pulumi.Output.from_input(config.tags.cost_center),
        role_arns={name: role.arn for name, role in roles.items()},
        schedule_role_arns={name: role.arn for name, role in schedule_roles.items()},
    ).export()


if __name__ == "__main__":
    main()
