"""The dashboard for the person on call: alarms, flow, delays, lost events, then functions, tables, cost."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import pulumi
import pulumi_aws as aws

from foundation.model import Function, StreamTrigger, Table
from foundation.naming import Names
from observability.alarm_set import EstateAlarms
from observability.alarm_spec import Key
from observability.metrics import Estate, Metric
from observability.quotas import check_dashboard
from observability.widgets import Limit, Line, Widget, alarm_states, graph, heading, layout

PLOT, TEXT, PAGES, TICKETS = 6, 2, 2, 6  # heights in rows of the grid
PER_ROW = 3
PER_SECOND = "{m} / PERIOD({m})"

Row = tuple[int, Sequence[Widget]]
Labels = tuple[tuple[str, str], ...]  # the legend's label, and the metric's name


def _limits(alarms: EstateAlarms, *alarm_types: str, of: Sequence[Key]) -> list[Limit]:
    """Return the thresholds of some alarm types on some resources; one line for all that share a value."""
    labels: dict[float, list[str]] = {}
    for spec in (spec for key in of for spec in alarms.specs.get(key, ()) if spec.alarm_type in alarm_types):
        labels.setdefault(spec.threshold, []).append(spec.logical_name)
    return [Limit(_label(names), value) for value, names in labels.items()]


def _label(names: Sequence[str]) -> str:
    """Return the names of alarms that share a threshold; of many, the first three and their number."""
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return f"alarm {', '.join(names[:3])}{more}"


def dashboard(estate: Estate, alarms: EstateAlarms, region: str) -> dict[str, Any]:
    """Return the dashboard's body; only the ARNs of the alarms may be outputs."""
    functions = [widget for function in estate.catalog.functions for widget in _function(function, estate, alarms)]
    functions.append(_concurrency(estate, alarms))
    tables = [_table(table, estate, alarms) for table in estate.catalog.tables]
    rows = [
        *((PAGES, [widget]) for widget in alarm_states("Alarms that page", alarms.page_arns)),
        *(
            (TICKETS, [widget])
            for widget in alarm_states("Alarms that write tickets, and causes of pages", alarms.other_arns)
        ),
        *_section("Are events flowing?", "Messages sent should be done soon after.", _flow(estate)),
        *_section("Are they late?", "Ages rise when a consumer is stuck or slow.", _delays(estate, alarms)),
        *_section("Is anything lost?", "Only what waits in a failure queue can come back.", _losses(estate, alarms)),
        *_section("Functions", "p99 close to the timeout means timeouts next.", functions),
        *_section("Tables", "Units per second; provisioned follows consumed.", tables),
        *_section("What does it cost?", "What the bill grows with, besides capacity above.", _cost(estate)),
    ]
    widgets = layout(rows)
    for widget in widgets:
        if widget["type"] == "metric":
            widget["properties"]["region"] = region
    check_dashboard(widgets)
    return {"start": "-PT3H", "periodOverride": "auto", "widgets": widgets}


def _section(title: str, explanation: str, widgets: Sequence[Widget]) -> list[Row]:
    # CloudWatch refuses a plot without metrics: a catalog may have no streams or no critical functions.
    drawn = [widget for widget in widgets if widget["properties"]["metrics"]]
    plots = [(PLOT, drawn[start : start + PER_ROW]) for start in range(0, len(drawn), PER_ROW)]
    return [(TEXT, [heading(title, explanation)]), *plots]


def _flow(estate: Estate) -> list[Widget]:
    moved = (("sent", "NumberOfMessagesSent"), ("done", "NumberOfMessagesDeleted"))
    calls = [
        Line(estate.metrics.function(function, "Invocations"), function.name) for function in estate.catalog.functions
    ]
    return [graph("Messages (number)", _of_queues(estate, moved, "Sum")), graph("Calls (number)", calls)]


def _delays(estate: Estate, alarms: EstateAlarms) -> list[Widget]:
    oldest = (("oldest", "ApproximateAgeOfOldestMessage"),)
    waiting = (("waiting", "ApproximateNumberOfMessagesVisible"), ("in work", "ApproximateNumberOfMessagesNotVisible"))
    streams = [function for function in estate.catalog.functions if isinstance(function.trigger, StreamTrigger)]
    lag = [Line(estate.metrics.function(function, "IteratorAge", "Maximum"), function.name) for function in streams]
    late_messages = _limits(alarms, "age", of=[Key("queue", queue.name) for queue in estate.catalog.queues])
    late_records = _limits(alarms, "lag", of=[_key(function) for function in streams])
    return [
        graph("Age of the oldest message (s)", _of_queues(estate, oldest, "Maximum"), late_messages),
        graph("Messages in queues (number)", _of_queues(estate, waiting, "Maximum")),
        graph("Lag behind streams (ms)", lag, late_records),
        graph("Calls of schedules", _of_schedules(estate)),
    ]


