"""Previews of layers, each over what the layers below it would hand out: the engine knows only what they do now."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from estate_tool.engine.events import UNKNOWN, UNKNOWN_WORDS, Changes
from estate_tool.rollout import data_loss
from estate_tool.rollout.result import FAILED, PLANNED, LayerResult
from foundation.layers import layer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from estate_tool.engine.checkpoint import StackState
    from estate_tool.engine.cli import Pulumi
    from estate_tool.engine.events import Step
    from estate_tool.rollout.data_loss import Threat


@dataclass(kw_only=True)
class Plan:
    """The preview of one layer: its result, each step that a rollout would take, and those that may destroy data."""

    result: LayerResult
    steps: tuple[Step, ...] = ()
    threats: tuple[Threat, ...] = ()


@dataclass(kw_only=True)
class Previews:
    """Runs previews, and remembers the outputs that they foresee where those are not what a layer hands out now."""

    pulumi: Pulumi
    states: Mapping[str, StackState]
    on_step: Callable[[Step], None]
    outputs: dict[str, Any] = field(default_factory=dict)

    def run(self, name: str, *, refresh: bool = False) -> Plan:
        """The plan of a layer, whose stack must be there; nothing is changed."""
        lower = {each: self.outputs.get(each, UNKNOWN) for each in layer(name).reads if self._is_not_there(each)}
        changes = Changes(on_step=self.on_step)
        with contextlib.ExitStack() as planning:

            def before() -> None:
                from foundation import upstream  # which needs the SDK, loaded while the engine starts

                planning.enter_context(upstream.planned(lower))

            diagnostic = self.pulumi.preview(name, changes.as_preview, refresh=refresh, before=before)
        result = LayerResult.of(name, changes, diagnostic, PLANNED)
        result.unknown = sorted(_unknown(lower))
        if result.result == FAILED:
            return Plan(result=result.untouched())
        self._foresee(name, changes)
        threats = data_loss.threats(name, changes.steps, self.states.get(name))
        return Plan(result=result, steps=tuple(changes.steps), threats=tuple(threats))

    def _is_not_there(self, name: str) -> bool:
        state = self.states.get(name)
        return name in self.outputs or not (state and state.resources)

    def _foresee(self, name: str, changes: Changes) -> None:
        state = self.states.get(name)
        present = state.outputs if state else {}
        outputs = changes.outputs if changes.any else _completed(changes.outputs, present)
        if outputs != present:
            self.outputs[name] = outputs


def _completed(value: Any, present: Any) -> Any:
    """A value with what is unknown in it taken from the present one: true of a layer in which nothing changes."""
    if isinstance(value, dict):
        known = present if isinstance(present, dict) else {}
        return {key: _completed(item, known.get(key)) for key, item in value.items()}
    return present if value in UNKNOWN_WORDS else value


def _unknown(value: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    """The paths of what is not known in the outputs of layers."""
    for key, item in value.items():
        if isinstance(item, dict):
            yield from _unknown(item, f"{prefix}{key}.")
        elif item in UNKNOWN_WORDS:
            yield f"{prefix}{key}"
