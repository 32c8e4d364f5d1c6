"""The cost report as text and page, and the difference between two reports as a table."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from estate_tool.console import pages
from estate_tool.console.tables import Column, number, table
from estate_tool.core.errors import UsageError
from estate_tool.core.text import one_line
from estate_tool.core.untrusted import decoded, mapping

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_DEAREST = 8
_AMOUNTS = ("before_usd", "after_usd", "saving_usd")
Amounts = dict[tuple[str, str, str], Decimal]


def headline(report: Mapping[str, Any]) -> str:
    """Summarize the bill in a sentence."""
    totals = report["totals"]
    if report.get("basis") == "idle":
        return f"Without a single event, environment {report['environment']} costs ${totals['after_usd']} a month."
    if float(totals["saving_usd"]) <= 0:
        return (
            f"The estate costs ${totals['after_usd']} a month; before it was ${totals['before_usd']}: at this load "
            "nothing is saved, and what is new has its price."
        )
    share = "" if totals["saving_percent"] is None else f" ({totals['saving_percent']} %)"
    return (
        f"The estate costs ${totals['after_usd']} a month instead of ${totals['before_usd']}: {_saving(totals, share)}"
    )


def _saving(totals: Mapping[str, Any], share: str) -> str:
    """Return the sure part of the saving first, then the part that rests on assumed costs of before, by that name."""
    sure, assumed = totals["sure_saving_usd"], totals["assumed_saving_usd"]
    whole = f"${totals['saving_usd']}{share}"
    if sure.startswith("-"):
        return (
            f"{whole} less if the assumed costs of before are right, ${sure[1:]} more if not; nothing is saved for "
            "sure."
        )
    if float(assumed) == 0:
        return f"{whole} saved for sure."
    return f"${sure} saved for sure, ${assumed} more, {whole} in all, if the assumed costs of before are right."


def lines(report: Mapping[str, Any]) -> Iterator[str]:
    """Yield the headline, the bill, durations, break-evens and assumptions."""
    yield headline(report)
    yield ""
    yield from table(
        (Column("US dollars a month", left=True, wrap=True), "before", "after", "saving"), list(_bill(report))
    )
    if report["events"]:
        yield ""
        yield events_note(report)
    yield ""
    yield from table(
        (
            "function", "before", "after", "invocations", "average ms", Column("p99 ms", drop=1),
            Column("cold starts", drop=2), Column("init ms", drop=3),
        ),
        [
            (
                one["function"], f"{one['before_mb']} MB", f"{one['memory_mb']} MB", one["invocations"],
                *(number(one[key]) for key in ("billed_ms", "p99_ms", "cold_starts", "init_ms")),
            )
            for one in report["functions"]
        ],
    )  # fmt: skip
    yield from _advice(report)
    yield ""
    yield "Assumed"
    yield from (f"  - {one}" for one in report["assumptions"])


def events_note(report: Mapping[str, Any]) -> str:
    """Return the cost of a million events as a sentence."""
    events = report["events"]
    return (
        f"{int(events['count']):,} events a month: ${events['usd_per_million']} per million, "
        f"${events['growing_usd_per_million']} of it grow with them, the rest is kept ready"
    )


def _bill(report: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    for one in report["components"]:
        yield one["component"], *(one[key] for key in _AMOUNTS)
        for line in one["lines"]:
            yield f"  {line['item']}: {line['what']}", line["before_usd"], line["after_usd"], ""
    yield "total", *(report["totals"][key] for key in _AMOUNTS)
    yield "  for sure", "", "", report["totals"]["sure_saving_usd"]
    yield "  assumed", "", "", report["totals"]["assumed_saving_usd"]


def _advice(report: Mapping[str, Any]) -> Iterator[str]:
    for one in report["provisioned_concurrency"]:
        conclusion = "pays off" if one["pays_off"] else "is paid for its speed"
        yield ""
        yield (
            f"provisioned concurrency of {one['function']}: {one['warm']} provisioned, "
            f"{one['utilization_percent']} % in use, break-even at {one['break_even_percent']} %: it {conclusion} "
            f"(${one['usd']} against ${one['on_demand_usd']} on demand)"
        )
    if report["tables"]:
        yield ""
        yield from table(
            (
                "table", Column("billing", drop=4), Column("reads in use", drop=2), Column("writes in use", drop=3),
                Column("break-even", drop=1), "provisioned", "on demand", Column("cheaper", left=True),
            ),
            [
                (
                    one["table"], one["billing"], f"{one['read']['utilization_percent']} %",
                    f"{one['write']['utilization_percent']} %", f"{one['write']['break_even_percent']} %",
                    one["provisioned_usd"], one["on_demand_usd"], one["cheaper"],
                )
                for one in report["tables"]
            ],
        )  # fmt: skip


def write_page(report: dict[str, Any], path: Path) -> None:
    """Write the report of `report.cost_report` to that file."""
    lines = [
        {"label": f"{line['item']}: {line['what']}", "usd": line["after_usd"]}
        for component in report["components"]
        for line in component["lines"]
    ]
    pages.write(
        path,
        "cost",
        title=f"Cost of environment {report['environment']}",
        headline=headline(report),
        events=events_note(report) if report["events"] else "",
        report=report,
        dearest=sorted(lines, key=lambda line: -float(line["usd"]))[:_DEAREST],
    )


def saved_report(path: Path) -> dict[str, Any]:
    """Return the bill that `cost --json` printed into that file; raise UsageError for anything else."""
    try:
        bill = mapping(decoded(path.read_text(encoding="utf-8")))
        _amounts(bill)
        Decimal(bill["totals"]["after_usd"])
    except (OSError, ValueError, ArithmeticError, LookupError, TypeError) as error:
        raise UsageError(
            f"{path} is no bill to compare with; nothing was touched",
            "write one: scripts/estate cost dev --json > bill.json\nor name an environment",
        ) from error
    return bill


def difference(now: Mapping[str, Any], other: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Compare two bills line by line, largest difference first; amounts are of a month, as text."""
    here, there = _amounts(now), _amounts(other)
    lines = [
        {
            "component": component, "item": item, "what": what, "other_usd": str(there.get(key, Decimal("0.00"))),
            "usd": str(here.get(key, Decimal("0.00"))),
            "difference_usd": _signed(here.get(key, Decimal("0.00")) - there.get(key, Decimal("0.00"))),
        }
        for key in {**here, **there}
        for component, item, what in (key,)
    ]  # fmt: skip
    lines.sort(key=lambda line: -abs(Decimal(line["difference_usd"])))
    usd, other_usd = (Decimal(one["totals"]["after_usd"]) for one in (now, other))
    million = [mapping(one.get("events")).get("usd_per_million") for one in (now, other)]
    return {
        "with": name, "other_usd": str(other_usd), "usd": str(usd), "difference_usd": _signed(usd - other_usd),
        "other_usd_per_million_events": million[1], "usd_per_million_events": million[0],
        "lines": [line for line in lines if Decimal(line["difference_usd"])],
    }  # fmt: skip


