"""`estate destroy`: teardown of the layers in reverse order."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from estate_tool.commands import arguments
from estate_tool.console.output import confirm, print_result
from estate_tool.core import environment
from estate_tool.core.aws_errors import reaching
from estate_tool.core.errors import Failed
from estate_tool.rollout import data_loss
from estate_tool.rollout.data_held import DEAD_LETTERS, LOG_GROUP

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping, Sequence

    from estate_tool.core.environment import Environment
    from estate_tool.engine.checkpoint import StackState
    from estate_tool.rollout.data_loss import DataLoss
    from estate_tool.rollout.display import Display
    from estate_tool.rollout.result import Outcome

HELP = "tear the layers down in reverse order; nothing is kept"
EXAMPLES = (
    ("estate destroy --preview", "what would go, with how much it holds"),
    ("estate destroy --layer observability", "one layer, and nothing that others read"),
    ("estate destroy dev --yes", "all of dev, unasked"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare ENV, the layer, the preview and confirmations."""
    arguments.environment(parser)
    arguments.layer(parser, "; nothing deployed may read it")
    parser.add_argument("--preview", action="store_true", help="say what would be destroyed, destroy nothing")
    arguments.yes(parser, "don't ask: destroy data, also in a real account")
    parser.add_argument("--force", action="store_true", help="destroy failure queues that still hold messages, too")
    arguments.wait_flag(parser)
    arguments.json_flag(parser)


def run(args: argparse.Namespace) -> int:
    """Refuse where something would be lost or broken, destroy, report what is gone."""
    from estate_tool.rollout import lock, orchestration, session
    from estate_tool.rollout.display import Display
    from estate_tool.rollout.recovery import Recovery

    target = environment.resolve(args.environment)
    layers = orchestration.selected(args.layer)
    # The embedded AWS is this user's own.
    if not target.local:
        environment.require_own_account(target)
    display = Display()
    if session.has_no_stack(target):
        return _nothing(target, layers, display, args)
    taken = lock.taken(target, "estate destroy", changes=not args.preview, wait=args.wait, say=display.line)
    with taken as (pulumi, check_lease):
        states = pulumi.states()
        orchestration.refuse_while_read(states, layers, target.name)
        losses = _losses(target, {name: state for name, state in states.items() if name in layers})
        recovery = Recovery(pulumi=pulumi, environment=target, say=display.line)
        _keep_failures(losses, args)
        if losses:
            display.line("would be dropped, for good:" if args.preview else "dropped with it, for good:")
        for loss in losses:
            display.line(f"  {loss.name}: {loss.held}")
        if not (args.yes or args.preview):
            # A local environment needs no confirmation, and so no preview.
            if not target.local:
                orchestration.destroy(pulumi, states, layers, display, recovery, preview=True)
            _ask(target, layers, losses)
        outcome = orchestration.destroy(
            pulumi, states, layers, display, recovery, preview=args.preview, check_lease=check_lease
        )
    lost = [loss.to_dict(target.name) for loss in losses]
    print_result(outcome.to_dict() | {"losses": lost}, (), as_json=args.json)
    display.summary(outcome, "nothing was destroyed" if args.preview else "destroyed", _next(outcome, target, args))
    return 1 if outcome.failed else 0


def _nothing(target: Environment, layers: tuple[str, ...], display: Display, args: argparse.Namespace) -> int:
    """Report that there is nothing to destroy, without an engine or AWS."""
    from estate_tool.rollout.result import UNCHANGED, LayerResult, Outcome

    found = [LayerResult(layer=name, result=UNCHANGED, ran=False) for name in reversed(layers)]
    outcome = Outcome(environment=target.name, layers=found, touched=False)
    print_result(outcome.to_dict() | {"losses": []}, (), as_json=args.json)
    display.line(f"environment {target.name}: nothing is deployed, so there is nothing to destroy")
    return 0


def _losses(target: Environment, states: Mapping[str, StackState]) -> list[DataLoss]:
    """Return the data in the layers, found by their state: configured names may have changed since."""
    losses = [loss for layer, state in states.items() for loss in data_loss.of_teardown(layer, state)]
    if not losses:
        return []
    with reaching(target):
        return [loss for loss in data_loss.looked_up(losses, target.client) if not loss.held.gone]


def _keep_failures(losses: Sequence[DataLoss], args: argparse.Namespace) -> None:
    """Raise Failed for failed events, which are the last copies, where one layer's teardown would drop them unasked."""
    waiting = [loss for loss in losses if loss.name.startswith(DEAD_LETTERS)]
    if waiting and args.layer and not args.force and not args.preview:
        raise Failed(
            f"layer {args.layer} holds failed messages: {_held(waiting)}; nothing was touched",
            "look at them and send them again first, or drop them for good: add --force",
            code="data_loss",
        )


def _ask(target: Environment, layers: tuple[str, ...], losses: Sequence[DataLoss]) -> None:
    """Get a teardown in a real account confirmed; a local environment needs no confirmation."""
    # The embedded AWS is this user's own.
    if target.local:
        return
    data = [loss for loss in losses if loss.type != LOG_GROUP]
    what = f"destroy {', '.join(reversed(layers))} in {target.name}, with all data"
    if data and not sys.stdin.isatty():
        raise Failed(
            f"{what}: {_held(data)}; not a terminal, cannot ask for confirmation; nothing was changed",
            "to lose it for good: add --yes",
            code="data_loss",
        )
    confirm(what, "add --yes")


def _held(losses: Sequence[DataLoss]) -> str:
    return ", ".join(f"{loss.name} holds {loss.held}" for loss in losses)


def _next(outcome: Outcome, target: Environment, args: argparse.Namespace) -> str:
    command = arguments.script("destroy", target.name, args.layer)
    if args.preview:
        return f"destroy: {command}"
    if outcome.failed:
        cause = "" if outcome.interrupted else "fix the cause, then "
        return f"what is left stands as it was; {cause}go on with: {command}"
    # It still runs, and takes memory.
    if target.local and not args.layer:
        return "the embedded AWS still runs: scripts/estate local down stops it"
    return f"roll out again: {command.replace('destroy', 'deploy')}"
