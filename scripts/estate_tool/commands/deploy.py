"""`estate deploy`: rolls the layers out in order."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from estate_tool.commands import arguments
from estate_tool.commands.confirm import confirm
from estate_tool.environment import DEFAULT
from foundation.layers import LAYER_NAMES

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

    from estate_tool.environment import Environment
    from estate_tool.foresight import Plan
    from estate_tool.outcome import Outcome

HELP = "roll the layers out: foundation, data, compute, observability"
EXAMPLES = (
    ("estate deploy", "everything, on the embedded AWS of this machine"),
    ("estate deploy dev --preview", "what a rollout to the account of dev would change"),
    ("estate deploy dev --layer compute", "one layer; scripts/deploy_layer.sh compute dev is the same"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """ENV, the layer, and how careful to be."""
    arguments.environment(parser)
    parser.add_argument("--layer", choices=LAYER_NAMES, help="only this layer; what it reads must be deployed")
    previewed = parser.add_mutually_exclusive_group()
    previewed.add_argument("--preview", action="store_true", help="say what would change, change nothing")
    previewed.add_argument(
        "--skip-preview", action="store_true", help="don't preview first: quicker; what is wrong is found half-way"
    )
    parser.add_argument("--force", action="store_true", help="roll out layers too whose inputs have not changed")
    parser.add_argument("--keep-going", action="store_true", help="after a failure, go on with what doesn't read it")
    parser.add_argument("--yes", action="store_true", help="don't ask before changing a real account")
    arguments.wait_flag(parser)
    arguments.json_flag(parser)


def run(args: argparse.Namespace) -> int:
    """Sets up what is missing, rolls out, tells what changed."""
    from estate_tool import environment, exclusive, machine, quota, rollout
    from estate_tool.accounts import require_own_account
    from estate_tool.display import Display
    from estate_tool.inputs import Inputs
    from estate_tool.recovery import Recovery
    from estate_tool.setup.report import Report

    target = environment.resolve(args.environment)
    layers = rollout.selected(args.layer)
    display = Display()
    if not target.local:
        # The embedded AWS is nobody else's, and has no quota but what this machine can do.
        require_own_account(target, layers)
        if "compute" in layers:
            quota.require(target, display.line)
    alone = exclusive.alone(target.name, "estate deploy", wait=args.wait, say=display.line)
    with alone, machine.ready(target, Report()) as pulumi:
        inputs = Inputs(environment=target.name, engine=pulumi.version, aws=machine.aws_identity(target))
        # A local environment is there to be tried out on; of a real one, somebody agrees to what will be changed.
        asking = not (target.local or args.yes or args.preview)
        if asking and args.skip_preview:
            confirm(f"roll {', '.join(layers)} out to {target.name} without a preview", "add --yes")
        outcome = rollout.deploy(
            pulumi,
            layers,
            display,
            preview=args.preview,
            skip_preview=args.skip_preview,
            approve=(lambda plans: _ask(target, plans)) if asking else (lambda _: None),
            force=args.force,
            keep_going=args.keep_going,
            recovery=Recovery(pulumi=pulumi, environment=target, say=display.line),
            inputs=inputs,
            show_plan=asking,
        )
    if args.json:
        going_on = _command(target, args) if outcome.failed else None
        print(json.dumps(outcome.as_json() | {"continue": going_on}, indent=2))
    display.summary(outcome, "nothing was changed" if args.preview else "rolled out", _next(outcome, target, args))
    return 1 if outcome.failed else 0


def _ask(target: Environment, plans: Mapping[str, Plan]) -> None:
    """Asks whether to roll out what the plans change, if anything."""
    changing = ", ".join(name for name, plan in plans.items() if plan.steps)
    if changing:
        confirm(f"roll {changing} out to {target.name}", "add --yes once you have seen the preview")


def _command(target: Environment, args: argparse.Namespace) -> str:
    """The command that rolls out what was asked for."""
    name = "" if target.name == DEFAULT else f" {target.name}"
    return f"scripts/deploy_layer.sh {args.layer}{name}" if args.layer else f"scripts/deploy_all.sh{name}"


def _next(outcome: Outcome, target: Environment, args: argparse.Namespace) -> str:
    name = "" if target.name == DEFAULT else f" {target.name}"
    if args.preview:
        return f"roll out: {_command(target, args)}"
    if outcome.failed:
        return f"what is rolled out stays; mend the cause, then go on with: {_command(target, args)}"
    return (
        f"send events: scripts/estate sample flights --limit 1000 | scripts/estate send -{name} --wait\n"
        f"see what is deployed: scripts/estate status{name}"
    )
