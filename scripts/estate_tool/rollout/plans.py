"""Previews of layers over the planned outputs of the layers below, and the changes in their plans that have to wait.

The engine knows only the present outputs of layers. A resource that a deployed higher layer still uses stays until that
layer has been rolled out.
"""

from __future__ import annotations

import contextlib
import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from estate_tool.engine.events import PLACEHOLDERS, UNKNOWN, Changes
from estate_tool.rollout import data_loss
from estate_tool.rollout.result import FAILED, PLANNED, LayerResult
from foundation.layers import layer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from estate_tool.engine.checkpoint import StackState
    from estate_tool.engine.cli import Pulumi
    from estate_tool.engine.events import Step
    from estate_tool.rollout.data_loss import DataLoss

ROLE_POLICY = "aws:iam/rolePolicy:RolePolicy"
Statement = dict[str, Any]


@dataclass(kw_only=True)
class Plan:
    """The preview of one layer: its result, each step of a rollout, and the losses of data by them."""

    result: LayerResult
    steps: tuple[Step, ...] = ()
    losses: tuple[DataLoss, ...] = ()


@dataclass(kw_only=True)
class Previews:
    """Runs previews, and remembers the outputs that they foresee where those differ from the present ones."""

    pulumi: Pulumi
    states: Mapping[str, StackState]
    on_step: Callable[[Step], None]
    outputs: dict[str, Any] = field(default_factory=dict)

    def run(self, name: str, *, refresh: bool = False) -> Plan:
        """Return the plan of a layer, whose stack must be there; nothing is changed."""
        lower = {each: self.outputs.get(each, UNKNOWN) for each in layer(name).reads if self._is_not_there(each)}
        changes = Changes(on_step=self.on_step)
        with contextlib.ExitStack() as planning:

            def before() -> None:
                from foundation import upstream  # which needs the SDK, loaded while the engine starts

                planning.enter_context(upstream.planned(lower))

            diagnostic = self.pulumi.preview(name, changes.take_preview, refresh=refresh, before=before)
        result = LayerResult.of(name, changes, diagnostic, PLANNED)
        result.unknown = sorted(_unknown(lower))
        if result.result == FAILED:
            return Plan(result=result.untouched())
        self._foresee(name, changes)
        losses = data_loss.of_plan(name, changes.steps, self.states.get(name))
        return Plan(result=result, steps=tuple(changes.steps), losses=tuple(losses))

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
    """Return a value of a layer in which nothing changes: its unknown parts are those of the present one."""
    if isinstance(value, dict):
        known = present if isinstance(present, dict) else {}
        return {key: _completed(item, known.get(key)) for key, item in value.items()}
    return present if value in PLACEHOLDERS else value


def _unknown(value: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    """Yield the paths of the unknown values in the outputs of layers."""
    for key, item in value.items():
        if isinstance(item, dict):
            yield from _unknown(item, f"{prefix}{key}.")
        elif item in PLACEHOLDERS:
            yield f"{prefix}{key}"


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """Changes of one layer that wait: URNs of resources to remove, and by policy the statements to remove."""

    urns: tuple[str, ...] = ()
    grants: Mapping[str, tuple[Statement, ...]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        """Return whether anything waits."""
        return bool(self.urns or self.grants)

    @property
    def names(self) -> list[str]:
        """The logical names of the resources."""
        return sorted({urn.rpartition("::")[2] for urn in self.urns} | set(self.grants))


def waiting(steps: Sequence[Step], above: Iterable[StackState], moving: Iterable[StackState]) -> Waiting:
    """Return the changes among a layer's planned `steps` that have to wait for deployed layers that read it.

    A removal waits while the state of one of them, `above`, names it. All removals of the layer wait then: they may
    depend on each other. Statements that a role's policy loses wait while a function with that role is in the state of
    a layer that is yet to be rolled out, `moving`.
    """
    removals = [step for step in steps if step.kind == "deleted"]
    named = _naming(above)
    urns = [step.urn for step in removals] if any(_names(step) & named for step in removals) else []
    taken = {step.name: grants for step in steps if step.kind == "updated" and (grants := _taken(step))}
    used = _naming(moving)
    grants = {step.name: taken[step.name] for step in steps if step.name in taken and _names(step) & used}
    return Waiting(urns=tuple(sorted(urns)), grants=grants)


def keeping(grants: Mapping[str, Sequence[Statement]]) -> Callable[[], None]:
    """Return a function that has policies of a program, by logical name, keep statements; to be called in its stack."""

    def kept(args: Any) -> Any:
        import pulumi

        if args.type_ != ROLE_POLICY or args.name not in grants:
            return None
        policy = pulumi.Output.from_input(args.props["policy"]).apply(lambda text: united(text, grants[args.name]))
        return pulumi.ResourceTransformationResult(props={**args.props, "policy": policy}, opts=args.opts)

    def register() -> None:
        from pulumi.runtime import register_stack_transformation

        if grants:
            register_stack_transformation(kept)

    return register


def united(policy: str, kept: Sequence[Statement]) -> str:
    """Return a policy document with further statements, under Sids of their own."""
    document = json.loads(policy)
    more = [{**statement, "Sid": f"Kept{position}"} for position, statement in enumerate(kept)]
    return json.dumps({**document, "Statement": [*document["Statement"], *more]})


def _taken(step: Step) -> tuple[Statement, ...]:
    """Return the statements that an update removes from a role's policy, but for those that guardrails would refuse."""
    from foundation.guardrails.access import is_allowed

    if step.type != ROLE_POLICY:
        return ()
    before, after = (_statements(resource) for resource in (step.old, step.new))
    left = [_without_sid(statement) for statement in after]
    gone = [one for one in before if after and one.get("Effect") == "Allow" and _without_sid(one) not in left]
    # A statement that was declared under other guardrails must not stop a rollout.
    return tuple(one for one in gone if is_allowed(one))


def _statements(resource: Mapping[str, Any]) -> list[Statement]:
    from foundation.guardrails.documents import entries

    try:
        return [dict(one) for one in entries(json.loads((resource.get("inputs") or {}).get("policy", "")))]
    except (ValueError, TypeError, AttributeError):
        return []  # not known yet, or nothing that IAM would take


def _without_sid(statement: Statement) -> Statement:
    return {key: value for key, value in statement.items() if key != "Sid"}


def _naming(states: Iterable[StackState]) -> set[str]:
    """Return each word in the states' resources of AWS: names, as they also stand in ARNs and URLs."""
    text = json.dumps([one for state in states for one in state.resources if str(one["type"]).startswith("aws:")])
    # Where a text holds JSON, as a dashboard does, an end of a line is an `n` after backslashes.
    return set(re.findall(r"[\w.-]+", re.sub(r"\\+[nrt]", " ", text)))


def _names(step: Step) -> set[str]:
    """Return the physical name of the resource that a step changes; a policy counts as its role."""
    known = {**(step.old.get("inputs") or {}), **(step.old.get("outputs") or {})}
    name = known.get("role" if step.type == ROLE_POLICY else "name")
    # Names within another resource, such as `live` of an alias, are those of others, too.
    return {name.rpartition("/")[2]} if isinstance(name, str) and "-" in name else set()
