"""The observability layer: alarms for everything in the catalog, the topic they go to, the dashboard, saved queries."""

from compute.outputs import ComputeOutputs
from data.outputs import DataOutputs
from foundation.catalog import CATALOG
from foundation.outputs import FoundationOutputs
from foundation.program import load
from observability import config as configuration
from observability.alarm_set import AlarmSet, AlarmSetArgs
from observability.alarms import estate_alarms
from observability.estate_dashboard import EstateDashboard, EstateDashboardArgs
from observability.outputs import ObservabilityOutputs
from observability.physical import physical_names
from observability.queries import SavedQueries, SavedQueriesArgs
from observability.topic import AlertsTopic, AlertsTopicArgs


def main() -> None:
    """Registers the layer's resources and exports its outputs."""
    config = load("observability", configuration.SETTINGS, configuration.parse)
    foundation = FoundationOutputs.from_stack("observability")
    data = DataOutputs.from_stack("observability", CATALOG)
    compute = ComputeOutputs.from_stack("observability", CATALOG)
    physical = physical_names(CATALOG, data, compute)
    names, tags = foundation.names(), foundation.tags("observability", "alerts")
    topic_args = AlertsTopicArgs(arns=foundation.arns(), subscriptions=config.subscriptions, tags=tags)
    topic = AlertsTopic("alerts", topic_args)
    alarms: list[AlarmSet] = []
    for subject, specs in estate_alarms(CATALOG, config.thresholds).items():
        set_args = AlarmSetArgs(
            specs=specs,
            names=names,
            physical=physical,
            topic_arn=topic.arn,
            tags=foundation.tags("observability", subject.purpose),
            billing=data.tables[subject.purpose].billing if subject.kind == "table" else None,
        )
        alarms.append(AlarmSet(f"{subject.kind}-{subject.purpose}", set_args))
    dashboard_args = EstateDashboardArgs(
        catalog=CATALOG,
        thresholds=config.thresholds,
        names=names,
        region=foundation.region,
        physical=physical,
        alarm_arns=[arn for each in alarms for arn in each.alarm_arns],
    )
    dashboard = EstateDashboard("estate", dashboard_args)
    log_groups = [function.log_group for function in compute.functions.values()]
    queries = SavedQueries("estate", SavedQueriesArgs(names=names, log_groups=log_groups))
    ObservabilityOutputs(
        topic_arn=topic.arn,
        alarm_names=[name for each in alarms for name in each.alarm_names],
        dashboard_name=dashboard.name,
        query_names=queries.query_names,
    ).export()


if __name__ == "__main__":
    main()
