"""The order of rollouts and teardowns, and what stops them."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import pytest

from estate_tool import rollout
from estate_tool.display import Display
from estate_tool.errors import Failed
from foundation.layers import LAYER_NAMES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def event(layer: str, op: str, resource_type: str = "aws:sqs/queue:Queue", name: str = "q") -> dict[str, Any]:
    urn = f"urn:pulumi:dev::{layer}::estate:data:DeadLetteredQueue${resource_type}::{name}"
    metadata = {"op": op, "urn": urn, "type": resource_type}
    return {"resourcePreEvent": {"metadata": metadata}, "resOutputsEvent": {"metadata": metadata}}


class FakePulumi:
    """An engine that remembers which layers have a stack and what it was asked to do."""

    stack = "dev"

    def __init__(self, deployed: tuple[str, ...] = (), failing: str | None = None, unchanged: bool = False) -> None:
        self.resources = dict.fromkeys(deployed, 3)
        self.failing = failing
        self.unchanged = unchanged
        self.calls: list[tuple[str, str]] = []

    def stacks(self) -> dict[str, int]:
        return dict(self.resources)

    def create_stack(self, layer: str) -> None:
        self.calls.append(("create_stack", layer))
        self.resources[layer] = 0

    def remove_stack(self, layer: str) -> None:
        self.calls.append(("remove_stack", layer))
        del self.resources[layer]

    def up(self, layer: str, on_event: Callable[[Mapping[str, Any]], None]) -> str:
        self.calls.append(("up", layer))
        if layer == self.failing:
            on_event({"diagnosticEvent": {"severity": "error", "urn": "urn:a::b::c::queue", "message": "denied\n"}})
            return "update failed"
        on_event(event(layer, "same" if self.unchanged else "create"))
        self.resources[layer] = 3
        return ""

    def preview(self, layer: str, on_event: Callable[[Mapping[str, Any]], None]) -> str:
        self.calls.append(("preview", layer))
        on_event(event(layer, "update"))
        return ""

    def destroy(self, layer: str, on_event: Callable[[Mapping[str, Any]], None]) -> str:
        self.calls.append(("destroy", layer))
        if layer == self.failing:
            return "error: the queue will not go"
        on_event(event(layer, "delete"))
        self.resources[layer] = 0
        return ""


@pytest.fixture
def display() -> Display:
    return Display(io.StringIO())


def fake(deployed: tuple[str, ...] = (), failing: str | None = None) -> Any:
    """An engine as a rollout takes it."""
    return FakePulumi(deployed, failing)


def results(outcome: rollout.Outcome) -> dict[str, str]:
    return {result.layer: result.result for result in outcome.layers}


def test_layers_are_rolled_out_lowest_first_each_in_a_stack_of_its_own(display: Display) -> None:
    pulumi: Any = FakePulumi()
    outcome = rollout.deploy(pulumi, LAYER_NAMES, display)
    assert pulumi.calls == [call for name in LAYER_NAMES for call in (("create_stack", name), ("up", name))]
    assert outcome.ok
    assert set(results(outcome).values()) == {"deployed"}


def test_a_rollout_that_changes_nothing_says_so(display: Display) -> None:
    pulumi: Any = FakePulumi(deployed=LAYER_NAMES, unchanged=True)
    outcome = rollout.deploy(pulumi, LAYER_NAMES, display)
    assert set(results(outcome).values()) == {"unchanged"}
    assert [result.same for result in outcome.layers] == [1, 1, 1, 1]


def test_layers_above_a_failed_one_are_not_touched(display: Display) -> None:
    pulumi: Any = FakePulumi(failing="data")
    outcome = rollout.deploy(pulumi, LAYER_NAMES, display)
    assert results(outcome) == {
        "foundation": "deployed", "data": "failed", "compute": "skipped", "observability": "skipped"
    }  # fmt: skip
    assert outcome.layers[1].error == "queue: denied"
    assert not outcome.ok
    assert ("up", "compute") not in pulumi.calls


@pytest.mark.parametrize(
    ("layer", "deployed", "missing"),
    [("data", (), "foundation"), ("compute", ("foundation",), "data"), ("observability", LAYER_NAMES[:2], "compute")],
)
def test_a_layer_without_the_one_it_reads_is_refused_by_name(
    display: Display, layer: str, deployed: tuple[str, ...], missing: str
) -> None:
    pulumi: Any = FakePulumi(deployed=deployed)
    with pytest.raises(Failed) as refused:
        rollout.deploy(pulumi, (layer,), display)
    assert f"layer {missing}, which is not deployed" in refused.value.message
    assert f"scripts/deploy_layer.sh {missing} dev" in refused.value.hint
    assert pulumi.calls == []


def test_a_stack_without_resources_does_not_count_as_deployed(display: Display) -> None:
    pulumi: Any = FakePulumi()
    pulumi.resources["foundation"] = 0
    with pytest.raises(Failed):
        rollout.deploy(pulumi, ("data",), display)


def test_a_preview_changes_nothing_and_skips_what_it_can_not_know(display: Display) -> None:
    pulumi: Any = FakePulumi(deployed=("foundation",))
    outcome = rollout.deploy(pulumi, LAYER_NAMES, display, preview=True)
    assert pulumi.calls == [
        ("preview", "foundation"), ("create_stack", "data"), ("preview", "data"), ("remove_stack", "data")
    ]  # fmt: skip
    assert pulumi.resources == {"foundation": 3}
    assert results(outcome) == {
        "foundation": "planned", "data": "planned", "compute": "skipped", "observability": "skipped"
    }  # fmt: skip
    assert not outcome.failed
    assert outcome.layers[2].error == "reads data, not deployed yet"


def test_layers_are_destroyed_highest_first_and_their_stacks_removed(display: Display) -> None:
    pulumi: Any = FakePulumi(deployed=LAYER_NAMES)
    outcome = rollout.destroy(pulumi, LAYER_NAMES, display)
    order = [call for name in reversed(LAYER_NAMES) for call in (("destroy", name), ("remove_stack", name))]
    assert pulumi.calls == order
    assert set(results(outcome).values()) == {"destroyed"}
    assert pulumi.resources == {}


def test_a_failed_teardown_leaves_the_layers_below(display: Display) -> None:
    pulumi: Any = FakePulumi(deployed=LAYER_NAMES, failing="compute")
    outcome = rollout.destroy(pulumi, LAYER_NAMES, display)
    assert results(outcome) == {
        "observability": "destroyed", "compute": "failed", "data": "skipped", "foundation": "skipped"
    }  # fmt: skip
    assert ("remove_stack", "compute") not in pulumi.calls
    assert ("destroy", "data") not in pulumi.calls


def test_destroying_what_is_not_there_is_no_error(display: Display) -> None:
    outcome = rollout.destroy(fake(), LAYER_NAMES, display)
    assert outcome.ok
    assert set(results(outcome).values()) == {"unchanged"}


@pytest.mark.parametrize(
    ("layer", "readers"), [("foundation", ("data", "compute", "observability")), ("compute", ("observability",))]
)
def test_a_layer_that_is_read_is_not_destroyed(layer: str, readers: tuple[str, ...]) -> None:
    with pytest.raises(Failed) as refused:
        rollout.refuse_while_read(fake(deployed=LAYER_NAMES), (layer,))
    assert all(reader in refused.value.message for reader in readers)
    commands = [line for line in refused.value.hint.splitlines() if "destroy_layer" in line]
    assert commands == [f"scripts/destroy_layer.sh {reader} dev" for reader in reversed(readers)]


def test_a_layer_whose_readers_go_too_may_be_destroyed() -> None:
    rollout.refuse_while_read(fake(deployed=LAYER_NAMES), LAYER_NAMES)
    with pytest.raises(Failed):
        rollout.refuse_while_read(fake(deployed=LAYER_NAMES), LAYER_NAMES[:2])


def test_an_interrupt_ends_the_rollout_with_a_report(display: Display, monkeypatch: pytest.MonkeyPatch) -> None:
    pulumi: Any = FakePulumi()

    def interrupted(layer: str, on_event: object) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr(pulumi, "up", interrupted)
    outcome = rollout.deploy(pulumi, LAYER_NAMES, display)
    assert results(outcome) == {
        "foundation": "failed", "data": "skipped", "compute": "skipped", "observability": "skipped"
    }  # fmt: skip
    assert "interrupted" in str(outcome.layers[0].error)


class FakeRecovery:
    """Remembers, among the engine's calls, what it was asked to settle; refuses `held`."""

    def __init__(self, pulumi: FakePulumi, held: str | None = None) -> None:
        self.calls, self.held = pulumi.calls, held
        self.kept: list[Any] = []

    def before(self, layer: str) -> None:
        if layer == self.held:
            raise Failed(f"layer {layer} is held by process 7", "wait for it to end")
        self.calls.append(("before", layer))

    def after(self, layer: str, unanswered: list[Any]) -> None:
        self.kept += [(layer, resource["urn"]) for resource in unanswered]


