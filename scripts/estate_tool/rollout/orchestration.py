"""Rollout of layers in order, and their teardown in reverse."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from estate_tool.core.errors import Failed
from estate_tool.engine import backend
from estate_tool.engine.events import Changes
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
    from estate_tool.rollout.deployment import Deployment
    from estate_tool.rollout.display import Display
    from estate_tool.rollout.recovery import Recovery


def deploy(deployment: Deployment, *, check: Callable[[Mapping[str, StackState]], None], keep_going: bool) -> Outcome:
    """Preview the layers, lowest first, and then roll them out; with `preview_only`, only preview them.

    No layer is touched unless the previews of all succeeded, and `approve` accepted them. After a failure the layers
    above it are skipped, or with `keep_going` those that read it. `check` gets the states before anything is done, and
    raises an EstateError to stop. Raises Failed, with nothing touched, for a layer that reads one that is not deployed.
    """
    backend.refuse_former_names(deployment.pulumi, deployment.states)
    check(deployment.states)
    if not deployment.preview_only:
        _require_lower(deployment.layers, deployment.deployed, deployment.pulumi.stack)
    try:
        return _planned_and_done(deployment, keep_going=keep_going)
    finally:
        deployment.finish()


def _planned_and_done(deployment: Deployment, *, keep_going: bool) -> Outcome:
    """Preview, have the plans approved, roll out, and remove what waited for the layers above."""
    environment, layers, display = deployment.pulumi.stack, deployment.layers, deployment.display
    planned = Outcome(environment=environment)
    if previewed := deployment.previewed:
        planned = _in_turn(
            environment, previewed, display, deployment.plan, keep_going=keep_going, headed=deployment.show_plan
        )
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
    failed = next(result.layer for result in planned.layers if result.result == FAILED)
    known = {result.layer: result for result in planned.layers if result.result not in (PLANNED, SKIPPED)}
    reason = f"the preview of layer {failed} failed; nothing was touched"
    planned.layers = [known.get(name) or LayerResult.skipped(name, reason) for name in layers]
    planned.touched = False
    return planned


def destroy(
    pulumi: Pulumi,
    states: Mapping[str, StackState],
    layers: tuple[str, ...],
    display: Display,
    recovery: Recovery,
    *,
    preview: bool = False,
    check_lease: Callable[[], None] = lambda: None,
) -> Outcome:
    """Destroy the layers, highest first; after a failure the layers below it are left as they are.

    `states` are those of all layers. `refuse_while_read` comes first. `check_lease` is as in Deployment.
    """

    def one(name: str) -> LayerResult:
        if name not in states:
            return LayerResult(layer=name, result=UNCHANGED)
        if preview:
            count = states[name].resource_count
            return LayerResult(layer=name, result=PLANNED if count else UNCHANGED, deleted=count)
        recovery.before(name)
        return _down(pulumi, name, display).unless_lost(check_lease)

    backend.refuse_former_names(pulumi, states)
    check_lease()
    return _in_turn(pulumi.stack, tuple(reversed(layers)), display, one)


def _in_turn(
    environment: str,
    layers: tuple[str, ...],
    display: Display,
    run: Callable[[str], LayerResult],
    *,
    keep_going: bool = False,
    headed: bool = True,
) -> Outcome:
    """Run one layer after the other; show a heading for each, or with `headed` False a line."""
    outcome = Outcome(environment=environment)
    started = time.monotonic()
    for position, name in enumerate(layers, start=1):
        if failed := _blocking(outcome, layer(name).reads if keep_going else layers):
            outcome.layers.append(LayerResult.skipped(name, f"layer {failed} failed"))
            continue
        if headed:
            display.layer(position, len(layers), name)
        result = _timed(name, display, run)
        keep_going = keep_going and result.error != INTERRUPTED
        if headed:
            display.layer_done(result)
        else:
            display.plan_line(result)
        outcome.layers.append(result)
    outcome.seconds = time.monotonic() - started
    return outcome


def _timed(name: str, display: Display, run: Callable[[str], LayerResult]) -> LayerResult:
    """Return the result of a layer's run, repeated after transient failures, with its duration."""
    started = time.monotonic()
    try:
        with display.working(f"layer {name}"):
            result = retried(lambda: run(name), display.line)
    except KeyboardInterrupt:
        # The engine has finished what was in flight; its state is whole.
        result = LayerResult(layer=name, result=FAILED, error=INTERRUPTED)
    except Failed as error:
        result = LayerResult.failed(name, error)
    result.seconds = time.monotonic() - started
    return result


def _blocking(outcome: Outcome, blocking: tuple[str, ...]) -> str | None:
    """Return the layer that failed if it, or one that was skipped for it, is among those that block the next one."""
    stopped = {result.layer for result in outcome.layers if result.result in (FAILED, SKIPPED)}
    failed = (result.layer for result in outcome.layers if result.result == FAILED)
    return next(failed, None) if stopped.intersection(blocking) else None


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


def refuse_while_read(states: Mapping[str, StackState], layers: tuple[str, ...], environment: str) -> None:
    """Raise Failed when a layer outside of `layers` that reads one of them is deployed; nothing is touched."""
    for name in layers:
        reading = [upper for upper in readers(name) if upper not in layers and upper in states]
        reading = [upper for upper in reading if states[upper].resources]
        if reading:
            top_down = "\n".join(f"scripts/destroy_layer.sh {upper} {environment}" for upper in reversed(reading))
            raise Failed(
                f"layer {name} can't be destroyed while {', '.join(reading)} "
                f"{'reads' if len(reading) == 1 else 'read'} it in {environment}; nothing was touched",
                f"destroy what reads it first:\n{top_down}\nor all layers: scripts/destroy_all.sh {environment}",
            )


def _down(pulumi: Pulumi, name: str, display: Display) -> LayerResult:
    changes = Changes(on_step=lambda step: display.step(step, planned=False))
    diagnostic = pulumi.destroy(name, changes.take)
    if not diagnostic:
        pulumi.remove_stack(name)
    return LayerResult.of(name, changes, diagnostic, DESTROYED)


def selected(only: str | None) -> tuple[str, ...]:
    """Return the layers of a command: one, or all in order."""
    return (only,) if only else LAYER_NAMES
