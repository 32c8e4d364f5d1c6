"""Verification of functions whose memory was changed: their use before and after, compared."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from compute.sizing import MEASURED_KEYS
from estate_tool.core.errors import UsageError
from estate_tool.core.text import counted
from estate_tool.monitoring.metrics import Window
from estate_tool.sizing.files import sizes_by_function
from estate_tool.sizing.functions import find
from estate_tool.sizing.sources import EvidenceRequest, logs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from compute.sizing import CurrentSize
    from estate_tool.core.environment import Environment
    from estate_tool.sizing.functions import AccountFunction

# Percentage points by which the share of failed, or timed out, invocations may rise.
MOST_MORE_POINTS = 1.0


def verified(
    environment: Environment, names: Sequence[str], minimum: int, slower_percent: int, progress: Callable[[str], None]
) -> list[dict[str, Any]]:
    """Return the use before and after of each function whose memory `--apply` has changed, and what is wrong now.

    Raises UsageError if there is no such function.
    """
    entries, functions = sizes_by_function(), find(environment, names)
    changed = [
        (function, entry) for function in functions
        if (entry := entries.get(function.catalog_name or "")) and entry.previous
    ]  # fmt: skip
    if not changed:
        raise UsageError(
            "compute/sizing.json has no change of memory to verify for "
            + ", ".join(function.shown_name for function in functions),
            "measure and write one: scripts/estate rightsize --apply",
        )
    found = []
    for function, entry in changed:
        after = _since_the_change(environment, function, entry.memory_mb, progress)
        found.append(_result(function, entry, after, minimum, slower_percent))
    return found


def _since_the_change(
    environment: Environment, function: AccountFunction, memory_mb: int, progress: Callable[[str], None]
) -> dict[str, Any] | None:
    """Return the function's use with this memory; None when it runs with another."""
    if function.memory_mb != memory_mb:
        return None
    window = Window(start=function.changed, end=datetime.now(UTC))
    asked = EvidenceRequest(environment=environment, function=function, window=window, progress=progress)
    evidence = logs(asked, size_mb=memory_mb).to_dict()
    return {key: evidence[key] for key in MEASURED_KEYS}


def _result(
    function: AccountFunction, entry: CurrentSize, after: dict[str, Any] | None, minimum: int, slower_percent: int
) -> dict[str, Any]:
    assert entry.previous
    memory_mb, before = entry.memory_mb, entry.previous.measured
    if after is None:
        wrong = [f"it runs with {function.memory_mb:,} MB: deploy {memory_mb:,} MB first"]
    else:
        wrong = list(problems(before, after, minimum, slower_percent))
    return {
        "function": function.shown_name, "before_mb": entry.previous.memory_mb, "memory_mb": memory_mb, "ok": not wrong,
        "problems": wrong, "before": before, "after": after,
    }  # fmt: skip


def problems(before: Mapping[str, Any], after: Mapping[str, Any], minimum: int, slower_percent: int) -> Iterator[str]:
    """Yield reasons against the new memory, or against a judgement yet; none when the function runs as before.

    `minimum`: fewer invocations prove nothing. `slower_percent`: how much the 99th percentile of durations may rise.
    """
    if after["invocations"] < minimum:
        yield f"{counted(after['invocations'], 'invocation')} since, fewer than {minimum:,}: too few to tell"
    if after["ooms"]:
        yield f"{after['ooms']:,} out of memory"
    for key, what in (("failures", "failed"), ("timeouts", "timed out")):
        then, now = _percent(before, key), _percent(after, key)
        if now > then + MOST_MORE_POINTS:
            yield f"{now:.1f} % {what}, {then:.1f} % before"
    then, now = before["duration_p99_ms"], after["duration_p99_ms"]
    if then and now and now * 100 > then * (100 + slower_percent):
        yield f"p99 of durations {now:,} ms, {then:,} ms before"


def _percent(measured: Mapping[str, Any], key: str) -> float:
    """Return the percentage of invocations; 0 where the evidence from before does not have the count."""
    return 100 * (measured[key] or 0) / measured["invocations"] if measured["invocations"] else 0.0


def lines(functions: Sequence[dict[str, Any]]) -> Iterator[str]:
    """Yield the result as text."""
    for one in functions:
        state = "runs as before" if one["ok"] else "; ".join(one["problems"])
        yield f"{one['function']}: {one['before_mb']:,} → {one['memory_mb']:,} MB: {state}"
