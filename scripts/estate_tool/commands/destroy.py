"""`estate destroy`: tears the layers down in reverse order."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from estate_tool.commands import arguments
from estate_tool.commands.confirm import confirm
from estate_tool.environment import DEFAULT
from estate_tool.errors import Failed
from foundation.layers import LAYER_NAMES

if TYPE_CHECKING:
    import argparse

    from estate_tool.environment import Environment
    from estate_tool.outcome import Outcome

HELP = "tear the layers down in reverse order; nothing is kept"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """ENV, the layer, and how careful to be."""
    arguments.environment(parser)
    parser.add_argument("--layer", choices=LAYER_NAMES, help="only this layer; nothing deployed may read it")
    parser.add_argument("--preview", action="store_true", help="say what would be destroyed, destroy nothing")
    parser.add_argument("--yes", action="store_true", help="don't ask: destroy data, also in a real account")
    parser.add_argument("--force", action="store_true", help="destroy failure queues that still hold messages, too")
    arguments.wait_flag(parser)
    arguments.json_flag(parser)


def run(args: argparse.Namespace) -> int:
    """Refuses where something would be lost or broken, destroys, tells what is gone."""
    from estate_tool import environment, exclusive, machine, rollout
    from estate_tool.accounts import require_own_account
    from estate_tool.display import Display
    from estate_tool.recovery import Recovery
    from estate_tool.setup.report import Report

    target = environment.resolve(args.environment)
    layers = rollout.selected(args.layer)
    if not target.local:
        require_own_account(target, layers)
    display = Display()
    alone = exclusive.alone(target.name, "estate destroy", wait=args.wait, say=display.line)
    with alone, machine.ready(target, Report()) as pulumi:
        rollout.refuse_while_read(pulumi, layers)
        holding = _mind_failures(target, layers, args) | _holdings(target, layers)
        for name, held in holding.items():
            display.line(f"goes with it: {name}, which holds {held}")
        if not (args.yes or args.preview):
            if not target.local:
                rollout.destroy(pulumi, layers, display, preview=True)
            _ask(target, layers, holding, args)
        recovery = Recovery(pulumi=pulumi, environment=target, say=display.line)
        outcome = rollout.destroy(pulumi, layers, display, preview=args.preview, recovery=recovery)
    if args.json:
        print(json.dumps(outcome.as_json(), indent=2))
    display.summary(outcome, "nothing was destroyed" if args.preview else "destroyed", _next(outcome, target, args))
    return 1 if outcome.failed else 0


def _mind_failures(target: Environment, layers: tuple[str, ...], args: argparse.Namespace) -> dict[str, str]:
    """A failed event is the last copy of what could not be processed: one layer's teardown drops none unasked."""
    from estate_tool.failures import waiting_failures
    from estate_tool.reaching import reaching

    with reaching(target):
        waiting = waiting_failures(target, layers)
    if waiting and args.layer and not args.force and not args.preview:
        told = ", ".join(f"{queue} holds {count}" for queue, count in waiting.items())
        raise Failed(
            f"layer {args.layer} holds failed messages: {told}; nothing was touched",
            "look at them and send them again first, or drop them for good: add --force",
        )
    return {queue: f"{count:,} failed messages" for queue, count in waiting.items()}


def _holdings(target: Environment, layers: tuple[str, ...]) -> dict[str, str]:
    from estate_tool.holdings import holdings
    from estate_tool.reaching import reaching

    with reaching(target):
        return holdings(target, layers)


def _ask(target: Environment, layers: tuple[str, ...], holding: dict[str, str], args: argparse.Namespace) -> None:
    """A person agrees to lose data, and to anything in a real account; the whole of `local` is there to be dropped."""
    if target.local and (args.force or not (args.layer and holding)):
        return
    what = f"destroy {', '.join(reversed(layers))} in {target.name}, with all data"
    if holding and not sys.stdin.isatty():
        told = ", ".join(f"{name} holds {held}" for name, held in holding.items())
        raise Failed(f"{what}: {told}; nobody is there to ask, nothing was touched", "to lose it for good: add --yes")
    confirm(what, "add --yes")


def _next(outcome: Outcome, target: Environment, args: argparse.Namespace) -> str:
    name = "" if target.name == DEFAULT else f" {target.name}"
    command = f"scripts/destroy_layer.sh {args.layer}{name}" if args.layer else f"scripts/destroy_all.sh{name}"
    if args.preview:
        return f"destroy: {command}"
    if outcome.failed:
        return f"what is left stands as it was; mend the cause, then go on with: {command}"
    if target.local and not args.layer:
        return "the embedded AWS still runs: scripts/estate local down stops it"
    return f"roll out again: {command.replace('destroy', 'deploy')}"
