#!/usr/bin/env python3
"""Markdown of what `--json` left: rollouts, previews, teardowns and drift, for job summaries and comments.

summary.py FILE…: one section for each file. Needs Python's standard library alone; a file that a step could not write,
or not to its end, is reported as that.
"""

from __future__ import annotations

import html
import json
import re
import sys
from pathlib import Path
from typing import Any

Json = dict[str, Any]
COUNTED = ("created", "updated", "replaced", "deleted", "same")
LONGEST_TABLE = 50
LONGEST_TEXT = 2_000


def plain(value: object) -> str:
    """Return a text in which nothing is markup: what AWS or a program said may hold anything."""
    text = html.escape(str(value)[:LONGEST_TEXT], quote=False)
    return re.sub(r"([\\`*_{}\[\]()#+!|~@])", r"\\\1", " ".join(text.split()))


def table(head: tuple[str, ...], rows: list[tuple[object, ...]]) -> list[str]:
    """Return a table; of a long one the first rows and the number of the others."""
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    lines += [f"| {' | '.join(plain(cell) for cell in row)} |" for row in rows[:LONGEST_TABLE]]
    return [*lines, f"\n… and {len(rows) - LONGEST_TABLE} more"] if len(rows) > LONGEST_TABLE else lines


def of_rollout(report: Json) -> list[str]:
    """Return the lines of a rollout's, preview's or teardown's report."""
    layers: list[Json] = report.get("layers") or []
    lines = [f"**{plain(report['error'])}**\n"] if report.get("error") else []
    losses: list[Json] = report.get("losses") or []
    if losses:
        rows: list[tuple[object, ...]] = [
            (loss.get("name"), loss.get("text"), f"{loss.get('change')} {', '.join(loss.get('because') or ())}")
            for loss in losses
        ]
        lines += ["**Data that is, or would be, lost:**\n", *table(("resource", "holds", "because"), rows), ""]
        lines += [f"{plain(loss.get('name'))}: {plain(loss['note'])}\n" for loss in losses if loss.get("note")]
    if layers:
        lines += table(
            ("layer", "result", *COUNTED),
            [(each.get("layer"), each.get("result"), *(each.get(count, 0) for count in COUNTED)) for each in layers],
        )
    kept = [(each.get("layer"), ", ".join(each["kept"])) for each in layers if each.get("kept")]
    lines += [f"\n**{plain(layer)}** keeps what a layer above still uses: {plain(names)}" for layer, names in kept]
    errors = [(each.get("layer"), each["error"]) for each in layers if each.get("error")]
    lines += [f"\n**{plain(layer)}**: {plain(error)}" for layer, error in errors]
    if report.get("continue"):
        lines.append(f"\nGo on with `{report['continue']}`.")
    return lines


def of_drift(report: Json) -> list[str]:
    """Return the lines of a comparison's report."""
    drifted: list[Json] = report["drifted"]
    lines = [f"**{plain(report['error'])}**\n"] if report.get("error") else []
    if not drifted:
        return [*lines, "As it was rolled out."]
    head = ("layer", "resource", "property", "rolled out", "now", "class")
    keys = ("layer", "resource", "property", "expected", "actual", "class")
    return [*lines, *table(head, [tuple(each.get(key) for key in keys) for each in drifted])]


def section(name: str, text: str) -> str:
    """Return the section of one file."""
    try:
        report = json.loads(text)
    except ValueError:
        report = None
    if not isinstance(report, dict):
        return f"### {plain(name)}\n\nNo report: the command ended before it could write one. Its log has the reason.\n"
    known: Json = report
    environment = plain(known.get("environment") or name)
    lines = of_drift(known) if "drifted" in known else of_rollout(known)
    mark = "❌ " if known.get("ok") is False or known.get("error") else ""
    return "\n".join([f"### {mark}{environment}", "", *lines, ""])


def main(files: list[str]) -> int:
    """Print the sections of all files; 2 without any."""
    if not files:
        print("usage: summary.py FILE…", file=sys.stderr)
        return 2
    for file in files:
        path = Path(file)
        text = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
        print(section(path.stem, text))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
