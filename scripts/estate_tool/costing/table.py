"""The cost report as text for a person."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from estate_tool.console.tables import Column, table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


def headline(told: Mapping[str, Any]) -> str:
    """Summarize the bill in a sentence."""
    totals = told["totals"]
    if told.get("basis") == "idle":
        return f"Without a single event, environment {told['environment']} costs ${totals['after_usd']} a month."
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
    """The sure part first; then what rests on what is assumed of before, by that name."""
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


def lines(told: Mapping[str, Any]) -> Iterator[str]:
    """The headline, the bill, what pays off, how fast it is, and what was assumed."""
    yield headline(told)
    yield ""
    yield from table(
        (Column("US dollars a month", left=True, wrap=True), "before", "after", "saving"), list(_bill(told))
    )
    if told["events"]:
        yield ""
        yield events_note(told)
    yield ""
    yield from table(
        (
            "function", "before", "after", "invocations", "average ms", Column("p99 ms", drop=1),
            Column("cold starts", drop=2), Column("init ms", drop=3),
        ),
        [
            (
                one["function"], f"{one['before_mb']} MB", f"{one['memory_mb']} MB", one["invocations"],
                *(_number(one[key]) for key in ("billed_ms", "p99_ms", "cold_starts", "init_ms")),
            )
            for one in told["functions"]
        ],
    )  # fmt: skip
    yield from _advice(told)
    yield ""
    yield "Assumed"
    yield from (f"  - {one}" for one in told["assumptions"])


def events_note(told: Mapping[str, Any]) -> str:
    """Say the cost of a million events."""
    events = told["events"]
    return (
        f"{int(events['count']):,} events a month: ${events['usd_per_million']} per million, "
        f"${events['growing_usd_per_million']} of it grow with them, the rest is kept ready"
    )


def _bill(told: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    for one in told["components"]:
        yield one["component"], *(one[f"{way}_usd"] for way in ("before", "after", "saving"))
        for line in one["lines"]:
            yield f"  {line['item']}: {line['what']}", line["before_usd"], line["after_usd"], ""
    yield "total", *(told["totals"][f"{way}_usd"] for way in ("before", "after", "saving"))
    yield "  for sure", "", "", told["totals"]["sure_saving_usd"]
    yield "  assumed", "", "", told["totals"]["assumed_saving_usd"]


def _advice(told: Mapping[str, Any]) -> Iterator[str]:
    for one in told["provisioned_concurrency"]:
        verdict = "pays off" if one["pays_off"] else "is paid for its speed"
        yield ""
        yield (
            f"provisioned concurrency of {one['function']}: {one['warm']} kept warm, {one['utilization_percent']} % in "
            f"use, break-even at {one['break_even_percent']} %: it {verdict} (${one['usd']} against "
            f"${one['on_demand_usd']} on demand)"
        )
    if told["tables"]:
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
                for one in told["tables"]
            ],
        )  # fmt: skip


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:,}"