@pytest.mark.parametrize(("command", "verb"), [(rollout.deploy, "up"), (rollout.destroy, "destroy")])
def test_what_an_interrupted_run_left_is_settled_before_a_layer_is_touched(
    display: Display, command: Callable[..., rollout.Outcome], verb: str
) -> None:
    pulumi: Any = FakePulumi(deployed=("foundation", "data"))
    assert command(pulumi, LAYER_NAMES, display, recovery=FakeRecovery(pulumi)).ok
    settled = [call[1] for call in pulumi.calls if call[0] == "before"]
    assert sorted(settled) == ["data", "foundation"]
    for layer in settled:
        assert pulumi.calls.index(("before", layer)) < pulumi.calls.index((verb, layer))


@pytest.mark.parametrize("command", [rollout.deploy, rollout.destroy])
def test_a_preview_settles_nothing(display: Display, command: Callable[..., rollout.Outcome]) -> None:
    pulumi: Any = FakePulumi(deployed=("foundation",))
    pulumi.export = lambda _: {"resources": []}  # type: ignore[attr-defined]
    assert command(pulumi, ("foundation",), display, preview=True, recovery=FakeRecovery(pulumi)).ok
    assert ("before", "foundation") not in pulumi.calls


def test_what_can_not_be_settled_stops_the_rollout(display: Display) -> None:
    pulumi: Any = FakePulumi(deployed=LAYER_NAMES)
    recovery: Any = FakeRecovery(pulumi, held="data")
    outcome = rollout.deploy(pulumi, LAYER_NAMES, display, recovery=recovery)
    assert outcome.layers[1].error == "layer data is held by process 7\nwait for it to end"
    assert list(results(outcome).values()) == ["deployed", "failed", "skipped", "skipped"]
    assert ("up", "data") not in pulumi.calls


