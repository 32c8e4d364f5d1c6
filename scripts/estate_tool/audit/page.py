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
    sections = []
    for number, title in REQUIREMENTS.items():
        findings = [
            one | {"short": short(one["resource"])} for one in result["findings"] if one["requirement"] == number
        ]
        money = sum((Decimal(one["usd_month"]) for one in findings if one["usd_month"]), Decimal(0))
        sections.append({"number": number, "title": title, "findings": findings, "usd": str(money) if money else None})
    pages.write(
        path, "audit", title=f"Audit of account {result['account']}", script="", result=result, sections=sections
    )
