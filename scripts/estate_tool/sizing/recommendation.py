"""How much memory a function should have, from what it used."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from compute.sizing import MAXIMUM_MB, MINIMUM_MB

if TYPE_CHECKING:
    from estate_tool.sizing.evidence import Usage

STEP_MB = 64
# Above what 99 of 100 invocations used, and above what any used; the larger sum counts.
P99_HEADROOM_PERCENT = 20
MAXIMUM_HEADROOM_PERCENT = 10
# As many as AWS Compute Optimizer asks for.
MINIMUM_SAMPLES = 50
# AWS "Configure Lambda function memory": at this size a function has one vCPU; the share is in proportion.
ONE_VCPU_MB = 1769


@dataclass(frozen=True, kw_only=True)
class Recommendation:
    """The memory to set next, None when there is none to recommend; `target_mb` is where the steps lead."""

    memory_mb: int | None
    target_mb: int | None
    reason: str


def recommend(current_mb: int, usage: Usage, minimum_samples: int = MINIMUM_SAMPLES) -> Recommendation:
    """Within 512-1024 MB in steps of 64; never less than now after an OOM, nothing at all from too few samples.

    A function that has more than 1024 MB goes there first and is measured again: with the memory it loses CPU.
    """
    if usage.samples < minimum_samples:
        killed = f"; {usage.ooms:,} out of memory" if usage.ooms else ""
        return _none(f"{usage.samples:,} samples, fewer than {minimum_samples:,}{killed}")
    if usage.ooms:
        return _after_ooms(current_mb, usage)
    if current_mb > MAXIMUM_MB:
        return _from_above(current_mb, usage)
    target = _held(needed_mb(usage))
    return _some(target, target, _because(usage))


def needed_mb(usage: Usage) -> int:
    """p99 and 20 %, or the maximum and 10 % if that is more, up to the next step."""
    return on_step(
        max(_with_headroom(usage.p99_mb, P99_HEADROOM_PERCENT), _with_headroom(usage.max_mb, MAXIMUM_HEADROOM_PERCENT))
    )


def on_step(megabytes: int) -> int:
    """Up to the next multiple of 64."""
    return -(-megabytes // STEP_MB) * STEP_MB


def vcpus(memory_mb: int) -> float:
    """The share of CPU that goes with this memory."""
    return memory_mb / ONE_VCPU_MB


def _with_headroom(megabytes: int, percent: int) -> int:
    return -(-megabytes * (100 + percent) // 100)


def _held(megabytes: int) -> int:
    return min(max(megabytes, MINIMUM_MB), MAXIMUM_MB)


def _after_ooms(current_mb: int, usage: Usage) -> Recommendation:
    killed = f"{usage.ooms:,} out of memory with up to {usage.largest_oom_mb:,} MB"
    if current_mb > MAXIMUM_MB:
        return _none(f"{killed}, and {MAXIMUM_MB:,} MB, the most allowed, is less than it has")
    if usage.largest_oom_mb < current_mb:
        kept = _held(max(needed_mb(usage), on_step(current_mb)))
        return _some(kept, kept, f"{killed}, so not less than now; {_because(usage)}")
    # What it would have used had it not been killed is unknown: half as much again, then measure.
    raised = _held(max(needed_mb(usage), on_step(current_mb * 3 // 2)))
    limit = f"; {MAXIMUM_MB:,} MB is the most allowed: let it hold less at a time" if current_mb == MAXIMUM_MB else ""
    return _some(raised, raised, f"{killed}{limit}")


def _from_above(current_mb: int, usage: Usage) -> Recommendation:
    if usage.max_mb >= MAXIMUM_MB:
        return _none(f"it uses up to {usage.max_mb:,} MB, and would be killed with {MAXIMUM_MB:,} MB, the most allowed")
    target = _held(needed_mb(usage))
    steps = " → ".join(f"{size:,}" for size in dict.fromkeys((current_mb, MAXIMUM_MB, target)))
    return _some(MAXIMUM_MB, target, f"{steps}; {_because(usage)}")


def _because(usage: Usage) -> str:
    needed = needed_mb(usage)
    why = (
        f"p99 {usage.p99_mb:,} MB + {P99_HEADROOM_PERCENT} %, maximum {usage.max_mb:,} MB + "
        f"{MAXIMUM_HEADROOM_PERCENT} %: {needed:,} MB"
    )
    if needed < MINIMUM_MB:
        return f"{why}, and {MINIMUM_MB:,} MB is the least allowed"
    return f"{why}, and {MAXIMUM_MB:,} MB is the most allowed" if needed > MAXIMUM_MB else why


def _some(memory_mb: int, target_mb: int, reason: str) -> Recommendation:
    return Recommendation(memory_mb=memory_mb, target_mb=target_mb, reason=reason)


def _none(reason: str) -> Recommendation:
    return Recommendation(memory_mb=None, target_mb=None, reason=f"no recommendation: {reason}")
