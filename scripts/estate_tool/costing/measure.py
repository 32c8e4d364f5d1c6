"""Measured load: an environment's use in a window of time, extrapolated to a month."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from estate_tool.events.send import QUEUE
from estate_tool.monitoring.metrics import covered, metric_of, series
from estate_tool.pricing.load import (
    MONTH_DAYS,
    MONTH_SECONDS,
    ZERO,
    FunctionLoad,
    Load,
    LogLoad,
    QueueLoad,
    TableLoad,
    WatchLoad,
)
from estate_tool.sizing.functions import find, log_groups
from estate_tool.sizing.sources import EvidenceRequest, logs
from foundation.catalog import CATALOG
from foundation.model import Table
from foundation.naming import ALIAS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from compute.config import Provisioning
    from estate_tool.core.environment import Environment
    from estate_tool.monitoring.metrics import Window
    from estate_tool.sizing.functions import AccountFunction

# Application Auto Scaling makes alarms of its own for each policy that tracks a target: above and below it, and for
# tables also on provisioned capacity that somebody else changed. An emulator makes none, AWS would.
ALARMS_OF_A_POLICY = {"dynamodb": 4, "lambda": 2}
_HOUR, _DAY = 3600, 86_400
_GB = Decimal(1024**3)
# Requests to a queue; batches of up to ten messages are one request.
QUEUE_METRICS = (
    "NumberOfMessagesSent", "NumberOfMessagesReceived", "NumberOfMessagesDeleted", "NumberOfEmptyReceives",
)  # fmt: skip


def monitoring_load(environment: Environment, window: Window) -> WatchLoad:
    """Return the alarms, dashboards and custom metrics of the environment, by its names.

    A custom metric costs money in each hour in which it is published: it counts with its share of the window's hours.
    """
    cloudwatch, suffix = environment.client("cloudwatch"), f"-{environment.names.suffix}"

    def alarms(kind: str) -> list[dict[str, Any]]:
        found = cloudwatch.get_paginator("describe_alarms").paginate(AlarmTypes=[kind]).search(f"{kind}s[]")
        return [one for one in found if one["AlarmName"].startswith("alarm-") and one["AlarmName"].endswith(suffix)]

    pages = cloudwatch.get_paginator("list_dashboards").paginate(DashboardNamePrefix="dashboard-")
    dashboards = [name for name in pages.search("DashboardEntries[].DashboardName") if name.endswith(suffix)]
    metrics = sum(map(_metrics, alarms("MetricAlarm")))
    return WatchLoad(
        alarm_metrics=Decimal(metrics + _autoscaling_alarms(environment)),
        composite_alarms=Decimal(len(alarms("CompositeAlarm"))),
        dashboards=Decimal(len(dashboards)),
        metrics=sum(_published(environment, window), ZERO),
    )


def _metrics(alarm: Mapping[str, Any]) -> int:
    """Return the number of metrics that an alarm is billed for: those of its expression, else one."""
    return sum("MetricStat" in query for query in alarm.get("Metrics") or ()) or 1


def _autoscaling_alarms(environment: Environment) -> int:
    """Return the number of alarms of scaling policies of the environment's tables and functions, each on one metric."""
    names, client = environment.names, environment.client("application-autoscaling")
    ours = {f"table/{names.table(table.name)}" for table in CATALOG.tables}
    ours |= {f"function:{names.function(function.name)}:{ALIAS}" for function in CATALOG.functions}
    count = 0
    for namespace, alarms in ALARMS_OF_A_POLICY.items():
        pages = client.get_paginator("describe_scaling_policies").paginate(ServiceNamespace=namespace)
        mine = [policy for policy in pages.search("ScalingPolicies[]") if policy["ResourceId"] in ours]
        count += sum(len(policy.get("Alarms") or ()) or alarms for policy in mine)
    return count


def _published(environment: Environment, window: Window) -> Iterator[Decimal]:
    """Yield the share of the window's hours in which each custom metric of the functions' logs was published."""
    filters = environment.client("logs").get_paginator("describe_metric_filters")
    cloudwatch = environment.client("cloudwatch")
    hours = max(Decimal(str(window.seconds)) / _HOUR, Decimal(1))
    for function in CATALOG.functions:
        pages = filters.paginate(logGroupName=environment.names.log_group(function.name))
        for made in pages.search("metricFilters[].metricTransformations[]"):
            points = cloudwatch.get_metric_statistics(
                **metric_of(made["metricNamespace"], made["metricName"], {}), Period=_HOUR,
                Statistics=["SampleCount"], StartTime=window.start, EndTime=window.end,
            )["Datapoints"]  # fmt: skip
            yield min(len(points) / hours, Decimal(1))


