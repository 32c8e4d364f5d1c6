"""Load of an environment without a single event, from its configuration: nothing has to be deployed."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

from estate_tool.costing.measure import ALARMS_OF_A_POLICY, average_provisioned, secrets
from estate_tool.pricing.load import FunctionLoad, Load, LogLoad, QueueLoad, TableLoad, WatchLoad
from foundation.catalog import CATALOG
from foundation.model import QueueTrigger, ScheduleTrigger
from foundation.schedule_expressions import runs_a_month
from observability.alarms import estate_alarms
from observability.metrics import Estate

if TYPE_CHECKING:
    from estate_tool.core.configuration import Configuration
    from foundation.model import Function, Table

# An idle mapping keeps five pollers, each of which polls three times a minute ("Using Lambda with Amazon SQS"; a long
# poll lasts 20 s): 5 × 3 × 60 × 730.
POLLS_A_MONTH = Decimal(657_000)
_NOTHING = (
    "Without any event: functions never run but at the times of their schedules, whose duration is not known; tables "
    "stay at their least capacity, and Lambda polls each queue {polls:,} times a month."
)
_WATCHED = (
    "Of the alarms, {autoscaling} are autoscaling's own. The estate's own metrics cost money in hours in which "
    "anything is published: nothing while it is idle."
)


def load(configuration: Configuration) -> Load:
    """Return the month of an environment that gets no events."""
    provisioning, compute = configuration.compute.provisioning, configuration.compute
    provisioned = average_provisioned(provisioning)
    tables = tuple(_table(table, on_demand=configuration.data.on_demand) for table in CATALOG.tables)
    autoscaling = 2 * ALARMS_OF_A_POLICY["dynamodb"] * sum(table.read_units is not None for table in tables)
    if provisioned:
        autoscaling += ALARMS_OF_A_POLICY["lambda"] * sum(function.critical for function in CATALOG.functions)
    return Load(
        functions=tuple(
            FunctionLoad(
                name=function.name, memory_mb=Decimal(compute.memory_mb[function.name]),
                provisioned=provisioned if function.critical else Decimal(0), invocations=scheduled(function),
                scheduled=scheduled(function),
            )
            for function in CATALOG.functions
        ),
        tables=tables,
        queues=tuple(
            QueueLoad(name=function.trigger.queue, requests=POLLS_A_MONTH)
            for function in CATALOG.functions
            if isinstance(function.trigger, QueueTrigger)
        ),
        secrets=secrets(),
        logs=LogLoad(retention_days=Decimal(compute.log_retention_days)),
        watching=_monitoring(configuration, autoscaling, provisioned=bool(provisioned)),
        notes=(_NOTHING.format(polls=POLLS_A_MONTH), _WATCHED.format(autoscaling=autoscaling)),
    )  # fmt: skip


def _monitoring(configuration: Configuration, autoscaling: int, *, provisioned: bool) -> WatchLoad:
    """Return the alarms, those of autoscaling among them, and the dashboard."""
    watching = configuration.observability
    functions = tuple(replace(function, provisioned=provisioned) for function in CATALOG.functions)
    estate = Estate(
        catalog=replace(CATALOG, functions=functions), names=configuration.foundation.names, thresholds=watching,
        memory_mb=configuration.compute.memory_mb,
        target_percent=configuration.compute.provisioning.target_percent,
        on_demand=configuration.data.on_demand,
    )  # fmt: skip
    specs = [spec for of in estate_alarms(estate, watching.level).values() for spec in of]
    return WatchLoad(
        alarm_metrics=Decimal(sum(len(spec.metrics) for spec in specs) + autoscaling),
        composite_alarms=Decimal(len({spec.symptom for spec in specs if spec.symptom})),
        dashboards=Decimal(int(watching.dashboard)),
    )


def scheduled(function: Function) -> Decimal:
    """Return the calls that a function's schedule makes in an average month."""
    trigger = function.trigger
    if not isinstance(trigger, ScheduleTrigger) or not trigger.enabled:
        return Decimal(0)
    return Decimal(str(runs_a_month(trigger.expression)))


def _table(table: Table, *, on_demand: bool) -> TableLoad:
    if on_demand or not (table.read and table.write):
        return TableLoad(name=table.name)
    read, write = Decimal(table.read.minimum), Decimal(table.write.minimum)
    return TableLoad(name=table.name, read_units=read, write_units=write)
