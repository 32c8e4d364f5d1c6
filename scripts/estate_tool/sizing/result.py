"""A function's recommendation and evidence as `rightsize --json` prints them."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from estate_tool.monitoring.window import instant
from estate_tool.pricing.bill import cents
from estate_tool.pricing.load import MONTH_SECONDS
from estate_tool.sizing.recommendation import ESTATE, foreign_bounds, recommend

if TYPE_CHECKING:
    from estate_tool.monitoring.window import Window
    from estate_tool.pricing.prices import Prices
    from estate_tool.sizing.evidence import Found
    from estate_tool.sizing.functions import Sized


ARM = "arm64"


def function_report(
    function: Sized,
    found: Found,
    seen: Window,
    minimum_samples: int,
    prices: Prices,
    given: tuple[int | None, int | None] = (None, None),
) -> dict[str, Any]:
    """The recommendation for a function and what it follows from, by the keys that scripts rely on.

    Amounts are what durations as in the window cost in a month with the memory that the function has now, in US
    dollars: all of it, what goes for memory that was never used, and what the recommendation saves, or would save if
    there were enough reports for a further step. `seen` is the time of which the source knows; `given` are the
    bounds, if any were given, of functions that are not the estate's.
    """
    usage, measured = found.usage, found.measured
    bounds = ESTATE if function.catalog_name else foreign_bounds(function.memory_mb, *given)
    said = recommend(function.memory_mb, usage, minimum_samples, bounds)
    memory, reason = said.memory_mb or said.target_mb, said.reason
    if usage.ooms and measured["ooms"] is None:
        reason += "; the metric counts no kills, but all memory was used"
    if not measured["invocations"] and not usage.samples and not function.writes_reports:
        reason += "; its system log level is WARN, which leaves reports out: set it to INFO"
    unused = _share(function.memory_mb - usage.max_mb, function) if usage.samples else None
    saving = _share(function.memory_mb - memory, function) if memory else None
    month = _month_usd(function, found.billed_ms, seen, prices)
    is_arm = function.architecture == ARM
    on_arm = None if is_arm else _month_usd(replace(function, architecture=ARM), found.billed_ms, seen, prices)
    return {
        "function": function.shown_name,
        "name": function.name,
        "current_mb": function.memory_mb,
        "recommended_mb": said.memory_mb,
        "target_mb": said.target_mb,
        "reason": reason,
        "unused_percent": unused,
        "saving_percent": saving,
        "month_usd": str(cents(month)),
        "waste_usd": None if unused is None else _part(month, function.memory_mb - usage.max_mb, function),
        "arm64_month_usd": None if on_arm is None else str(cents(on_arm)),
        "saving_usd": None if memory is None else _part(month, function.memory_mb - memory, function),
        "evidence": {
            "source": measured["source"],
            "window": str(seen),
            **measured,
            "time": instant(seen.end),
        },
    }


def totals(reports: list[dict[str, Any]]) -> dict[str, str]:
    """The sums of all functions' amounts; of savings, those of what is recommended now."""

    def total(key: str, functions: list[dict[str, Any]]) -> str:
        return str(sum((Decimal(one[key] or 0) for one in functions), Decimal("0.00")))

    now = [one for one in reports if one["recommended_mb"] is not None]
    return {
        "month_usd": total("month_usd", reports), "waste_usd": total("waste_usd", reports),
        "saving_usd": total("saving_usd", now),
    }  # fmt: skip


def _month_usd(function: Sized, billed_ms: float, seen: Window, prices: Prices) -> Decimal:
    """Monthly cost of the window's durations with today's memory, whatever the reports had."""
    window = Decimal(str((seen.end - seen.start).total_seconds()))
    gb_seconds = Decimal(str(billed_ms)) / 1000 * function.memory_mb / 1024 * MONTH_SECONDS / window
    return gb_seconds * prices[f"lambda_duration_{function.architecture}"]


def _part(month: Decimal, megabytes: int, function: Sized) -> str:
    return str(cents(month * megabytes / function.memory_mb))


def _share(megabytes: int, function: Sized) -> int:
    return round(100 * megabytes / function.memory_mb)
