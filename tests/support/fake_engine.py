"""An engine that keeps its stacks in memory, for tests of rollouts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from estate_tool.core.errors import Failed
from estate_tool.engine.checkpoint import Record, StackState
from estate_tool.rollout import orchestration
from estate_tool.rollout.deployment import Deployment
from estate_tool.rollout.display import Display
from foundation import upstream
from foundation.layers import LAYER_NAMES
from foundation.layers import layer as declared

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def event(layer: str, op: str, resource_type: str = "aws:sqs/queue:Queue", name: str = "q") -> dict[str, Any]:
    urn = f"urn:pulumi:dev::{layer}::estate:data:DeadLetteredQueue${resource_type}::{name}"
    metadata = {"op": op, "urn": urn, "type": resource_type}
    return {"resourcePreEvent": {"metadata": metadata}, "resOutputsEvent": {"metadata": metadata}}


def broken(layer: str) -> dict[str, Any]:
    urn = f"urn:pulumi:dev::{layer}::aws:sqs/queue:Queue::q"
    return {
        "policyEvent": {"resourceUrn": urn, "enforcementLevel": "mandatory", "policyName": "region", "message": "mars"}
    }


class FakePulumi:
    """An engine that remembers which layers have a stack and what it was asked to do."""

    stack, version = "dev", "3.259.0"

    def __init__(
        self, deployed: tuple[str, ...] = (), failing: str | None = None, refused: str | None = None,
        full: str | None = None, unchanged: bool = False,
    ) -> None:  # fmt: skip
        """Layers whose run fails, whose preview is refused by a guardrail, and whose stack can't be made."""
        self.resources = dict.fromkeys(deployed, 3)
        self.failing, self.refused, self.full, self.unchanged = failing, refused, full, unchanged
        self.calls: list[tuple[str, str]] = []
        self.records: dict[str, Record] = {}
        self.kept_lease = ""
        self.outputs: dict[str, Any] = {}
        self.refreshed: list[str] = []
        self.excluded: list[tuple[str, tuple[str, ...]]] = []
        self.refreshed_first: list[str] = []
        # Of previews: the outputs they end with, and the plans of lower layers that each was given.
        self.foreseen: dict[str, Any] = {}
        self.seen: dict[str, Any] = {}
        # Each run leaves another state, whatever it did.
        self.runs = 0
        self.times = dict.fromkeys(deployed, 0)

    def former(self) -> dict[str, str]:
        return {}

    def states(self, layers: tuple[str, ...] = LAYER_NAMES) -> dict[str, StackState]:
        return {
            layer: StackState(deployment=self.deployment(layer), record=self.records.get(layer))
            for layer in layers
            if layer in self.resources
        }

    def deployment(self, layer: str) -> dict[str, Any]:
        stack = {"type": "pulumi:pulumi:Stack", "outputs": self.outputs.get(layer, {})}
        role = {"type": "aws:iam/role:Role", "outputs": {"run": self.times.get(layer)}}
        return {"resources": [stack, *[role] * (self.resources[layer] - 1)] if self.resources[layer] else []}

    def keep_record(self, layer: str, record: Record) -> None:
        self.records[layer] = record

    def lease(self) -> str | None:
        return self.kept_lease if "foundation" in self.resources else None

    def keep_lease(self, text: str) -> None:
        self.kept_lease = text

    def end_lease(self) -> None:
        self.kept_lease = ""

    def create_stack(self, layer: str) -> None:
        if layer == self.full:
            raise Failed("no space left")
        self.calls.append(("create_stack", layer))
        self.resources[layer] = 0

    def remove_stack(self, layer: str) -> None:
        self.calls.append(("remove_stack", layer))
        del self.resources[layer]

    def up(
        self,
        layer: str,
        on_event: Callable[[Mapping[str, Any]], None],
        *,
        refresh: bool = False,
        exclude: tuple[str, ...] = (),
        before: Callable[[], None] = lambda: None,
    ) -> str:
        self.excluded += [(layer, exclude)] if exclude else []
        before()
        self.calls.append(("up", layer))
        self.refreshed += [layer] if refresh else []
        self.runs += 1
        self.times[layer] = self.runs
        if layer == self.failing:
            on_event({"diagnosticEvent": {"severity": "error", "urn": "urn:a::b::c::queue", "message": "denied\n"}})
            return "update failed"
        on_event(event(layer, "same" if self.unchanged else "create"))
        self.resources[layer] = 3
        return ""

    def preview(
        self,
        layer: str,
        on_event: Callable[[Mapping[str, Any]], None],
        *,
        refresh: bool = False,
        before: Callable[[], None] = lambda: None,
    ) -> str:
        before()
        self.calls.append(("preview", layer))
        self.refreshed_first += [layer] if refresh else []
        if layer == self.refused:
            on_event(broken(layer))
            return "preview failed"
        self.seen[layer] = dict(upstream._planned)  # pyright: ignore[reportPrivateUsage]
        on_event(event(layer, "same" if self.unchanged else "update"))
        stack = {"type": "pulumi:pulumi:Stack", "op": "same", "new": {"outputs": self.foreseen.get(layer, {})}}
        on_event({"resOutputsEvent": {"metadata": stack, "planning": True}})
        return ""

    def destroy(self, layer: str, on_event: Callable[[Mapping[str, Any]], None]) -> str:
        self.calls.append(("destroy", layer))
        if layer == self.failing:
            return "error: the queue will not go"
        on_event(event(layer, "delete"))
        self.resources[layer] = 0
        return ""


@dataclass
class FakeInputs:
    """Digests that tests choose."""

    aws: str = "one"
    edits: dict[str, int] = field(default_factory=dict)

    def digest(self, name: str, upstream: Mapping[str, Any]) -> str:
        return f"{name}-{self.edits.get(name, 0)}-{[upstream.get(lower) for lower in declared(name).reads]}".replace(
            " ", ""
        )


class FakeRecovery:
    """Remembers, among the engine's calls, the layers it was asked to settle; refuses `held`."""

    def __init__(self, pulumi: FakePulumi | None = None, held: str | None = None) -> None:
        self.calls, self.held = pulumi.calls if pulumi else [], held
        self.kept: list[Any] = []

    def free(self, layer: str) -> None:
        self.calls.append(("free", layer))

    def before(self, layer: str) -> None:
        if layer == self.held:
            raise Failed(f"layer {layer} is held by process 7", "wait for it to end")
        self.calls.append(("before", layer))

    def after(self, layer: str, unanswered: list[Any]) -> None:
        self.kept += [(layer, resource["urn"]) for resource in unanswered]


def deploy(
    pulumi: Any,
    layers: tuple[str, ...],
    display: Display,
    *,
    keep_going: bool = False,
    preview: bool = False,
    **how: Any,
) -> orchestration.Outcome:
    """Roll layers out with nothing to settle, to approve or to lose, unless `how` has it."""
    usual: dict[str, Any] = {
        "recovery": FakeRecovery(), "inputs": FakeInputs(), "origin": None, "approve": lambda _: None,
        "check_lease": lambda: None,
    }  # fmt: skip
    deployment = Deployment(pulumi=pulumi, layers=layers, display=display, preview_only=preview, **(usual | how))
    return orchestration.deploy(deployment, check=lambda _: None, keep_going=keep_going)


def destroy(pulumi: Any, layers: tuple[str, ...], display: Display, **how: Any) -> orchestration.Outcome:
    """Destroy layers with nothing to settle, unless `how` has it."""
    recovery = how.pop("recovery", FakeRecovery())
    return orchestration.destroy(pulumi, pulumi.states(), layers, display, recovery, **how)
