"""`estate rightsize`: how much memory functions should have, from what their logs say they used."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from estate_tool.commands import arguments, connected
from estate_tool.console.output import print_result
from estate_tool.console.progress import say
from estate_tool.core import environment
from estate_tool.core.environment import DEFAULT
from estate_tool.core.errors import Failed, UsageError
from estate_tool.sizing import AUTO, MINIMUM_SAMPLES, SOURCES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from estate_tool.core.environment import Environment
    from estate_tool.monitoring.metrics import Window
    from estate_tool.sizing.functions import AccountFunction

HELP = "measure the functions' memory and recommend it; --apply writes it to compute/sizing.json"
EXAMPLES = (
    ("estate rightsize dev --since 36h", "what functions used, and should have"),
    ("estate rightsize dev --function 'prod-*' --since 7d", "any functions of the account, the dearest first"),
    ("estate rightsize dev --apply", "write it to compute/sizing.json"),
    ("estate rightsize dev --tune query --payload question.json", "cost against speed, by running a copy"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """ENV, which functions, which time, and what to do with the result."""
    arguments.environment(parser)
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "--function", nargs="+", action="extend", default=[], metavar="NAME",
        help="only these functions, any of the account, or patterns such as 'prod-*' "
        "(write ENV before it; default: all of the estate)",
    )  # fmt: skip
    which.add_argument(
        "--tag", nargs="+", action="extend", default=[], type=_tag, metavar="KEY=VALUE",
        help="all functions of the account with these tags (write ENV before it)",
    )  # fmt: skip
    which.add_argument("--all", action="store_true", help="all functions of the account in the environment's region")
    arguments.since(parser)
    parser.add_argument(
        "--source", choices=SOURCES, default=AUTO,
        help="where evidence is from: Logs Insights, the reports in the log itself, the metric made of them, or Lambda "
        "Insights; by default the first of these that has any",
    )  # fmt: skip
    parser.add_argument(
        "--min-samples", type=arguments.whole("samples"), default=MINIMUM_SAMPLES, metavar="N",
        help=f"recommend nothing from fewer than N samples, verify nothing by fewer invocations ({MINIMUM_SAMPLES})",
    )  # fmt: skip
    parser.add_argument(
        "--minimum", type=_size, default=None, metavar="MB",
        help="the least memory to recommend for functions that are not the estate's (512, or less if they have less)",
    )  # fmt: skip
    parser.add_argument(
        "--maximum", type=_size, default=None, metavar="MB", help="the most memory to recommend for them (10240)"
    )
    parser.add_argument(
        "--slower", type=arguments.whole("percent", 0), default=25, metavar="P",
        help="with --verify: how many percent slower the slowest calls (p99) may have become (25)",
    )  # fmt: skip
    _doings(parser)
    _tuning(parser)
    arguments.html(parser)
    arguments.json_flag(parser)


def _doings(parser: argparse.ArgumentParser) -> None:
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
    doing.add_argument(
        "--tune", metavar="FUNCTION",
        help="run a copy of the function at several sizes on --payload, which is really processed: cost and speed",
    )  # fmt: skip


def _tuning(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--payload", type=Path, metavar="FILE", help="with --tune: the JSON to call the function with")
    parser.add_argument(
        "--strategy", choices=("cost", "speed", "balanced"), default="balanced", help="with --tune: what is best"
    )
    parser.add_argument(
        "--sizes", type=_sizes, default=(512, 640, 768, 896, 1024), metavar="MB,MB…",
        help="with --tune: which sizes (512,640,768,896,1024)",
    )  # fmt: skip
    parser.add_argument(
        "--runs", type=arguments.whole("samples"), default=10, metavar="N",
        help="with --tune: warm invocations of each size (10)",
    )  # fmt: skip


def run(args: argparse.Namespace) -> int:
    """Measure, print the recommendations and, with a flag, write, verify, revert or tune; deploy nothing."""
    from estate_tool.monitoring import metrics
    from estate_tool.sizing import report

    _refuse_misfits(args)
    _refuse_environment(args)
    seen = metrics.since(args.since)
    target = environment.resolve(args.environment)
    if args.revert:
        reverted = _revert(target, args.function)
        print_result({"environment": target.name, **reverted}, (), as_json=args.json)
        return 0
    if args.verify:
        return _verify(target, args)
    if args.tune:
        return _tune(target, args)
    functions, result = _measured(target, args, seen)
    arguments.write_page(report.write_page, result, args.html)
    print_result(result, report.lines(result), as_json=args.json)
    if args.apply:
        _apply(target, functions, result)
    return 0


def _refuse_environment(args: argparse.Namespace) -> None:
    """Raise UsageError for an environment among the functions' names: the default one would be measured instead."""
    named = next((name for name in args.function if args.environment == DEFAULT and environment.exists(name)), None)
    if named:
        others = " ".join(name for name in args.function if name != named)
        raise UsageError(
            f"{named} is an environment, not a function; nothing was touched",
            f"write it first: scripts/estate rightsize {named} --function {others or 'NAME'}",
        )


