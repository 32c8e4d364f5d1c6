"""Rolls layers out in order and tears them down in reverse."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from estate_tool.core.errors import Failed
from estate_tool.engine import backend
from estate_tool.engine.events import Changes
from estate_tool.rollout.deployment import Deployment
from estate_tool.rollout.result import (
    DESTROYED,
    FAILED,
    INTERRUPTED,
    PLANNED,
    SKIPPED,
    UNCHANGED,
    LayerResult,
    Outcome,
    retried,
)
from foundation.layers import LAYER_NAMES, layer, readers

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from estate_tool.engine.checkpoint import StackState
    from estate_tool.engine.cli import Pulumi
    from estate_tool.engine.provenance import Provenance
    from estate_tool.rollout.deployment import Approve
    from estate_tool.rollout.display import Display
    from estate_tool.rollout.fingerprint import Inputs
    from estate_tool.rollout.recovery import Recovery


def deploy(
    pulumi: Pulumi,
    layers: tuple[str, ...],
    display: Display,
    *,
    preview: bool = False,
    skip_preview: bool = False,
    approve: Approve = lambda _: None,
    check: Callable[[Mapping[str, StackState]], None] = lambda _: None,
    force: bool = False,
    keep_going: bool = False,
    recovery: Recovery | None = None,
    inputs: Inputs | None = None,
    origin: Provenance | None = None,
    show_plan: bool = False,
    still_ours: Callable[[], None] = lambda: None,
) -> Outcome:
    """Previews the layers, lowest first, and then rolls them out; with `preview`, the first alone.

    No layer is touched unless the previews of all went well and `approve`, given the plan of each layer that would be
    run, let it pass; it raises an EstateError to stop. `check` is given what is deployed before anything else is done.
    `skip_preview` is quicker: what a preview would have found is found half-way; of layers from which something may be
    taken away, it is made all the same. After a failure the layers above it are skipped, or with `keep_going` those
    that read it.

    With `inputs`, a layer whose inputs are those of its last successful rollout is left alone, unless `force` is
    set. `recovery` settles first what an interrupted run left of a layer; `still_ours` is as in Deployment.
    Raises Failed, before anything is touched, when a single layer is asked for and one it reads is not deployed.
    """
    show_plan = show_plan or preview
    deployment = Deployment(
        pulumi=pulumi, display=display, layers=layers, preview_only=preview, skip_preview=skip_preview, force=force,
        recovery=recovery, inputs=inputs, origin=origin, approve=approve, still_ours=still_ours,
        on_planned=(lambda step: display.step(step, planned=True)) if show_plan else (lambda _: None),
    )  # fmt: skip
    backend.refuse_former_names(pulumi, deployment.states)
    check(deployment.states)
    if not preview:
        _require_lower(layers, deployment.deployed, pulumi.stack)
    try:
        return _planned_and_done(deployment, keep_going=keep_going, show_plan=show_plan)
    finally:
        deployment.finish()


def _planned_and_done(deployment: Deployment, *, keep_going: bool, show_plan: bool) -> Outcome:
    """Preview, have the plans approved, roll out, and remove what waited for the layers above."""
    environment, layers, display = deployment.pulumi.stack, deployment.layers, deployment.display
    planned = Outcome(environment=environment)
    if previewed := deployment.previewed:
        planned = _in_turn(environment, previewed, display, deployment.plan, keep_going=keep_going, headed=show_plan)
        if planned.failed and not (keep_going or deployment.preview_only):
            return _nothing_touched(planned, layers)
    deployment.approve(deployment.plans)
    if deployment.preview_only:
        return planned
    done = _in_turn(environment, layers, display, deployment.up, keep_going=keep_going)
    if done.ok and (late := tuple(name for name in reversed(layers) if deployment.waiting.get(name))):
        removed = _in_turn(environment, late, display, deployment.remove)
        later = {result.layer: result for result in removed.layers}
        done.layers = [one.then(later[one.layer]) if one.layer in later else one for one in done.layers]
        done.seconds += removed.seconds
    done.seconds += planned.seconds
    return done


def _nothing_touched(planned: Outcome, layers: tuple[str, ...]) -> Outcome:
    """Return the result of a rollout that ended with its previews."""
    planned.touched = False
    failed = next(result.layer for result in planned.layers if result.result == FAILED)
    known = {result.layer: result for result in planned.layers if result.result not in (PLANNED, SKIPPED)}
    error = f"the preview of layer {failed} failed; nothing was touched"
    planned.layers = [
        known.get(name) or LayerResult(layer=name, result=SKIPPED, error=error, ran=False) for name in layers
    ]
    return planned


def destroy(
    pulumi: Pulumi,
    layers: tuple[str, ...],
    display: Display,
    *,
    preview: bool = False,
    recovery: Recovery | None = None,
    still_ours: Callable[[], None] = lambda: None,
) -> Outcome:
    """Destroys the layers, highest first; after a failure the layers below it are left as they are.

    `refuse_while_read` comes first. `recovery` and `still_ours` as in `deploy`.
    """
    stacks = pulumi.stacks()
    backend.refuse_former_names(pulumi, stacks)

    def one(name: str) -> LayerResult:
        if name not in stacks:
            return LayerResult(layer=name, result=UNCHANGED)
        if recovery and not preview:
            recovery.before(name)
        return _down(pulumi, name, display, preview=preview).unless_lost(still_ours)

    still_ours()
    return _in_turn(pulumi.stack, tuple(reversed(layers)), display, one)


def _in_turn(
    environment: str,
    layers: tuple[str, ...],
    display: Display,
    one: Callable[[str], LayerResult],
    *,
    keep_going: bool = False,
    headed: bool = True,
) -> Outcome:
    outcome = Outcome(environment=environment)
    started = time.monotonic()
    for position, name in enumerate(layers, start=1):
        failed = _stopped_by(outcome, layer(name).reads if keep_going else layers)
        if failed is not None:
            skipped = LayerResult(layer=name, result=SKIPPED, error=f"layer {failed} failed", ran=False)
            outcome.layers.append(skipped)
            continue
        if headed:
            display.layer(position, len(layers), name)
        begun = time.monotonic()
        try:
            with display.working(f"layer {name}"):
                result = retried(lambda name=name: one(name), display.line)
        except KeyboardInterrupt:
            # The engine has finished what was in flight; its state is whole.
            result = LayerResult(layer=name, result=FAILED, error=INTERRUPTED)
            keep_going = False
        except Failed as error:
            result = LayerResult(layer=name, result=FAILED, error="\n".join(filter(None, (error.message, error.hint))))
        result.seconds = time.monotonic() - begun
        if headed:
            display.layer_done(result)
        else:
            display.foreseen(result)
        outcome.layers.append(result)
    outcome.seconds = time.monotonic() - started
    return outcome


def _stopped_by(outcome: Outcome, concerned: tuple[str, ...]) -> str | None:
    """The failed layer that keeps the next one from its turn: one of the `concerned`, or below one of them."""
    stopped = [result.layer for result in outcome.layers if result.result in (FAILED, SKIPPED)]
    if not any(name in concerned for name in stopped):
        return None
    return next((result.layer for result in outcome.layers if result.result == FAILED), None)


def _deployed(stacks: Mapping[str, int]) -> set[str]:
    return {name for name, resources in stacks.items() if resources}


def _require_lower(layers: tuple[str, ...], deployed: set[str], environment: str) -> None:
    available = set(deployed)
    for name in layers:
        missing = [lower for lower in layer(name).reads if lower not in available]
        if missing:
            raise Failed(
                f"layer {name} reads layer {missing[0]}, which is not deployed in {environment}; nothing was touched",
                f"deploy it first: scripts/deploy_layer.sh {missing[0]} {environment}\n"
                f"or all layers in order: scripts/deploy_all.sh {environment}",
            )
        available.add(name)


def refuse_while_read(pulumi: Pulumi, layers: tuple[str, ...]) -> None:
    """Raises Failed when a layer outside of `layers` that reads one of them is deployed; nothing is touched."""
    deployed = _deployed(pulumi.stacks())
    for name in layers:
        reading = [upper for upper in readers(name) if upper in deployed and upper not in layers]
        if reading:
            top_down = "\n".join(f"scripts/destroy_layer.sh {upper} {pulumi.stack}" for upper in reversed(reading))
            raise Failed(
                f"layer {name} can't be destroyed while {', '.join(reading)} "
                f"{'reads' if len(reading) == 1 else 'read'} it in {pulumi.stack}; nothing was touched",
                f"destroy what reads it first:\n{top_down}\nor all layers: scripts/destroy_all.sh {pulumi.stack}",
            )


def _down(pulumi: Pulumi, name: str, display: Display, *, preview: bool) -> LayerResult:
    changes = Changes(on_step=lambda step: display.step(step, planned=False))
    if preview:
        resources = pulumi.export(name).get("resources") or []
        changes.counts["deleted"] = sum(1 for resource in resources if str(resource["type"]).startswith("aws:"))
        return LayerResult.of(name, changes, "", PLANNED)
    diagnostic = pulumi.destroy(name, changes.take)
    if not diagnostic:
        pulumi.remove_stack(name)
    return LayerResult.of(name, changes, diagnostic, DESTROYED)


def selected(only: str | None) -> tuple[str, ...]:
    """The layers a command is about: one, or all in order."""
    return (only,) if only else LAYER_NAMES
