"""Rollouts and teardowns: their order, what stops them, and the layers that are left alone."""

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


@pytest.fixture
def inputs() -> Any:
    return FakeInputs()


@pytest.fixture
def rolled_out(display: Display, inputs: Any) -> Any:
    """An engine after a successful rollout of all layers, without the calls of it."""
    pulumi: Any = FakePulumi()
    pulumi.outputs = {name: {"of": name} for name in LAYER_NAMES}
    assert deploy(pulumi, LAYER_NAMES, display, inputs=inputs).ok
    pulumi.calls.clear()
    return pulumi


def results(outcome: orchestration.Outcome) -> list[str]:
    return [result.result for result in outcome.layers]


def ran(pulumi: Any, verb: str = "up") -> list[str]:
    return [name for call, name in pulumi.calls if call == verb]


def test_layers_are_previewed_and_rolled_out_lowest_first_each_in_a_stack_of_its_own(display: Display) -> None:
    pulumi: Any = FakePulumi()
    recovery = FakeRecovery(pulumi)
    assert results(deploy(pulumi, LAYER_NAMES, display, recovery=recovery)) == ["deployed"] * 4
    assert ran(pulumi) == ran(pulumi, "preview") == list(LAYER_NAMES)
    for name in LAYER_NAMES:
        order = [("free", name), ("create_stack", name), ("preview", name), ("up", "foundation")]
        assert [call for call in pulumi.calls if call in order] == order
    assert len(pulumi.calls) == len(set(pulumi.calls)) == 4 * len(LAYER_NAMES)


@pytest.mark.parametrize(
    ("engine", "how", "expected", "ups"),
    [
        ({"unchanged": True}, {}, "unchanged unchanged unchanged unchanged", LAYER_NAMES),
        ({"failing": "data"}, {}, "deployed failed skipped skipped", LAYER_NAMES[:2]),
        ({"refused": "compute"}, {}, "skipped skipped failed skipped", ()),
        ({"full": "data"}, {}, "skipped failed skipped skipped", ()),
        ({}, {"held": "data"}, "skipped failed skipped skipped", ()),
        ({}, {"preview": True}, "planned planned planned planned", ()),
        ({"refused": "data"}, {"preview": True}, "planned failed skipped skipped", ()),
    ],
)
def test_a_layer_that_fails_keeps_the_others_from_being_touched(
    display: Display, engine: dict[str, Any], how: dict[str, Any], expected: str, ups: tuple[str, ...]
) -> None:
    pulumi: Any = FakePulumi(deployed=() if "full" in engine else LAYER_NAMES, **engine)
    recovery = FakeRecovery(pulumi, how.pop("held", None))
    outcome = deploy(pulumi, LAYER_NAMES, display, recovery=recovery, **how)
    assert (results(outcome), ran(pulumi)) == (expected.split(), list(ups))
    assert outcome.touched is (bool(ups) or "planned" in expected)
    assert [one.ran for one in outcome.layers] == [one != "skipped" for one in results(outcome)]
    assert outcome.ok is not ("failed" in expected)
    if "full" in engine:
        assert pulumi.resources == {}
    if not ups and not how:
        assert {one.created + one.updated for one in outcome.layers} == {0}


def test_the_reason_of_a_failure_is_in_its_layer_and_in_those_above(display: Display) -> None:
    failed = deploy(FakePulumi(failing="data"), LAYER_NAMES, display)
    assert [one.error for one in failed.layers] == [None, "queue: denied", "layer data failed", "layer data failed"]
    pulumi = FakePulumi(deployed=LAYER_NAMES)
    held = deploy(pulumi, LAYER_NAMES, display, recovery=FakeRecovery(pulumi, "data"))
    assert held.layers[1].error == "layer data is held by process 7\nwait for it to end"
    refused = deploy(FakePulumi(refused="compute"), LAYER_NAMES, display)
    assert [(one.urn.rpartition("::")[2], one.rule) for one in refused.layers[2].errors] == [("q", "region")]
    assert refused.layers[0].error == "the preview of layer compute failed; nothing was touched"


