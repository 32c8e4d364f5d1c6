"""Requirements 1 and 8: memory against its use, cold starts that callers wait for, idle provisioned concurrency."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from estate_tool.audit.model import SYNCHRONOUS, Finding
from estate_tool.pricing.load import MONTH_DAYS, MONTH_SECONDS
from estate_tool.sizing import MINIMUM_SAMPLES
from estate_tool.sizing.recommendation import ALLOWED, STEP_MB, needed_mb, on_step

if TYPE_CHECKING:
    from collections.abc import Iterator

    from estate_tool.audit.model import Function, Inventory
    from estate_tool.pricing.prices import Prices
    from estate_tool.sizing.evidence import Evidence

# Most cold starts among the calls of a function whose callers wait, and the longest that one may take.
COLD_SHARE_PERCENT = 1.0
COLD_START_MS = 500
# Peak utilisation under which provisioned concurrency costs more than it is used for.
IDLE_SHARE = 0.2


def memory(inventory: Inventory, prices: Prices) -> Iterator[Finding]:
    """Yield functions with more memory than they use, and functions that ran out of it."""
    for function in inventory.functions:
        found = inventory.usage.get(function.name)
        if found is None:
            continue
        if found.kills:
            yield Finding(
                1, "memory-exhausted", function.arn,
                f"{found.kills:,} of {found.samples:,} invocations used up {function.memory_mb:,} MB",
                f"raise it to {on_step(-(-function.memory_mb * 3 // 2)):,} MB, then measure again",
            )  # fmt: skip
        elif found.samples >= MINIMUM_SAMPLES:
            yield from _oversized(inventory, function, found, prices)


def _oversized(inventory: Inventory, function: Function, found: Evidence, prices: Prices) -> Iterator[Finding]:
    target = max(ALLOWED.minimum, needed_mb(found))
    if target > function.memory_mb - STEP_MB:
        return
    # Billed time stays as it is now: how much slower a smaller function is, with less CPU, is not known beforehand.
    seconds = Decimal(str(found.billed_seconds or 0))
    saved = prices.duration_usd(function.architecture, function.memory_mb - target, seconds)
    yield Finding(
        1, "memory-oversized", function.arn,
        f"{function.memory_mb:,} MB; {found.samples:,} invocations used {found.p99_mb:,} MB (p99), "
        f"{found.max_mb:,} MB at most",
        f"set it to {target:,} MB in steps, and measure after each: CPU comes in proportion to memory",
        saved * MONTH_DAYS / Decimal(str(inventory.days_of_logs(function.log_group))),
    )  # fmt: skip


def cold_starts(inventory: Inventory, prices: Prices) -> Iterator[Finding]:
    """Yield functions whose callers wait for cold starts, and provisioned concurrency that idles."""
    for function in inventory.functions:
        found = inventory.usage.get(function.name)
        if found is not None and not function.provisioned and _is_waited_for(inventory, function):
            yield from _waited_for(function, found)
        for qualifier, kept in function.provisioned.items():
            used = inventory.provisioned_use.get((function.name, qualifier))
            # Autoscaling down to one environment follows the use by itself; less would be no provisioned concurrency.
            follows = inventory.provisioned_floor.get((function.name, qualifier)) == 1
            if used is not None and used < IDLE_SHARE and not follows:
                yield Finding(
                    8, "provisioned-idle", f"{function.arn}:{qualifier}",
                    f"provisioned concurrency {kept}, of which at most {used:.0%} were in use",
                    "lower it, or let Application Auto Scaling follow its utilization",
                    _provisioned_cost(function, Decimal(kept) * Decimal(str(1 - used)), prices),
                )  # fmt: skip


def _is_waited_for(inventory: Inventory, function: Function) -> bool:
    """True unless every known caller hands events over, or the function reads them from a source."""
    if function.invokers:
        return bool(function.invokers & SYNCHRONOUS)
    return not inventory.mappings_of(function.arn)


def _waited_for(function: Function, found: Evidence) -> Iterator[Finding]:
    colds, calls, slowest = found.cold_starts, found.invocations, found.init_max_ms
    if not colds or not calls or calls < MINIMUM_SAMPLES or not slowest:
        return
    share = 100 * colds / calls
    if share > COLD_SHARE_PERCENT and slowest > COLD_START_MS:
        yield Finding(
            8, "cold-starts", function.arn,
            f"{colds:,} of {calls:,} calls ({share:.1f} %) waited for a cold start, {slowest:,.0f} ms at most",
            "give its alias provisioned concurrency if somebody waits for it; else load less while it starts",
        )  # fmt: skip


def _provisioned_cost(function: Function, idle: Decimal, prices: Prices) -> Decimal:
    return idle * function.memory_mb / 1024 * MONTH_SECONDS * prices[f"lambda_warm_{function.architecture}"]
