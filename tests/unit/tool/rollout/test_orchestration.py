"""The order of rollouts and teardowns, and what stops them."""

from __future__ import annotations

import io
import threading
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from estate_tool.core.errors import Failed
from estate_tool.engine.checkpoint import Record
from estate_tool.engine.events import UNKNOWN
from estate_tool.engine.provenance import Provenance
from estate_tool.rollout import deployment, orchestration, plans
from estate_tool.rollout.display import Display
from foundation.layers import LAYER_NAMES, Layer
from tests.support.fake_engine import FakeInputs, FakePulumi, FakeRecovery, deploy, destroy
from tests.support.schema import breaches

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from estate_tool.rollout.plans import Plan


@pytest.fixture
def display() -> Display:
    return Display(io.StringIO())


def fake(deployed: tuple[str, ...] = (), failing: str | None = None) -> Any:
    """An engine as a rollout takes it."""
    return FakePulumi(deployed, failing)


def refuse_while_read(pulumi: Any, layers: tuple[str, ...]) -> None:
    orchestration.refuse_while_read(pulumi.states(), layers, "dev")


def results(outcome: orchestration.Outcome) -> dict[str, str]:
    return {result.layer: result.result for result in outcome.layers}


def test_layers_are_rolled_out_lowest_first_each_in_a_stack_of_its_own(display: Display) -> None:
    pulumi: Any = FakePulumi()
    outcome = deploy(pulumi, LAYER_NAMES, display)
    assert [name for call, name in pulumi.calls if call == "up"] == list(LAYER_NAMES)
    for name in LAYER_NAMES:
        assert pulumi.calls.index(("create_stack", name)) < pulumi.calls.index(("up", name))
        assert pulumi.calls.index(("preview", name)) < pulumi.calls.index(("up", "foundation"))
    assert len(pulumi.calls) == 3 * len(LAYER_NAMES)
    assert outcome.ok
    assert set(results(outcome).values()) == {"deployed"}


def test_the_next_layer_s_stack_is_made_while_one_is_rolled_out(display: Display) -> None:
    made = threading.Event()

    class Waiting(FakePulumi):
        def create_stack(self, layer: str) -> None:
            super().create_stack(layer)
            if layer == "data":
                made.set()

        def up(self, layer: str, on_event: Callable[[Mapping[str, Any]], None], **options: Any) -> str:
            assert made.wait(60)
            return super().up(layer, on_event, **options)

    pulumi: Any = Waiting()
    assert deploy(pulumi, LAYER_NAMES, display).ok


def test_a_stack_made_for_a_layer_whose_turn_never_came_is_removed(display: Display) -> None:
    pulumi: Any = FakePulumi(failing="data")
    deploy(pulumi, LAYER_NAMES, display)
    assert ("create_stack", "compute") in pulumi.calls
    assert pulumi.resources == {"foundation": 3, "data": 0}


def test_a_stack_that_can_t_be_made_fails_its_own_layer(display: Display) -> None:
    class Full(FakePulumi):
        def create_stack(self, layer: str) -> None:
            if layer == "data":
                raise Failed("no space left")
            super().create_stack(layer)

    pulumi: Any = Full()
    outcome = deploy(pulumi, LAYER_NAMES, display)
    assert list(results(outcome).values()) == ["skipped", "failed", "skipped", "skipped"]
    assert outcome.layers[1].error == "no space left"
    assert pulumi.resources == {}


def test_a_rollout_that_changes_nothing_reports_that(display: Display) -> None:
    pulumi: Any = FakePulumi(deployed=LAYER_NAMES, unchanged=True)
    outcome = deploy(pulumi, LAYER_NAMES, display)
    assert set(results(outcome).values()) == {"unchanged"}
    assert [result.same for result in outcome.layers] == [1, 1, 1, 1]


def test_layers_above_a_failed_one_are_not_touched(display: Display) -> None:
    pulumi: Any = FakePulumi(failing="data")
    outcome = deploy(pulumi, LAYER_NAMES, display)
    assert results(outcome) == {
        "foundation": "deployed", "data": "failed", "compute": "skipped", "observability": "skipped"
    }  # fmt: skip
    assert outcome.layers[1].error == "queue: denied"
    assert outcome.layers[2].error == "layer data failed"
    assert [result.ran for result in outcome.layers] == [True, True, False, False]
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
        deploy(pulumi, (layer,), display)
    assert f"layer {missing}, which is not deployed" in refused.value.message
    assert f"scripts/deploy_layer.sh {missing} dev" in refused.value.hint
    assert pulumi.calls == []


