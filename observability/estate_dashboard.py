"""The dashboard as a resource: its body, once the names and ARNs of the environment are known."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from foundation.model import Catalog
from foundation.naming import Names
from observability.config import Thresholds
from observability.dashboard import dashboard
from observability.physical import PhysicalNames
from observability.widgets import Graphs


@dataclass(frozen=True, kw_only=True)
class EstateDashboardArgs:
    """What is shown: the catalog, what is tolerated, the names and region of the environment, and its alarms."""

    catalog: Catalog
    thresholds: Thresholds
    names: pulumi.Output[Names]
    region: pulumi.Input[str]
    physical: PhysicalNames
    alarm_arns: Sequence[pulumi.Output[str]]


class EstateDashboard(pulumi.ComponentResource):
    """The dashboard of one environment."""

    name: pulumi.Output[str]

    def __init__(self, name: str, args: EstateDashboardArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("estate:observability:EstateDashboard", name, None, opts)
        values = pulumi.Output.all(args.region, list(args.physical.values()), list(args.alarm_arns))
        built = aws.cloudwatch.Dashboard(
            f"{name}-dashboard",
            dashboard_name=args.names.apply(lambda names: names.of("dashboard", name)),
            dashboard_body=values.apply(lambda known: _body(args, *known)),
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.name = built.dashboard_name
        self.register_outputs({"name": self.name})


def _body(args: EstateDashboardArgs, region: str, names: Sequence[str], alarm_arns: Sequence[str]) -> str:
    graphs = Graphs(region=region, physical=dict(zip(args.physical, names, strict=True)))
    return json.dumps(dashboard(args.catalog, args.thresholds, graphs, alarm_arns))
