"""The observability layer: alarms on all resources of the catalog, their topics, dashboard, saved queries."""

import pulumi

from compute import config as compute_config
from compute.outputs import ComputeOutputs
from data import config as data_config
from data.outputs import DataOutputs
from foundation.catalog import CATALOG
from foundation.config import FoundationConfig
from foundation.outputs import FoundationOutputs
from foundation.program import load, load_foundation
from foundation.upstream import register_after
from foundation.waiver import with_waiver
from observability import config as configuration
from observability.alarm_set import AlarmContext, build_alarms
from observability.alarms import estate_alarms
from observability.dashboard import EstateDashboard, dashboard
from observability.log_metrics import log_metrics
from observability.metrics import Estate
from observability.queries import SavedQueries, SavedQueriesArgs
from observability.topic import BUDGET_SEVERITY, EstateBudget, build_topics


def main() -> None:
    """Register the layer's resources and export its outputs."""
    config = load("observability", configuration.ObservabilityConfig, configuration.parse)
    environment, estate = _estate(config)
    names, tags = environment.names, environment.tags.of("observability", "alerts")
    topics = build_topics(config, names, tags)
    if config.monthly_budget:
        EstateBudget(config.monthly_budget, names, topics[BUDGET_SEVERITY].arn, tags)
    log_metrics(estate.catalog, names)
    context = AlarmContext(
        names=names,
        tags=environment.tags,
        topics={severity: topic.arn for severity, topic in topics.items()},
        runbooks=config.runbooks,
    )
    alarms = build_alarms(estate_alarms(estate, config.level), context)
    log_groups = [names.log_group(function.name) for function in estate.catalog.functions]
    queries = SavedQueries("estate", SavedQueriesArgs(names=names, log_groups=log_groups))
    pulumi.export("page_topic_arn", topics["page"].arn)
    pulumi.export("ticket_topic_arn", topics["ticket"].arn)
    pulumi.export("alarm_names", alarms.names)
    if config.dashboard:
        drawn = dashboard(estate, alarms, pulumi.Config("aws").require("region"))
        pulumi.export("dashboard_name", EstateDashboard("estate", drawn, names).name)
    else:
        pulumi.export("dashboard_name", "")
    pulumi.export("query_names", queries.query_names)


def _estate(config: configuration.ObservabilityConfig) -> tuple[FoundationConfig, Estate]:
    """Return the configuration of the lower layers; resources are registered only after these are rolled out."""
    catalog = with_waiver(CATALOG, pulumi.get_stack())
    environment = load_foundation()
    data = load("data", data_config.DataConfig, data_config.parse)
    compute = load("compute", compute_config.Keys, compute_config.parse)
    FoundationOutputs.from_stack("observability").require_suffix(environment.suffix)
    stored, run = DataOutputs.from_stack("observability", catalog), ComputeOutputs.from_stack("observability", catalog)
    register_after([vars(one) for one in (*stored.tables.values(), *stored.queues.values(), *run.functions.values())])
    return environment, Estate(
        catalog=catalog, names=environment.names, thresholds=config, memory_mb=compute.memory_mb,
        target_percent=compute.provisioning.target_percent,
        on_demand=data.on_demand,
    )  # fmt: skip


if __name__ == "__main__":
    main()
