"""Recommendations as text for a person."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from estate_tool.console.tables import Column, table
from estate_tool.sizing.provisioned_concurrency import lines as lines_of_provisioned
from estate_tool.sizing.recommendation import ONE_VCPU_MB, vcpus

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_COLUMNS = (
    "function", "now MB", "next MB", "samples", Column("average MB", drop=3), Column("p95 MB", drop=4), "p99 MB",
    "max MB", "OOMs", Column("timeouts", drop=5), Column("cold", drop=6), Column("unused", drop=8),
    Column("saves", drop=2), Column("$/month", drop=1), Column("$ wasted", drop=9), Column("$ saved", drop=7),
)  # fmt: skip
CPU_NOTE = (
    f"CPU comes in proportion to memory: with less than {ONE_VCPU_MB:,} MB a function has less than one vCPU.\n"
    "What waits for others hardly notices; what computes takes longer in proportion and there saves nothing."
)


def lines(report: Mapping[str, Any]) -> Iterator[str]:
    """A row per function, the reason for each recommendation, and what less memory means for the CPU."""
    functions: Sequence[Mapping[str, Any]] = report["functions"]
    yield from table(_COLUMNS, [_row(function) for function in functions])
    yield ""
    for function in functions:
        yield f"{function['function']}: {function['reason']}"
        yield f"  {evidence_note(function['evidence'])}"
        if (slower := slower_note(function)) is not None:
            yield f"  {slower}"
        if (on_arm := function["arm64_month_usd"]) is not None:
            yield f"  x86_64: the same durations are ${on_arm} a month on arm64, instead of ${function['month_usd']}"
        if (advice := function["compute_optimizer"]) is not None:
            yield f"  Compute Optimizer: {advice['text']}"
    yield from lines_of_provisioned(report["provisioned_concurrency"])
    totals = report["totals"]
    yield ""
    yield f"measured: {report['window']}"
    yield (
        f"durations: ${totals['month_usd']} a month, ${totals['waste_usd']} of it for unused memory; "
        f"recommendations save ${totals['saving_usd']} (prices of {report['prices_as_of']})"
    )
    yield CPU_NOTE
    yield f"Compute Optimizer: {report['compute_optimizer']}"


def evidence_note(evidence: Mapping[str, Any]) -> str:
    """Describe the source of the evidence, and what its columns don't tell."""
    unreadable = f"{evidence['unreadable']:,} reports could not be read" if evidence["unreadable"] else ""
    if not evidence["samples"]:
        return "; ".join(part for part in (str(evidence["source"]), unreadable) if part)
    colds = evidence["cold_starts"]
    parts = [
        str(evidence["source"]),
        unreadable,
        "" if not colds else f"cold starts take {evidence['init_average_ms']:,} ms on average, "
        f"{evidence['init_max_ms']:,} ms at most",
        "" if evidence["billed_seconds"] is None else f"{evidence['billed_seconds']:,} s billed",
    ]  # fmt: skip
    return "; ".join(part for part in parts if part)


def _row(function: Mapping[str, Any]) -> tuple[str, ...]:
    evidence = function["evidence"]
    return (
        function["function"],
        *(_number(function[key]) for key in ("current_mb", "recommended_mb")),
        *(_number(evidence[key]) for key in ("samples", "average_mb", "p95_mb", "p99_mb", "max_mb")),
        *(_number(evidence[key]) for key in ("ooms", "timeouts", "cold_starts")),
        _percent(function["unused_percent"]),
        _percent(function["saving_percent"]),
        *(function[key] or "–" for key in ("month_usd", "waste_usd", "saving_usd")),
    )


def slower_note(function: Mapping[str, Any]) -> str | None:
    """Explain a smaller size's effect on code that computes on one core."""
    now, then = vcpus(function["current_mb"]), vcpus(function["recommended_mb"] or function["current_mb"])
    factor = min(now, 1) / then
    if factor <= 1:
        return None
    return f"{now:.2f} → {then:.2f} vCPU: what computes on one core takes up to {factor:.1f} times as long"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:,}"


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{value} %"
