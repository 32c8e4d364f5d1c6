"""Cost report as `estate cost --json` prints it: the bill, break-even points, speed, assumptions."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING, Any

from estate_tool.pricing.bill import COMPONENTS, Line, apportioned_pair, before_gb_seconds, cents, lines
from estate_tool.pricing.load import BEFORE_MB, MONTH_HOURS, MONTH_SECONDS, TARGET_UTILIZATION, ZERO
from estate_tool.sizing.recommendation import vcpus

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from estate_tool.pricing.load import FunctionLoad, Load, TableLoad
    from estate_tool.pricing.prices import Prices

_TENTH = Decimal("0.1")
_HOUR_SECONDS = 3600
# Lines of the bill that grow with events; capacity and storage cost the same without any.
_GROWING = {"duration", "requests", "reads on demand", "writes on demand", "ingested"}
_SURE = (
    "The sure part of the saving leaves out fixed capacity that is only assumed, and takes functions to do nothing but "
    "compute on one core, and so to have taken less time with more memory: under 1,769 MB a function has less than one "
    "vCPU."
)


def provisioned_concurrency_break_even(prices: Prices, architecture: str) -> Decimal:
    """Return the percentage of time in use at which a provisioned environment costs as much as on demand.

    Provisioned it costs p a second, and d' while it is busy; on demand d while it is busy: p + u d' = u d.
    """
    kept = prices[f"lambda_warm_{architecture}"]
    busy = prices[f"lambda_duration_{architecture}"] - prices[f"lambda_warm_duration_{architecture}"]
    return _percent(kept, busy) if busy > 0 else Decimal(100)


def table_break_even(prices: Prices, direction: str) -> Decimal:
    """Return the percentage of its capacity in use at which a table costs as much as on demand.

    A unit allows 3,600 requests an hour: the price of a unit-hour, divided by 3,600 times the price of a request.
    """
    return _percent(prices[f"table_{direction}_unit_hour"], _HOUR_SECONDS * prices[f"table_{direction}_request"])


def provisioned_concurrency(function: FunctionLoad, prices: Prices) -> dict[str, Any]:
    """Return the use of a function's provisioned concurrency, and its cost with and without it."""
    architecture = function.architecture
    kept = function.provisioned_gb_seconds
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
    provisioned = on_demand = ZERO
    for one in table.throughput:
        # On demand is compared with the least capacity that could carry it: one unit, or the average at the target.
        least = max(Decimal(1), one.needed_units)
        units = least if one.priced_units is None else one.priced_units
        provisioned += units * MONTH_HOURS * prices[f"table_{one.direction}_unit_hour"]
        on_demand += one.requests * prices[f"table_{one.direction}_request"]
        report[one.direction] = {
            "units": str(units.quantize(_TENTH, ROUND_HALF_UP)),
            "utilization_percent": str(_percent(one.requests, units * MONTH_SECONDS)),
            "break_even_percent": str(table_break_even(prices, one.direction)),
        }
    return report | {
        "provisioned_usd": str(cents(provisioned)), "on_demand_usd": str(cents(on_demand)),
        "cheaper": "on-demand" if on_demand < provisioned else "provisioned",
    }  # fmt: skip


def latency(function: FunctionLoad) -> dict[str, Any]:
    """Return the duration of a function, and its CPU before and after."""
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


def cost_report(load: Load, prices: Prices, basis: dict[str, Any]) -> dict[str, Any]:
    """Return costs before and after by component and line, break-evens, latency, and all assumptions.

    Amounts are in US dollars a month, as text, in whole cents; `exact_…` ones are not rounded. Totals are rounded half
    up, once; the lines are rounded so that they add up to them.
    """
    bill = lines(load, prices)
    by_component = [[line for line in bill if line.component == component] for component in COMPONENTS]
    befores = [_before(mine) for mine in by_component]
    afters = [_after(mine) for mine in by_component]
    before, after = cents(sum(befores, ZERO)), cents(sum(afters, ZERO))
    saving, assumed = before - after, cents(_gained_by_speed(load, prices) + _assumed_capacity(bill, load))
    return {
        **basis,
        "month_hours": int(MONTH_HOURS),
        "prices": {
            "as_of": prices.as_of, "region": prices.region, "location": prices.location, "currency": "USD",
            "list": {key: vars(price) | {"usd": _plain(price.usd)} for key, price in prices.by_key.items()},
        },
        "totals": {
            "before_usd": str(before), "after_usd": str(after),
            "sure_saving_usd": str(saving - assumed), "assumed_saving_usd": str(assumed),
            "saving_usd": str(saving), "saving_percent": _whole_percent(saving, before),
            "exact_before_usd": _plain(sum(befores, ZERO)), "exact_after_usd": _plain(sum(afters, ZERO)),
        },
        "events": _per_event(load, bill),
        "components": [
            {"component": component, **_component(mine, prices, *share)}
            for component, mine, *share in zip(
                COMPONENTS, by_component, *apportioned_pair(befores, afters, before, after), strict=True
            )
        ],
        "functions": [latency(function) for function in load.functions],
        "provisioned_concurrency": [provisioned_concurrency(one, prices) for one in load.functions if one.provisioned],
        "tables": [table_billing(table, prices) for table in load.tables],
        "assumptions": [*load.notes, *_assumptions(load, prices)],
    }  # fmt: skip


