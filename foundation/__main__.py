"""The foundation layer: one execution role per function, and the names and tags of the other layers."""

import pulumi
import pulumi_aws as aws

from foundation.catalog import CATALOG
from foundation.model import Function
from foundation.naming import Arns
from foundation.program import load_foundation
from foundation.roles import ExecutionRole, RoleArgs, ScheduleRole


def main() -> None:
    """Register the layer's resources and export its outputs."""
    config = load_foundation()
    account = aws.get_caller_identity().account_id
    region = aws.get_region().region
    partition = aws.get_partition().partition
    arns = Arns(names=config.names, account=account, region=region, partition=partition)

    def args(function: Function) -> RoleArgs:
        tags = config.tags.of("foundation", function.name)
        return RoleArgs(function=function, arns=arns, tags=tags, secrets=CATALOG.secrets)

    roles = {each.name: ExecutionRole(each.name, args(each)).arn for each in CATALOG.functions}
    schedule_roles = {each.name: ScheduleRole(f"{each.name}-schedule", args(each)).arn for each in CATALOG.scheduled}
    pulumi.export("suffix", config.suffix)
    pulumi.export("account", account)
    pulumi.export("region", region)
    pulumi.export("partition", partition)
    pulumi.export("project", config.tags.project)
    pulumi.export("owner", config.tags.owner)
    pulumi.export("cost_center", config.tags.cost_center)
    # Each by itself: in a preview, the role of an added function leaves those of the others known.
    pulumi.export("role_arns", roles)
    if schedule_roles:
        pulumi.export("schedule_role_arns", schedule_roles)


if __name__ == "__main__":
    main()
