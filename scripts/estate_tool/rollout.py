"""Rolls layers out in order and tears them down in reverse."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from estate_tool.changes import CHANGE_WORDS, Changes
from estate_tool.errors import Failed
from estate_tool.patience import patiently
from estate_tool.retries import is_transient_text
from foundation.layers import LAYER_NAMES, layer, readers

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from estate_tool.display import Display
    from estate_tool.pulumi_cli import Pulumi
    from estate_tool.recovery import Recovery

DEPLOYED, UNCHANGED, SKIPPED, FAILED, DESTROYED = "deployed", "unchanged", "skipped", "failed", "destroyed"
PLANNED = "planned"  # of a preview: the counts say what would be done
_INTERRUPTED = "interrupted; what was in flight has ended, the rest is as it was"


@dataclass(kw_only=True)
class LayerResult:
    """What happened to one layer; `seconds` is wall time, `error` says why it failed or was skipped.

    `transient` says that the same may work a little later.
    """

    layer: str
    result: str
    created: int = 0
    updated: int = 0
    replaced: int = 0
    deleted: int = 0
    same: int = 0
    seconds: float = 0.0
    error: str | None = None
    transient: bool = False

    def count(self, changes: Changes) -> None:
        """Takes over the counts of an engine run."""
        for word in (*CHANGE_WORDS, "same"):
            setattr(self, word, changes.counts[word])


@dataclass(kw_only=True)
class Outcome:
    """What happened to an environment, layer by layer, in the order it happened."""

    environment: str
    layers: list[LayerResult] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def failed(self) -> bool:
        """Whether a layer failed."""
        return any(result.result == FAILED for result in self.layers)

    @property
    def ok(self) -> bool:
        """Whether no layer failed and none was skipped."""
        return all(result.result not in (FAILED, SKIPPED) for result in self.layers)

    def as_json(self) -> dict[str, Any]:
        """The shape that `--json` promises."""
        return {
            "environment": self.environment,
            "ok": self.ok,
            "seconds": round(self.seconds, 3),
            "layers": [asdict(result) | {"seconds": round(result.seconds, 3)} for result in self.layers],
        }


def deploy(
    pulumi: Pulumi,
    layers: tuple[str, ...],
    display: Display,
    *,
    preview: bool = False,
    recovery: Recovery | None = None,
) -> Outcome:
    """Rolls the layers out, lowest first; after a failure the layers above it are skipped.

    With a `recovery`, what an interrupted run left of a layer is settled before the layer is touched.
    Raises Failed, before anything is touched, when a single layer is asked for and one it reads is not deployed.
    """
    stacks = pulumi.stacks()
    deployed = _deployed(stacks)
    if not preview:
        _require_lower(layers, deployed, pulumi.stack)

    def one(name: str) -> LayerResult:
        missing = [lower for lower in layer(name).reads if lower not in deployed]
        if missing:
            return LayerResult(layer=name, result=SKIPPED, error=f"reads {', '.join(missing)}, not deployed yet")
        if recovery and name in stacks and not preview:
            recovery.before(name)
        result = _up(pulumi, name, display, preview=preview, exists=name in stacks, recovery=recovery)
        if not preview:
            stacks.setdefault(name, 0)
        if result.result != FAILED and not preview:
            deployed.add(name)
        return result

    return _in_turn(pulumi.stack, layers, display, one)


def destroy(
    pulumi: Pulumi,
    layers: tuple[str, ...],
    display: Display,
    *,
    preview: bool = False,
    recovery: Recovery | None = None,
) -> Outcome:
    """Destroys the layers, highest first; after a failure the layers below it are left as they are.

    `refuse_while_read` comes first. `recovery` as in `deploy`.
    """
    stacks = pulumi.stacks()

    def one(name: str) -> LayerResult:
        if name not in stacks:
            return LayerResult(layer=name, result=UNCHANGED)
        if recovery and not preview:
            recovery.before(name)
        return _down(pulumi, name, display, preview=preview)

    return _in_turn(pulumi.stack, tuple(reversed(layers)), display, one)


def _in_turn(environment: str, layers: tuple[str, ...], display: Display, one: Callable[[str], LayerResult]) -> Outcome:
    outcome = Outcome(environment=environment)
    started = time.monotonic()
    for position, name in enumerate(layers, start=1):
        failed = next((result.layer for result in outcome.layers if result.result == FAILED), None)
        if failed is not None:
            outcome.layers.append(LayerResult(layer=name, result=SKIPPED, error=f"layer {failed} failed"))
            continue
        display.layer(position, len(layers), name)
        begun = time.monotonic()
        try:
            result = patiently(lambda name=name: one(name), display.line)
        except KeyboardInterrupt:
            # The engine has finished what was in flight; its state is whole.
            result = LayerResult(layer=name, result=FAILED, error=_INTERRUPTED)
        except Failed as error:
            result = LayerResult(layer=name, result=FAILED, error="\n".join(filter(None, (error.message, error.hint))))
        result.seconds = time.monotonic() - begun
        display.layer_done(result)
        outcome.layers.append(result)
    outcome.seconds = time.monotonic() - started
    return outcome


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


def _up(
    pulumi: Pulumi, name: str, display: Display, *, preview: bool, exists: bool, recovery: Recovery | None
) -> LayerResult:
    if not exists:
        pulumi.create_stack(name)
    changes = Changes(on_step=lambda step: display.step(step, planned=preview))
    if not preview:
        complaint = pulumi.up(name, changes.take)
        if recovery and changes.unanswered:
            recovery.after(name, changes.unanswered)
        return _result(name, changes, complaint, DEPLOYED)
    try:
        return _result(name, changes, pulumi.preview(name, changes.as_preview), PLANNED)
    finally:
        if not exists:
            pulumi.remove_stack(name)


def _down(pulumi: Pulumi, name: str, display: Display, *, preview: bool) -> LayerResult:
    changes = Changes(on_step=lambda step: display.step(step, planned=preview))
    if preview:
        resources = pulumi.export(name).get("resources") or []
        changes.counts["deleted"] = sum(1 for resource in resources if str(resource["type"]).startswith("aws:"))
        return _result(name, changes, "", PLANNED)
    complaint = pulumi.destroy(name, changes.take)
    if not complaint:
        pulumi.remove_stack(name)
    return _result(name, changes, complaint, DESTROYED)


def _result(name: str, changes: Changes, complaint: str, done: str) -> LayerResult:
    result = LayerResult(layer=name, result=done if changes.any else UNCHANGED)
    result.count(changes)
    if complaint:
        result.result = FAILED
        errors = changes.errors or [complaint]
        result.error = "\n".join(errors)
        result.transient = all(is_transient_text(error) for error in errors)
    return result


def selected(only: str | None) -> tuple[str, ...]:
    """The layers a command is about: one, or all in order."""
    return (only,) if only else LAYER_NAMES
