"""The cost report as `estate cost --json` prints it; text and page are made from it."""

from __future__ import annotations

from dataclasses import asdict
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING, Any

from estate_tool.costing.advice import latency, provisioned_concurrency, table_billing
from estate_tool.pricing.bill import COMPONENTS, Line, apportioned_pair, before_gb_seconds, cents, lines
from estate_tool.pricing.load import MONTH_HOURS, TARGET_UTILIZATION, ZERO
from estate_tool.sizing.recommendation import vcpus

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from estate_tool.pricing.load import Load
    from estate_tool.pricing.prices import Prices


def cost_report(load: Load, prices: Prices, basis: dict[str, Any]) -> dict[str, Any]:
    """Before and after by component and line, break-evens, latency, and all that was assumed.

    Amounts are in US dollars a month, as text, in whole cents; `exact_…` ones are not rounded. Totals are rounded half
    up, once; the lines are rounded so that they add up to them.
    """
    bill = lines(load, prices)
    exact = {way: [_exact(bill, prices, way, component) for component in COMPONENTS] for way in ("before", "after")}
    sums = {way: sum(amounts, ZERO) for way, amounts in exact.items()}
    totals = {way: cents(total) for way, total in sums.items()}
    shares = apportioned_pair(exact["before"], exact["after"], totals["before"], totals["after"])
    saving = totals["before"] - totals["after"]
    assumed = cents(_gained_by_speed(load, prices) + _assumed_capacity(bill, load, prices))
    return {
        **basis,
        "month_hours": int(MONTH_HOURS),
        "prices": {
            "as_of": prices.as_of, "region": prices.region, "location": prices.location, "currency": "USD",
            "list": {key: _price(asdict(price)) for key, price in prices.by_key.items()},
        },
        "totals": {
            "before_usd": str(totals["before"]), "after_usd": str(totals["after"]),
            "sure_saving_usd": str(saving - assumed), "assumed_saving_usd": str(assumed),
            "saving_usd": str(saving), "saving_percent": _percent(saving, totals["before"]),
            "exact_before_usd": _plain(sums["before"]), "exact_after_usd": _plain(sums["after"]),
        },
        "events": _per_event(load, bill, prices),
        "components": [
            _component(component, bill, prices, before, after)
            for component, before, after in zip(COMPONENTS, *shares, strict=True)
        ],
        "functions": [latency(function) for function in load.functions],
        "provisioned_concurrency": [provisioned_concurrency(one, prices) for one in load.functions if one.provisioned],
        "tables": [table_billing(table, prices) for table in load.tables],
        "assumptions": [*load.notes, *_assumptions(load, prices)],
    }  # fmt: skip


# Lines of the bill that nothing but events makes longer; what is kept ready for them is paid for all the same.
_GROWING = {"duration", "requests", "reads on demand", "writes on demand", "ingested"}
_SURE = (
    "The sure part of the saving leaves out fixed capacity that is only assumed, and takes functions to do nothing but "
    "compute on one core, and so to have taken less time with more memory: under 1,769 MB a function has less than one "
    "vCPU."
)


def _exact(bill: Sequence[Line], prices: Prices, way: str, component: str) -> Decimal:
    return sum((_amount(line, prices, way) for line in bill if line.component == component), ZERO)


def _amount(line: Line, prices: Prices, way: str) -> Decimal:
    return prices[line.price] * (line.before if way == "before" else line.after)


def _per_event(load: Load, bill: Sequence[Line], prices: Prices) -> dict[str, Any] | None:
    """Cost of a million events, the whole bill and what grows with them; None if their number is unknown."""
    if not load.events:
        return None
    millions = load.events / 1_000_000
    whole = sum((_amount(line, prices, "after") for line in bill), ZERO)
    growing = sum((_amount(line, prices, "after") for line in bill if line.what in _GROWING), ZERO)
    return {
        "count": _plain(load.events.quantize(Decimal(1), ROUND_HALF_UP)),
        "usd_per_million": str(cents(whole / millions)), "growing_usd_per_million": str(cents(growing / millions)),
    }  # fmt: skip


