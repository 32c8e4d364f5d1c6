"""The dashboard somebody on call reads from top to bottom: flowing, late, lost, then functions, tables and cost."""

from collections.abc import Sequence
from typing import Any

from foundation.model import Catalog, Function, StreamTrigger, Table
from observability.config import Thresholds
from observability.metrics import Reference, failure_queues, of_function, of_log_group, of_queue, of_table
from observability.widgets import Graphs, Limit, Line, Widget, alarm_states, heading, layout

PLOT, TEXT, ALARMS = 6, 2, 5  # heights in rows of the grid
PER_ROW = 3

Row = tuple[int, Sequence[Widget]]
Words = tuple[tuple[str, str], ...]  # what the legend says, and the metric's name


def dashboard(catalog: Catalog, thresholds: Thresholds, graphs: Graphs, alarm_arns: Sequence[str]) -> dict[str, Any]:
    """The dashboard's body; needs nothing but values, so that others can draw it too."""
    durations = [_duration(function, graphs) for function in catalog.functions]
    tables = [_table(table, graphs) for table in catalog.tables]
    rows = [
        *((ALARMS, [widget]) for widget in alarm_states("Alarms", alarm_arns)),
        *_section("Are events flowing?", "What is sent should be done soon after.", _flow(catalog, graphs)),
        *_section(
            "Are they late?", "Ages rise when a consumer is stuck or slow.", _delays(catalog, thresholds, graphs)
        ),
        *_section("Is anything lost?", "Only what waits in a failure queue can come back.", _losses(catalog, graphs)),
        *_section("Functions", "p99 close to the timeout means timeouts next.", durations),
        *_section("Tables", "Units per second; provisioned follows consumed.", tables),
        *_section("What does it cost?", "What the bill grows with, besides capacity above.", _cost(catalog, graphs)),
    ]
    return {"start": "-PT3H", "periodOverride": "inherit", "widgets": layout(rows)}


def _section(title: str, explanation: str, widgets: Sequence[Widget]) -> list[Row]:
    # CloudWatch refuses a plot of nothing: a catalog may have no streams or no critical functions.
    drawn = [widget for widget in widgets if widget["properties"]["metrics"]]
    plots = [(PLOT, drawn[start : start + PER_ROW]) for start in range(0, len(drawn), PER_ROW)]
    return [(TEXT, [heading(title, explanation)]), *plots]


def _flow(catalog: Catalog, graphs: Graphs) -> list[Widget]:
    moved = (("sent", "NumberOfMessagesSent"), ("done", "NumberOfMessagesDeleted"))
    calls = [Line(of_function(function, "Invocations"), function.name) for function in catalog.functions]
    return [graphs.graph("Messages", _of_queues(catalog, moved, "Sum")), graphs.graph("Calls", calls)]


def _delays(catalog: Catalog, thresholds: Thresholds, graphs: Graphs) -> list[Widget]:
    oldest = (("oldest", "ApproximateAgeOfOldestMessage"),)
    waiting = (("waiting", "ApproximateNumberOfMessagesVisible"), ("in work", "ApproximateNumberOfMessagesNotVisible"))
    streams = [function for function in catalog.functions if isinstance(function.trigger, StreamTrigger)]
    lag = [Line(of_function(function, "IteratorAge", "Maximum"), function.name) for function in streams]
    late_message = Limit("late", thresholds.maximum_queue_age_seconds)
    late_record = Limit("late", thresholds.maximum_stream_lag_seconds * 1000)
    return [
        graphs.graph("Age of the oldest message (s)", _of_queues(catalog, oldest, "Maximum"), [late_message]),
        graphs.graph("Messages in queues", _of_queues(catalog, waiting, "Maximum")),
        graphs.graph("Lag behind streams (ms)", lag, [late_record]),
    ]


def _losses(catalog: Catalog, graphs: Graphs) -> list[Widget]:
    failed = (("errors", "Errors"), ("throttles", "Throttles"))
    gone = (("asynchronous", "DeadLetterErrors"), ("stream", "DestinationDeliveryFailures"))
    waiting = [Line(of_queue(q, "ApproximateNumberOfMessagesVisible"), q.purpose) for q in failure_queues(catalog)]
    return [
        graphs.graph("Failed for good, waiting", waiting, [Limit("first failure", 1)]),
        graphs.graph("Errors and throttles", _of_functions(catalog, failed)),
        graphs.graph("Failures that reached no queue", _of_functions(catalog, gone)),
    ]


def _of_queues(catalog: Catalog, metrics: Words, statistic: str) -> list[Line]:
    queues = [Reference("queue", queue.name) for queue in catalog.queues]
    return [Line(of_queue(q, name, statistic), f"{q.purpose} {word}") for q in queues for word, name in metrics]


def _of_functions(catalog: Catalog, metrics: Words) -> list[Line]:
    return [Line(of_function(f, name), f"{f.name} {word}") for f in catalog.functions for word, name in metrics]


def _duration(function: Function, graphs: Graphs) -> Widget:
    lines = [Line(of_function(function, "Duration", statistic), statistic) for statistic in ("p50", "p99")]
    return graphs.graph(f"{function.name}: duration (ms)", lines, [Limit("timeout", function.timeout_seconds * 1000)])


def _table(table: Table, graphs: Graphs) -> Widget:
    lines = []
    for word in ("Read", "Write"):
        kind = word.lower()
        lines += [
            Line(of_table(table, f"Consumed{word}CapacityUnits"), f"{kind} consumed", per_second=True),
            Line(of_table(table, f"Provisioned{word}CapacityUnits", "Average"), f"{kind} provisioned"),
            Line(of_table(table, f"{word}ThrottleEvents"), f"{kind}s throttled"),
        ]
    return graphs.graph(table.name, lines)


def _cost(catalog: Catalog, graphs: Graphs) -> list[Widget]:
    time = [Line(of_function(function, "Duration"), function.name) for function in catalog.functions]
    logs = [Line(of_log_group(function, "IncomingBytes"), function.name) for function in catalog.functions]
    critical = [function for function in catalog.functions if function.critical]
    warm = [Line(of_function(f, "ProvisionedConcurrentExecutions", "Maximum", alias=True), f.name) for f in critical]
    return [
        graphs.graph("Time spent in functions (ms)", time),
        graphs.graph("Logs (bytes)", logs),
        graphs.graph("Warm environments in use", warm),
    ]