def measured(environment: Environment, asked: Window, progress: Callable[[str], None]) -> tuple[Load, dict[str, Any]]:
    """Return the month that the window stands for, and facts about the window for the report."""
    functions = find(environment, ())
    by_name = log_groups(environment, functions)
    window = _since_made(asked, by_name.values())
    month = MonthlyLoad(environment, window, by_name)
    load = Load(
        functions=tuple(month.function(one, progress) for one in functions),
        tables=tuple(month.table(table) for table in CATALOG.tables),
        queues=tuple(month.queue(queue.name) for queue in CATALOG.queues),
        secrets=secrets(),
        logs=month.logs(),
        watching=monitoring_load(environment, window),
    )
    return replace(load, events=month.events, notes=tuple(month.notes())), {
        "environment": environment.name, "basis": "measured", "window": str(window),
        "measured_hours": float(round(Decimal(str(window.seconds)) / _HOUR, 2)),
        "extrapolation": float(round(month.factor, 2)),
    }  # fmt: skip


def _since_made(asked: Window, groups: Iterable[Mapping[str, Any]]) -> Window:
    """Leave out the time before the estate was made, in which its month would look quieter than it is."""
    return covered(asked, {"creationTime": min((group["creationTime"] for group in groups), default=None)})


def secrets() -> Decimal:
    """Count the catalog's secrets in Secrets Manager; parameters of the standard kind cost nothing."""
    return Decimal(sum(bool(secret.secret) for secret in CATALOG.secrets))


def average_provisioned(provisioning: Provisioning) -> Decimal:
    """Return the average provisioned concurrency: the minimum, and that of the peak hours from Monday to Friday."""
    if not provisioning.minimum:
        return ZERO  # waived
    hours = (provisioning.peak_end_hour - provisioning.peak_start_hour) % 24
    more = max(provisioning.peak_minimum - provisioning.minimum, 0)
    return provisioning.minimum + more * Decimal(5 * hours) / (7 * 24)


def monthly_factor(window: Window) -> Decimal:
    """Return the number of such windows in a month."""
    return MONTH_SECONDS / Decimal(str(window.seconds))


class MonthlyMetrics:
    """Metrics of a window, their sums extrapolated to a month."""

    def __init__(self, cloudwatch: Any, window: Window) -> None:
        self._cloudwatch, self._window = cloudwatch, window
        self.factor = monthly_factor(window)

    def total(self, namespace: str, name: str, **dimensions: str) -> Decimal | None:
        """Return the metric's sum, extrapolated to a month; None when CloudWatch has no data."""
        found = series(self._cloudwatch, (namespace, name), dimensions, self._window, "Sum")
        return found.total * self.factor if found.known else None

    def ingested_gb(self, groups: Iterable[Mapping[str, Any]]) -> Decimal:
        """Return the GB that log groups take in; without a metric, what a group stores by its age or retention."""
        ingested = ZERO
        for group in groups:
            total = self.total("AWS/Logs", "IncomingBytes", LogGroupName=group["logGroupName"])
            if total is None:
                age_ms = self._window.end.timestamp() * 1000 - group["creationTime"]
                days = max(Decimal(str(age_ms)) / 86_400_000, Decimal(1) / 1440)
                days = min(days, Decimal(group.get("retentionInDays") or days))
                total = Decimal(group.get("storedBytes") or 0) / days * MONTH_DAYS
            ingested += total
        return ingested / _GB


