"""The difference between two bills: of two environments, or of two commits, for a pull request to show."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from estate_tool.core.errors import UsageError
from estate_tool.core.terminal import one_line
from estate_tool.core.untrusted import decoded, mapping

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Amounts = dict[tuple[str, str, str], Decimal]


def saved(path: Path) -> dict[str, Any]:
    """The bill that `cost --json` printed into that file; raises UsageError for anything else."""
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


def compared(now: Mapping[str, Any], other: Mapping[str, Any], name: str) -> dict[str, Any]:
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
    """The difference as a table that a pull request shows."""
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
    """Text that ends no cell and draws nothing."""
    return one_line(text).replace("|", "\\|").replace("<", "&lt;")
