"""Recommended provisioned concurrency: spillover and under-use become one minimum and maximum."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import ceil
from typing import TYPE_CHECKING, Any

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

# Autoscaling answers after three minutes; until then the floor has to do.
_BUSY_PERCENT = 90
_TYPICAL_PERCENT = 50


@dataclass(frozen=True, kw_only=True)
class ProvisionedUse:
    """Use of an alias with provisioned concurrency in a window: calls, and the most at a time in each period."""

    on_provisioned: int
    spilled: int
    peaks: Sequence[int]
    used_percent: int | None

    def peak(self, percent: int) -> int:
        """Return the concurrency not exceeded in that share of the periods, by nearest rank."""
        if not self.peaks:
            return 0
        return sorted(self.peaks)[max(-(-percent * len(self.peaks) // 100), 1) - 1]


@dataclass(frozen=True, kw_only=True)
class ProvisionedRecommendation:
    """The bounds to set, None when there are none to recommend."""

    minimum: int | None
    maximum: int | None
    reason: str


def recommend(
    now: Provisioning, use: ProvisionedUse, minimum_calls: int = MINIMUM_SAMPLES
) -> ProvisionedRecommendation:
    """Return bounds for the load seen at the target utilization; never lower ones where calls spilled over."""
    calls = use.on_provisioned + use.spilled
    if calls < minimum_calls:
        why = f"no recommendation: CloudWatch knows of {counted(calls, 'call')}, fewer than {minimum_calls:,}"
        return ProvisionedRecommendation(minimum=None, maximum=None, reason=why)

    def enough(at_a_time: int) -> int:
        return max(ceil(at_a_time * 100 / now.utilization_percent), 1)

    highest = use.peak(100)
    seen = f"up to {highest:,} at a time, at {now.utilization_percent} % use {enough(highest):,}"
    if use.spilled:
        share = 100 * use.spilled / calls
        why = f"{use.spilled:,} of {calls:,} calls ({share:.1f} %) found no provisioned environment; {seen}"
        if highest < now.maximum:
            # There was room, and autoscaling was too slow: the floor has to carry most of what is busy.
            floor = enough(replace(use, peaks=[peak for peak in use.peaks if peak]).peak(_BUSY_PERCENT))
            raised = min(max(now.minimum, floor), now.maximum)
            return ProvisionedRecommendation(
                minimum=raised, maximum=now.maximum, reason=f"{why}; autoscaling was too slow"
            )
        # All were busy, and the metrics do not tell how many more it would have taken.
        maximum = max(ceil(now.maximum * 1.5), enough(highest))
        minimum = max(now.minimum, enough(use.peak(_BUSY_PERCENT)))
        return ProvisionedRecommendation(minimum=min(minimum, maximum), maximum=maximum, reason=f"{why}; all were busy")
    minimum = min(now.minimum, enough(use.peak(_TYPICAL_PERCENT)))
    maximum = max(min(now.maximum, enough(highest)), minimum)
    used = "" if use.used_percent is None else f", {use.used_percent} % used at most"
    return ProvisionedRecommendation(minimum=minimum, maximum=maximum, reason=f"nothing spilled over{used}; {seen}")


def recommendations(
    environment: Environment, functions: Iterable[AccountFunction], seen: Window, minimum_calls: int
) -> list[dict[str, Any]]:
    """Return the recommendation and its evidence for each of these functions with provisioned concurrency."""
    now, found = environment.configuration.compute.provisioning, list[dict[str, Any]]()
    for function in functions:
        if function.critical and now.minimum:  # waived: there is no use to measure
            use = _measure(environment, function, seen)
            said = recommend(now, use, minimum_calls)
            found.append({
                "function": function.shown_name, "minimum": now.minimum, "maximum": now.maximum,
                "recommended_minimum": said.minimum, "recommended_maximum": said.maximum, "reason": said.reason,
                "evidence": {
                    "source": "CloudWatch", "window": str(seen), "calls_on_warm": use.on_provisioned,
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
    """Return the same for a person."""
    return [
        f"provisioned concurrency of {one['function']}: {one['minimum']}-{one['maximum']}"
        + ("" if one["recommended_maximum"] is None
           else f" → {one['recommended_minimum']}-{one['recommended_maximum']}")
        + f"; {one['reason']}"
        for one in recommended
    ]  # fmt: skip


def _measure(environment: Environment, function: AccountFunction, seen: Window) -> ProvisionedUse:
    """Read the metrics. Periods without data are idle ones: Lambda publishes nothing then."""
    client = environment.client("cloudwatch")
    alias = {"FunctionName": function.name, "Resource": f"{function.name}:{ALIAS}"}

    def points(name: str, statistic: str) -> tuple[Decimal, ...]:
        return series(client, ("AWS/Lambda", name), alias, seen, statistic).points

    peaks = [int(point) for point in points("ProvisionedConcurrentExecutions", "Maximum")]
    used = points("ProvisionedConcurrencyUtilization", "Maximum")
    periods = int(seen.seconds // period_seconds(seen))
    return ProvisionedUse(
        on_provisioned=int(sum(points("ProvisionedConcurrencyInvocations", "Sum"))),
        spilled=int(sum(points("ProvisionedConcurrencySpilloverInvocations", "Sum"))),
        peaks=[*[0] * max(periods - len(peaks), 0), *peaks] if peaks else [],
        used_percent=round(100 * max(used)) if used else None,
    )
