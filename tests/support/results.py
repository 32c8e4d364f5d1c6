"""Fixed results of the commands that write pages, with names that contain markup and amounts of every kind."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from estate_tool.audit import report as audit
from estate_tool.costing import rendering, report, statement
from estate_tool.monitoring import dashboards
from estate_tool.pricing import prices
from estate_tool.sizing import report as sizing

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

# Markup for elements, attributes, SVG, comments and templates; ends of what a name could stand in; control characters.
HOSTILE = "</title></style></script><svg onload=alert(1)><script>alert('x')</script>\"'><b>{{7*7}}<!--\x1b[31m\u202e"
LONG = "the-longest-name-that-a-function-may-have-in-lambda-is-64-chars"
END = datetime(2026, 11, 27, 7, tzinfo=UTC)
_LOAD = """
functions:
  ingest: {invocations: 20000000, billed_ms: 35, p99_ms: 180, init_ms: 420, cold_starts: 1200, memory_mb: 512}
  query: {invocations: 900000, billed_ms: 12.5, memory_mb: 1024, warm: 2}
"""


def cost(folder: Path) -> dict[str, Any]:
    """The bill of a stated load, in which an assumption and a function have names that contain markup."""
    file = folder / "load.yaml"
    file.write_text(_LOAD)
    result = report.cost_report(statement.read(file), prices.read(), {"environment": "dev", "basis": "stated"})
    result["functions"] += [result["functions"][0] | {"function": HOSTILE}, result["functions"][0] | {"function": LONG}]
    result["assumptions"].append(HOSTILE)
    return result


def rightsize(_: Path) -> dict[str, Any]:
    """Functions with and without reports, oversized and too small."""
    names = [*(f"function-{number:02d}" for number in range(24)), LONG, HOSTILE]
    return {
        "environment": "dev", "window": "2026-11-13T07:00:00Z/2026-11-27T07:00:00Z", "prices_as_of": "2025-07-21",
        "functions": [_sized(name, number) for number, name in enumerate(names)],
        "totals": {"month_usd": "12345.67", "waste_usd": "10987.65", "saving_usd": "-1.20"},
        "provisioned_concurrency": [], "compute_optimizer": HOSTILE,
    }  # fmt: skip


def _sized(name: str, number: int) -> dict[str, Any]:
    used = number % 5 != 4
    evidence = dict.fromkeys(
        ("samples", "average_mb", "p95_mb", "p99_mb", "max_mb", "ooms", "cold_starts", "billed_seconds", "unreadable")
    )
    if used:
        evidence |= {
            "samples": 1000 * number,
            "average_mb": 33.8,
            "p95_mb": 210,
            "p99_mb": 230,
            "max_mb": 240 + number,
            "ooms": number,
        }
    return {
        "function": name, "current_mb": 3008, "recommended_mb": 1024 if used else None,
        "target_mb": 640 if used else None, "reason": f"used {number} MB; {name}",
        "unused_percent": 91 if used else None,
        "month_usd": f"{number}.50", "waste_usd": f"{number}.25" if used else None,
        "saving_usd": "-1.20" if number == 2 else f"{number}.10" if used else None,
        "compute_optimizer": {"text": name},
        "evidence": {**evidence, "source": f"reports in /aws/lambda/{name}", "samples": evidence["samples"] or 0},
    }  # fmt: skip


def audited(_: Path) -> dict[str, Any]:
    """Findings of three requirements, some with a price."""
    findings = [
        {"requirement": number, "check": check, "resource": f"arn:aws:lambda:us-east-1:123456789012:function:{name}",
         "region": "us-east-1", "found": f"3,008 MB; {name}", "fix": "set it to 512 MB in steps", "usd_month": usd}
        for number, check, usd in ((1, "oversized", "8110.90"), (5, "action-wildcard", None), (8, "warm", "0.40"))
        for name in ("billing", LONG, HOSTILE)
    ]  # fmt: skip
    return {
        "account": "123456789012", "region": "us-east-1", "window": "2026-11-13T07:00:00Z/2026-11-27T07:00:00Z",
        "prices_as_of": "2025-07-21", "findings": findings, "usd_month": "24333.90", "unread": [HOSTILE],
    }  # fmt: skip


def dashboard(_: Path) -> dict[str, Any]:
    """Forty-six alarms in OK, two in ALARM, plots of three hours with a gap, a lone point, no data, limits."""
    start = END - timedelta(hours=3)
    alarms = [{"name": f"alarm-{number}-dev", "state": "OK", "reason": ""} for number in range(46)]
    alarms += [
        {"name": HOSTILE, "state": "ALARM", "reason": HOSTILE},
        {"name": LONG, "state": "ALARM", "reason": "late"},
    ]
    busy = [(number, abs(number % 37 - 18) * 100.25) for number in range(180) if not 60 < number < 90]
    series = [
        _series("ingest", start, busy), _series("aggregate", start, [(number, value / 3) for number, value in busy]),
        _series("ingest failed", start, [(75, 1800.5)]), _series(HOSTILE, start, []),
        _series(LONG, start, [(1, 0.125)]),
    ]  # fmt: skip
    limits = [{"label": HOSTILE, "value": 1500}, {"label": "timeout", "value": 60_000}]
    plots = [
        {"type": "metric", "title": f"{title} (ms)", "limits": limits, "period": 60, "series": series}
        for title in ("Duration", LONG, HOSTILE)
    ]
    return {
        "name": "dashboard-estate-dev", "environment": "dev", "start": start.isoformat(), "end": END.isoformat(),
        "widgets": [
            {"type": "text", "title": HOSTILE, "text": HOSTILE}, {"type": "alarm", "title": "Alarms", "alarms": alarms},
            *plots,
        ],
    }  # fmt: skip


def _series(label: str, start: datetime, points: list[tuple[int, float]]) -> dict[str, Any]:
    times = [(start + timedelta(minutes=minute)).isoformat() for minute, _ in points]
    return {"label": label, "times": times, "values": [value for _, value in points]}


RESULTS: dict[str, tuple[Callable[[Path], dict[str, Any]], Callable[[Path, dict[str, Any]], None]]] = {
    "cost": (cost, lambda path, result: rendering.write_page(result, path)),
    "rightsize": (rightsize, lambda path, result: sizing.write_page(result, path)),
    "audit": (audited, lambda path, result: audit.write_page(result, path)),
    "dashboard": (dashboard, dashboards.write),
}


def write(name: str, folder: Path) -> tuple[Path, dict[str, Any]]:
    """Write the page of that command into the folder, and return it with the result that it shows."""
    build, render = RESULTS[name]
    result, path = build(folder), folder / f"{name}.html"
    render(path, result)
    return path, result