def _before(bill: Iterable[Line]) -> Decimal:
    return sum((line.before_usd for line in bill), ZERO)


def _after(bill: Iterable[Line]) -> Decimal:
    return sum((line.after_usd for line in bill), ZERO)


def _per_event(load: Load, bill: Sequence[Line]) -> dict[str, Any] | None:
    """Return the cost of a million events, and the part that grows with them; None if their number is unknown."""
    if not load.events:
        return None
    millions = load.events / 1_000_000
    growing = _after(line for line in bill if line.what in _GROWING)
    return {
        "count": _plain(load.events.quantize(Decimal(1), ROUND_HALF_UP)),
        "usd_per_million": str(cents(_after(bill) / millions)),
        "growing_usd_per_million": str(cents(growing / millions)),
    }


def _component(bill: Sequence[Line], prices: Prices, before: Decimal, after: Decimal) -> dict[str, Any]:
    shares = apportioned_pair([line.before_usd for line in bill], [line.after_usd for line in bill], before, after)
    return {
        "before_usd": str(before), "after_usd": str(after), "saving_usd": str(before - after),
        "lines": [
            {
                "item": line.item, "what": line.what, "unit": prices.by_key[line.price].unit, "price": line.price,
                "before": _plain(line.before), "after": _plain(line.after),
                "before_usd": str(before), "after_usd": str(after),
                "exact_before_usd": _plain(line.before_usd), "exact_after_usd": _plain(line.after_usd),
            }
            for line, before, after in zip(bill, *shares, strict=True)
        ],
    }  # fmt: skip


def _gained_by_speed(load: Load, prices: Prices) -> Decimal:
    """Return the part of the saving that is lost if functions did nothing but compute on one core before.

    With more memory they were faster then, up to one vCPU; stated durations from before count as they are.
    """
    gained = ZERO
    for function in load.functions:
        if function.before_billed_ms is None:
            before = min(vcpus(int(function.before_memory_mb)), 1.0)
            now = min(vcpus(int(function.memory_mb)), 1.0)
            faster = function.billed_ms * Decimal(str(now)) / Decimal(str(before))
            less = before_gb_seconds(function) - before_gb_seconds(function, min(faster, function.billed_ms))
            gained += less * prices[f"lambda_duration_{function.architecture}"]
    return gained


def _assumed_capacity(bill: Sequence[Line], load: Load) -> Decimal:
    """Return the saving of tables against fixed capacity that is only assumed."""
    assumed = {table.name for table in load.tables if table.fixed_is_assumed}
    mine = [line for line in bill if line.component == "tables" and line.item in assumed]
    return max(_before(mine) - _after(mine), ZERO)


def _assumptions(load: Load, prices: Prices) -> list[str]:
    stated = any(function.before_billed_ms is not None for function in load.functions)
    durations = "as stated" if stated else "as long as they are now"
    return [
        f"Prices: AWS list prices of {prices.region}, as of {prices.as_of}, first tier, in US dollars without taxes.",
        "The free tier is left out, and so are discounts and savings plans.",
        f"A month is {MONTH_HOURS} hours. Totals are rounded half up to the cent, once; lines so that they add up.",
        "Before: functions with "
        + ", ".join(f"{size:f}" for size in sorted({one.before_memory_mb for one in load.functions} or {BEFORE_MB}))
        + f" MB whose invocations took {durations}, no provisioned concurrency, tables with fixed capacity and no "
        "backups, logs kept for ever, nothing watched.",
        _SURE,
        *_beyond_capacity(load),
        f"Logs kept for ever are priced as they are after {load.logs.before_months:f} months, and grow on.",
        f"Of logs ingested, {load.logs.compression:f} is stored (compressed).",
        "Data transfer, Pulumi's backend, notifications and queries of logs are not in it.",
    ]


def _beyond_capacity(load: Load) -> Iterator[str]:
    """Yield the tables that are used beyond their capacity, which AWS would not allow."""
    for table in load.tables:
        for one in table.throughput:
            if one.units is not None and one.units != one.priced_units:
                taken = one.needed_units.quantize(_TENTH, ROUND_HALF_UP)
                yield (
                    f"Table {table.name} is used beyond its {one.units:f} {one.direction} units: priced with the "
                    f"{taken} that it takes at {TARGET_UTILIZATION:.0%} use."
                )


def _plain(number: Decimal) -> str:
    """Return the number without an exponent and trailing zeros."""
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _whole_percent(part: Decimal, whole: Decimal) -> int | None:
    return int((100 * part / whole).quantize(Decimal(1), ROUND_HALF_UP)) if whole else None
