"""Recommended provisioned concurrency: a minimum and a maximum from spillover and unused environments."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import ceil
from typing import TYPE_CHECKING, Any, NamedTuple

from estate_tool.core.text import counted
from estate_tool.monitoring.metrics import period_seconds, series
from estate_tool.sizing import MINIMUM_SAMPLES
from foundation.naming import ALIAS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from decimal import Decimal

    from compute.config import Provisioning
    from estate_tool.core.environment import Environment
    from estate_tool.monitoring.metrics import Window
    from estate_tool.sizing.functions import AccountFunction

# Percentiles of the periods' peaks. Autoscaling reacts after three minutes; until then the minimum has to suffice.
_BUSY_PERCENT = 90
_TYPICAL_PERCENT = 50


@dataclass(frozen=True, kw_only=True)
class ProvisionedUse:
    """Use of an alias with provisioned concurrency in a window: calls, and the highest concurrency of each period."""

    on_provisioned: int
    spilled: int
    peaks: Sequence[int]
    used_percent: int | None

    def peak(self, percent: int) -> int:
        """Return the percentile of the periods' highest concurrency, by nearest rank."""
        if not self.peaks:
            return 0
        return sorted(self.peaks)[max(-(-percent * len(self.peaks) // 100), 1) - 1]


class ProvisionedRecommendation(NamedTuple):
    """Minimum and maximum to set; None when there are none to recommend."""

    minimum: int | None
    maximum: int | None
    reason: str


def recommend(
    now: Provisioning, use: ProvisionedUse, minimum_calls: int = MINIMUM_SAMPLES
) -> ProvisionedRecommendation:
    """Return bounds for that use at the target utilization; never lower ones if calls spilled over."""
    calls = use.on_provisioned + use.spilled
    if calls < minimum_calls:
        why = f"no recommendation: CloudWatch knows of {counted(calls, 'call')}, fewer than {minimum_calls:,}"
        return ProvisionedRecommendation(None, None, why)

    def enough(at_a_time: int) -> int:
        return max(ceil(at_a_time * 100 / now.utilization_percent), 1)

    highest = use.peak(100)
    seen = f"up to {highest:,} at a time, at {now.utilization_percent} % use {enough(highest):,}"
    if not use.spilled:
        minimum = min(now.minimum, enough(use.peak(_TYPICAL_PERCENT)))
        maximum = max(min(now.maximum, enough(highest)), minimum)
        used = "" if use.used_percent is None else f", {use.used_percent} % used at most"
        return ProvisionedRecommendation(minimum, maximum, f"nothing spilled over{used}; {seen}")
    why = (
        f"{use.spilled:,} of {calls:,} calls ({100 * use.spilled / calls:.1f} %) found no provisioned environment; "
        f"{seen}"
    )
    if highest < now.maximum:
        # There was room, and autoscaling was too slow: the minimum has to carry most busy periods.
        busy = replace(use, peaks=[peak for peak in use.peaks if peak]).peak(_BUSY_PERCENT)
        raised = min(max(now.minimum, enough(busy)), now.maximum)
        return ProvisionedRecommendation(raised, now.maximum, f"{why}; autoscaling was too slow")
    # All were busy, and the metrics do not show how many more were needed.
    maximum = max(ceil(now.maximum * 1.5), enough(highest))
    minimum = min(max(now.minimum, enough(use.peak(_BUSY_PERCENT))), maximum)
    return ProvisionedRecommendation(minimum, maximum, f"{why}; all were busy")


def recommendations(
    environment: Environment, functions: Iterable[AccountFunction], window: Window, minimum_calls: int
) -> list[dict[str, Any]]:
    """Return the recommendation and its evidence for each of these functions with provisioned concurrency."""
    now, found = environment.configuration.compute.provisioning, list[dict[str, Any]]()
    for function in functions:
        if function.critical and now.minimum:  # waived: there is no use to measure
            use = _measure(environment, function, window)
            advice = recommend(now, use, minimum_calls)
            found.append({
                "function": function.shown_name, "minimum": now.minimum, "maximum": now.maximum,
                "recommended_minimum": advice.minimum, "recommended_maximum": advice.maximum, "reason": advice.reason,
                "evidence": {
                    "source": "CloudWatch", "window": str(window), "calls_on_warm": use.on_provisioned,
                    "spilled": use.spilled,
                    "used_percent_max": use.used_percent, "typical_at_a_time": use.peak(_TYPICAL_PERCENT),
                    "most_at_a_time": use.peak(100),
                },
            })  # fmt: skip
    return found


def combined(now: Provisioning, recommended: Iterable[dict[str, Any]]) -> dict[str, int]:
    """Return the configuration keys that change: one setting is for all critical functions, so the largest counts."""
    found = [one for one in recommended if one["recommended_maximum"] is not None]
    if not found:
        return {}
    minimum = max(one["recommended_minimum"] for one in found)
    maximum = max(minimum, *(one["recommended_maximum"] for one in found))
    wanted = {
        "provisionedMinimum": (now.minimum, minimum),
        "provisionedMaximum": (now.maximum, maximum),
        "peakMinimum": (now.peak_minimum, min(max(now.peak_minimum, minimum), maximum)),
    }
    return {key: value for key, (before, value) in wanted.items() if value != before}


def lines(recommended: Iterable[dict[str, Any]]) -> list[str]:
    """Return the recommendations as text."""
    return [
        f"provisioned concurrency of {one['function']}: {one['minimum']}-{one['maximum']}"
        + ("" if one["recommended_maximum"] is None
           else f" → {one['recommended_minimum']}-{one['recommended_maximum']}")
        + f"; {one['reason']}"
        for one in recommended
    ]  # fmt: skip


def _measure(environment: Environment, function: AccountFunction, window: Window) -> ProvisionedUse:
    """Read the metrics. Periods without data are idle: Lambda publishes nothing then."""
    client = environment.client("cloudwatch")
    alias = {"FunctionName": function.name, "Resource": f"{function.name}:{ALIAS}"}

    def points(name: str, statistic: str) -> tuple[Decimal, ...]:
        return series(client, ("AWS/Lambda", name), alias, window, statistic).points

    peaks = [int(point) for point in points("ProvisionedConcurrentExecutions", "Maximum")]
    used = points("ProvisionedConcurrencyUtilization", "Maximum")
    periods = int(window.seconds // period_seconds(window))
    return ProvisionedUse(
        on_provisioned=int(sum(points("ProvisionedConcurrencyInvocations", "Sum"))),
        spilled=int(sum(points("ProvisionedConcurrencySpilloverInvocations", "Sum"))),
        peaks=[*[0] * max(periods - len(peaks), 0), *peaks] if peaks else [],
        used_percent=round(100 * max(used)) if used else None,
    )
