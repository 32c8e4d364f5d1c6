"""Recommendations as `rightsize --json` prints them, as text and as a page."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from estate_tool.console import pages
from estate_tool.console.tables import Column, number, table
from estate_tool.core.retries import code_of
from estate_tool.core.text import counted
from estate_tool.monitoring.metrics import instant
from estate_tool.pricing.bill import cents
from estate_tool.pricing.load import MONTH_SECONDS
from estate_tool.sizing import provisioned_concurrency
from estate_tool.sizing.recommendation import ESTATE, ONE_VCPU_MB, foreign_bounds, recommend, vcpus

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from estate_tool.core.environment import Environment
    from estate_tool.monitoring.metrics import Window
    from estate_tool.pricing.prices import Prices
    from estate_tool.sizing.evidence import Evidence
    from estate_tool.sizing.functions import AccountFunction

ARM = "arm64"
# "Viewing Lambda function recommendations" and "Resource requirements" of the AWS Compute Optimizer User Guide.
_NO_ADVICE = "it gives none above 1,792 MB or below 50 invocations in 14 days"
_NOT_OPTED_IN = "OptInRequiredException"
_COLUMNS = (
    "function", "now MB", "next MB", "samples", Column("average MB", drop=3), Column("p95 MB", drop=4), "p99 MB",
    "max MB", "OOMs", Column("timeouts", drop=5), Column("cold", drop=6), Column("unused", drop=8),
    Column("saves", drop=2), Column("$/month", drop=1), Column("$ wasted", drop=9), Column("$ saved", drop=7),
)  # fmt: skip
CPU_NOTE = (
    f"CPU comes in proportion to memory: with less than {ONE_VCPU_MB:,} MB a function has less than one vCPU.\n"
    "What waits for others hardly notices; what computes takes longer in proportion and there saves nothing."
)


def function_report(
    function: AccountFunction,
    evidence: Evidence,
    seen: Window,
    minimum_samples: int,
    prices: Prices,
    given: tuple[int | None, int | None] = (None, None),
) -> dict[str, Any]:
    """Return the recommendation for a function and what it follows from, by the keys that scripts rely on.

    Amounts are what durations as in the window cost in a month with the memory that the function has now, in US
    dollars: all of it, what goes for memory that was never used, and what the recommendation saves, or would save if
    there were enough reports for a further step. `seen` is the time of which the source knows; `given` are the
    bounds, if any were given, of functions that are not the estate's.
    """
    bounds = ESTATE if function.catalog_name else foreign_bounds(function.memory_mb, *given)
    advice = recommend(function.memory_mb, evidence, minimum_samples, bounds)
    memory = advice.memory_mb or advice.target_mb
    unused = _share(function.memory_mb - evidence.max_mb, function) if evidence.samples else None
    saving = _share(function.memory_mb - memory, function) if memory else None
    month = _month_usd(function, evidence, seen, prices)
    return {
        "function": function.shown_name,
        "name": function.name,
        "current_mb": function.memory_mb,
        "recommended_mb": advice.memory_mb,
        "target_mb": advice.target_mb,
        "reason": advice.reason + _caveats(function, evidence),
        "unused_percent": unused,
        "saving_percent": saving,
        "month_usd": str(cents(month)),
        "waste_usd": None if unused is None else _part(month, function.memory_mb - evidence.max_mb, function),
        "arm64_month_usd": _arm_month_usd(function, evidence, seen, prices),
        "saving_usd": None if memory is None else _part(month, function.memory_mb - memory, function),
        "evidence": {"source": evidence.source, "window": str(seen), **evidence.to_dict(), "time": instant(seen.end)},
    }


def _caveats(function: AccountFunction, evidence: Evidence) -> str:
    """Return limits of the evidence, to follow the reason."""
    caveats = ""
    if evidence.kills and evidence.ooms is None:
        caveats += "; the metric counts no kills, but all memory was used"
    if not evidence.invocations and not evidence.samples and not function.writes_reports:
        caveats += "; its system log level is WARN, which leaves reports out: set it to INFO"
    return caveats


def totals(reports: list[dict[str, Any]]) -> dict[str, str]:
    """Return the sums of all functions' amounts; of savings, those of what is recommended now."""

    def total(key: str, functions: list[dict[str, Any]]) -> str:
        return str(sum((Decimal(one[key] or 0) for one in functions), Decimal("0.00")))

    now = [one for one in reports if one["recommended_mb"] is not None]
    return {
        "month_usd": total("month_usd", reports), "waste_usd": total("waste_usd", reports),
        "saving_usd": total("saving_usd", now),
    }  # fmt: skip