def test_the_next_layer_s_stack_is_made_while_one_is_rolled_out_and_removed_if_its_turn_never_comes(
    display: Display,
) -> None:
    made = threading.Event()

    class Waiting(FakePulumi):
        def create_stack(self, layer: str) -> None:
            super().create_stack(layer)
            if layer == "data":
                made.set()

        def up(self, layer: str, on_event: Callable[[Mapping[str, Any]], None], **options: Any) -> str:
            assert made.wait(60)
            return super().up(layer, on_event, **options)

    pulumi: Any = Waiting(failing="data")
    deploy(pulumi, LAYER_NAMES, display, skip_preview=True)
    assert ("create_stack", "compute") in pulumi.calls
    assert pulumi.resources == {"foundation": 3, "data": 0}


@pytest.mark.parametrize(
    ("layer", "deployed", "missing"),
    [("data", (), "foundation"), ("compute", ("foundation",), "data"), ("observability", LAYER_NAMES[:2], "compute")],
)
def test_a_layer_without_the_one_it_reads_is_refused_by_name(
    display: Display, layer: str, deployed: tuple[str, ...], missing: str
) -> None:
    pulumi: Any = FakePulumi(deployed=deployed)
    pulumi.resources[missing] = 0  # a stack without resources does not count
    with pytest.raises(Failed) as refused:
        deploy(pulumi, (layer,), display)
    assert f"layer {missing}, which is not deployed" in refused.value.message
    assert f"scripts/deploy_layer.sh {missing} dev" in refused.value.hint
    assert pulumi.calls == []


def test_a_preview_leaves_no_stack_and_no_record_and_settles_nothing(display: Display) -> None:
    pulumi: Any = FakePulumi(deployed=("foundation",))
    deploy(pulumi, LAYER_NAMES, display, preview=True, recovery=FakeRecovery(pulumi))
    assert ran(pulumi, "preview") == list(LAYER_NAMES)
    for name in LAYER_NAMES[1:]:
        own = [call for call, about in pulumi.calls if about == name]
        assert own == ["free", "create_stack", "preview", "remove_stack"]
    assert (pulumi.resources, pulumi.records, ran(pulumi, "before")) == ({"foundation": 3}, {}, [])


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
    up, approved = rolled_out.up, list[str]()

    def surprise(layer: str, *given: Any, **more: Any) -> str:
        rolled_out.outputs[layer] = {"of": "another"}
        return up(layer, *given, **more)

    monkeypatch.setattr(rolled_out, "up", surprise)
    assert deploy(rolled_out, LAYER_NAMES[:3], display, inputs=inputs, approve=approved.extend).ok
    assert approved == ["data", "compute"]
    assert [call for call in rolled_out.calls if call[0] in ("preview", "up")] == [
        ("preview", "data"), ("up", "data"), ("preview", "compute"), ("up", "compute")
    ]  # fmt: skip


def test_a_rollout_of_nothing_that_could_be_lost_goes_without_a_preview_on_demand(display: Display) -> None:
    pulumi: Any = FakePulumi()
    assert deploy(pulumi, LAYER_NAMES, display, skip_preview=True).ok
    assert sorted({call for call, _ in pulumi.calls}) == ["create_stack", "up"]


def test_layers_are_destroyed_highest_first_and_their_stacks_removed() -> None:
    pulumi: Any = FakePulumi(deployed=LAYER_NAMES)
    shown = io.StringIO()
    assert results(destroy(pulumi, LAYER_NAMES, Display(shown), recovery=FakeRecovery(pulumi))) == ["destroyed"] * 4
    assert [line.split()[1] for line in shown.getvalue().splitlines() if " Queue" in line] == ["deleted"] * 4
    verbs = ("before", "destroy", "remove_stack")
    assert pulumi.calls == [(verb, name) for name in reversed(LAYER_NAMES) for verb in verbs]
    assert pulumi.resources == {}
    assert results(destroy(pulumi, LAYER_NAMES, Display(shown))) == ["unchanged"] * 4


def test_a_failed_teardown_leaves_the_layers_below(display: Display) -> None:
    pulumi: Any = FakePulumi(deployed=LAYER_NAMES, failing="compute")
    assert results(destroy(pulumi, LAYER_NAMES, display)) == ["destroyed", "failed", "skipped", "skipped"]
    assert ("remove_stack", "compute") not in pulumi.calls
    assert ran(pulumi, "destroy") == ["observability", "compute"]


