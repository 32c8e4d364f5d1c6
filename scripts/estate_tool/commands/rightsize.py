"""`estate rightsize`: how much memory functions should have, from what their logs say they used."""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING, Any

from estate_tool.commands import arguments
from estate_tool.sizing.recommendation import MINIMUM_SAMPLES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from estate_tool.environment import Environment
    from estate_tool.sizing.functions import Sized
    from estate_tool.sizing.window import Window

HELP = "measure the functions' memory and recommend it; --apply writes it to compute/sizing.json"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """ENV, which functions, which time, and what to do with the result."""
    arguments.environment(parser)
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "--function", nargs="+", action="extend", default=[], metavar="NAME",
        help="only these functions, any of the account (write ENV before it; default: all of the estate)",
    )  # fmt: skip
    which.add_argument("--all", action="store_true", help="all functions of the account in the environment's region")
    arguments.since(parser)
    parser.add_argument(
        "--min-samples",
        type=_samples,
        default=MINIMUM_SAMPLES,
        metavar="N",
        help=f"recommend nothing from fewer than N samples, verify nothing by fewer invocations ({MINIMUM_SAMPLES})",
    )
    parser.add_argument(
        "--slower", type=_percent, default=25, metavar="P",
        help="with --verify: how many percent slower the slowest calls (p99) may have become (25)",
    )  # fmt: skip
    doing = parser.add_mutually_exclusive_group()
    doing.add_argument(
        "--apply", action="store_true", help="write the recommendations, with their evidence, to compute/sizing.json"
    )
    doing.add_argument(
        "--verify", action="store_true",
        help="compare how functions ran before and since the last change of their memory; exit code 1 if worse",
    )  # fmt: skip
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
    if args.verify:
        return _verify(target, args)
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
    from estate_tool.progress import shown
    from estate_tool.reaching import reaching
    from estate_tool.sizing.functions import find, find_all, measure
    from estate_tool.sizing.result import described as describe

    described: list[dict[str, Any]] = []
    with reaching(target), shown() as show:
        functions = list(find_all(target) if args.all else find(target, args.function))
        if args.apply:
            _refuse_others(functions)
        for function in functions:
            evidence = measure(target, function, seen, show)
            described.append(describe(function, evidence, seen, args.min_samples))
    return functions, described


def _verify(target: Environment, args: argparse.Namespace) -> int:
    from estate_tool.errors import Failed
    from estate_tool.progress import shown
    from estate_tool.reaching import reaching
    from estate_tool.sizing import verification

    with reaching(target), shown() as show:
        functions = verification.verified(target, args.function, args.min_samples, args.slower, show)
    if args.json:
        print(json.dumps({"environment": target.name, "functions": functions}, indent=2, ensure_ascii=False))
    else:
        print("\n".join(verification.lines(functions)))
    sys.stdout.flush()
    unproven = [one["function"] for one in functions if not one["ok"]]
    if unproven:
        raise Failed(
            f"not verified: {', '.join(unproven)}; the reasons stand above",
            "where there are too few invocations, wait for more\n"
            f"to go back: scripts/estate rightsize {target.name} --revert --function {' '.join(unproven)}, "
            f"then scripts/deploy_layer.sh compute {target.name}",
        )
    return 0


def _refuse_others(functions: Sequence[Sized]) -> None:
    from estate_tool.errors import UsageError

    others = [function.name for function in functions if function.catalog_name is None]
    if others:
        raise UsageError(
            f"--apply writes compute/sizing.json, which is not about {', '.join(others)}; nothing was touched",
            "leave --apply out, and change the memory of these functions where they are declared",
        )


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


def _percent(text: str) -> int:
    if text.isdecimal():
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is no number of percent: give a whole number, 0 or more")
