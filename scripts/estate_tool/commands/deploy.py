"""`estate deploy`: rollout of the layers in order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from estate_tool.commands import arguments
from estate_tool.console.output import confirm, print_result
from estate_tool.core import environment
from estate_tool.core.errors import EstateError, Failed, UsageError
from estate_tool.rollout.approval import Approval, flag

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Mapping

    from estate_tool.core.environment import Environment
    from estate_tool.engine.checkpoint import StackState
    from estate_tool.rollout.result import Outcome

HELP = "roll the layers out: foundation, data, compute, observability"
EXAMPLES = (
    ("estate deploy", "everything, on the embedded AWS of this machine"),
    ("estate deploy dev --preview", "what a rollout to the account of dev would change"),
    ("estate deploy dev --yes --lose-data table-old-dev", "unasked, and what this table holds is lost for good"),
    ("estate deploy dev --layer compute", "one layer; scripts/deploy_layer.sh compute dev is the same"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare ENV, the layer, previews and confirmations."""
    arguments.environment(parser)
    arguments.layer(parser, "; what it reads must be deployed")
    previewed = parser.add_mutually_exclusive_group()
    previewed.add_argument("--preview", action="store_true", help="say what would change, change nothing")
    previewed.add_argument(
        "--skip-preview", action="store_true", help="don't preview first: quicker; what is wrong is found half-way"
    )
    parser.add_argument("--force", action="store_true", help="roll out layers too whose inputs have not changed")
    parser.add_argument("--keep-going", action="store_true", help="after a failure, go on with what doesn't read it")
    parser.add_argument("--older", action="store_true", help="also code that lacks the commit that is rolled out")
    arguments.yes(parser)
    arguments.lose_data_flag(parser)
    parser.add_argument("--verbose", action="store_true", help="a line for each resource, also where only tags change")
    arguments.wait_flag(parser)
    arguments.json_flag(parser)


def run(args: argparse.Namespace) -> int:
    """Set up what is missing, roll out, report the changes."""
    from estate_tool.rollout import orchestration
    from estate_tool.rollout.display import Display

    target = environment.resolve(args.environment)
    layers = orchestration.selected(args.layer)
    display = Display(verbose=args.verbose)
    # Changes of a real environment are confirmed; a local one is for trying out.
    asking = not (target.local or args.yes or args.preview)
    approval = Approval(
        target=target, display=display,
        lose=args.lose_data, asks=asking, yes=args.yes, preview=args.preview,
    )  # fmt: skip
    try:
        outcome = _rolled_out(target, layers, args, approval)
    except EstateError as error:
        if args.json:
            empty = orchestration.Outcome(environment=target.name).to_dict()
            print_result(empty | error.to_dict() | {"continue": None} | approval.to_dict(), (), as_json=True)
        raise
    going_on = _command(target, args, approval) if outcome.failed else None
    print_result(outcome.to_dict() | {"continue": going_on} | approval.to_dict(), (), as_json=args.json)
    done = "nothing was changed" if args.preview else "rolled out"
    display.summary(outcome, done, _next(outcome, target, args, approval))
    return 1 if outcome.failed else 0


def _rolled_out(target: Environment, layers: tuple[str, ...], args: argparse.Namespace, approval: Approval) -> Outcome:
    from estate_tool.engine import provenance
    from estate_tool.rollout import data_loss, lock, orchestration, session
    from estate_tool.rollout.deployment import Deployment
    from estate_tool.rollout.fingerprint import Inputs
    from estate_tool.rollout.recovery import Recovery

    say = approval.display.line
    if "compute" in layers:
        _make_packages(target, say)
    account = _account(target, layers, say)
    taken = lock.taken(target, "estate deploy", changes=not args.preview, new=True, wait=args.wait, say=say)
    origin = None if args.preview else provenance.current()

    def check(states: Mapping[str, StackState]) -> None:
        data_loss.refuse_moved(target, states, account)
        for layer, last in provenance.last(states).items() if args.preview or approval.asks else ():
            say(f"{layer} was last rolled out from {last.text}")
        # A local environment belongs to one person, who may go back to older code; a preview changes nothing.
        if origin and not (target.local or args.older):
            provenance.refuse_older(states, origin, target.name)

    with taken as (pulumi, check_lease):
        if approval.asks and args.skip_preview:
            confirm(f"roll {', '.join(layers)} out to {target.name} without a preview", "add --yes")
            approval.asks = False  # but about data
        deployment = Deployment(
            pulumi=pulumi,
            display=approval.display,
            layers=layers,
            recovery=Recovery(pulumi=pulumi, environment=target, say=say),
            inputs=Inputs(environment=target.name, engine=pulumi.version, aws=session.aws_identity(target)),
            origin=origin,
            approve=approval,
            check_lease=check_lease,
            preview_only=args.preview, skip_preview=args.skip_preview, show_plan=approval.asks, force=args.force,
        )  # fmt: skip
        return orchestration.deploy(deployment, check=check, keep_going=args.keep_going)


def _make_packages(target: Environment, say: Callable[[str], None]) -> None:
    """Make the functions' packages, before anything is touched; raise UsageError or Failed."""
    from compute.packaging import build_all
    from compute.wheels import PackagesUnavailable
    from foundation.catalog import CATALOG
    from foundation.problems import InvalidConfiguration

    try:
        build_all(CATALOG.functions, target.configuration.compute.runtime, say)
    except (InvalidConfiguration, PackagesUnavailable) as error:
        kind = UsageError if isinstance(error, InvalidConfiguration) else Failed
        raise kind(f"the functions can't be packaged; nothing was touched: {error}") from error


def _account(target: Environment, layers: tuple[str, ...], say: Callable[[str], None]) -> str | None:
    """Return the account to roll out to, which has to be the configured one, with the quota for what is configured."""
    # The embedded AWS is this user's own; its only quota is this machine.
    if target.local:
        return None
    from estate_tool.rollout import quota

    account = environment.require_own_account(target)
    if "compute" in layers:
        quota.require(target, say)
    return account


def _command(target: Environment, args: argparse.Namespace, approval: Approval) -> str:
    """Return the command that rolls out what was asked for, or what is left of it."""
    script = arguments.script("deploy", target.name, args.layer)
    lost = [loss.name for loss in approval.losses]
    return f"{script} {flag(lost)}" if lost and args.preview else script


def _next(outcome: Outcome, target: Environment, args: argparse.Namespace, approval: Approval) -> str:
    command = _command(target, args, approval)
    if args.preview:
        return _again(outcome, f"preview again: {command} --preview") if outcome.failed else f"roll out: {command}"
    name = arguments.typed(target.name)
    if outcome.failed:
        stays = "what is rolled out stays; " if outcome.touched else ""
        return f"{stays}{_again(outcome, f'go on with: {command}')}"
    return (
        f"{_without_subscriber(target)}"
        f"send events: scripts/estate sample flights --limit 1000 | scripts/estate send -{name} --wait\n"
        f"see what is deployed: scripts/estate status{name}"
    )


def _again(outcome: Outcome, step: str) -> str:
    return step if outcome.interrupted else f"fix the cause, then {step}"


def _without_subscriber(target: Environment) -> str:
    """Return a line for each severity of alarms without a subscriber."""
    from foundation.stack_files import layer_files
    from observability.config import SEVERITIES, parse

    files = layer_files("observability", target.name)
    if files.own.keys() - files.readable.keys():
        return ""  # the subscriptions may be encrypted
    config = parse(files.readable, stack=target.name)
    return "".join(
        f"{severity}s have no subscriber: set observability:subscriptions\n"
        for severity in SEVERITIES
        if not config.subscribers(severity)
    )
