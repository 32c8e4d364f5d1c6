"""Recommendations as `rightsize --json` prints them, as text and as a page."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from estate_tool.console import pages
from estate_tool.console.tables import Column, number, table
from estate_tool.core.retries import code_of
from estate_tool.core.text import counted, utc_time
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
    window: Window,
    minimum_samples: int,
    prices: Prices,
    given: tuple[int | None, int | None] = (None, None),
) -> dict[str, Any]:
    """Return a function's recommendation with its reason, evidence and cost, by the keys that scripts rely on.

    `month_usd` is the monthly cost, in US dollars, of durations as in the window with the present memory; `waste_usd`
    is its part for memory that was never used, `saving_usd` the part that the recommendation saves, or would save if
    there were enough reports for a further step. `window` is the time that the source covers; `given` are the bounds
    of functions that are not the estate's, if any were given.
    """
    bounds = ESTATE if function.catalog_name else foreign_bounds(function.memory_mb, *given)
    advice = recommend(function.memory_mb, evidence, minimum_samples, bounds)
    size, memory = function.memory_mb, advice.memory_mb or advice.target_mb
    unused, saved = size - evidence.max_mb if evidence.samples else None, size - memory if memory else None
    # Of the present memory, whatever memory the reports had.
    seconds = Decimal(str(evidence.billed_seconds or 0)) * MONTH_SECONDS / Decimal(str(window.seconds))

    def usd(megabytes: int | None, architecture: str = function.architecture) -> str | None:
        return None if megabytes is None else str(cents(prices.duration_usd(architecture, megabytes, seconds)))

    def percent(megabytes: int | None) -> int | None:
        return None if megabytes is None else round(100 * megabytes / size)

    return {
        "function": function.shown_name, "name": function.name, "current_mb": size, "recommended_mb": advice.memory_mb,
        "target_mb": advice.target_mb, "reason": advice.reason + _caveats(function, evidence),
        "unused_percent": percent(unused), "saving_percent": percent(saved), "month_usd": usd(size),
        "waste_usd": usd(unused), "arm64_month_usd": None if function.architecture == ARM else usd(size, ARM),
        "saving_usd": usd(saved),
        "evidence": {
            "source": evidence.source, "window": str(window), **evidence.to_dict(),
            "time": utc_time(window.end.timestamp()),
        },
    }  # fmt: skip


def _caveats(function: AccountFunction, evidence: Evidence) -> str:
    """Return the limits of the evidence, for the end of the reason."""
    caveats = ""
    if evidence.kills and evidence.ooms is None:
        caveats += "; the metric counts no kills, but all memory was used"
    if not evidence.invocations and not evidence.samples and not function.writes_reports:
        caveats += "; its system log level is WARN, which leaves reports out: set it to INFO"
    return caveats


def totals(reports: list[dict[str, Any]]) -> dict[str, str]:
    """Return the sums of all functions' amounts; of savings, only those that are recommended now."""

    def total(key: str, functions: list[dict[str, Any]]) -> str:
        return str(sum((Decimal(one[key] or 0) for one in functions), Decimal("0.00")))

    now = [one for one in reports if one["recommended_mb"] is not None]
    return {
        "month_usd": total("month_usd", reports), "waste_usd": total("waste_usd", reports),
        "saving_usd": total("saving_usd", now),
    }  # fmt: skip


def add_advice(
    environment: Environment, functions: Sequence[AccountFunction], reports: Sequence[dict[str, Any]]
) -> str:
    """Set `compute_optimizer`, the advice or None, in each report; return a summary of all."""
    # Compute Optimizer is no service of the embedded AWS.
    advice, problem = ({}, "the embedded AWS has none") if environment.local else _advice(environment)
    for function, one in zip(functions, reports, strict=True):
        one["compute_optimizer"] = advice.get(function.name)
    without = sum(one["compute_optimizer"] is None for one in reports)
    return problem or f"advice for {len(reports) - without} of {len(reports)} functions; {_NO_ADVICE}"


def _advice(environment: Environment) -> tuple[dict[str, dict[str, Any]], str]:
    """Return the advice by function name, and the reason if there is none: a measurement never fails without it."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        client = environment.client("compute-optimizer")
        answers = client.get_paginator("get_lambda_function_recommendations").paginate()
        found = [one for answer in answers for one in answer["lambdaFunctionRecommendations"]]
    except (BotoCoreError, ClientError) as error:
        if code_of(error) == _NOT_OPTED_IN:
            return {}, "this account has not opted in to it"
        return {}, f"not available: {error}"
    # One for each version: in this order, that of the version called most replaces the others.
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
    """Return the source of the evidence, and the figures that no column shows."""
    parts = [str(evidence["source"])]
    if evidence["unreadable"]:
        parts.append(f"{counted(evidence['unreadable'], 'report')} could not be read")
    if evidence["samples"] and evidence["cold_starts"]:
        average, longest = evidence["init_average_ms"], evidence["init_max_ms"]
        parts.append(f"cold starts take {average:,} ms on average, {longest:,} ms at most")
    if evidence["samples"] and evidence["billed_seconds"] is not None:
        parts.append(f"{evidence['billed_seconds']:,} s billed")
    return "; ".join(parts)


def _row(function: Mapping[str, Any]) -> tuple[str, ...]:
    evidence = function["evidence"]
    shown = ("samples", "average_mb", "p95_mb", "p99_mb", "max_mb", "ooms", "timeouts", "cold_starts")
    shares = (function["unused_percent"], function["saving_percent"])
    return (
        function["function"],
        *(number(function[key]) for key in ("current_mb", "recommended_mb")),
        *(number(evidence[key]) for key in shown),
        *("–" if share is None else f"{share} %" for share in shares),
        *(function[key] or "–" for key in ("month_usd", "waste_usd", "saving_usd")),
    )


def slower_note(function: Mapping[str, Any]) -> str | None:
    """Return the effect of a smaller size on code that computes on one core; None if there is none."""
    now, then = vcpus(function["current_mb"]), vcpus(function["recommended_mb"] or function["current_mb"])
    factor = min(now, 1) / then
    if factor <= 1:
        return None
    return f"{now:.2f} → {then:.2f} vCPU: what computes on one core takes up to {factor:.1f} times as long"


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
