"""Repair of drift: it is read into the state, and a rollout restores the declaration."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from estate_tool.core.aws_errors import reaching
from estate_tool.core.errors import Failed
from estate_tool.drift import undeclared_permissions
from estate_tool.drift.detect import unexpected
from estate_tool.engine.events import Changes
from foundation.layers import LAYER_NAMES, readers

if TYPE_CHECKING:
    from collections.abc import Container, Mapping, Sequence

    from estate_tool.core.environment import Environment
    from estate_tool.drift.detect import Drift
    from estate_tool.engine.checkpoint import StackState
    from estate_tool.engine.cli import Pulumi


def take_in(pulumi: Pulumi, environment: Environment, drifted: Sequence[Drift]) -> tuple[str, ...]:
    """Read what drifted into the state, so that a rollout repairs it; return the layers to roll out.

    Undeclared permissions are removed here: no rollout would. What autoscaling explains is left alone.
    """
    affected = sorted({drift.layer for drift in unexpected(drifted)}, key=LAYER_NAMES.index)
    states = pulumi.states()
    with reaching(environment):
        for layer in affected:
            for permission in undeclared_permissions.found(environment.client, states[layer].resources):
                permission.remove()
    for layer in affected:
        urns = {drift.urn for drift in unexpected(drifted) if drift.layer == layer}
        _read(pulumi, environment, layer, states[layer], urns)
    # A resource that is made anew may have another ARN, such as a table's stream: layers that read it follow.
    following = {upper for layer in affected for upper in readers(layer) if upper in states and states[upper].resources}
    return tuple(layer for layer in LAYER_NAMES if layer in affected or layer in following)


def _read(pulumi: Pulumi, environment: Environment, layer: str, state: StackState, urns: Container[str]) -> None:
    """Read some of a layer's resources from AWS into its state."""
    changes = Changes()
    before = {one["urn"]: one.get("inputs") or {} for one in state.resources}
    # Resources that were never made, or are no longer the layer's, are the rollout's to see.
    diagnostic = pulumi.refresh(layer, sorted(urn for urn in before if urn in urns), changes.take)
    if diagnostic:
        raise Failed(
            f"layer {layer} can't be read: " + ("\n".join(changes.errors) or diagnostic),
            f"what is corrected stays; fix the cause, then: scripts/deploy_all.sh {environment.name}",
        )
    exported = pulumi.export_versioned(layer)
    if _put_ignored_back(exported["deployment"], before):
        pulumi.replace(layer, exported)


def _put_ignored_back(deployment: Mapping[str, Any], before: Mapping[str, Mapping[str, Any]]) -> bool:
    """Give inputs whose changes are ignored their former values again where AWS has none; return True if any was given.

    The engine takes such inputs from the state: of a table switched to on-demand, capacities of 0, which no provisioned
    table may have. What autoscaling has set is taken over as it is: the former value would be an update.
    """
    changed = False
    for one in deployment.get("resources") or []:
        for name in one.get("ignoreChanges") or ():
            former = before.get(one["urn"], {}).get(name)
            if former is not None and not one["inputs"].get(name):
                one["inputs"][name] = former
                changed = True
    return changed
