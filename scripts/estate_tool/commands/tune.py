"""`estate rightsize --tune`: a function's cost against its speed, from running it."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from estate_tool.core.environment import Environment


def tune(target: Environment, args: argparse.Namespace) -> int:
    """Runs a copy of the function at several sizes, deletes it, and prints the table; changes nothing else."""
    from estate_tool.console.progress import shown
    from estate_tool.core.aws_errors import reaching
    from estate_tool.pricing import prices
    from estate_tool.sizing import tuning
    from estate_tool.sizing.functions import find

    payload, known = _payload(args.payload), prices.read()
    with reaching(target), shown("copying the function") as show:
        (function,) = find(target, [args.tune])
        found = tuning.tried(target, function, payload, args.sizes, args.runs, show)
    report = {"environment": target.name, **tuning.tuning_report(function, found, args.strategy, args.runs, known)}
    print(json.dumps(report, indent=2, ensure_ascii=False) if args.json else "\n".join(_lines(report)))
    sys.stdout.flush()
    return 0


def _payload(path: Path) -> bytes:
    from estate_tool.core.errors import UsageError

    try:
        payload = path.read_bytes()
        json.loads(payload)
    except OSError as error:
        raise UsageError(f"--payload {path} can't be read: {error.strerror}", "give a file that holds JSON") from error
    except ValueError as error:
        raise UsageError(f"--payload {path} is no JSON: {error}", "give a file that holds JSON") from error
    return payload


def _lines(report: Mapping[str, Any]) -> Iterator[str]:
    from estate_tool.console.tables import Column, table
    from estate_tool.sizing.report import CPU_NOTE

    titles = (
        Column("MB"), "vCPU", "average ms", Column("first ms", drop=1), Column("most MB used", drop=2),
        "$ per million", Column("", left=True),
    )  # fmt: skip
    yield from table(titles, [_row(report, one) for one in report["sizes"]])
    yield from (f"{one['memory_mb']:,} MB failed: {one['error']}" for one in report["sizes"] if one["error"])
    yield ""
    yield (
        f"{report['function']} has {report['current_mb']:,} MB; best by {report['strategy']}: {report['best_mb']:,} MB "
        f"({report['runs']:,} warm invocations of each size, prices of {report['prices_as_of']})"
    )
    yield CPU_NOTE


def _row(report: Mapping[str, Any], one: Mapping[str, Any]) -> tuple[str, ...]:
    mark = "best" if one["memory_mb"] == report["best_mb"] else ""
    if one["error"]:
        return f"{one['memory_mb']:,}", f"{one['vcpu']:.2f}", "–", "–", "–", "–", ""
    return (
        f"{one['memory_mb']:,}", f"{one['vcpu']:.2f}", f"{one['billed_ms']:,}", f"{one['first_ms']:,}",
        f"{one['used_mb'] or '–'}", one["usd_per_million"], mark,
    )  # fmt: skip