def _refuse_misfits(args: argparse.Namespace) -> None:
    if bool(args.tune) != bool(args.payload):
        raise UsageError(
            "--tune and --payload belong together; nothing was touched",
            "for example: scripts/estate rightsize --tune query --payload question.json",
        )
    if args.minimum and args.maximum and args.minimum > args.maximum:
        raise UsageError("--minimum is more than --maximum; nothing was touched", "give bounds that leave something")
    for flag, given, hint in (
        ("--source", args.source != AUTO, "leave it out: --verify reads reports in logs"),
        ("--tag", args.tag, "name the functions with --function"),
        ("--html", args.html, "leave it out"),
    ):
        if given and (args.tune or args.verify or args.revert):
            raise UsageError(f"{flag} is for recommendations; nothing was touched", hint)


def _measured(
    target: Environment, args: argparse.Namespace, seen: Window
) -> tuple[list[AccountFunction], dict[str, Any]]:
    from estate_tool.monitoring.metrics import covered
    from estate_tool.pricing import prices
    from estate_tool.sizing import provisioned_concurrency
    from estate_tool.sizing.functions import find, find_all, log_groups
    from estate_tool.sizing.report import add_advice, function_report, totals
    from estate_tool.sizing.sources import EvidenceRequest, gather

    known, reports = prices.read(), list[dict[str, Any]]()
    with connected(target, "looking the functions up") as show:
        every = args.all or args.tag
        functions = find_all(target, dict(args.tag)) if every else find(target, args.function)
        if args.apply:
            _refuse_others(functions)
        groups, bounds = log_groups(target, functions), (args.minimum, args.maximum)
        for function in functions:
            asked = EvidenceRequest(environment=target, function=function, window=seen, progress=show)
            evidence = gather(args.source, asked)
            group = groups.get(function.log_group) if evidence.from_log else None
            known_of = covered(seen, group, evidence.first_ms)
            reports.append(function_report(function, evidence, known_of, args.min_samples, known, bounds))
        optimizer_report = add_advice(target, functions, reports)
        if every or args.function:
            # The most expensive first: an account has many functions.
            pairs = sorted(zip(functions, reports, strict=True), key=lambda pair: -float(pair[1]["waste_usd"] or 0))
            functions, reports = [one for one, _ in pairs], [one for _, one in pairs]
        provisioned = provisioned_concurrency.recommendations(target, functions, seen, args.min_samples)
    return functions, {
        "environment": target.name, "window": str(seen), "prices_as_of": known.as_of, "functions": reports,
        "totals": totals(reports), "provisioned_concurrency": provisioned, "compute_optimizer": optimizer_report,
    }  # fmt: skip


def _refuse_others(functions: Sequence[AccountFunction]) -> None:
    """Raise UsageError for functions that the catalog does not declare: compute/sizing.json has no entry for them."""
    others = [function.name for function in functions if function.catalog_name is None]
    if others:
        raise UsageError(
            f"--apply writes compute/sizing.json, which is not about {', '.join(others)}; nothing was touched",
            "leave --apply out, and change the memory of these functions where they are declared",
        )


