"""The dashboard somebody on call reads from the top: alarms, flowing, late, lost, then functions, tables, cost."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from foundation.model import Catalog, Function, StreamTrigger, Table
from observability.alarm_spec import Deployed
from observability.alarms import AlarmSets
from observability.metrics import (
    Metric,
    Reference,
    failure_queues,
    memory_used,
    of_function,
    of_log_group,
    of_queue,
    of_schedule,
    of_table,
)
from observability.quotas import check_dashboard
from observability.schedule_alarms import scheduled
from observability.widgets import Graphs, Limit, Line, Widget, alarm_states, heading, layout

PLOT, TEXT, PAGES, TICKETS = 6, 2, 2, 6  # heights in rows of the grid
PER_ROW = 3
PER_SECOND = "{m} / PERIOD({m})"

Row = tuple[int, Sequence[Widget]]
Words = tuple[tuple[str, str], ...]  # what the legend says, and the metric's name


@dataclass(frozen=True, kw_only=True)
class Alarms:
    """Alarms to show: specifications, deployed properties, the ARNs of those that page and of the others."""

    specs: AlarmSets
    deployed: dict[Reference, Deployed]
    page_arns: Sequence[str]
    other_arns: Sequence[str]

    def limits(self, *words: str, of: Sequence[Reference]) -> list[Limit]:
        """Return the thresholds of some alarm types on some resources; one line for all that share a value."""
        labels: dict[float, list[str]] = {}
        for subject in of:
            for spec in self.specs.get(subject, ()):
                if spec.alarm_type in words:
                    labels.setdefault(spec.limit(self.deployed[subject]), []).append(spec.purpose)
        return [Limit(_label(purposes), value) for value, purposes in labels.items()]


def _label(purposes: Sequence[str]) -> str:
    """The alarms that share a threshold; of many, the first three and their number."""
    more = f" and {len(purposes) - 3} more" if len(purposes) > 3 else ""
    return f"alarm {', '.join(purposes[:3])}{more}"


def dashboard(catalog: Catalog, alarms: Alarms, graphs: Graphs) -> dict[str, Any]:
    """The dashboard's body; needs nothing but values, so that others can draw it too."""
    functions = [widget for function in catalog.functions for widget in _function(function, alarms, graphs)]
    functions.append(_concurrency(catalog, alarms, graphs))
    tables = [_table(table, alarms, graphs) for table in catalog.tables]
    rows = [
        *((PAGES, [widget]) for widget in alarm_states("Alarms that page", alarms.page_arns)),
        *(
            (TICKETS, [widget])
            for widget in alarm_states("Alarms that write tickets, and causes of pages", alarms.other_arns)
        ),
        *_section("Are events flowing?", "Messages sent should be done soon after.", _flow(catalog, graphs)),
        *_section("Are they late?", "Ages rise when a consumer is stuck or slow.", _delays(catalog, alarms, graphs)),
        *_section(
            "Is anything lost?", "Only what waits in a failure queue can come back.", _losses(catalog, alarms, graphs)
        ),
        *_section("Functions", "p99 close to the timeout means timeouts next.", functions),
        *_section("Tables", "Units per second; provisioned follows consumed.", tables),
        *_section(
            "What does it cost?", "What the bill grows with, besides capacity above.", _cost(catalog, alarms, graphs)
        ),
    ]
    widgets = layout(rows)
    check_dashboard(widgets)
    return {"start": "-PT3H", "periodOverride": "auto", "widgets": widgets}


def _section(title: str, explanation: str, widgets: Sequence[Widget]) -> list[Row]:
    # CloudWatch refuses a plot of nothing: a catalog may have no streams or no critical functions.
    drawn = [widget for widget in widgets if widget["properties"]["metrics"]]
    plots = [(PLOT, drawn[start : start + PER_ROW]) for start in range(0, len(drawn), PER_ROW)]
    return [(TEXT, [heading(title, explanation)]), *plots]


def _flow(catalog: Catalog, graphs: Graphs) -> list[Widget]:
    moved = (("sent", "NumberOfMessagesSent"), ("done", "NumberOfMessagesDeleted"))
    calls = [Line(of_function(function, "Invocations"), function.name) for function in catalog.functions]
    return [graphs.graph("Messages (number)", _of_queues(catalog, moved, "Sum")), graphs.graph("Calls (number)", calls)]


def _delays(catalog: Catalog, alarms: Alarms, graphs: Graphs) -> list[Widget]:
    oldest = (("oldest", "ApproximateAgeOfOldestMessage"),)
    waiting = (("waiting", "ApproximateNumberOfMessagesVisible"), ("in work", "ApproximateNumberOfMessagesNotVisible"))
    streams = [function for function in catalog.functions if isinstance(function.trigger, StreamTrigger)]
    lag = [Line(of_function(function, "IteratorAge", "Maximum"), function.name) for function in streams]
    late_messages = alarms.limits("age", of=[Reference("queue", queue.name) for queue in catalog.queues])
    late_records = alarms.limits("lag", of=[_subject(function) for function in streams])
    return [
        graphs.graph("Age of the oldest message (s)", _of_queues(catalog, oldest, "Maximum"), late_messages),
        graphs.graph("Messages in queues (number)", _of_queues(catalog, waiting, "Maximum")),
        graphs.graph("Lag behind streams (ms)", lag, late_records),
        graphs.graph("Calls of schedules", _of_schedules(catalog)),
    ]


