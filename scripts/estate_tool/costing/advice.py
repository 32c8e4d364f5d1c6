"""Break-even points: provisioned concurrency against cold starts, provisioned tables against on demand."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING, Any

from estate_tool.pricing.bill import cents
from estate_tool.pricing.load import MONTH_HOURS, MONTH_SECONDS, TARGET_UTILIZATION, ZERO
from estate_tool.sizing.recommendation import vcpus

if TYPE_CHECKING:
    from estate_tool.pricing.load import FunctionLoad, TableLoad
    from estate_tool.pricing.prices import Prices

_TENTH = Decimal("0.1")
_HOUR_SECONDS = 3600


def provisioned_concurrency_break_even(prices: Prices, architecture: str) -> Decimal:
    """Return the percentage of time that a provisioned environment has to be busy to cost as much as one on demand.

    Provisioned it costs p a second, and d' while it is busy; on demand d while it is busy: p + u d' = u d.
    """
    kept = prices[f"lambda_warm_{architecture}"]
    busy = prices[f"lambda_duration_{architecture}"] - prices[f"lambda_warm_duration_{architecture}"]
    return _percent(kept, busy) if busy > 0 else Decimal(100)


def table_break_even(prices: Prices, way: str) -> Decimal:
    """The share of its capacity that a table has to use to cost as much as on demand, in percent.

    A unit allows for 3,600 requests an hour: price of the unit, through 3,600 times the price of a request.
    """
    return _percent(prices[f"table_{way}_unit_hour"], _HOUR_SECONDS * prices[f"table_{way}_request"])


def provisioned_concurrency(function: FunctionLoad, prices: Prices) -> dict[str, Any]:
    """A function with provisioned concurrency: how much it is used, what it costs more than without."""
    architecture = function.architecture
    kept = function.provisioned * function.memory_mb / 1024 * MONTH_SECONDS
    busy = function.gb_seconds(function.on_provisioned)
    with_it = kept * prices[f"lambda_warm_{architecture}"] + busy * prices[f"lambda_warm_duration_{architecture}"]
    without = busy * prices[f"lambda_duration_{architecture}"]
    used, enough = _percent(busy, kept), provisioned_concurrency_break_even(prices, architecture)
    return {
        "function": function.name, "warm": str(function.provisioned.quantize(Decimal("0.01")).normalize() + 0),
        "utilization_percent": str(used), "break_even_percent": str(enough),
        "usd": str(cents(with_it)), "on_demand_usd": str(cents(without)),
        "more_usd": str(cents(with_it) - cents(without)), "pays_off": used >= enough,
    }  # fmt: skip


def table_billing(table: TableLoad, prices: Prices) -> dict[str, Any]:
    """Compare a table's billing modes: capacity, its utilization, and the cost of each."""
    report: dict[str, Any] = {
        "table": table.name,
        "billing": "on-demand" if table.read_units is None else "provisioned",
    }
    sums = {"provisioned": ZERO, "on_demand": ZERO}
    for way, requests, units in (
        ("read", table.reads, table.priced_read_units), ("write", table.writes, table.priced_write_units),
    ):  # fmt: skip
        # What is on demand is compared with the least that could carry it: one unit, or the average at the target.
        compared = units if units is not None else max(Decimal(1), requests / MONTH_SECONDS / TARGET_UTILIZATION)
        provisioned = compared * MONTH_HOURS * prices[f"table_{way}_unit_hour"]
        on_demand = requests * prices[f"table_{way}_request"]
        sums["provisioned"] += provisioned
        sums["on_demand"] += on_demand
        report[way] = {
            "units": str(compared.quantize(_TENTH, ROUND_HALF_UP)),
            "utilization_percent": str(_percent(requests, compared * MONTH_SECONDS)),
            "break_even_percent": str(table_break_even(prices, way)),
        }
    return report | {
        "provisioned_usd": str(cents(sums["provisioned"])), "on_demand_usd": str(cents(sums["on_demand"])),
        "cheaper": "on-demand" if sums["on_demand"] < sums["provisioned"] else "provisioned",
    }  # fmt: skip


def latency(function: FunctionLoad) -> dict[str, Any]:
    """Duration of a function, and its CPU before and after."""
    return {
        "function": function.name, "invocations": str(function.invocations.quantize(Decimal(1), ROUND_HALF_UP)),
        "before_mb": int(function.before_memory_mb), "memory_mb": int(function.memory_mb),
        "before_vcpu": round(vcpus(int(function.before_memory_mb)), 2),
        "vcpu": round(vcpus(int(function.memory_mb)), 2),
        "billed_ms": _number(function.billed_ms), "before_billed_ms": _number(function.before_billed_ms),
        "p99_ms": _number(function.p99_ms), "init_ms": _number(function.init_ms),
        "cold_starts": _number(function.cold_starts),
    }  # fmt: skip


def _number(value: Decimal | None) -> float | None:
    return None if value is None else float(value.quantize(_TENTH, ROUND_HALF_UP))


def _percent(part: Decimal, whole: Decimal) -> Decimal:
    return (100 * part / whole).quantize(_TENTH, ROUND_HALF_UP) if whole else Decimal("0.0")
