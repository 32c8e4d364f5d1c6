"""`estate drift`: differences between AWS and what was rolled out."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from estate_tool.commands import arguments
from estate_tool.console.output import confirm, print_result
from estate_tool.core import environment
from estate_tool.core.errors import EstateError, Failed
from estate_tool.core.text import counted
from estate_tool.rollout.approval import Approval

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Mapping, Sequence

    from estate_tool.core.environment import Environment
    from estate_tool.drift.detect import Drift
    from estate_tool.engine.cli import Pulumi
    from estate_tool.rollout.display import Display
    from estate_tool.rollout.orchestration import Outcome

HELP = "compare AWS with what was rolled out; --repair corrects AWS"
EXAMPLES = (
    ("estate drift dev", "what AWS has that was not rolled out"),
    ("estate drift dev --layer compute --repair", "correct one layer"),
)
_LONGEST_VALUE = 100


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """ENV, the layer, and whether to repair."""
    arguments.environment(parser)
    arguments.layer(parser)
    parser.add_argument("--repair", action="store_true", help="correct what autoscaling does not explain")
    arguments.yes(parser)
    arguments.lose_data_flag(parser)
    arguments.wait_flag(parser)
    arguments.json_flag(parser)


def run(args: argparse.Namespace) -> int:
    """Compare without changing anything; with --repair, correct, and compare again to prove it."""
    from estate_tool.drift import detect
    from estate_tool.rollout import lock, orchestration, session
    from estate_tool.rollout.display import Display

    target = environment.resolve(args.environment)
    session.require_deployed(target)
    layers = orchestration.selected(args.layer)
    # The embedded AWS is this user's own: no account to mistake, and no confirmation.
    if args.repair and not target.local:
        environment.require_own_account(target)
    display = Display()
    taken = lock.taken(target, "estate drift", changes=args.repair, wait=args.wait, say=display.line)
    with taken as (pulumi, check_lease):
        drifted = _compared(pulumi, target, layers, display)
        answer: dict[str, Any] = {"environment": target.name, "drifted": [one.to_dict() for one in drifted]}
        left = detect.unexpected(drifted)
        _print(drifted, display)
        if left and args.repair:
            approval = Approval(target=target, display=display, lose=args.lose_data, asks=False, yes=args.yes)
            try:
                outcome = _repair(pulumi, target, drifted, args, approval, check_lease)
                found = drifted if outcome.failed else _compared(pulumi, target, layers, display, again=True)
                left = detect.unexpected(found)
                answer |= {"repaired": not left, "left": [one.to_dict() for one in left], "rollout": outcome.to_dict()}
                if outcome.failed:
                    raise Failed(
                        f"environment {target.name} is not corrected: the rollout above failed",
                        f"fix what it names, then: scripts/estate drift {target.name} --repair",
                    )
            except EstateError as error:
                refused = {} if "rollout" in answer else {**error.to_dict(), "repaired": False}
                print_result(answer | refused | approval.to_dict(), (), as_json=args.json)
                raise
            answer |= approval.to_dict()
            _print(left, display)
    print_result(answer, (), as_json=args.json)
    display.line(_summary(target, drifted, left, args))
    return 1 if left else 0


def _compared(
    pulumi: Pulumi, target: Environment, layers: Sequence[str], display: Display, *, again: bool = False
) -> list[Drift]:
    """Compare the layers with AWS, and keep the result for `estate status`."""
    from estate_tool.drift import detect, record

    with display.working(f"comparing {', '.join(layers)} with AWS{' again' if again else ''}"):
        found = detect.find(pulumi, target, layers)
    record.keep(target.name, layers, found)
    return found


def _repair(
    pulumi: Pulumi, target: Environment, drifted: Sequence[Drift], args: argparse.Namespace, approval: Approval,
    check_lease: Callable[[], None],
) -> Outcome:  # fmt: skip
    from estate_tool.drift import detect, repair
    from estate_tool.engine import provenance
    from estate_tool.rollout import data_loss, orchestration, session
    from estate_tool.rollout.deployment import Deployment
    from estate_tool.rollout.fingerprint import Inputs
    from estate_tool.rollout.recovery import Recovery

    origin = provenance.current()
    # A local environment belongs to one person, who may go back to older code.
    if not target.local:
        if not args.yes:
            properties = counted(len(detect.unexpected(drifted)), "property", "properties")
            confirm(f"correct {properties} of {target.name}", "add --yes")
        provenance.refuse_older(pulumi.states(), origin, target.name)
    recovery = Recovery(pulumi=pulumi, environment=target, say=approval.display.line)
    check_lease()
    for layer in {one.layer for one in drifted}:
        recovery.before(layer)
    inputs = Inputs(environment=target.name, engine=pulumi.version, aws=session.aws_identity(target))
    before = {layer: pulumi.export_versioned(layer) for layer in {one.layer for one in detect.unexpected(drifted)}}
    layers = repair.take_in(pulumi, target, drifted)
    try:
        deployment = Deployment(
            pulumi=pulumi, display=approval.display, layers=layers, recovery=recovery, inputs=inputs, origin=origin,
            approve=approval, check_lease=check_lease, force=True,
        )  # fmt: skip
        outcome = orchestration.deploy(
            deployment, check=lambda states: data_loss.refuse_moved(target, states, None), keep_going=False
        )
    except EstateError:
        _put_back(pulumi, before)
        raise
    if not outcome.touched:
        _put_back(pulumi, before)
    return outcome


def _put_back(pulumi: Pulumi, states: Mapping[str, Any]) -> None:
    """Restore the states: nothing was rolled out, so the next comparison has to find the same."""
    for layer, exported in states.items():
        pulumi.replace(layer, exported)


def _print(drifted: Sequence[Drift], display: Display) -> None:
    for one in drifted:
        display.line(f"{one.kind:<9} {one.layer:<14} {one.resource}{f'  {one.path}' if one.path else ''}")
        display.line(f"          expected {_short(one.expected)}, found {_short(one.actual)}")


def _short(value: Any) -> str:
    text = "nothing" if value is None else value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= _LONGEST_VALUE else f"{text[: _LONGEST_VALUE - 1]}…"


def _summary(target: Environment, drifted: Sequence[Drift], left: Sequence[Drift], args: argparse.Namespace) -> str:
    if not drifted:
        return f"environment {target.name}: as it was rolled out"
    if not left:
        return f"environment {target.name}: {'corrected' if args.repair else 'autoscaling explains what differs'}"
    if args.repair:
        return f"environment {target.name}: {counted(len(left), 'difference')} came back while being corrected"
    layer = f" --layer {args.layer}" if args.layer else ""
    return (
        f"environment {target.name}: {counted(len(left), 'difference')} that autoscaling does not explain\n"
        f"  → correct AWS: scripts/estate drift {target.name}{layer} --repair"
    )