def _losses(catalog: Catalog, alarms: Alarms, graphs: Graphs) -> list[Widget]:
    queues = failure_queues(catalog)
    failed = (("errors", "Errors"), ("throttles", "Throttles"))
    gone = (("asynchronous", "DeadLetterErrors"), ("stream", "DestinationDeliveryFailures"))
    waiting = [Line(of_queue(q, "ApproximateNumberOfMessagesVisible"), q.purpose) for q in queues]
    looked_at = [Line(of_queue(q, "ApproximateNumberOfMessagesNotVisible"), q.purpose) for q in queues]
    return [
        graphs.graph("Failed for good, waiting (messages)", waiting, alarms.limits("depth", of=queues)),
        graphs.graph("Failed for good, being looked at (messages)", looked_at),
        graphs.graph("Failures that reached no queue (number)", _of_functions(catalog, gone)),
        graphs.graph("Errors and throttles (number)", _of_functions(catalog, failed)),
    ]


def _subject(function: Function) -> Reference:
    return Reference("function", function.name)


def _of_queues(catalog: Catalog, metrics: Words, statistic: str) -> list[Line]:
    queues = [Reference("queue", queue.name) for queue in catalog.queues]
    return [Line(of_queue(q, name, statistic), f"{q.purpose} {word}") for q in queues for word, name in metrics]


def _of_schedules(catalog: Catalog) -> list[Line]:
    made = (("tried", "InvocationAttemptCount"), ("failed", "TargetErrorCount"), ("given up", "InvocationDroppedCount"))
    return [
        Line(of_schedule(key, name), f"{key.purpose} {word}") for key, _ in scheduled(catalog) for word, name in made
    ]


def _of_functions(catalog: Catalog, metrics: Words) -> list[Line]:
    return [Line(of_function(f, name), f"{f.name} {word}") for f in catalog.functions for word, name in metrics]


def _function(function: Function, alarms: Alarms, graphs: Graphs) -> list[Widget]:
    subject = _subject(function)
    durations = [Line(of_function(function, "Duration", statistic), statistic) for statistic in ("p50", "p99")]
    slow = [*alarms.limits("duration", "latency", of=[subject]), Limit("timeout", function.timeout_seconds * 1000)]
    size = Limit("memory it has", alarms.deployed[subject].memory_mb)
    return [
        graphs.graph(f"{function.name}: duration (ms)", durations, slow),
        graphs.graph(
            f"{function.name}: memory (MB)",
            [Line(memory_used(function), "most used")],
            [*alarms.limits("memory", of=[subject]), size],
        ),
    ]


def _concurrency(catalog: Catalog, alarms: Alarms, graphs: Graphs) -> Widget:
    lines = [Line(of_function(f, "ConcurrentExecutions", "Maximum"), f.name) for f in catalog.functions]
    limits = alarms.limits("concurrency", of=[_subject(function) for function in catalog.functions])
    return graphs.graph("Calls at once (number)", lines, limits)


def _table(table: Table, alarms: Alarms, graphs: Graphs) -> Widget:
    lines = []
    for word in ("Read", "Write"):
        kind = word.lower()
        lines += [
            Line(of_table(table, f"Consumed{word}CapacityUnits"), f"{kind} consumed", formula=PER_SECOND),
            Line(of_table(table, f"Provisioned{word}CapacityUnits", "Average"), f"{kind} provisioned"),
            Line(of_table(table, f"{word}ThrottleEvents"), f"{kind} throttled"),
        ]
    limits = alarms.limits("read-capacity", "write-capacity", of=[Reference("table", table.name)])
    return graphs.graph(f"{table.name} (units a second)", lines, limits)


def _cost(catalog: Catalog, alarms: Alarms, graphs: Graphs) -> list[Widget]:
    work = [_gigabyte_seconds(function, alarms.deployed[_subject(function)]) for function in catalog.functions]
    logs = [Line(of_log_group(function, "IncomingBytes"), function.name) for function in catalog.functions]
    critical = [function for function in catalog.functions if function.critical and function.provisioned]
    warm = [Line(of_function(f, "ProvisionedConcurrentExecutions", "Maximum", alias=True), f.name) for f in critical]
    use = [Line(_warm_use(function), f"{function.name} (%)", formula="100 * {m}") for function in critical]
    return [
        graphs.graph("Work of functions (GB-seconds)", work),
        graphs.graph("Logs (bytes)", logs),
        graphs.graph("Warm environments in use (number)", warm),
        graphs.graph("Use of warm environments (%)", use),
    ]


def _gigabyte_seconds(function: Function, deployed: Deployed) -> Line:
    gigabytes = deployed.memory_mb / 1024
    return Line(of_function(function, "Duration"), function.name, formula=f"{{m}} / 1000 * {gigabytes:g}")


def _warm_use(function: Function) -> Metric:
    return of_function(function, "ProvisionedConcurrencyUtilization", "Maximum", alias=True)