class MonthlyLoad(MonthlyMetrics):
    """Load of a window, extrapolated to a month."""

    def __init__(self, environment: Environment, window: Window, groups: Mapping[str, Mapping[str, Any]]) -> None:
        super().__init__(environment.client("cloudwatch"), window)
        self._environment, self._groups = environment, groups
        self._without: list[str] = []
        self.events: Decimal | None = None

    def function(self, function: AccountFunction, progress: Callable[[str], None]) -> FunctionLoad:
        """Return the load of a function, from the reports of its invocations."""
        evidence = logs(
            EvidenceRequest(environment=self._environment, function=function, window=self._window, progress=progress)
        )
        # A log that is kept for less than the window, or was made later, stands for a shorter time.
        group = self._groups.get(function.log_group)
        factor = monthly_factor(covered(self._window, group, evidence.first_ms))
        count = Decimal(evidence.invocations or 0)
        init, p99 = evidence.init_average_ms, evidence.duration_p99_ms
        spilled, provisioned = ZERO, ZERO
        if function.critical:
            alias = {"FunctionName": function.name, "Resource": f"{function.name}:{ALIAS}"}
            spilled = self.total("AWS/Lambda", "ProvisionedConcurrencySpilloverInvocations", **alias) or ZERO
            provisioned = average_provisioned(self._environment.configuration.compute.provisioning)
        return FunctionLoad(
            name=function.shown_name,
            invocations=count * factor,
            billed_ms=1000 * Decimal(str(evidence.billed_seconds)) / count if count else ZERO,
            memory_mb=Decimal(function.memory_mb),
            architecture=function.architecture,
            p99_ms=None if p99 is None else Decimal(p99),
            cold_starts=Decimal(evidence.cold_starts or 0) * factor,
            init_ms=None if init is None else Decimal(str(init)),
            scheduled=self._scheduled(function.shown_name),
            provisioned=provisioned,
            spilled=spilled,
        )

    def _scheduled(self, function: str) -> Decimal:
        """Return the calls by the function's schedule, including failed ones."""
        group = self._environment.names.schedule(function)
        if function not in (each.name for each in CATALOG.scheduled):
            return ZERO
        return self.total("AWS/Scheduler", "InvocationAttemptCount", ScheduleGroup=group) or ZERO

    def table(self, table: Table) -> TableLoad:
        """Return the load of a table from its metrics; its fixed capacity before is autoscaling's maximum."""
        name = self._environment.names.table(table.name)
        found = self._environment.client("dynamodb").describe_table(TableName=name)["Table"]
        reads = self.total("AWS/DynamoDB", "ConsumedReadCapacityUnits", TableName=name)
        writes = self.total("AWS/DynamoDB", "ConsumedWriteCapacityUnits", TableName=name)
        if reads is None and writes is None:
            self._without.append(f"table {table.name}")
        on_demand = (found.get("BillingModeSummary") or {}).get("BillingMode") == "PAY_PER_REQUEST"
        stored = Decimal(found.get("TableSizeBytes") or 0) / _GB
        return TableLoad(
            name=table.name,
            reads=reads or ZERO,
            writes=writes or ZERO,
            read_units=None if on_demand else self._units(found, "Read"),
            write_units=None if on_demand else self._units(found, "Write"),
            fixed_read_units=Decimal(table.read.maximum if table.read else 0),
            fixed_write_units=Decimal(table.write.maximum if table.write else 0),
            fixed_is_assumed=True,
            stored_gb=stored,
            backup_gb=stored if self._environment.configuration.data.point_in_time_recovery else ZERO,
        )

    def _units(self, table: dict[str, Any], direction: str) -> Decimal:
        """Return the average capacity over the window; the present one when CloudWatch does not know."""
        name = f"{direction}CapacityUnits"
        metric, dimensions = ("AWS/DynamoDB", f"Provisioned{name}"), {"TableName": table["TableName"]}
        found = series(self._cloudwatch, metric, dimensions, self._window, "Average")
        return found.average if found.known else Decimal(table["ProvisionedThroughput"][name])

    def queue(self, queue: str) -> QueueLoad:
        """Return the load of a queue from its metrics, as if each message were a request of its own."""
        name = self._environment.names.queue(queue)
        totals = [self.total("AWS/SQS", metric, QueueName=name) for metric in QUEUE_METRICS]
        if not any(total is not None for total in totals):
            self._without.append(f"queue {queue}")
        if queue == QUEUE and totals[0]:
            self.events = totals[0]  # a message is an event; replays are few
        return QueueLoad(name=queue, requests=sum((total or ZERO for total in totals), ZERO))

    def logs(self) -> LogLoad:
        """Return the load of the functions' logs."""
        retention = Decimal(self._environment.configuration.compute.log_retention_days)
        return LogLoad(ingested_gb=self.ingested_gb(self._groups.values()), retention_days=retention)

    def notes(self) -> list[str]:
        """Return notes on the figures."""
        short = " That is short of a day: too short to stand for a month." if self._window.seconds < _DAY else ""
        notes = [
            f"Measured {self._window}, and multiplied by {self.factor:,.1f} for a month.{short}",
            "Before: tables had fixed capacity, the maximum of their autoscaling (foundation/catalog.py).",
            "Provisioned concurrency counts with its configured minimum; autoscaling may have added to it.",
            "Every message of a queue counts as three requests: sent, received, deleted. Batches cost less.",
        ]
        if self._without:
            notes.append(f"CloudWatch has no metrics of {', '.join(self._without)}: priced without requests.")
        return notes