def _losses(estate: Estate, alarms: EstateAlarms) -> list[Widget]:
    queues = estate.catalog.dead_letter_queues
    failed = (("errors", "Errors"), ("throttles", "Throttles"))
    gone = (("asynchronous", "DeadLetterErrors"), ("stream", "DestinationDeliveryFailures"))
    waiting = [Line(estate.metrics.dead_letter_queue(q, "ApproximateNumberOfMessagesVisible"), q) for q in queues]
    looked_at = [Line(estate.metrics.dead_letter_queue(q, "ApproximateNumberOfMessagesNotVisible"), q) for q in queues]
    return [
        graph(
            "Failed for good, waiting (messages)",
            waiting,
            _limits(alarms, "depth", of=[Key("dlq", queue) for queue in queues]),
        ),
        graph("Failed for good, being looked at (messages)", looked_at),
        graph("Failures that reached no queue (number)", _of_functions(estate, gone)),
        graph("Errors and throttles (number)", _of_functions(estate, failed)),
    ]


def _key(function: Function) -> Key:
    return Key("function", function.name)


def _of_queues(estate: Estate, metrics: Labels, statistic: str) -> list[Line]:
    metric, queues = estate.metrics.queue, estate.catalog.queues
    return [Line(metric(q.name, name, statistic), f"{q.name} {label}") for q in queues for label, name in metrics]


def _of_schedules(estate: Estate) -> list[Line]:
    made = (("tried", "InvocationAttemptCount"), ("failed", "TargetErrorCount"), ("given up", "InvocationDroppedCount"))
    metric, functions = estate.metrics.schedule, estate.catalog.scheduled
    return [Line(metric(f.name, name), f"{f.name} {label}") for f in functions for label, name in made]


def _of_functions(estate: Estate, metrics: Labels) -> list[Line]:
    metric, functions = estate.metrics.function, estate.catalog.functions
    return [Line(metric(f, name), f"{f.name} {label}") for f in functions for label, name in metrics]


def _function(function: Function, estate: Estate, alarms: EstateAlarms) -> list[Widget]:
    key = _key(function)
    durations = [
        Line(estate.metrics.function(function, "Duration", statistic), statistic) for statistic in ("p50", "p99")
    ]
    slow = [*_limits(alarms, "duration", "latency", of=[key]), Limit("timeout", function.timeout_seconds * 1000)]
    size = Limit("memory it has", float(estate.memory_mb[function.name]))
    return [
        graph(f"{function.name}: duration (ms)", durations, slow),
        graph(
            f"{function.name}: memory (MB)",
            [Line(estate.metrics.memory_used(function), "most used")],
            [*_limits(alarms, "memory", of=[key]), size],
        ),
    ]


def _concurrency(estate: Estate, alarms: EstateAlarms) -> Widget:
    lines = [
        Line(estate.metrics.function(f, "ConcurrentExecutions", "Maximum"), f.name) for f in estate.catalog.functions
    ]
    limits = _limits(alarms, "concurrency", of=[_key(function) for function in estate.catalog.functions])
    return graph("Calls at once (number)", lines, limits)


def _table(table: Table, estate: Estate, alarms: EstateAlarms) -> Widget:
    lines = []
    for kind in ("Read", "Write"):
        metric, label = partial(estate.metrics.table, table.name), kind.lower()
        lines += [
            Line(metric(f"Consumed{kind}CapacityUnits"), f"{label} consumed", formula=PER_SECOND),
            Line(metric(f"Provisioned{kind}CapacityUnits", "Average"), f"{label} provisioned"),
            Line(metric(f"{kind}ThrottleEvents"), f"{label} throttled"),
        ]
    limits = _limits(alarms, "read-capacity", "write-capacity", of=[Key("table", table.name)])
    return graph(f"{table.name} (units a second)", lines, limits)


def _cost(estate: Estate) -> list[Widget]:
    metrics, functions = estate.metrics, estate.catalog.functions
    logs = [Line(metrics.log_group(function, "IncomingBytes"), function.name) for function in functions]
    critical = [function for function in functions if function.critical and function.provisioned]
    provisioned = [Line(_of_alias(f, "ProvisionedConcurrentExecutions", estate), f.name) for f in critical]
    utilization = "ProvisionedConcurrencyUtilization"
    use = [Line(_of_alias(f, utilization, estate), f"{f.name} (%)", formula="100 * {m}") for f in critical]
    return [
        graph("Work of functions (GB-seconds)", [_gigabyte_seconds(function, estate) for function in functions]),
        graph("Logs (bytes)", logs),
        graph("Provisioned concurrency (number)", provisioned),
        graph("Utilization of provisioned concurrency (%)", use),
    ]


def _gigabyte_seconds(function: Function, estate: Estate) -> Line:
    gigabytes = estate.memory_mb[function.name] / 1024
    metric = estate.metrics.function(function, "Duration")
    return Line(metric, function.name, formula=f"{{m}} / 1000 * {gigabytes:g}")


def _of_alias(function: Function, name: str, estate: Estate) -> Metric:
    return estate.metrics.function(function, name, "Maximum", alias=True)


class EstateDashboard(pulumi.ComponentResource):
    """The dashboard of one environment."""

    name: pulumi.Output[str]

    def __init__(
        self, name: str, body: dict[str, Any], names: Names, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        """`body` may hold outputs."""
        super().__init__("estate:observability:EstateDashboard", name, None, opts)
        built = aws.cloudwatch.Dashboard(
            f"{name}-dashboard",
            dashboard_name=names.of("dashboard", name),
            dashboard_body=pulumi.Output.json_dumps(body),
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.name = built.dashboard_name
        self.register_outputs({"name": self.name})