def _component(component: str, bill: Sequence[Line], prices: Prices, before: Decimal, after: Decimal) -> dict[str, Any]:
    mine = [line for line in bill if line.component == component]
    exact = {way: [_amount(line, prices, way) for line in mine] for way in ("before", "after")}
    befores, afters = apportioned_pair(exact["before"], exact["after"], before, after)
    return {
        "component": component, "before_usd": str(before), "after_usd": str(after), "saving_usd": str(before - after),
        "lines": [
            {
                "item": line.item, "what": line.what, "unit": prices.by_key[line.price].unit, "price": line.price,
                "before": _plain(line.before), "after": _plain(line.after),
                "before_usd": str(befores[place]), "after_usd": str(afters[place]),
                "exact_before_usd": _plain(exact["before"][place]), "exact_after_usd": _plain(exact["after"][place]),
            }
            for place, line in enumerate(mine)
        ],
    }  # fmt: skip


def _gained_by_speed(load: Load, prices: Prices) -> Decimal:
    """Saving of functions that had done nothing but compute on one core before.

    With more memory that goes faster, up to one vCPU; where durations from before are stated they count as they are.
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


def _assumed_capacity(bill: Sequence[Line], load: Load, prices: Prices) -> Decimal:
    """Saving of tables against the capacity that they are only assumed to have had."""
    assumed = {table.name for table in load.tables if table.fixed_is_assumed}
    mine = [line for line in bill if line.component == "tables" and line.item in assumed]
    saved = [_amount(line, prices, "before") - _amount(line, prices, "after") for line in mine]
    return max(sum(saved, ZERO), ZERO)


def _assumptions(load: Load, prices: Prices) -> list[str]:
    stated = any(function.before_billed_ms is not None for function in load.functions)
    durations = "as stated" if stated else "as long as they are now"
    return [
        f"Prices: AWS list prices of {prices.region}, as of {prices.as_of}, first tier, in US dollars without taxes.",
        "The free tier is left out, and so are discounts and savings plans.",
        f"A month is {MONTH_HOURS} hours. Totals are rounded half up to the cent, once; lines so that they add up.",
        "Before: functions with "
        + _list({f"{function.before_memory_mb:f}" for function in load.functions} or {"3008"})
        + f" MB whose invocations took {durations}, no provisioned concurrency, tables with fixed capacity and no "
        "backups, logs kept for ever, nothing watched.",
        _SURE,
        *_beyond_capacity(load),
        f"Logs kept for ever are priced as they are after {load.logs.before_months:f} months, and grow on.",
        f"Of logs ingested, {load.logs.compression:f} is stored (compressed).",
        "Data transfer, Pulumi's backend, notifications and queries of logs are not in it.",
    ]


def _beyond_capacity(load: Load) -> Iterator[str]:
    """Tables that are used more than their capacity allows, which can't be."""
    for table in load.tables:
        for way, stated, priced in (
            ("read", table.read_units, table.priced_read_units), ("write", table.write_units, table.priced_write_units),
        ):  # fmt: skip
            if stated != priced and priced is not None:
                taken = (
                    f"{priced.quantize(Decimal('0.1'), ROUND_HALF_UP)} that it takes at {TARGET_UTILIZATION:.0%} use"
                )
                yield f"Table {table.name} is used beyond its {stated:f} {way} units: priced with the {taken}."


def _list(sizes: set[str]) -> str:
    return ", ".join(sorted(sizes, key=Decimal))


def _price(price: dict[str, Any]) -> dict[str, str]:
    return {key: _plain(value) if isinstance(value, Decimal) else value for key, value in price.items()}


def _plain(number: Decimal) -> str:
    """Without an exponent and trailing zeros."""
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _percent(part: Decimal, whole: Decimal) -> int | None:
    return int((100 * part / whole).quantize(Decimal(1), ROUND_HALF_UP)) if whole else None
