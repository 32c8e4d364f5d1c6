"""Removals and grants that wait until no deployed higher layer uses them."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import pulumi_aws as aws
import pytest

from estate_tool.core.errors import Failed
from estate_tool.engine.checkpoint import StackState
from estate_tool.engine.events import Step
from estate_tool.rollout import orchestration, plans
from estate_tool.rollout.display import Display
from tests.support.fake_engine import FakePulumi, deploy
from tests.support.mocks import STACK_REFERENCE, record

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from estate_tool.rollout.plans import Plan

ROLE = "aws:iam/role:Role"
LAYERS = ("foundation", "data", "compute")
ARN = "arn:aws:iam::123456789012:role/role-a-dev"
READ = {"Sid": "Use", "Effect": "Allow", "Action": ["dynamodb:GetItem"], "Resource": "arn:aws:dynamodb:r:1:table/t-a-b"}
WRITE = {**READ, "Action": ["dynamodb:PutItem"]}


def urn(type_: str, name: str = "a") -> str:
    return f"urn:pulumi:dev::estate-foundation::estate:foundation:ExecutionRole${type_}::{name}"


GONE = Step(kind="deleted", urn=urn(ROLE), old={"inputs": {"name": "role-a-dev"}, "outputs": {"arn": ARN}})


def policy(*statements: Any) -> dict[str, Any]:
    return {"inputs": {"role": "role-a-dev", "policy": json.dumps({"Version": "1", "Statement": list(statements)})}}


def shrinking(old: Any, new: Any) -> Step:
    return Step(kind="updated", urn=urn(plans.ROLE_POLICY, "p"), changed=("policy",), old=old, new=new)


def above(**inputs: str) -> list[StackState]:
    return [StackState(deployment={"resources": [{"type": "aws:lambda/function:Function", "inputs": inputs}]})]


def test_all_removals_of_a_layer_wait_while_one_of_them_is_named_above() -> None:
    other = Step(kind="deleted", urn=urn(plans.ROLE_POLICY), old={"inputs": {"role": "role-c-dev"}})
    waiting = plans.waiting([GONE, other], above(role=ARN), [])
    assert waiting.urns == tuple(sorted([GONE.urn, other.urn]))


@pytest.mark.parametrize(
    ("step", "named"),
    [
        (GONE, above(role=ARN.replace("role-a", "role-b"))),
        (GONE, above(role=f"{ARN}-2")),  # another one's name that begins the same
        (GONE, []),
        (GONE, [StackState(deployment={"resources": [{"type": STACK_REFERENCE, "outputs": {"a": ARN}}]})]),
        (Step(kind="deleted", urn=urn(ROLE), old={"inputs": {"name": "live"}}), above(alias="arn:x:live")),
        (Step(kind="created", urn=urn(ROLE), new=GONE.old), above(role=ARN)),
    ],
)  # fmt: skip
def test_what_no_resource_above_names_goes_at_once(step: Step, named: list[StackState]) -> None:
    assert not plans.waiting([step], named, named)


@pytest.mark.parametrize("name", ["table-a-dev", "dlq-a-dev", "lambda-a-dev", "/aws/lambda/lambda-a-dev"])
def test_a_name_counts_wherever_it_stands(name: str) -> None:
    step = Step(kind="deleted", urn=urn("aws:x/y:Z"), old={"inputs": {"name": name}})
    last = name.rpartition("/")[2]
    markdown = json.dumps([f"# of\n{last}\n"])
    for text in (f"arn:aws:x:r:1:thing/{last}/stream/1", f"https://sqs/1/{last}", f"{last}:live", markdown):
        assert plans.waiting([step], above(text=text), []).urns == (step.urn,)


def test_a_grant_waits_while_a_function_with_its_role_is_to_be_rolled_out() -> None:
    step = shrinking(policy(READ, WRITE), policy(WRITE))
    assert plans.waiting([step], [], above(role=ARN)).grants == {"p": (READ,)}
    assert not plans.waiting([step], above(role=ARN), [])
    assert not plans.waiting([step], [], above(role="another"))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (policy(READ), policy(READ, WRITE)),
        (policy(READ), policy({**READ, "Sid": "Other"})),
        (policy(READ), {"inputs": {"role": "role-a-dev", "policy": "04da6b54-80e4-46f7-96ec-b56ff0331ba9"}}),
        (policy({**READ, "Effect": "Deny"}, WRITE), policy(WRITE)),
        # The guardrails would stop the rollout that takes it away.
        (policy({**READ, "Action": "dynamodb:*"}, WRITE), policy(WRITE)),
    ],
)
def test_nothing_else_of_a_policy_waits(old: Any, new: Any) -> None:
    assert not plans.waiting([shrinking(old, new)], [], above(role=ARN))


def test_the_union_has_both_and_every_sid_once_also_when_it_is_made_again() -> None:
    once = plans.united(policy(WRITE)["inputs"]["policy"], [READ])
    statements = json.loads(once)["Statement"]
    assert statements == [WRITE, {**READ, "Sid": "Kept0"}]
    (kept,) = plans.waiting([shrinking({"inputs": {"role": "role-a-dev", "policy": once}}, policy(WRITE))],
                               [], above(role=ARN)).grants.values()  # fmt: skip
    assert plans.united(policy(WRITE)["inputs"]["policy"], kept) == once


class Removing(FakePulumi):
    """An engine that removes a role which compute names until it has been rolled out."""

    def __init__(self, failing: str | None = None) -> None:
        super().__init__(deployed=LAYERS, failing=failing)

    def deployment(self, layer: str) -> dict[str, Any]:
        role = ARN if layer == "compute" and self.times[layer] == 0 else "other"
        return {"resources": [{"urn": "urn:f", "type": "aws:x", "inputs": {"role": role}}]}

    def preview(self, layer: str, on_event: Callable[[Mapping[str, Any]], None], **_: Any) -> str:
        self.calls.append(("preview", layer))
        if layer == "foundation":
            on_event({"resourcePreEvent": {"metadata": {"op": "delete", "urn": GONE.urn, "old": GONE.old}}})
        return ""


class Shrinking(Removing):
    """An engine that takes a statement from a policy, and changes compute if `moving`."""

    def __init__(self, moving: bool, failing: str | None = None) -> None:
        super().__init__(failing=failing)
        self.moving = moving

    def deployment(self, layer: str) -> dict[str, Any]:
        return {"resources": [{"urn": "urn:f", "type": "aws:x", "inputs": {"role": ARN}}]}

    def preview(self, layer: str, on_event: Callable[[Mapping[str, Any]], None], **_: Any) -> str:
        step = {"urn": urn(plans.ROLE_POLICY, "p"), "old": policy(READ, WRITE), "new": policy(WRITE)}
        if layer == "foundation":
            on_event({"resourcePreEvent": {"metadata": {"op": "update", **step, "diffs": ["policy"]}}})
        elif layer == "compute" and self.moving:
            on_event({"resourcePreEvent": {"metadata": {"op": "update", "urn": urn("aws:x/y:Z")}}})
        return ""


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The statements that programs of the rollout keep."""
    found: list[Any] = []
    monkeypatch.setattr(plans, "keeping", lambda grants: lambda: found.extend([grants] if grants else []))
    return found


