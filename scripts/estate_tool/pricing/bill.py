"""Lines of the bill, before and after: quantities times prices, exact, and rounded once."""

from __future__ import annotations

from decimal import ROUND_FLOOR, ROUND_HALF_UP, Decimal
from itertools import cycle, islice
from typing import TYPE_CHECKING, NamedTuple

from estate_tool.pricing.load import MONTH_DAYS, MONTH_HOURS, ZERO

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from estate_tool.pricing.load import FunctionLoad, Load, LogLoad, TableLoad, WatchLoad
    from estate_tool.pricing.prices import Prices

PROVISIONED = "provisioned concurrency"
COMPONENTS = ("functions", PROVISIONED, "tables", "queues", "logs", "watching")
CENT = Decimal("0.01")


class Line(NamedTuple):
    """Line of a bill: units, before and after, at the price of that key, `unit_usd` US dollars each."""

    component: str
    item: str
    what: str
    price: str
    before: Decimal
    after: Decimal
    unit_usd: Decimal = ZERO

    @property
    def before_usd(self) -> Decimal:
        """US dollars before, exact."""
        return self.before * self.unit_usd

    @property
    def after_usd(self) -> Decimal:
        """US dollars after, exact."""
        return self.after * self.unit_usd


def lines(load: Load, prices: Prices) -> list[Line]:
    """Return every line of the bill that is not zero and whose price is known."""
    found = [
        *(line for function in load.functions for line in _function(function)),
        Line("functions", "all functions", "secrets", "secret", load.secrets, load.secrets),
        *(line for table in load.tables for line in _table(table)),
        *(Line("queues", one.name, "requests", "queue_request", one.requests, one.requests) for one in load.queues),
        *_logs(load.logs),
        *_watching(load.watching),
    ]
    return [
        line._replace(unit_usd=prices[line.price])
        for line in found
        if (line.before or line.after) and line.price in prices.by_key
    ]


def before_gb_seconds(function: FunctionLoad, billed_ms: Decimal | None = None) -> Decimal:
    """Return the GB-seconds with the memory before; with the present durations unless others are stated."""
    if billed_ms is None:
        billed_ms = function.billed_ms if function.before_billed_ms is None else function.before_billed_ms
    return function.invocations * billed_ms / 1000 * function.before_memory_mb / 1024


def _function(function: FunctionLoad) -> Iterator[Line]:
    name, architecture = function.name, function.architecture
    on_demand = function.gb_seconds(function.invocations - function.on_provisioned)
    duration = before_gb_seconds(function)
    yield Line("functions", name, "duration", f"lambda_duration_{architecture}", duration, on_demand)
    calls = function.invocations
    yield Line("functions", name, "requests", f"lambda_request_{architecture}", calls, calls)
    yield Line("functions", name, "calls of its schedule", "schedule_call", function.scheduled, function.scheduled)
    kept = function.provisioned_gb_seconds
    yield Line(PROVISIONED, name, "kept warm", f"lambda_warm_{architecture}", ZERO, kept)
    used = function.gb_seconds(function.on_provisioned)
    yield Line(PROVISIONED, name, "duration", f"lambda_warm_duration_{architecture}", ZERO, used)


def _table(table: TableLoad) -> Iterator[Line]:
    for one in table.throughput:
        name, before, after = one.direction, one.fixed_units * MONTH_HOURS, (one.priced_units or ZERO) * MONTH_HOURS
        yield Line("tables", table.name, f"{name} capacity", f"table_{name}_unit_hour", before, after)
        on_demand = one.requests if one.units is None else ZERO
        yield Line("tables", table.name, f"{name}s on demand", f"table_{name}_request", ZERO, on_demand)
    yield Line("tables", table.name, "stored", "table_storage", table.stored_gb, table.stored_gb)
    yield Line("tables", table.name, "backup to any second", "table_backup", ZERO, table.backup_gb)


def _logs(logs: LogLoad) -> Iterator[Line]:
    yield Line("logs", "all functions", "ingested", "log_ingestion", logs.ingested_gb, logs.ingested_gb)
    stored = logs.ingested_gb * logs.compression
    before, after = stored * logs.before_months, stored * logs.retention_days / MONTH_DAYS
    yield Line("logs", "all functions", "stored", "log_storage", before, after)


def _watching(watching: WatchLoad) -> Iterator[Line]:
    yield Line("watching", "estate", "alarms", "alarm", ZERO, watching.alarm_metrics)
    yield Line("watching", "estate", "composite alarms", "composite_alarm", ZERO, watching.composite_alarms)
    yield Line("watching", "estate", "dashboards", "dashboard", ZERO, watching.dashboards)
    yield Line("watching", "estate", "custom metrics", "metric", ZERO, watching.metrics)


def cents(amount: Decimal) -> Decimal:
    """Round half up to whole cents."""
    return amount.quantize(CENT, ROUND_HALF_UP)


def apportioned(amounts: Sequence[Decimal], total: Decimal) -> list[Decimal]:
    """Round amounts to cents that add up to a total near their sum: cents left over go to the largest remainders."""
    parts = [amount.quantize(CENT, ROUND_FLOOR) for amount in amounts]
    left = int((total - sum(parts, ZERO)) / CENT)
    order = sorted(filter(amounts.__getitem__, range(len(parts))), key=lambda index: parts[index] - amounts[index])
    if left < 0:
        # The total was rounded down further than the parts: the smallest remainders give a cent back.
        order = [index for index in reversed(order) if parts[index]]
    for index in islice(cycle(order), abs(left)):
        parts[index] += CENT.copy_sign(left)
    return parts


def apportioned_pair(
    before: Sequence[Decimal], after: Sequence[Decimal], total_before: Decimal, total_after: Decimal
) -> tuple[list[Decimal], list[Decimal]]:
    """Round both to cents that add up to their totals; an amount that did not change is the same cents in both."""
    indexes = range(len(before))
    same = [index for index in indexes if before[index] == after[index]]
    changed = [index for index in indexes if before[index] != after[index]]
    least = min(total_before, total_after)
    held = min(cents(sum((before[index] for index in same), ZERO)), least)
    # Where nothing else is paid for, all the cents are theirs.
    if not any(before[index] for index in changed):
        held = total_before
    elif not any(after[index] for index in changed):
        held = total_after
    if held > least:
        # Rounding made the smaller of two sums the larger: they have to add up before anything else.
        return apportioned(before, total_before), apportioned(after, total_after)
    kept = dict(zip(same, apportioned([before[index] for index in same], held), strict=True))

    def rounded(amounts: Sequence[Decimal], total: Decimal) -> list[Decimal]:
        others = apportioned([amounts[index] for index in changed], total - held)
        parts = kept | dict(zip(changed, others, strict=True))
        return [parts[index] for index in indexes]

    return rounded(before, total_before), rounded(after, total_after)
