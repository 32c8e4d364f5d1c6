"""The dashboard as a resource: its body, once the names and ARNs of the environment are known."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from foundation.model import Catalog
from foundation.naming import Names
from observability.alarm_spec import Deployed
from observability.alarms import AlarmSets
from observability.dashboard import Alarms, dashboard
from observability.metrics import Reference
from observability.physical import PhysicalNames
from observability.widgets import Graphs


@dataclass(frozen=True, kw_only=True)
class EstateDashboardArgs:
    """Content of the dashboard: catalog, names and region of the environment, its alarms with their thresholds."""

    catalog: Catalog
    specs: AlarmSets
    names: Names
    region: str
    physical: PhysicalNames
    deployed: Mapping[Reference, pulumi.Output[Deployed]]
    page_arns: Sequence[pulumi.Output[str]]
    other_arns: Sequence[pulumi.Output[str]]


class EstateDashboard(pulumi.ComponentResource):
    """The dashboard of one environment."""

    name: pulumi.Output[str]

    def __init__(self, name: str, args: EstateDashboardArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("estate:observability:EstateDashboard", name, None, opts)
        built = aws.cloudwatch.Dashboard(
            f"{name}-dashboard",
            dashboard_name=args.names.of("dashboard", name),
            dashboard_body=_body(args),
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.name = built.dashboard_name
        self.register_outputs({"name": self.name})


def _body(args: EstateDashboardArgs) -> pulumi.Output[str]:
    graphs = Graphs(region=args.region, physical=args.physical)

    def render(known: Sequence[Deployed], page: Sequence[str], ticket: Sequence[str]) -> str:
        deployed = dict(zip(args.deployed, known, strict=True))
        alarms = Alarms(specs=args.specs, deployed=deployed, page_arns=page, other_arns=ticket)
        return json.dumps(dashboard(args.catalog, alarms, graphs))

    values = pulumi.Output.all(
        # One by one: what is gathered together has to be plain data.
        pulumi.Output.all(*args.deployed.values()),
        list(args.page_arns),
        list(args.other_arns),
    )
    return values.apply(lambda known: render(*known))