def _apply(target: Environment, functions: Sequence[AccountFunction], result: dict[str, Any]) -> None:
    """Write the recommendations, with their evidence, to compute/sizing.json and the environment's file."""
    from estate_tool.sizing import files, provisioned_concurrency
    from foundation.stack_files import name_of

    sizes = {
        function.catalog_name: (one["recommended_mb"], one["evidence"])
        for function, one in zip(functions, result["functions"], strict=True)
        if function.catalog_name is not None and one["recommended_mb"] is not None
    }
    _print_diff(target, "compute/sizing.json", files.apply_sizes(sizes))
    configured, recommended = target.configuration.compute.provisioning, result["provisioned_concurrency"]
    if keys := provisioned_concurrency.combined(configured, recommended):
        _print_diff(target, name_of(target.name), files.apply_settings(target.name, keys))


def _revert(target: Environment, names: Sequence[str]) -> dict[str, Any]:
    """Give functions, all of the file by default, the memory back that they had before; return the result."""
    from estate_tool.sizing import files

    entries = files.sizes_by_function()
    unknown = [name for name in names if name not in entries]
    if unknown:
        raise UsageError(
            f"compute/sizing.json is not about {', '.join(unknown)}; nothing was touched",
            f"give names of it: {', '.join(entries)}",
        )
    chosen = list(names or entries)
    diff = files.revert_sizes(chosen)
    _print_diff(target, "compute/sizing.json", diff)
    return {"functions": chosen, "changed": bool(diff)}


def _print_diff(target: Environment, name: str, diff: str) -> None:
    """Print the change to stderr: stdout is for the recommendations."""
    next_step = f"{name} is written; look at it, then: scripts/deploy_layer.sh compute {target.name}"
    say(f"{diff}\n{next_step}" if diff else f"{name} stays as it is")


def _verify(target: Environment, args: argparse.Namespace) -> int:
    """Print how functions ran before and since the change; raise Failed for those that are not proven well."""
    from estate_tool.sizing import verification

    with connected(target, "comparing calls before and since the change") as show:
        functions = verification.verified(target, args.function, args.min_samples, args.slower, show)
    print_result({"environment": target.name, "functions": functions}, verification.lines(functions), as_json=args.json)
    unproven = [one["function"] for one in functions if not one["ok"]]
    if unproven:
        raise Failed(
            f"not verified: {', '.join(unproven)}; the reasons stand above",
            "where there are too few invocations, wait for more\n"
            f"to go back: scripts/estate rightsize {target.name} --revert --function {' '.join(unproven)}, "
            f"then scripts/deploy_layer.sh compute {target.name}",
        )
    return 0


def _tune(target: Environment, args: argparse.Namespace) -> int:
    """Run a copy of the function at several sizes, delete it, and print the table; change nothing else."""
    from estate_tool.pricing import prices
    from estate_tool.sizing import tuning
    from estate_tool.sizing.functions import find

    payload, known = arguments.json_file(str(args.payload)), prices.read()
    with connected(target, "copying the function") as show:
        (function,) = find(target, [args.tune])
        found = tuning.run_trials(target, function, payload, args.sizes, args.runs, show)
    report = {"environment": target.name, **tuning.tuning_report(function, found, args.strategy, args.runs, known)}
    print_result(report, tuning.lines(report), as_json=args.json)
    return 0


def _tag(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if key and equals:
        return key, value
    raise argparse.ArgumentTypeError(f"{text!r} is no tag: give KEY=VALUE")


def _sizes(text: str) -> tuple[int, ...]:
    sizes = tuple(dict.fromkeys(int(size) for size in text.split(",") if size.strip().isdecimal()))
    if sizes and len(sizes) == len(text.split(",")) and all(128 <= size <= 10_240 for size in sizes):
        return sizes
    raise argparse.ArgumentTypeError(f"{text!r} is no list of sizes: give whole numbers of MB from 128 to 10240")


def _size(text: str) -> int:
    (size,) = _sizes(text) if "," not in text else (0,)
    if size % 64 == 0 and size:
        return size
    raise argparse.ArgumentTypeError(f"{text!r} is no size: give MB in steps of 64, from 128 to 10240")
