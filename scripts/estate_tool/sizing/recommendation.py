"""Recommended memory of a function, from its use."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from compute.sizing import MAXIMUM_MB, MINIMUM_MB
from estate_tool.core.text import counted
from estate_tool.sizing import MINIMUM_SAMPLES

if TYPE_CHECKING:
    from estate_tool.sizing.evidence import Evidence

STEP_MB = 64
# Above what 99 of 100 invocations used, and above what any used; the larger sum counts.
P99_HEADROOM_PERCENT = 20
MAXIMUM_HEADROOM_PERCENT = 10
# AWS "Configure Lambda function memory": at this size a function has one vCPU; the share is in proportion.
ONE_VCPU_MB = 1769
# From more than this a function goes here first and is measured again: with the memory it loses CPU.
FIRST_STEP_MB = 1024


class Bounds(NamedTuple):
    """The least and the most memory that is recommended, in MB."""

    minimum: int
    maximum: int


ESTATE = Bounds(MINIMUM_MB, MAXIMUM_MB)
# "Configure Lambda function memory": what AWS allows.
ALLOWED = Bounds(128, 10_240)


class Recommendation(NamedTuple):
    """The memory to set next, None when there is none to recommend; `target_mb` is where the steps lead."""

    memory_mb: int | None
    target_mb: int | None
    reason: str


def foreign_bounds(current_mb: int, minimum: int | None = None, maximum: int | None = None) -> Bounds:
    """Return the bounds of a function that is not the estate's: those that are given, else what AWS allows.

    Without a minimum it is sent below 512 MB, with a fraction of a CPU, only if it runs with less already.
    """
    most = maximum or ALLOWED.maximum
    least = minimum or min(MINIMUM_MB, max(current_mb // STEP_MB * STEP_MB, ALLOWED.minimum))
    return Bounds(min(least, most), most)


def recommend(
    current_mb: int, evidence: Evidence, minimum_samples: int = MINIMUM_SAMPLES, bounds: Bounds = ESTATE
) -> Recommendation:
    """Return memory within the bounds in steps of 64; never less than now after an OOM, none from too few samples.

    A function that has more than 1024 MB goes there first and is measured again. Less than now is not recommended
    before there are enough samples with the present memory: `memory_mb` is None then, `target_mb` where it would go.
    """
    if evidence.samples < minimum_samples:
        killed = f"; {evidence.kills:,} out of memory" if evidence.kills else ""
        return _none(f"{counted(evidence.samples, 'sample')}, fewer than {minimum_samples:,}{killed}")
    advice = _from_use(current_mb, evidence, bounds)
    now = evidence.samples_with(current_mb)
    if advice.memory_mb is not None and advice.memory_mb < current_mb and now < minimum_samples:
        why = f"{counted(now, 'report')} with {current_mb:,} MB, fewer than {minimum_samples:,}; then {advice.reason}"
        return advice._replace(memory_mb=None, reason=f"no further step yet: {why}")
    return advice


def _from_use(current_mb: int, evidence: Evidence, bounds: Bounds) -> Recommendation:
    if evidence.kills:
        return _after_ooms(current_mb, evidence, bounds)
    if current_mb > min(FIRST_STEP_MB, bounds.maximum):
        return _from_above(current_mb, evidence, bounds)
    target = _clamped(needed_mb(evidence), bounds)
    return Recommendation(target, target, _because(evidence, bounds))


def needed_mb(evidence: Evidence) -> int:
    """Return p99 and 20 %, or the maximum and 10 % if that is more, up to the next step."""
    p99 = _with_headroom(evidence.p99_mb, P99_HEADROOM_PERCENT)
    return on_step(max(p99, _with_headroom(evidence.max_mb, MAXIMUM_HEADROOM_PERCENT)))


def on_step(megabytes: int) -> int:
    """Return the next multiple of 64."""
    return -(-megabytes // STEP_MB) * STEP_MB


def vcpus(memory_mb: int) -> float:
    """Return the share of CPU that goes with this memory."""
    return memory_mb / ONE_VCPU_MB


def _with_headroom(megabytes: int, percent: int) -> int:
    return -(-megabytes * (100 + percent) // 100)


def _clamped(megabytes: int, bounds: Bounds) -> int:
    return min(max(megabytes, bounds.minimum), bounds.maximum)


def _after_ooms(current_mb: int, evidence: Evidence, bounds: Bounds) -> Recommendation:
    killed = f"{evidence.kills:,} out of memory with up to {evidence.largest_oom_mb:,} MB"
    if current_mb > bounds.maximum:
        return _none(f"{killed}, and {bounds.maximum:,} MB, the most allowed, is less than it has")
    if evidence.largest_oom_mb < current_mb:
        kept = _clamped(max(needed_mb(evidence), on_step(current_mb)), bounds)
        return Recommendation(kept, kept, f"{killed}, so not less than now; {_because(evidence, bounds)}")
    # What it would have used had it not been killed is unknown: half as much again, then measure.
    raised = _clamped(max(needed_mb(evidence), on_step(current_mb * 3 // 2)), bounds)
    at_most = current_mb == bounds.maximum
    limit = f"; {bounds.maximum:,} MB is the most allowed: let it hold less at a time" if at_most else ""
    return Recommendation(raised, raised, f"{killed}{limit}")


def _from_above(current_mb: int, evidence: Evidence, bounds: Bounds) -> Recommendation:
    first = min(FIRST_STEP_MB, bounds.maximum)
    if evidence.max_mb >= bounds.maximum:
        why = f"would be killed with {bounds.maximum:,} MB, the most allowed"
        return _none(f"it uses up to {evidence.max_mb:,} MB, and {why}")
    target = _clamped(needed_mb(evidence), bounds)
    if target >= first:
        return Recommendation(target, target, _because(evidence, bounds))
    steps = " → ".join(f"{size:,}" for size in dict.fromkeys((current_mb, first, target)))
    return Recommendation(first, target, f"{steps}; {_because(evidence, bounds)}")


def _because(evidence: Evidence, bounds: Bounds) -> str:
    needed = needed_mb(evidence)
    why = (
        f"p99 {evidence.p99_mb:,} MB + {P99_HEADROOM_PERCENT} %, maximum {evidence.max_mb:,} MB + "
        f"{MAXIMUM_HEADROOM_PERCENT} %: {needed:,} MB"
    )
    if needed < bounds.minimum:
        return f"{why}, and {bounds.minimum:,} MB is the least allowed"
    return f"{why}, and {bounds.maximum:,} MB is the most allowed" if needed > bounds.maximum else why


def _none(reason: str) -> Recommendation:
    return Recommendation(None, None, f"no recommendation: {reason}")
