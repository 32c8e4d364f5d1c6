"""The audit as a page."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from estate_tool.audit.report import REQUIREMENTS, short
from estate_tool.console import pages

if TYPE_CHECKING:
    from pathlib import Path


def write(result: dict[str, Any], path: Path) -> None:
    """Write the result to that file; raise Failed when that can't be done there."""
    sections = [_section(number, title, result["findings"]) for number, title in REQUIREMENTS.items()]
    pages.write(
        path, "audit", title=f"Audit of account {result['account']}", result=result, sections=sections,
        priced=sorted((one for one in sections if one["usd"]), key=lambda one: -float(one["usd"])),
    )  # fmt: skip


def _section(number: int, title: str, findings: list[dict[str, Any]]) -> dict[str, Any]:
    mine = [one | {"short": short(one["resource"])} for one in findings if one["requirement"] == number]
    usd = sum((Decimal(one["usd_month"]) for one in mine if one["usd_month"]), Decimal(0))
    return {"number": number, "title": title, "findings": mine, "usd": str(usd) if usd else None}
