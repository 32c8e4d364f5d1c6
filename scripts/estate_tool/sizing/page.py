"""Recommendations as a page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from estate_tool.console import pages
from estate_tool.sizing import provisioned_concurrency
from estate_tool.sizing.table import CPU_NOTE, evidence_note, slower_note

if TYPE_CHECKING:
    from pathlib import Path


def write(report: dict[str, Any], path: Path) -> None:
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
