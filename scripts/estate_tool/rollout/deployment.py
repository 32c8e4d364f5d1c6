"""One rollout or preview: runs the engine for layers whose inputs changed, and keeps a record of each result."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from estate_tool.core.errors import Failed
from estate_tool.engine.checkpoint import Record, StackState
from estate_tool.engine.events import Changes
from estate_tool.engine.inline_program import load_ahead
from estate_tool.rollout import data_loss, plans
from estate_tool.rollout.plans import Plan, Previews, Waiting
from estate_tool.rollout.result import DEPLOYED, FAILED, UNCHANGED, LayerResult
from foundation.layers import layer, readers

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from estate_tool.engine.cli import Pulumi
    from estate_tool.engine.events import Step
    from estate_tool.engine.provenance import Provenance
    from estate_tool.rollout.display import Display
    from estate_tool.rollout.fingerprint import Inputs
    from estate_tool.rollout.recovery import Recovery


@dataclass(kw_only=True)
class Deployment:
    """Previews `layers`, or rolls them out, one after the other; `finish` has to be called at the end.

    A layer whose `inputs` are those of its last successful rollout is left alone, unless `force` is set. `origin` of
    the code is part of a layer's record. `recovery` settles first what an interrupted run left of a layer.
    `approve` gets the plan of each layer that would be run before any of them is touched, and raises an EstateError to
    stop; it is called again for a layer whose change only the rollout below it brought about. `check_lease` raises
    Failed when another command has taken the environment.

    `skip_preview` is quicker: errors that a preview would have found are found half-way. Layers from which something
    may be removed are previewed all the same. `preview_only` leaves nothing behind, and settles nothing. `show_plan`
    has the steps of a plan shown.
    """

    pulumi: Pulumi
    display: Display
    layers: tuple[str, ...]
    recovery: Recovery
    inputs: Inputs
    origin: Provenance | None
    approve: Callable[[Mapping[str, Plan]], None]
    check_lease: Callable[[], None]
    preview_only: bool = False
    skip_preview: bool = False
    show_plan: bool = False
    force: bool = False
    states: dict[str, StackState] = field(init=False)
    plans: dict[str, Plan] = field(default_factory=dict)
    # By layer, the changes that wait, as layers above it still use what would go: `remove` makes them in the end.
    waiting: dict[str, Waiting] = field(default_factory=dict)
    _rolled_out: set[str] = field(default_factory=set)
    _settled: set[str] = field(default_factory=set)
    _checked: set[str] = field(default_factory=set)
    # Calls of the engine's that are made while the main thread waits for a run, one after the other.
    _background: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(max_workers=1))
    _new_stacks: dict[str, Future[None]] = field(default_factory=dict)
    _records: dict[str, Future[None]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.states = self.pulumi.states()
        self.show_plan = self.show_plan or self.preview_only
        self._previews = Previews(pulumi=self.pulumi, states=self.states, on_step=self._show_planned)

    def _show_planned(self, step: Step) -> None:
        if self.show_plan:
            self.display.step(step, planned=True)

    @property
    def deployed(self) -> set[str]:
        """The layers that are there."""
        return {name for name, state in self.states.items() if state.resources}

    @property
    def previewed(self) -> tuple[str, ...]:
        """The layers to preview: all, or with `skip_preview` those from which something may be removed."""
        return tuple(name for name in self.layers if not self.skip_preview or self._may_be_missed(name))

    def _may_be_missed(self, name: str) -> bool:
        """Return True if there may be data in a layer, or a deployed one reads it."""
        used = any(upper in self.deployed for upper in readers(name))
        return name in self.states and (used or bool(data_loss.of_teardown(name, self.states[name])))

    def plan(self, name: str) -> LayerResult:
        """Preview a layer, unless its inputs are those of its last successful rollout."""
        if self._is_unchanged(name, self._digest(name, planned=True)):
            return self._unchanged(name)
        self._make_ready(name)
        plan = self._previews.run(name, refresh=self._is_elsewhere(name))
        if self.preview_only:
            self._remove_new_stack(name)
        self.plans[name] = plan
        return plan.result

    def up(self, name: str) -> LayerResult:
        """Roll a layer out, unless its inputs are those of its last successful rollout."""
        missing = [lower for lower in layer(name).reads if lower not in self.deployed]
        if missing:
            return LayerResult.skipped(name, f"reads {', '.join(missing)}, not deployed yet")
        digest = self._digest(name, planned=False)
        if self._is_unchanged(name, digest):
            return self._unchanged(name)
        if name in self.previewed and name not in self.plans:
            # No layer is touched without a plan; the first previews could not foresee that this one would change.
            self._previews.outputs.clear()
            if self.plan(name).result != FAILED:
                self.approve({name: self.plans[name]})
        plan = self.plans.get(name)
        if plan and plan.result.result == FAILED:
            return plan.result
        self.waiting[name] = self._still_used(name)
        return self._up(name, digest)

    def remove(self, name: str) -> LayerResult:
        """Make the changes that waited for the layers above, unless one of them still uses what would go."""
        self.waiting[name] = self._still_used(name)
        if self.waiting[name]:
            self.display.line(f"      stays, as a layer above still uses it: {', '.join(self.waiting[name].names)}")
            return LayerResult(layer=name, result=UNCHANGED, ran=False, kept=self.waiting[name].names)
        # Messages may have come since the plans were approved.
        plan = self.plans[name]
        deleted = tuple(loss for loss in plan.losses if loss.change == data_loss.DELETED)
        self.approve({name: replace(plan, losses=deleted)})
        return self._up(name, self._digest(name, planned=False))

    def finish(self) -> None:
        """Return when all records are kept, and new stacks of layers that were not rolled out are gone."""
        for name in tuple(self._records):
            self._await_record(name)
        for name in self._new_stacks.keys() - self.states.keys():
            self._remove_new_stack(name)
        self._background.shutdown()

    def _still_used(self, name: str) -> Waiting:
        """Return the removals and grants of the layer's plan that deployed layers still use."""
        plan = self.plans.get(name)
        if plan is None or self._is_elsewhere(name):
            return Waiting()
        above = [upper for upper in readers(name) if upper in self.deployed]
        moving = [upper for upper in above if not self._is_as_declared(upper)]
        return plans.waiting(plan.steps, *([self.states[upper] for upper in each] for each in (above, moving)))

    def _is_as_declared(self, name: str) -> bool:
        """Return True if this rollout changes nothing in a deployed layer, or nothing any more."""
        if name in self._rolled_out:
            return True
        plan = self.plans.get(name)
        return not plan.steps if plan else self._is_unchanged(name, self._digest(name, planned=True))

    def _is_unchanged(self, name: str, digest: str) -> bool:
        state = self.states.get(name)
        return bool(state and not self.force and state.is_result_of(digest, self.inputs.aws))

    def _unchanged(self, name: str) -> LayerResult:
        return LayerResult(layer=name, result=UNCHANGED, same=self.states[name].resource_count, ran=False)

    def _is_elsewhere(self, name: str) -> bool:
        """Return True if the state is of an embedded AWS that has been reset since, so that none of it is true."""
        state = self.states.get(name)
        record = state.record if state else None
        return bool(record and record.aws and record.aws != self.inputs.aws)

    def _digest(self, name: str, *, planned: bool) -> str:
        outputs = {lower: state.outputs for lower, state in self.states.items()}
        return self.inputs.digest(name, {**outputs, **(self._previews.outputs if planned else {})})

    def _make_ready(self, name: str) -> None:
        """Make the layer's stack, or settle what a killed run left of it; begin to make the next layer's."""
        if not self.preview_only:
            self._check_once("state")
        if name not in self.states:
            load_ahead(name)  # while the stack is made
            self._begin_stack(name).result()
        elif not self.preview_only and name not in self._settled:
            self.recovery.before(name)
            self._settled.add(name)
        above = self.layers[self.layers.index(name) + 1 :]
        if above and above[0] not in self.states:
            self._begin_stack(above[0])

    def _check_once(self, before: str) -> None:
        """Check the lease before the first change of a kind."""
        if before not in self._checked:
            self.check_lease()
        self._checked.add(before)

    def _up(self, name: str, digest: str) -> LayerResult:
        self._await_record(name)
        self._make_ready(name)
        self._check_once("rollout")
        # The next run has to look at what this one leaves.
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
            if changes.unanswered:
                self.recovery.after(name, changes.unanswered)
        finally:
            self._record(name, digest, succeeded=not diagnostic and not waiting)
        if not diagnostic:
            self._rolled_out.add(name)
        result = LayerResult.of(name, changes, diagnostic, DEPLOYED).unless_lost(self.check_lease)
        return replace(result, kept=waiting.names)

    def _record(self, name: str, digest: str, *, succeeded: bool) -> None:
        """Begin to keep a record of the layer's rollout, while the next one is rolled out."""
        self.states.update(self.pulumi.states((name,)))
        record = Record(aws=self.inputs.aws, origin=self.origin)
        # Inputs edited meanwhile: the engine may have seen either version.
        if succeeded and digest and self._digest(name, planned=False) == digest:
            record = replace(record, inputs=digest, state=self.states[name].digest)
        self._records[name] = self._background.submit(self.pulumi.keep_record, name, record)

    def _await_record(self, name: str) -> None:
        """Return when the layer's record is kept; without it, the next rollout runs the layer again."""
        try:
            if future := self._records.pop(name, None):
                future.result()
        except Failed as error:
            self.display.line(f"layer {name} will be run again next time: its record was not kept: {error.message}")

    def _begin_stack(self, name: str) -> Future[None]:
        """Begin to make the stack of a layer, unless that has begun."""

        def make() -> None:
            self.recovery.free(name)
            self.pulumi.create_stack(name)

        if name not in self._new_stacks:
            self._new_stacks[name] = self._background.submit(make)
        return self._new_stacks[name]

    def _remove_new_stack(self, name: str) -> None:
        """Begin to remove a stack that was made here, and is empty."""
        made = self._new_stacks.pop(name, None)
        if made and not made.exception():
            self._background.submit(self.pulumi.remove_stack, name)
