"""One rollout or preview: runs the engine for layers whose inputs changed, and keeps a record of what came of it."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from estate_tool.changes import UNKNOWN, UNKNOWN_WORDS, Changes
from estate_tool.errors import Failed
from estate_tool.outcome import DEPLOYED, FAILED, PLANNED, SKIPPED, UNCHANGED, LayerResult
from estate_tool.stack_state import Record, StackState
from foundation.layers import LAYER_NAMES, layer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from concurrent.futures import Future, ThreadPoolExecutor

    from estate_tool.display import Display
    from estate_tool.inputs import Inputs
    from estate_tool.pulumi_cli import Pulumi
    from estate_tool.recovery import Recovery


@dataclass(kw_only=True)
class Deployment:
    """Rolls `layers` out, or previews them, one after the other.

    Without `inputs` every layer is run and no record kept. Call `finish` at the end.
    """

    pulumi: Pulumi
    display: Display
    layers: tuple[str, ...] = LAYER_NAMES
    preview: bool = False
    force: bool = False
    recovery: Recovery | None = None
    inputs: Inputs | None = None
    states: dict[str, StackState] = field(init=False)
    _planned: dict[str, Any] = field(default_factory=dict)
    # What is done while a layer is rolled out: the record of the one before is kept, the stack of the next one made.
    _keeping: dict[str, Future[None]] = field(default_factory=dict)
    _making: dict[str, Future[None]] = field(default_factory=dict)
    _pool: ThreadPoolExecutor | None = None

    def __post_init__(self) -> None:
        self.states = self.pulumi.states()

    @property
    def deployed(self) -> set[str]:
        """The layers that are there."""
        return {name for name, state in self.states.items() if state.resources}

    def one(self, name: str) -> LayerResult:
        """Does what the layer needs, which is nothing when its inputs are those of its last successful rollout."""
        missing = [lower for lower in layer(name).reads if lower not in self.deployed]
        if missing and not self.preview:
            return LayerResult(
                layer=name, result=SKIPPED, error=f"reads {', '.join(missing)}, not deployed yet", ran=False
            )
        digest, state = self._digest(name), self.states.get(name)
        if self.inputs and state and not self.force and state.is_result_of(digest, self.inputs.aws):
            return LayerResult(layer=name, result=UNCHANGED, same=state.made, ran=False)
        return self._plan(name) if self.preview else self._up(name, digest)

    def finish(self) -> None:
        """Returns when all records are kept, and stacks of layers whose turn never came are gone."""
        for name in tuple(self._keeping):
            self._kept(name)
        for name, made in self._making.items():
            with contextlib.suppress(Failed):
                made.result()
                self.pulumi.remove_stack(name)
        if self._pool:
            self._pool.shutdown()

    def _meanwhile(self, do: Callable[..., None], *arguments: Any) -> Future[None]:
        """Does it while the main thread waits for the engine, one thing after the other."""
        if self._pool is None:
            from concurrent.futures import ThreadPoolExecutor

            self._pool = ThreadPoolExecutor(max_workers=1)
        return self._pool.submit(do, *arguments)

    def _kept(self, name: str) -> None:
        """Returns when a record of the layer that is being kept is; if it can't be, the next rollout has a run more."""
        try:
            if future := self._keeping.pop(name, None):
                future.result()
        except Failed as error:
            self.display.line(f"layer {name} will be run again next time: its record was not kept: {error.message}")

    def _digest(self, name: str) -> str:
        if not self.inputs:
            return ""
        outputs = {lower: state.outputs for lower, state in self.states.items()}
        return self.inputs.digest(name, {**outputs, **self._planned})

    def _up(self, name: str, digest: str) -> LayerResult:
        self._kept(name)
        state = self.states.get(name)
        if state is None:
            self._make(name)
        elif self.recovery:
            self.recovery.before(name)
        self._make_ahead(name)
        changes, complaint = Changes(on_step=lambda step: self.display.step(step, planned=False)), "interrupted"
        try:
            complaint = self.pulumi.up(name, changes.take, refresh=self._is_elsewhere(state))
            if self.recovery and changes.unanswered:
                self.recovery.after(name, changes.unanswered)
        finally:
            self._keep(name, digest, succeeded=not complaint)
        return LayerResult.of(name, changes, complaint, DEPLOYED)

    def _make(self, name: str) -> None:
        if made := self._making.pop(name, None):
            made.result()
        else:
            self._create(name)

    def _create(self, name: str) -> None:
        if self.recovery:
            self.recovery.free(name)
        self.pulumi.create_stack(name)

    def _make_ahead(self, name: str) -> None:
        """Has the stack made of the layer whose turn is next, if it has none."""
        above = self.layers[self.layers.index(name) + 1 :]
        if above and above[0] not in self.states and above[0] not in self._making:
            self._making[above[0]] = self._meanwhile(self._create, above[0])

    def _is_elsewhere(self, state: StackState | None) -> bool:
        """Whether the state tells of an embedded AWS that has been reset since, so that none of it is true."""
        record = state.record if state else None
        return bool(self.inputs and record and record.aws and record.aws != self.inputs.aws)

    def _keep(self, name: str, digest: str, *, succeeded: bool) -> None:
        """Notes how a layer was left, while the next one is rolled out."""
        self.states.update(self.pulumi.states((name,)))
        if not self.inputs:
            return
        record = Record(aws=self.inputs.aws)
        # Inputs edited meanwhile: nobody knows what the engine saw of it.
        if succeeded and digest and self._digest(name) == digest:
            record = Record(inputs=digest, state=self.states[name].digest, aws=self.inputs.aws)
        self._keeping[name] = self._meanwhile(self.pulumi.keep_record, name, record)

    def _plan(self, name: str) -> LayerResult:
        """Previews a layer over what the layers below it would hand out; the engine knows only what they do now."""
        from foundation import upstream

        lower = {each: self._planned.get(each, UNKNOWN) for each in layer(name).reads if self._is_not_there(each)}
        changes = Changes(on_step=lambda step: self.display.step(step, planned=True))
        exists = name in self.states
        if not exists:
            self._create(name)
        try:
            with upstream.planned(lower):
                complaint = self.pulumi.preview(name, changes.as_preview)
        finally:
            if not exists:
                self.pulumi.remove_stack(name)
        result = LayerResult.of(name, changes, complaint, PLANNED)
        result.unknown = sorted(_unknown(lower))
        if result.result != FAILED:
            self._foresee(name, changes)
        return result

    def _is_not_there(self, name: str) -> bool:
        return name in self._planned or name not in self.deployed

    def _foresee(self, name: str, changes: Changes) -> None:
        """Remembers what a layer would hand out, where that is not what it hands out now."""
        state = self.states.get(name)
        present = state.outputs if state else {}
        outputs = changes.outputs if changes.any else _completed(changes.outputs, present)
        if outputs != present:
            self._planned[name] = outputs


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
