"""True if a function runs as well with its new memory as it did before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# What of the evidence is kept from before a change, to compare with.
COMPARED = ("invocations", "ooms", "failures", "timeouts", "duration_p99_ms")
# How many percent of all invocations more may fail, or time out.
MOST_MORE_POINTS = 1.0


def problems(before: Mapping[str, Any], after: Mapping[str, Any], minimum: int, slower_percent: int) -> Iterator[str]:
    """Return reasons against the new memory, or against judging it yet; none when the function runs as before.

    `minimum` is of invocations, `slower_percent` how much slower the 99th percentile of durations may be.
    """
    if after["invocations"] < minimum:
        yield f"{after['invocations']:,} invocations since, fewer than {minimum:,}: too few to tell"
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
    """0 also for what the evidence from before, of a metric perhaps, does not tell."""
    return 100 * (measured[key] or 0) / measured["invocations"] if measured["invocations"] else 0.0