@pytest.mark.parametrize(
    ("resources", "deleted"), [(None, 0), (["pulumi:pulumi:Stack"], 0), (["pulumi:pulumi:Stack", "aws:a", "aws:b"], 2)]
)
def test_a_preview_of_a_teardown_counts_what_is_in_aws_and_touches_nothing(
    display: Display, monkeypatch: pytest.MonkeyPatch, resources: list[str] | None, deleted: int
) -> None:
    pulumi: Any = FakePulumi(deployed=("data",))
    state = {"resources": resources and [{"type": kind} for kind in resources]}
    monkeypatch.setattr(pulumi, "deployment", lambda _: state)
    (result,) = destroy(pulumi, ("data",), display, preview=True, recovery=FakeRecovery(pulumi)).layers
    assert (result.deleted, result.result) == (deleted, "planned" if deleted else "unchanged")
    assert pulumi.calls == []


@pytest.mark.parametrize(
    ("layers", "empty", "reading"),
    [
        (("foundation",), (), "data, compute, observability read"),
        (("compute",), (), "observability reads"),
        (LAYER_NAMES[:2], (), "compute, observability read"),
        (("data", "observability"), (), "compute reads"),
        (("data", "observability"), ("compute",), ""),
        (LAYER_NAMES, (), ""),
    ],
)
def test_a_layer_is_not_destroyed_while_another_one_reads_it(
    layers: tuple[str, ...], empty: tuple[str, ...], reading: str
) -> None:
    pulumi = FakePulumi(deployed=LAYER_NAMES)
    pulumi.resources.update(dict.fromkeys(empty, 0))
    if not reading:
        orchestration.refuse_while_read(pulumi.states(), layers, "dev")
        return
    with pytest.raises(Failed) as refused:
        orchestration.refuse_while_read(pulumi.states(), layers, "dev")
    assert f"while {reading} it in dev" in refused.value.message
    commands = [line for line in refused.value.hint.splitlines() if "destroy_layer" in line]
    names = reading.rpartition(" ")[0].split(", ")
    assert commands == [f"scripts/destroy_layer.sh {name} dev" for name in reversed(names)]


def test_what_an_interrupted_run_left_is_settled_before_a_layer_is_touched(display: Display) -> None:
    pulumi: Any = FakePulumi(deployed=("foundation", "data"))
    assert deploy(pulumi, LAYER_NAMES, display, recovery=FakeRecovery(pulumi)).ok
    assert sorted(ran(pulumi, "before")) == ["data", "foundation"]
    for name in ran(pulumi, "before"):
        assert pulumi.calls.index(("before", name)) < pulumi.calls.index(("preview", name))


def test_what_the_provider_never_answered_to_is_kept(display: Display, monkeypatch: pytest.MonkeyPatch) -> None:
    pulumi: Any = FakePulumi()

    def up(layer: str, on_event: Callable[[Mapping[str, Any]], None], **options: object) -> str:
        new = {"urn": "urn:a::b::aws:c::d", "type": "aws:c", "custom": True, "id": "", "inputs": {"name": "n"}}
        on_event({"diagnosticEvent": {"severity": "error", "urn": new["urn"], "message": "connection error: refused"}})
        on_event({"resOpFailedEvent": {"metadata": {"op": "create", "urn": new["urn"], "new": new}}})
        return "update failed"

    monkeypatch.setattr(pulumi, "up", up)
    recovery: Any = FakeRecovery(pulumi)
    assert results(deploy(pulumi, LAYER_NAMES, display, recovery=recovery))[0] == "failed"
    assert recovery.kept == [("foundation", "urn:a::b::aws:c::d")]


def test_the_report_for_machines_keeps_its_schema(display: Display) -> None:
    reports = [
        deploy(FakePulumi(failing="compute"), LAYER_NAMES, display),
        deploy(FakePulumi(), LAYER_NAMES, display, preview=True),
        destroy(FakePulumi(deployed=LAYER_NAMES, failing="data"), LAYER_NAMES, display),
    ]
    for report in reports:
        assert breaches("rollout", report.to_dict()) == []
    failed = reports[0].to_dict()
    assert (failed["environment"], failed["ok"]) == ("dev", False)
    assert [layer["created"] for layer in failed["layers"]] == [1, 1, 0, 0]
    assert failed["layers"][2]["errors"][0]["name"] == "queue"


def test_layers_whose_inputs_have_not_changed_are_not_run(display: Display, rolled_out: Any, inputs: Any) -> None:
    for how in ({}, {"preview": True}):
        outcome = deploy(rolled_out, LAYER_NAMES, display, inputs=inputs, **how)
        assert [(one.result, one.ran, one.same) for one in outcome.layers] == [("unchanged", False, 2)] * 4
        assert rolled_out.calls == []