def test_a_stack_without_resources_does_not_count_as_deployed(display: Display) -> None:
    pulumi: Any = FakePulumi()
    pulumi.resources["foundation"] = 0
    with pytest.raises(Failed):
        deploy(pulumi, ("data",), display)


def test_a_preview_changes_nothing_and_shows_all_layers(display: Display) -> None:
    pulumi: Any = FakePulumi(deployed=("foundation",))
    outcome = deploy(pulumi, LAYER_NAMES, display, preview=True)
    assert [name for call, name in pulumi.calls if call == "preview"] == list(LAYER_NAMES)
    for name in LAYER_NAMES[1:]:
        own = [call for call, about in pulumi.calls if about == name]
        assert own == ["create_stack", "preview", "remove_stack"]
    assert pulumi.resources == {"foundation": 3}
    assert set(results(outcome).values()) == {"planned"}
    assert pulumi.records == {}


def test_a_preview_foresees_outputs_and_names_those_it_can_not_know(display: Display) -> None:
    pulumi: Any = FakePulumi(deployed=("foundation",))
    pulumi.outputs = {"foundation": {"suffix": "dev", "role_arns": {"a": "arn"}}}
    pulumi.foreseen = {
        "foundation": {"suffix": "new", "role_arns": {"a": "arn", "b": UNKNOWN}},
        "data": {"tables": {"events": {"name": "table-events-new", "arn": UNKNOWN}}, "secret": "[secret]"},
    }
    outcome = deploy(pulumi, LAYER_NAMES[:3], display, preview=True)
    assert pulumi.seen == {
        "foundation": {},
        "data": {"foundation": pulumi.foreseen["foundation"]},
        "compute": {name: pulumi.foreseen[name] for name in ("foundation", "data")},
    }
    assert [result.unknown for result in outcome.layers] == [
        [], ["foundation.role_arns.b"], ["data.secret", "data.tables.events.arn", "foundation.role_arns.b"]
    ]  # fmt: skip


def test_a_preview_of_one_layer_over_nothing_knows_nothing_of_what_it_reads(display: Display) -> None:
    pulumi: Any = FakePulumi(deployed=("foundation",))
    outcome = deploy(pulumi, ("compute",), display, preview=True)
    assert outcome.layers[0].unknown == ["data"]
    assert pulumi.seen == {"compute": {"data": UNKNOWN}}


def test_a_layer_that_would_not_change_hands_out_what_it_does_now(display: Display) -> None:
    pulumi: Any = FakePulumi(deployed=("foundation", "data"), unchanged=True)
    pulumi.outputs = {"foundation": {"suffix": "dev", "arn": ""}}
    pulumi.foreseen = {"foundation": {"suffix": "dev", "arn": UNKNOWN}}
    deploy(pulumi, ("foundation", "data"), display, preview=True)
    assert pulumi.seen["data"] == {}


def test_a_layer_whose_preview_fails_keeps_all_from_being_touched(display: Display) -> None:
    pulumi: Any = FakePulumi(deployed=("foundation", "data"))
    pulumi.refused = "compute"
    outcome = deploy(pulumi, LAYER_NAMES, display)
    assert ran(pulumi) == []
    assert results(outcome) == {
        "foundation": "skipped", "data": "skipped", "compute": "failed", "observability": "skipped"
    }  # fmt: skip
    assert [(each.urn.rpartition("::")[2], each.rule) for each in outcome.layers[2].errors] == [("q", "region")]
    assert {result.created + result.updated for result in outcome.layers} == {0}
    assert set(pulumi.resources) == {"foundation", "data"}


def test_plans_are_approved_before_anything_is_touched(display: Display) -> None:
    pulumi: Any = FakePulumi(deployed=LAYER_NAMES)
    seen: dict[str, list[str]] = {}

    def refuse(plans: Mapping[str, Plan]) -> None:
        seen.update({name: [step.kind for step in plan.steps] for name, plan in plans.items()})
        raise Failed("no")

    with pytest.raises(Failed):
        deploy(pulumi, LAYER_NAMES, display, approve=refuse)
    assert seen == {name: ["updated"] for name in LAYER_NAMES}
    assert ran(pulumi) == []