def rolled_out(pulumi: Any, layers: tuple[str, ...] = LAYERS, **how: Any) -> tuple[orchestration.Outcome, str]:
    shown = io.StringIO()
    return deploy(pulumi, layers, Display(shown), **how), shown.getvalue()


def ups(pulumi: FakePulumi) -> list[str]:
    return [layer for verb, layer in pulumi.calls if verb == "up"]


def test_removals_come_after_the_layers_that_used_them() -> None:
    pulumi = Removing()
    done, text = rolled_out(pulumi)
    assert ups(pulumi) == [*LAYERS, "foundation"]
    assert pulumi.excluded == [("foundation", (GONE.urn,))]
    assert done.ok
    assert [(result.layer, result.kept, result.created) for result in done.layers] == [
        ("foundation", [], 2), ("data", [], 1), ("compute", [], 1)
    ]  # fmt: skip
    assert "taken away last, as a layer above still uses it: a" in text


def test_after_a_failure_what_is_used_stays_and_is_reported() -> None:
    pulumi = Removing(failing="compute")
    done, _ = rolled_out(pulumi)
    assert (done.failed, ups(pulumi)) == (True, list(LAYERS))
    assert done.layers[0].to_dict()["kept"] == ["a"]
    assert [layer for layer, _ in pulumi.excluded] == ["foundation"]


def test_what_a_layer_outside_of_the_rollout_uses_stays_and_is_named() -> None:
    pulumi = Removing()
    done, text = rolled_out(pulumi, ("foundation",))
    assert (done.ok, ups(pulumi)) == (True, ["foundation"])
    assert (done.layers[0].result, done.layers[0].kept) == ("deployed", ["a"])
    assert "stays, as a layer above still uses it: a" in text


def test_removals_wait_without_previews_too() -> None:
    pulumi = Removing()
    assert rolled_out(pulumi, skip_preview=True)[0].ok
    assert ups(pulumi)[-1] == "foundation"
    assert [layer for layer, _ in pulumi.excluded] == ["foundation"]


def test_what_came_into_it_since_it_was_agreed_to_stops_the_removal() -> None:
    asked: list[Mapping[str, Plan]] = []

    def approve(plans: Mapping[str, Plan]) -> None:
        asked.append(plans)
        if len(asked) > 1:
            raise Failed("3 messages without an approval")

    pulumi = Removing()
    done, _ = rolled_out(pulumi, approve=approve)
    assert ups(pulumi) == list(LAYERS)
    assert (done.layers[0].result, done.layers[0].error) == ("failed", "3 messages without an approval")
    assert list(asked[1]) == ["foundation"]


@pytest.mark.parametrize(("moving", "order"), [(True, [*LAYERS, "foundation"]), (False, list(LAYERS))])
def test_a_grant_goes_when_compute_has_moved_and_at_once_when_it_stays(
    moving: bool, order: list[str], kept: list[Any]
) -> None:
    pulumi = Shrinking(moving)
    assert rolled_out(pulumi)[0].ok
    assert ups(pulumi) == order
    assert kept == ([{"p": (READ,)}] if moving else [])


def test_a_grant_stays_after_a_failure(kept: list[Any]) -> None:
    pulumi = Shrinking(moving=True, failing="compute")
    done, _ = rolled_out(pulumi)
    assert (ups(pulumi), done.layers[0].kept, kept) == (list(LAYERS), ["p"], [{"p": (READ,)}])


def test_a_program_is_registered_with_the_grants_that_wait() -> None:
    def program() -> None:
        plans.keeping({"p": (READ,)})()
        for name in ("p", "other"):
            aws.iam.RolePolicy(name, role="role-a-dev", policy=json.dumps({"Statement": [WRITE]}))
        aws.sqs.Queue("p", name="queue-p-dev")

    recording = record(program)
    documents = {one.name: json.loads(one.inputs["policy"])["Statement"] for one in recording.of("RolePolicy")}
    assert documents == {"p": [WRITE, {**READ, "Sid": "Kept0"}], "other": [WRITE]}
    assert recording.one("Queue").inputs == {"name": "queue-p-dev"}