def markdown(difference: Mapping[str, Any], name: str) -> Iterator[str]:
    """Yield the difference as a table that a pull request shows."""
    other = _cell(difference["with"])
    yield f"| US dollars a month | {other} | {_cell(name)} | difference |"
    yield "|---|--:|--:|--:|"
    yield f"| **total** | {difference['other_usd']} | {difference['usd']} | **{difference['difference_usd']}** |"
    for line in difference["lines"]:
        what = _cell(f"{line['component']}: {line['item']}, {line['what']}")
        yield f"| {what} | {line['other_usd']} | {line['usd']} | {line['difference_usd']} |"
    now, other_now = difference["usd_per_million_events"], difference["other_usd_per_million_events"]
    if now and other_now:
        yield f"| a million events | {other_now} | {now} | |"


def _amounts(bill: Mapping[str, Any]) -> Amounts:
    return {
        (one["component"], line["item"], line["what"]): Decimal(line["after_usd"])
        for one in bill["components"]
        for line in one["lines"]
    }


def _signed(amount: Decimal) -> str:
    return f"{amount:+.2f}" if amount else "0.00"


def _cell(text: str) -> str:
    """Return the text without characters that would end a cell or become markup."""
    return one_line(text).replace("|", "\\|").replace("<", "&lt;")