def test_a_layer_that_only_the_rollout_below_it_changes_is_planned_and_approved_as_well(
    display: Display, rolled_out: Any, inputs: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    inputs.edits["data"] = 1
    rolled_out.foreseen = {"data": {"of": "data"}}  # nothing would change for those who read it
    up, asked = rolled_out.up, list[str]()

    def surprise(layer: str, *given: Any, **more: Any) -> str:
        rolled_out.outputs[layer] = {"of": "another"}
        return up(layer, *given, **more)

    monkeypatch.setattr(rolled_out, "up", surprise)
    assert deploy(rolled_out, LAYER_NAMES[:3], display, inputs=inputs, approve=asked.extend).ok
    assert asked == ["data", "compute"]
    assert [call for call in rolled_out.calls if call[0] in ("preview", "up")] == [
        ("preview", "data"), ("up", "data"), ("preview", "compute"), ("up", "compute")
    ]  # fmt: skip


def test_a_rollout_without_a_preview_has_none(display: Display) -> None:
    pulumi: Any = FakePulumi()
    assert deploy(pulumi, LAYER_NAMES, display, skip_preview=True).ok
    assert sorted({call for call, _ in pulumi.calls}) == ["create_stack", "up"]


def test_layers_are_destroyed_highest_first_and_their_stacks_removed() -> None:
    pulumi: Any = FakePulumi(deployed=LAYER_NAMES)
    shown = io.StringIO()
    outcome = destroy(pulumi, LAYER_NAMES, Display(shown))
    assert [line.split()[1] for line in shown.getvalue().splitlines() if " Queue" in line] == ["deleted"] * 4
    order = [call for name in reversed(LAYER_NAMES) for call in (("destroy", name), ("remove_stack", name))]
    assert pulumi.calls == order
    assert set(results(outcome).values()) == {"destroyed"}
    assert pulumi.resources == {}


def test_a_failed_teardown_leaves_the_layers_below(display: Display) -> None:
    pulumi: Any = FakePulumi(deployed=LAYER_NAMES, failing="compute")
    outcome = destroy(pulumi, LAYER_NAMES, display)
    assert results(outcome) == {
        "observability": "destroyed", "compute": "failed", "data": "skipped", "foundation": "skipped"
    }  # fmt: skip
    assert ("remove_stack", "compute") not in pulumi.calls
    assert ("destroy", "data") not in pulumi.calls


def test_destroying_what_is_not_there_is_no_error(display: Display) -> None:
    outcome = destroy(fake(), LAYER_NAMES, display)
    assert outcome.ok
    assert set(results(outcome).values()) == {"unchanged"}


@pytest.mark.parametrize(
    ("layer", "readers", "verb"),
    [("foundation", ("data", "compute", "observability"), "read"), ("compute", ("observability",), "reads")],
)
def test_a_layer_that_is_read_is_not_destroyed(layer: str, readers: tuple[str, ...], verb: str) -> None:
    with pytest.raises(Failed) as refused:
        refuse_while_read(fake(deployed=LAYER_NAMES), (layer,))
    assert f"while {', '.join(readers)} {verb} it in dev" in refused.value.message
    commands = [line for line in refused.value.hint.splitlines() if "destroy_layer" in line]
    assert commands == [f"scripts/destroy_layer.sh {reader} dev" for reader in reversed(readers)]


def test_a_layer_whose_readers_go_too_may_be_destroyed() -> None:
    refuse_while_read(fake(deployed=LAYER_NAMES), LAYER_NAMES)
    with pytest.raises(Failed):
        refuse_while_read(fake(deployed=LAYER_NAMES), LAYER_NAMES[:2])


def test_a_reader_with_nothing_in_its_stack_keeps_no_layer_from_being_destroyed() -> None:
    pulumi = fake(deployed=LAYER_NAMES)
    pulumi.resources["compute"] = 0
    refuse_while_read(pulumi, ("data", "observability"))
    pulumi.resources["compute"] = 1
    with pytest.raises(Failed, match="while compute reads it"):
        refuse_while_read(pulumi, ("data", "observability"))


@pytest.mark.parametrize(("command", "verb"), [(deploy, "up"), (destroy, "destroy")])
def test_what_an_interrupted_run_left_is_settled_before_a_layer_is_touched(
    display: Display, command: Callable[..., orchestration.Outcome], verb: str
) -> None:
    pulumi: Any = FakePulumi(deployed=("foundation", "data"))
    assert command(pulumi, LAYER_NAMES, display, recovery=FakeRecovery(pulumi)).ok
    settled = [call[1] for call in pulumi.calls if call[0] == "before"]
    assert sorted(settled) == ["data", "foundation"]
    for name in settled:
        assert pulumi.calls.index(("before", name)) < pulumi.calls.index((verb, name))


@pytest.mark.parametrize("preview", [True, False])
def test_locks_of_a_stack_that_is_gone_are_freed_before_it_is_made_anew(display: Display, preview: bool) -> None:
    pulumi: Any = FakePulumi()
    recovery: Any = FakeRecovery(pulumi)
    assert deploy(pulumi, LAYER_NAMES, display, preview=preview, recovery=recovery).ok
    for name in LAYER_NAMES:
        assert pulumi.calls.index(("free", name)) < pulumi.calls.index(("create_stack", name))


@pytest.mark.parametrize("command", [deploy, destroy])
def test_a_preview_settles_nothing(display: Display, command: Callable[..., orchestration.Outcome]) -> None:
    pulumi: Any = FakePulumi(deployed=("foundation",))
    assert command(pulumi, ("foundation",), display, preview=True, recovery=FakeRecovery(pulumi)).ok
    assert ("before", "foundation") not in pulumi.calls


def test_what_can_not_be_settled_stops_the_rollout(display: Display) -> None:
    pulumi: Any = FakePulumi(deployed=LAYER_NAMES)
    recovery: Any = FakeRecovery(pulumi, held="data")
    outcome = deploy(pulumi, LAYER_NAMES, display, recovery=recovery)
    assert outcome.layers[1].error == "layer data is held by process 7\nwait for it to end"
    assert list(results(outcome).values()) == ["skipped", "failed", "skipped", "skipped"]
    assert ran(pulumi) == []


def test_what_the_provider_never_answered_to_is_kept(display: Display, monkeypatch: pytest.MonkeyPatch) -> None:
    pulumi: Any = FakePulumi()

    def up(layer: str, on_event: Callable[[Mapping[str, Any]], None], **options: object) -> str:
        new = {"urn": "urn:a::b::aws:c::d", "type": "aws:c", "custom": True, "id": "", "inputs": {"name": "n"}}
        on_event({"diagnosticEvent": {"severity": "error", "urn": new["urn"], "message": "connection error: refused"}})
        on_event({"resOpFailedEvent": {"metadata": {"op": "create", "urn": new["urn"], "new": new}}})
        return "update failed"

    monkeypatch.setattr(pulumi, "up", up)
    recovery: Any = FakeRecovery(pulumi)
    outcome = deploy(pulumi, LAYER_NAMES, display, recovery=recovery)
    assert outcome.layers[0].result == "failed"
    assert recovery.kept == [("foundation", "urn:a::b::aws:c::d")]


def test_the_report_for_machines_keeps_its_schema(display: Display) -> None:
    reports = [
        deploy(fake(failing="compute"), LAYER_NAMES, display),
        deploy(fake(), LAYER_NAMES, display, preview=True),
        destroy(fake(deployed=LAYER_NAMES, failing="data"), LAYER_NAMES, display),
    ]
    for report in reports:
        assert breaches("rollout", report.to_dict()) == []
    failed = reports[0].to_dict()
    assert (failed["environment"], failed["ok"]) == ("dev", False)
    assert [layer["created"] for layer in failed["layers"]] == [1, 1, 0, 0]
    assert failed["layers"][2]["errors"][0]["name"] == "queue"
    failed["layers"][0]["result"] = "hm"
    del failed["layers"][1]["ran"]
    assert len(breaches("rollout", failed)) == 2


@pytest.fixture
def inputs() -> Any:
    return FakeInputs()


@pytest.fixture
def rolled_out(display: Display, inputs: Any) -> Any:
    """An engine after a successful rollout of all layers, which knows only what comes after it."""
    pulumi: Any = FakePulumi()
    pulumi.outputs = {name: {"of": name} for name in LAYER_NAMES}
    assert deploy(pulumi, LAYER_NAMES, display, inputs=inputs).ok
    pulumi.calls.clear()
    return pulumi


def ran(pulumi: Any) -> list[str]:
    return [name for call, name in pulumi.calls if call == "up"]


def test_layers_whose_inputs_have_not_changed_are_not_run(display: Display, rolled_out: Any, inputs: Any) -> None:
    outcome = deploy(rolled_out, LAYER_NAMES, display, inputs=inputs)
    assert rolled_out.calls == []
    assert set(results(outcome).values()) == {"unchanged"}
    assert [(result.ran, result.same) for result in outcome.layers] == [(False, 2)] * 4
    preview = deploy(rolled_out, LAYER_NAMES, display, preview=True, inputs=inputs)
    assert set(results(preview).values()) == {"unchanged"}
    assert rolled_out.calls == []


def test_who_rolled_the_same_out_and_when_makes_no_difference(display: Display, inputs: Any) -> None:
    pulumi: Any = FakePulumi()
    first, second = Provenance(commit="a" * 40, when="yesterday"), Provenance(commit="b" * 40, when="today")
    assert deploy(pulumi, LAYER_NAMES, display, inputs=inputs, origin=first).ok
    pulumi.calls.clear()
    assert set(results(deploy(pulumi, LAYER_NAMES, display, inputs=inputs, origin=second)).values()) == {"unchanged"}
    assert pulumi.calls == []
    assert {record.origin for record in pulumi.records.values()} == {first}


def test_force_runs_them_all_the_same(display: Display, rolled_out: Any, inputs: Any) -> None:
    deploy(rolled_out, LAYER_NAMES, display, force=True, inputs=inputs)
    assert ran(rolled_out) == list(LAYER_NAMES)


def test_layers_above_run_again_only_when_an_output_has_changed(display: Display, rolled_out: Any, inputs: Any) -> None:
    inputs.edits["data"] = 1
    deploy(rolled_out, LAYER_NAMES, display, inputs=inputs)
    assert ran(rolled_out) == ["data"]
    inputs.edits["data"] = 2
    rolled_out.outputs["data"] = {"of": "another"}
    deploy(rolled_out, LAYER_NAMES, display, inputs=inputs)
    assert ran(rolled_out) == ["data", "data", "compute", "observability"]


def test_a_failed_rollout_is_not_taken_for_done_even_when_its_inputs_are_taken_back(
    display: Display, rolled_out: Any, inputs: Any
) -> None:
    inputs.edits["compute"], rolled_out.failing = 1, "compute"
    assert deploy(rolled_out, LAYER_NAMES, display, inputs=inputs).failed
    inputs.edits.clear()
    # As if it had failed before the engine wrote anything.
    rolled_out.times["compute"], rolled_out.failing = 3, None
    rolled_out.calls.clear()
    assert deploy(rolled_out, LAYER_NAMES, display, inputs=inputs).ok
    assert ran(rolled_out) == ["compute"]


def test_whatever_else_touches_a_layer_has_it_run_again(display: Display, rolled_out: Any, inputs: Any) -> None:
    rolled_out.times["data"] = 99
    deploy(rolled_out, LAYER_NAMES, display, inputs=inputs)
    assert ran(rolled_out) == ["data"]


def test_what_was_rolled_out_to_an_embedded_aws_that_was_reset_is_looked_up_there(
    display: Display, rolled_out: Any, inputs: Any
) -> None:
    inputs.aws = "two"
    deploy(rolled_out, LAYER_NAMES, display, inputs=inputs)
    assert rolled_out.refreshed == rolled_out.refreshed_first == list(LAYER_NAMES)
    deploy(rolled_out, LAYER_NAMES, display, force=True, inputs=inputs)
    assert len(rolled_out.refreshed) == 4


def test_inputs_edited_during_the_rollout_are_not_taken_for_rolled_out(
    display: Display, rolled_out: Any, inputs: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def up(name: str, on_event: object, **options: object) -> str:
        inputs.edits[name] = 2
        return ""

    inputs.edits["data"] = 1
    monkeypatch.setattr(rolled_out, "up", up)
    assert deploy(rolled_out, LAYER_NAMES, display, inputs=inputs).ok
    assert rolled_out.records["data"] == Record(aws="one")


def test_a_record_that_can_not_be_kept_is_reported_and_costs_only_time(
    display: Display, inputs: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    pulumi: Any = FakePulumi()

    def refuse(layer: str, record: Record) -> None:
        raise Failed("no room")

    monkeypatch.setattr(pulumi, "keep_record", refuse)
    assert deploy(pulumi, ("foundation",), display, inputs=inputs).ok
    assert deploy(pulumi, ("foundation",), display, inputs=inputs).ok
    assert ran(pulumi) == ["foundation"] * 2


@pytest.mark.parametrize(("keep_going", "expected"), [(False, "skipped"), (True, "deployed")])
def test_layers_that_do_not_read_the_failed_one_may_go_on(
    display: Display, monkeypatch: pytest.MonkeyPatch, keep_going: bool, expected: str
) -> None:
    """As the order is a chain today, the rule is shown on another one."""
    reads = {"data": (), "side": (), "top": ("data",), "by-side": ("side",), "on-top": ("top",), "low": ("data",)}
    for module in (orchestration, deployment, plans):
        monkeypatch.setattr(module, "layer", lambda name: Layer(name=name, reads=reads[name]))
    pulumi: Any = FakePulumi(deployed=("data", "side", "top"), failing="data")
    monkeypatch.setattr(pulumi, "states", lambda layers=tuple(reads): FakePulumi.states(pulumi, layers))
    inputs = SimpleNamespace(aws="", digest=lambda *_: "")
    outcome = deploy(pulumi, tuple(reads), display, keep_going=keep_going, inputs=inputs)
    assert results(outcome) == {
        "data": "failed", "side": expected, "top": "skipped", "by-side": expected, "on-top": "skipped", "low": "skipped"
    }  # fmt: skip
    assert outcome.layers[2].error == "layer data failed"


def test_an_interrupted_layer_stops_even_those_that_do_not_read_it(
    display: Display, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: Any, **__: Any) -> str:
        raise KeyboardInterrupt

    for module in (orchestration, deployment, plans):
        monkeypatch.setattr(module, "layer", lambda name: Layer(name=name, reads=()))
    pulumi = fake()
    monkeypatch.setattr(pulumi, "up", interrupt)
    outcome = deploy(pulumi, ("data", "compute"), display, keep_going=True)
    assert results(outcome) == {"data": "failed", "compute": "skipped"}
    assert "interrupted" in str(outcome.layers[0].error)


def test_each_layer_is_announced_by_its_position_and_shown_with_its_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(1000, 1100))
    monkeypatch.setattr(orchestration.time, "monotonic", lambda: float(next(clock)))
    shown = io.StringIO()
    outcome = deploy(fake(), ("foundation", "data"), Display(shown))
    # The clock goes on by one each time it is read: at the start, before and after each layer, in the end.
    assert [result.seconds for result in outcome.layers] == [1.0, 1.0]
    assert outcome.seconds == 10.0
    lines = [line.strip() for line in shown.getvalue().splitlines() if not line.lstrip().startswith("+")]
    previewed = ["preview of foundation: 1 to update", "preview of data: 1 to update"]
    assert lines == [*previewed, "[1/2] foundation", "1 created in 1.0 s", "[2/2] data", "1 created in 1.0 s"]


@pytest.mark.parametrize(
    ("resources", "deleted"), [(None, 0), (["pulumi:pulumi:Stack"], 0), (["pulumi:pulumi:Stack", "aws:a", "aws:b"], 2)]
)
def test_a_preview_of_a_teardown_counts_what_is_in_aws(
    display: Display, monkeypatch: pytest.MonkeyPatch, resources: list[str] | None, deleted: int
) -> None:
    pulumi = fake(deployed=("data",))
    state = {"resources": resources and [{"type": kind} for kind in resources]}
    monkeypatch.setattr(pulumi, "deployment", lambda _: state)
    (result,) = destroy(pulumi, ("data",), display, preview=True).layers
    assert (result.deleted, result.result) == (deleted, "planned" if deleted else "unchanged")
    assert pulumi.calls == []
