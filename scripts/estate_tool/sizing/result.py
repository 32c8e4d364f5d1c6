"""A function's recommendation and evidence as `rightsize --json` prints them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from estate_tool.sizing.recommendation import recommend
from estate_tool.sizing.window import instant

if TYPE_CHECKING:
    from estate_tool.sizing.evidence import Evidence
    from estate_tool.sizing.functions import Sized
    from estate_tool.sizing.window import Window


def described(function: Sized, evidence: Evidence, seen: Window, minimum_samples: int) -> dict[str, Any]:
    """The recommendation for a function and what it follows from, by the keys that scripts rely on."""
    said = recommend(function.memory_mb, evidence.usage, minimum_samples)
    memory, reason = said.memory_mb, said.reason
    if not evidence.invocations and not function.writes_reports:
        reason += "; its system log level is WARN, which leaves reports out: set it to INFO"
    measured = evidence.described()
    source = measured.pop("source")
    return {
        "function": function.shown_name,
        "name": function.name,
        "current_mb": function.memory_mb,
        "recommended_mb": memory,
        "target_mb": said.target_mb,
        "reason": reason,
        "unused_percent": _share(function.memory_mb - evidence.usage.max_mb, function)
        if evidence.usage.samples
        else None,
        "saving_percent": _share(function.memory_mb - memory, function) if memory else None,
        "evidence": {
            "source": f"{source} in {function.log_group}",
            "window": str(seen),
            **measured,
            "time": instant(seen.end),
        },
    }


def _share(megabytes: int, function: Sized) -> int:
    return round(100 * megabytes / function.memory_mb)
