"""`estate rightsize`: how much memory functions should have, from what their logs say they used."""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING, Any

from estate_tool.commands import arguments

if TYPE_CHECKING:
    from collections.abc import Sequence

    from estate_tool.environment import Environment
    from estate_tool.sizing.functions import Sized
    from estate_tool.sizing.window import Window

HELP = "measure the functions' memory and recommend it; --apply writes it to compute/sizing.json"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """ENV, which functions, which time, and what to do with the result."""
    arguments.environment(parser)
    parser.add_argument(
        "--function", nargs="+", action="extend", default=[], metavar="NAME",
        help="only these functions, any of the account (write ENV before it; default: all of the estate)",
    )  # fmt: skip
    parser.add_argument(
        "--since", default="14d", metavar="T", help="from this time on, or so long ago: 90m, 36h, 14d (the default)"
    )
    parser.add_argument(
        "--min-samples", type=_samples, default=50, metavar="N", help="recommend nothing from fewer than N samples (50)"
    )
    doing = parser.add_mutually_exclusive_group()
    doing.add_argument(
        "--apply", action="store_true", help="write the recommendations, with their evidence, to compute/sizing.json"
    )
    doing.add_argument(
        "--revert", action="store_true", help="give functions the memory back that they had before, and measure nothing"
    )
    arguments.json_flag(parser)


def run(args: argparse.Namespace) -> int:
    """Measures, prints the recommendations and, if that is asked for, writes them; deploys nothing."""
    from estate_tool import environment
    from estate_tool.sizing import window

    seen = window.since(args.since)
    target = environment.resolve(args.environment)
    if args.revert:
        return _revert(target, args.function)
    functions, described = _measured(target, args, seen)
    if args.json:
        print(json.dumps({"environment": target.name, "functions": described}, indent=2, ensure_ascii=False))
    else:
        from estate_tool.sizing import table

        print("\n".join(table.lines(described)))
    sys.stdout.flush()
    if args.apply:
        _apply(target, functions, described)
    return 0


def _measured(target: Environment, args: argparse.Namespace, seen: Window) -> tuple[list[Sized], list[dict[str, Any]]]:
    from estate_tool.progress import Progress
    from estate_tool.reaching import reaching
    from estate_tool.setup.report import Report
    from estate_tool.sizing.functions import find, measure

    progress, described = Progress(Report()), []
    with reaching(target):
        functions = list(find(target, args.function))
        if args.apply:
            _refuse_others(functions)
        try:
            for function in functions:
                evidence = measure(
                    target, function, seen,
                    lambda lines, name=function.shown_name: progress.show(lambda: f"{name}: {lines:,} reports read"),
                )  # fmt: skip
                described.append(_described(function, evidence, seen, args.min_samples))
        finally:
            progress.report.end()
    return functions, described


def _refuse_others(functions: Sequence[Sized]) -> None:
    from estate_tool.errors import UsageError

    others = [function.name for function in functions if function.catalog_name is None]
    if others:
        raise UsageError(
            f"--apply writes compute/sizing.json, which is not about {', '.join(others)}; nothing was touched",
            "leave --apply out, and change the memory of these functions where they are declared",
        )


def _described(function: Sized, evidence: Any, seen: Window, minimum_samples: int) -> dict[str, Any]:
    from estate_tool.sizing.recommendation import recommend
    from estate_tool.sizing.window import instant

    said = recommend(function.memory_mb, evidence.usage, minimum_samples)
    memory, reason = said.memory_mb, said.reason
    if not evidence.invocations and not function.writes_reports:
        reason += "; its system log level is WARN, which leaves reports out: set it to INFO"
    measured = evidence.described()
    source = measured.pop("source")
    return {
        "function": function.shown_name,
        "name": function.name,
        "current_mb": function.memory_mb,
        "recommended_mb": memory,
        "target_mb": said.target_mb,
        "reason": reason,
        "unused_percent": _share(function.memory_mb - evidence.usage.max_mb, function)
        if evidence.usage.samples
        else None,
        "saving_percent": _share(function.memory_mb - memory, function) if memory else None,
        "evidence": {
            "source": f"{source} in {function.log_group}",
            "window": str(seen),
            **measured,
            "time": instant(seen.end),
        },
    }


def _share(megabytes: int, function: Sized) -> int:
    return round(100 * megabytes / function.memory_mb)


def _apply(target: Environment, functions: Sequence[Sized], described: Sequence[dict[str, Any]]) -> None:
    from estate_tool.sizing import file

    sizes = {
        function.catalog_name: (one["recommended_mb"], one["evidence"])
        for function, one in zip(functions, described, strict=True)
        if function.catalog_name is not None and one["recommended_mb"] is not None
    }
    _tell(target, file.apply(sizes))


def _revert(target: Environment, names: Sequence[str]) -> int:
    from estate_tool.errors import UsageError
    from estate_tool.sizing import file

    entries = file.entries()
    unknown = [name for name in names if name not in entries]
    if unknown:
        raise UsageError(
            f"compute/sizing.json is not about {', '.join(unknown)}; nothing was touched",
            f"give names of it: {', '.join(entries)}",
        )
    _tell(target, file.revert(list(names or entries)))
    return 0


def _tell(target: Environment, diff: str) -> None:
    """The change, on stderr: stdout is for the recommendations."""
    if not diff:
        print("compute/sizing.json stays as it is", file=sys.stderr)
        return
    print(f"{diff}\ncompute/sizing.json is written; look at it, then: scripts/deploy_layer.sh compute {target.name}",
          file=sys.stderr)  # fmt: skip


def _samples(text: str) -> int:
    if text.isdecimal() and int(text) > 0:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is no number of samples: give a whole number above 0")
