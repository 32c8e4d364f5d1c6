"""One rollout or preview: runs the engine for layers whose inputs changed, and keeps a record of what came of it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from estate_tool.core.errors import Failed
from estate_tool.engine.checkpoint import Record, StackState
from estate_tool.engine.events import Changes
from estate_tool.engine.inline_program import load_ahead
from estate_tool.rollout import data_loss, plans
from estate_tool.rollout.plans import Plan, Previews, Waiting
from estate_tool.rollout.recovery import Background, NewStacks
from estate_tool.rollout.result import DEPLOYED, FAILED, SKIPPED, UNCHANGED, LayerResult
from foundation.layers import LAYER_NAMES, layer, readers

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from concurrent.futures import Future

    from estate_tool.engine.cli import Pulumi
    from estate_tool.engine.events import Step
    from estate_tool.engine.provenance import Provenance
    from estate_tool.rollout.display import Display
    from estate_tool.rollout.fingerprint import Inputs
    from estate_tool.rollout.recovery import Recovery

    # Hears of plans before a layer is touched; raises an EstateError to keep it from being touched.
    Approve = Callable[[Mapping[str, Plan]], None]


@dataclass(kw_only=True)
class Deployment:
    """Previews `layers`, or rolls them out, one after the other; call `finish` at the end.

    Without `inputs` every layer is run and no record kept, which holds the code's `origin` too. `preview_only` leaves
    nothing behind, not even what a killed run left unfinished is settled. `approve` is asked by `up` about plans that
    were not made by `plan`. `still_ours` raises Failed when another command has taken the environment.
    """

    pulumi: Pulumi
    display: Display
    layers: tuple[str, ...] = LAYER_NAMES
    preview_only: bool = False
    skip_preview: bool = False
    force: bool = False
    recovery: Recovery | None = None
    inputs: Inputs | None = None
    approve: Approve = lambda _: None
    still_ours: Callable[[], None] = lambda: None
    origin: Provenance | None = None
    on_planned: Callable[[Step], None] = lambda _: None
    states: dict[str, StackState] = field(init=False)
    plans: dict[str, Plan] = field(default_factory=dict)
    # By layer, what it would take away and layers above it still use: `remove` does so in the end.
    waiting: dict[str, Waiting] = field(default_factory=dict)
    _rolled_out: set[str] = field(default_factory=set)
    _keeping: dict[str, Future[None]] = field(default_factory=dict)
    _settled: set[str] = field(default_factory=set)
    _checked: set[str] = field(default_factory=set)
    _background: Background = field(default_factory=Background)

    def __post_init__(self) -> None:
        self.states = self.pulumi.states()
        self._new = NewStacks(pulumi=self.pulumi, recovery=self.recovery, background=self._background)
        self._previews = Previews(pulumi=self.pulumi, states=self.states, on_step=self.on_planned)

    @property
    def deployed(self) -> set[str]:
        """The layers that are there."""
        return {name for name, state in self.states.items() if state.resources}

    @property
    def previewed(self) -> tuple[str, ...]:
        """The layers to preview: all, or with `skip_preview` those from which something may be taken away."""
        return tuple(name for name in self.layers if not self.skip_preview or self._may_be_missed(name))

    def _may_be_missed(self, name: str) -> bool:
        """Return whether there may be data in a layer, or a deployed one reads it."""
        used = any(upper in self.deployed for upper in readers(name))
        return name in self.states and (used or bool(data_loss.of_teardown(name, self.states[name])))

    def plan(self, name: str) -> LayerResult:
        """Previews a layer, unless its inputs are those of its last successful rollout."""
        digest = self._digest(name, planned=True)
        if self._is_unchanged(name, digest):
            return self._unchanged(name)
        self._ready(name)
        plan = self._previews.run(name, refresh=self._is_elsewhere(name))
        if self.preview_only:
            self._new.remove(name)
        self.plans[name] = plan
        return plan.result

    def up(self, name: str) -> LayerResult:
        """Does what the layer needs, which is nothing when its inputs are those of its last successful rollout."""
        missing = [lower for lower in layer(name).reads if lower not in self.deployed]
        if missing:
            return LayerResult(
                layer=name, result=SKIPPED, error=f"reads {', '.join(missing)}, not deployed yet", ran=False
            )
        digest = self._digest(name, planned=False)
        if self._is_unchanged(name, digest):
            return self._unchanged(name)
        if name in self.previewed and name not in self.plans:
            # No layer is touched without a plan; that this one would change could not be foreseen.
            self._previews.outputs.clear()
            if self.plan(name).result != FAILED:
                self.approve({name: self.plans[name]})
        plan = self.plans.get(name)
        if plan and plan.result.result == FAILED:
            return plan.result
        self.waiting[name] = self._still_used(name)
        return self._up(name, digest)

    def remove(self, name: str) -> LayerResult:
        """Takes away what waited for the layers above, unless one of them still uses it."""
        self.waiting[name] = self._still_used(name)
        if self.waiting[name]:
            self.display.line(f"      stays, as a layer above still uses it: {', '.join(self.waiting[name].names)}")
            return LayerResult(layer=name, result=UNCHANGED, ran=False, kept=self.waiting[name].names)
        # Messages may have come since the plans were approved.
        plan = self.plans[name]
        gone = tuple(threat for threat in plan.threats if threat.change == data_loss.DELETED)
        self.approve({name: replace(plan, threats=gone)})
        return self._up(name, self._digest(name, planned=False))

    def _still_used(self, name: str) -> Waiting:
        """Return the removals and grants of the layer's plan that deployed layers still use."""
        plan = self.plans.get(name)
        if plan is None or self._is_elsewhere(name):
            return Waiting()
        above = [upper for upper in readers(name) if upper in self.deployed]
        moving = [upper for upper in above if not self._is_as_declared(upper)]
        return plans.waiting(plan.steps, *([self.states[upper] for upper in each] for each in (above, moving)))

    def _is_as_declared(self, name: str) -> bool:
        """Return whether nothing would change in a deployed layer, or nothing any more."""
        if name in self._rolled_out:
            return True
        plan = self.plans.get(name)
        return not plan.steps if plan else self._is_unchanged(name, self._digest(name, planned=True))

    def finish(self) -> None:
        """Returns when all records are kept, and stacks of layers whose turn never came are gone."""
        for name in tuple(self._keeping):
            self._kept(name)
        self._new.remove_all_but(set(self.states))
        self._background.end()

    def _is_unchanged(self, name: str, digest: str) -> bool:
        state = self.states.get(name)
        return bool(self.inputs and state and not self.force and state.is_result_of(digest, self.inputs.aws))

    def _unchanged(self, name: str) -> LayerResult:
        return LayerResult(layer=name, result=UNCHANGED, same=self.states[name].made, ran=False)

    def _kept(self, name: str) -> None:
        """Returns when a record of the layer that is being kept is; if it can't be, the next rollout has a run more."""
        try:
            if future := self._keeping.pop(name, None):
                future.result()
        except Failed as error:
            self.display.line(f"layer {name} will be run again next time: its record was not kept: {error.message}")

    def _digest(self, name: str, *, planned: bool) -> str:
        if not self.inputs:
            return ""
        outputs = {lower: state.outputs for lower, state in self.states.items()}
        return self.inputs.digest(name, {**outputs, **(self._previews.outputs if planned else {})})

    def _ready(self, name: str) -> None:
        """Has the layer's stack made, or settles what a killed run left of it; begins to make the next layer's."""
        if not self.preview_only:
            self._check("state")
        if name not in self.states:
            load_ahead(name)  # while the stack is made
            self._new.require(name)
        elif self.recovery and not self.preview_only and name not in self._settled:
            self.recovery.before(name)
            self._settled.add(name)
        above = self.layers[self.layers.index(name) + 1 :]
        if above and above[0] not in self.states:
            self._new.begin(above[0])

    def _check(self, before: str) -> None:
        """Raises Failed when the environment is not ours, before the first change of a kind."""
        if before not in self._checked:
            self.still_ours()
        self._checked.add(before)

    def _up(self, name: str, digest: str) -> LayerResult:
        self._kept(name)
        self._ready(name)
        self._check("rollout")
        # What this run leaves has to be looked at before the next one.
        self._settled.discard(name)
        changes, diagnostic = Changes(on_step=lambda step: self.display.step(step, planned=False)), "interrupted"
        waiting = self.waiting.get(name, Waiting())
        if waiting:
            self.display.line(f"      taken away last, as a layer above still uses it: {', '.join(waiting.names)}")
        try:
            diagnostic = self.pulumi.up(
                name,
                changes.take,
                refresh=self._is_elsewhere(name),
                exclude=waiting.urns,
                before=plans.keeping(waiting.grants),
            )
            if self.recovery and changes.unanswered:
                self.recovery.after(name, changes.unanswered)
        finally:
            self._keep(name, digest, succeeded=not diagnostic and not waiting)
        if not diagnostic:
            self._rolled_out.add(name)
        result = LayerResult.of(name, changes, diagnostic, DEPLOYED).unless_lost(self.still_ours)
        return replace(result, kept=waiting.names)

    def _is_elsewhere(self, name: str) -> bool:
        """True if the state is of an embedded AWS that has been reset since, so that none of it is true."""
        state = self.states.get(name)
        record = state.record if state else None
        return bool(self.inputs and record and record.aws and record.aws != self.inputs.aws)

    def _keep(self, name: str, digest: str, *, succeeded: bool) -> None:
        """Notes how a layer was left, while the next one is rolled out."""
        self.states.update(self.pulumi.states((name,)))
        if not self.inputs:
            return
        record = Record(aws=self.inputs.aws, origin=self.origin)
        # Inputs edited meanwhile: the engine may have seen either version.
        if succeeded and digest and self._digest(name, planned=False) == digest:
            record = replace(record, inputs=digest, state=self.states[name].digest)
        self._keeping[name] = self._background.do(self.pulumi.keep_record, name, record)
