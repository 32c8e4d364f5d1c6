"""The observability layer: alarms on everything in the catalog, the topics they go to, dashboard, saved queries."""

import pulumi

from compute.outputs import ComputeOutputs
from data.outputs import DataOutputs
from foundation.catalog import CATALOG
from foundation.outputs import FoundationOutputs
from foundation.program import load, load_foundation
from foundation.waiver import rolled_out
from observability import config as configuration
from observability.alarms import estate_alarms
from observability.budget import EstateBudget
from observability.estate_alarms import EstateAlarmsArgs, build_alarms
from observability.estate_dashboard import EstateDashboard, EstateDashboardArgs
from observability.log_metrics import log_metrics
from observability.metrics import Reference
from observability.outputs import ObservabilityOutputs
from observability.physical import deployed, physical_names
from observability.queries import SavedQueries, SavedQueriesArgs
from observability.topic import BUDGET_SEVERITY, build_topics


def main() -> None:
    """Registers the layer's resources and exports its outputs."""
    config = load("observability", configuration.SETTINGS, configuration.parse)
    catalog = rolled_out(CATALOG, pulumi.get_stack())
    environment = load_foundation()
    names, tags = environment.names, environment.tags
    FoundationOutputs.from_stack("observability").require_suffix(environment.suffix)
    data = DataOutputs.from_stack("observability", catalog)
    compute = ComputeOutputs.from_stack("observability", catalog)
    physical = physical_names(catalog, names)
    topics = build_topics(config, names, tags.of("observability", "alerts"))
    if config.monthly_budget:
        EstateBudget(config.monthly_budget, names, topics[BUDGET_SEVERITY].arn, tags.of("observability", "alerts"))
    log_metrics(catalog, names)
    specs = estate_alarms(catalog, config.thresholds, config.level)
    # The dashboard draws every function, whatever alarms there are.
    drawn = [Reference("function", function.name) for function in catalog.functions]
    known = {subject: deployed(subject, data, compute) for subject in dict.fromkeys((*specs, *drawn))}
    alarm_args = EstateAlarmsArgs(
        specs=specs,
        names=names,
        tags=tags,
        physical=physical,
        deployed=known,
        topics={severity: topic.arn for severity, topic in topics.items()},
        runbooks=config.runbooks,
    )
    alarms = build_alarms(alarm_args)
    dashboard_args = EstateDashboardArgs(
        catalog=catalog,
        specs=specs,
        names=names,
        region=pulumi.Config("aws").require("region"),
        physical=physical,
        deployed=known,
        page_arns=alarms.page_arns,
        other_arns=alarms.other_arns,
    )
    log_groups = [names.log_group(function.name) for function in catalog.functions]
    ObservabilityOutputs(
        page_topic_arn=topics["page"].arn,
        ticket_topic_arn=topics["ticket"].arn,
        alarm_names=alarms.names,
        # An output without a value is not exported.
        dashboard_name=(
            EstateDashboard("estate", dashboard_args).name if config.dashboard else pulumi.Output.from_input("")
        ),
        query_names=SavedQueries("estate", SavedQueriesArgs(names=names, log_groups=log_groups)).query_names,
    ).export()


if __name__ == "__main__":
    main()