def test_who_rolled_the_same_out_and_when_makes_no_difference(display: Display, inputs: Any) -> None:
    pulumi: Any = FakePulumi()
    first, second = Provenance(commit="a" * 40, when="yesterday"), Provenance(commit="b" * 40, when="today")
    for origin in (first, second):
        deploy(pulumi, LAYER_NAMES, display, inputs=inputs, origin=origin)
    assert ran(pulumi) == list(LAYER_NAMES)
    assert {record.origin for record in pulumi.records.values()} == {first}


def _edit_data(pulumi: Any, inputs: Any) -> None:
    inputs.edits["data"] = 1


def _other_outputs_of_data(pulumi: Any, inputs: Any) -> None:
    inputs.edits["data"], pulumi.outputs["data"] = 1, {"of": "another"}


def _touch_data(pulumi: Any, inputs: Any) -> None:
    pulumi.times["data"] = 99


@pytest.mark.parametrize(
    ("change", "force", "ups"),
    [
        (lambda *_: None, True, LAYER_NAMES),
        (_edit_data, False, ("data",)),
        (_other_outputs_of_data, False, LAYER_NAMES[1:]),
        (_touch_data, False, ("data",)),
    ],
    ids=["force", "inputs", "outputs", "touched by another tool"],
)
def test_layers_run_again_for_a_reason_of_their_own(
    display: Display, rolled_out: Any, inputs: Any, change: Any, force: bool, ups: tuple[str, ...]
) -> None:
    change(rolled_out, inputs)
    deploy(rolled_out, LAYER_NAMES, display, force=force, inputs=inputs)
    assert ran(rolled_out) == list(ups)


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


def test_a_record_that_can_not_be_kept_costs_only_time(display: Display, monkeypatch: pytest.MonkeyPatch) -> None:
    pulumi: Any = FakePulumi()

    def refuse(layer: str, record: Record) -> None:
        raise Failed("no room")

    monkeypatch.setattr(pulumi, "keep_record", refuse)
    for _ in range(2):
        assert deploy(pulumi, ("foundation",), display).ok
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
    assert results(outcome) == ["failed", expected, "skipped", expected, "skipped", "skipped"]


def test_an_interrupted_layer_stops_even_those_that_do_not_read_it(
    display: Display, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: Any, **__: Any) -> str:
        raise KeyboardInterrupt

    for module in (orchestration, deployment, plans):
        monkeypatch.setattr(module, "layer", lambda name: Layer(name=name, reads=()))
    pulumi: Any = FakePulumi()
    monkeypatch.setattr(pulumi, "up", interrupt)
    outcome = deploy(pulumi, ("data", "compute"), display, keep_going=True)
    assert (results(outcome), outcome.interrupted) == (["failed", "skipped"], True)


_UNKNOWN = "? not known before the rollout: foundation"


@pytest.mark.parametrize(
    ("how", "headings"),
    [
        ({}, ["preview of foundation: 1 to update", "preview of data: 1 to update"]),
        (
            {"show_plan": True},
            ["[1/2] foundation", "1 to update in 1.0 s", "[2/2] data", _UNKNOWN, "1 to update in 1.0 s"],
        ),
    ],
)
def test_each_layer_is_announced_by_its_position_and_shown_with_its_seconds(
    monkeypatch: pytest.MonkeyPatch, how: dict[str, Any], headings: list[str]
) -> None:
    clock = iter(range(1000, 1100))
    monkeypatch.setattr(orchestration.time, "monotonic", lambda: float(next(clock)))
    shown = io.StringIO()
    outcome = deploy(FakePulumi(), ("foundation", "data"), Display(shown), **how)
    # The clock goes on by one each time it is read: at the start, before and after each layer, in the end.
    assert [result.seconds for result in outcome.layers] == [1.0, 1.0]
    assert outcome.seconds == 10.0
    lines = [line.strip() for line in shown.getvalue().splitlines() if not line.lstrip().startswith(("+", "~"))]
    assert lines == [*headings, "[1/2] foundation", "1 created in 1.0 s", "[2/2] data", "1 created in 1.0 s"]


def test_a_command_is_about_one_layer_or_all() -> None:
    assert (orchestration.selected("data"), orchestration.selected(None)) == (("data",), LAYER_NAMES)