def test_what_the_provider_never_answered_to_is_kept(display: Display, monkeypatch: pytest.MonkeyPatch) -> None:
    pulumi: Any = FakePulumi()

    def up(layer: str, on_event: Callable[[Mapping[str, Any]], None]) -> str:
        new = {"urn": "urn:a::b::aws:c::d", "type": "aws:c", "custom": True, "id": "", "inputs": {"name": "n"}}
        on_event({"diagnosticEvent": {"severity": "error", "urn": new["urn"], "message": "connection error: refused"}})
        on_event({"resOpFailedEvent": {"metadata": {"op": "create", "urn": new["urn"], "new": new}}})
        return "update failed"

    monkeypatch.setattr(pulumi, "up", up)
    recovery: Any = FakeRecovery(pulumi)
    outcome = rollout.deploy(pulumi, LAYER_NAMES, display, recovery=recovery)
    assert outcome.layers[0].result == "failed"
    assert recovery.kept == [("foundation", "urn:a::b::aws:c::d")]


def test_the_report_for_machines_has_the_promised_keys(display: Display) -> None:
    report = rollout.deploy(fake(failing="compute"), LAYER_NAMES, display).as_json()
    assert set(report) == {"environment", "ok", "seconds", "layers"}
    assert (report["environment"], report["ok"]) == ("dev", False)
    keys = {"layer", "result", "created", "updated", "replaced", "deleted", "same", "seconds", "error", "transient"}
    assert all(set(layer) == keys for layer in report["layers"])
    assert [layer["created"] for layer in report["layers"]] == [1, 1, 0, 0]