def _month_usd(function: AccountFunction, evidence: Evidence, seen: Window, prices: Prices) -> Decimal:
    """Return the monthly cost of the window's durations with today's memory, whatever the reports had."""
    seconds = Decimal(str(evidence.billed_seconds or 0)) * MONTH_SECONDS / Decimal(str(seen.seconds))
    return prices.duration_usd(function.architecture, function.memory_mb, seconds)


def _arm_month_usd(function: AccountFunction, evidence: Evidence, seen: Window, prices: Prices) -> str | None:
    """Return the same on arm64; None for a function that runs there."""
    if function.architecture == ARM:
        return None
    return str(cents(_month_usd(replace(function, architecture=ARM), evidence, seen, prices)))


def _part(month: Decimal, megabytes: int, function: AccountFunction) -> str:
    return str(cents(month * megabytes / function.memory_mb))


def _share(megabytes: int, function: AccountFunction) -> int:
    return round(100 * megabytes / function.memory_mb)


def add_advice(
    environment: Environment, functions: Sequence[AccountFunction], reports: Sequence[dict[str, Any]]
) -> str:
    """Put `compute_optimizer`, the advice or None, into each report; return a summary of all."""
    # Compute Optimizer is no service of the embedded AWS.
    advice, problem = ({}, "the embedded AWS has none") if environment.local else _advice(environment)
    for function, one in zip(functions, reports, strict=True):
        one["compute_optimizer"] = advice.get(function.name)
    without = sum(one["compute_optimizer"] is None for one in reports)
    return problem or f"advice for {len(reports) - without} of {len(reports)} functions; {_NO_ADVICE}"


def _advice(environment: Environment) -> tuple[dict[str, dict[str, Any]], str]:
    """Return the advice by function name, and why there is none: a measurement never fails for lack of it."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        client = environment.client("compute-optimizer")
        answers = client.get_paginator("get_lambda_function_recommendations").paginate()
        found = [one for answer in answers for one in answer["lambdaFunctionRecommendations"]]
    except (BotoCoreError, ClientError) as error:
        if code_of(error) == _NOT_OPTED_IN:
            return {}, "this account has not opted in to it"
        return {}, f"not available: {error}"
    # One for each version: the one that is called most counts, which is the last by this order.
    found.sort(key=lambda one: float(one.get("numberOfInvocations") or 0))
    return {str(one["functionArn"]).split(":")[6]: _advice_report(one) for one in found}, ""


def _advice_report(one: dict[str, Any]) -> dict[str, Any]:
    options = sorted(one.get("memorySizeRecommendationOptions") or (), key=lambda option: int(option.get("rank") or 0))
    finding, reasons = str(one.get("finding", "Unavailable")), list(one.get("findingReasonCodes") or ())
    advised = options[0]["memorySize"] if options else None
    because = f" ({', '.join(reasons)})" if reasons else ""
    size = "" if advised is None else f", advises {advised:,} MB"
    return {"finding": finding, "reasons": reasons, "recommended_mb": advised, "text": f"{finding}{because}{size}"}


def lines(report: Mapping[str, Any]) -> Iterator[str]:
    """Yield a row per function, the reason for each recommendation, and what less memory means for the CPU."""
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
    yield from provisioned_concurrency.lines(report["provisioned_concurrency"])
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
    """Return the source of the evidence, and what no column shows."""
    unreadable = f"{counted(evidence['unreadable'], 'report')} could not be read" if evidence["unreadable"] else ""
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
        *(number(function[key]) for key in ("current_mb", "recommended_mb")),
        *(number(evidence[key]) for key in ("samples", "average_mb", "p95_mb", "p99_mb", "max_mb")),
        *(number(evidence[key]) for key in ("ooms", "timeouts", "cold_starts")),
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


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{value} %"


def write_page(report: dict[str, Any], path: Path) -> None:
    """Write the result of `rightsize --json` to that file, the functions that waste most first."""
    functions = sorted(report["functions"], key=lambda one: -float(one["waste_usd"] or 0))
    pages.write(
        path,
        "rightsize",
        title=f"Memory of functions in environment {report['environment']}",
        report=report | {"functions": functions},
        most=functions[:20],
        slower={one["function"]: slower_note(one) for one in functions},
        evidence={one["function"]: evidence_note(one["evidence"]) for one in functions},
        provisioned=provisioned_concurrency.lines(report["provisioned_concurrency"]),
        note=CPU_NOTE,
    )
