"""An audit's result: as JSON, as lines for a person, and its exit code."""

from __future__ import annotations

import shutil
import textwrap
from collections import Counter
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from estate_tool.audit.checks.housekeeping import coverage
from estate_tool.console import pages
from estate_tool.core.text import counted
from estate_tool.pricing.bill import cents

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from estate_tool.audit.model import Finding, Inventory
    from estate_tool.pricing.prices import Prices

REQUIREMENTS: Mapping[int, str] = {
    1: "memory right-sized from what is used",
    2: "code deployed once",
    3: "table capacity that scales",
    4: "failures that end somewhere",
    5: "least privilege",
    6: "cost tags",
    7: "log retention",
    8: "cold starts",
    9: "no circular dependencies",
    10: "errors that are seen and end",
}
_WIDTH = 100
# Findings shown in text for each requirement; JSON and page have all of them.
_SHOWN = 10


def to_dict(audited: Sequence[tuple[Inventory, Sequence[Finding]]], window: str, prices: Prices) -> dict[str, Any]:
    """Return the result of one or more regions; amounts are US dollars a month as text."""
    every = [(inventory.region, one) for inventory, found in audited for one in found]
    every.sort(key=lambda pair: pair[1].requirement)
    findings = [
        {
            **one._asdict(), "region": region,
            "usd_month": None if one.usd_month is None else str(cents(one.usd_month)),
        }
        for region, one in every
    ]  # fmt: skip
    inventories = [inventory for inventory, _ in audited]
    return {
        "account": inventories[0].account,
        "region": ", ".join(one.region for one in inventories),
        "window": window,
        "prices_as_of": prices.as_of,
        "findings": findings,
        "scanned": _scanned(inventories),
        "tag_coverage_percent": {one.region: coverage(one) for one in inventories},
        "unread": [f"{one.region}: {part}" for one in inventories for part in one.unread],
        "usd_month": str(_usd(findings)),
    }


def _usd(findings: Iterable[Mapping[str, Any]]) -> Decimal:
    return sum((Decimal(one["usd_month"]) for one in findings if one["usd_month"]), Decimal("0.00"))


def _scanned(inventories: Sequence[Inventory]) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for one in inventories:
        for kind in ("functions", "mappings", "tables", "queues", "topics", "log_groups", "roles"):
            counts[kind] += len(getattr(one, kind))
        counts["invocations"] += sum(found.invocations or 0 for found in one.usage.values())
    return dict(counts)


def lines(result: Mapping[str, Any]) -> Iterator[str]:
    """Yield the result as text: every requirement with its findings, the dearest first, and the sum."""
    kinds = {kind.replace("_", " ").removesuffix("s"): number for kind, number in result["scanned"].items()}
    scanned = ", ".join(counted(number, kind) for kind, number in kinds.items() if number)
    yield f"account {result['account']}, {result['region']}: {scanned or 'nothing serverless'}"
    yield f"reports of {result['window']}; prices of {result['prices_as_of']}"
    for number, title in REQUIREMENTS.items():
        findings = _of(number, result)
        price = f", ${money:,.2f} a month" if (money := _usd(findings)) else ""
        yield ""
        yield f"{number:>2}  {title}: {counted(len(findings), 'finding') if findings else 'no findings'}{price}"
        for finding in findings[:_SHOWN]:
            yield from _finding(finding)
        if len(findings) > _SHOWN:
            yield f"    … and {len(findings) - _SHOWN:,} more: --json and --html have all of them"
    yield ""
    yield from (f"not read: {part}" for part in result["unread"])
    total = Decimal(result["usd_month"])
    yield f"{counted(len(result['findings']), 'finding')}; ${total:,.2f} a month of them has a price"


def _of(requirement: int, result: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [one for one in result["findings"] if one["requirement"] == requirement]


def _finding(finding: Mapping[str, Any]) -> Iterator[str]:
    price = f" (${Decimal(finding['usd_month']):,.2f} a month)" if finding["usd_month"] else ""
    yield f"    {short(finding['resource'])}: {finding['check']}{price}"
    for text in (finding["found"], f"→ {finding['fix']}"):
        room = min(shutil.get_terminal_size().columns, _WIDTH)
        yield from textwrap.wrap(text, room, initial_indent=" " * 8, subsequent_indent=" " * 10)


def short(resource: str) -> str:
    """Return the short name of a resource: an ARN without account and region."""
    return resource.split(":", 5)[-1] if resource.startswith("arn:") else resource


def write_page(result: dict[str, Any], path: Path) -> None:
    """Write the result as a page to that file; raise Failed when that can't be done there."""
    sections = [_page_section(number, title, _of(number, result)) for number, title in REQUIREMENTS.items()]
    pages.write(
        path, "audit", title=f"Audit of account {result['account']}", result=result, sections=sections,
        priced=sorted((one for one in sections if one["usd"]), key=lambda one: -float(one["usd"])),
    )  # fmt: skip


def _page_section(number: int, title: str, findings: list[dict[str, Any]]) -> dict[str, Any]:
    usd = _usd(findings)
    shown = [one | {"short": short(one["resource"])} for one in findings]
    return {"number": number, "title": title, "findings": shown, "usd": str(usd) if usd else None}
