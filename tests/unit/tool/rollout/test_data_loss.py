"""Data that planned changes would destroy, and rollouts that would make an environment anew."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from estate_tool.core.errors import UsageError
from estate_tool.engine.checkpoint import StackState
from estate_tool.engine.events import Step
from estate_tool.rollout import data_loss
from estate_tool.rollout.data_held import LOG_GROUP, QUEUE, TABLE, Held
from estate_tool.rollout.data_loss import refuse_moved

TABLE_INPUTS = {"name": "table-a-dev", "hashKey": "k", "streamEnabled": True, "streamViewType": "NEW_IMAGE"}
LOGS_INPUTS = {"name": "/aws/lambda/lambda-a-dev", "retentionInDays": 14}
QUEUE_INPUTS = {"name": "queue-a-dev", "messageRetentionSeconds": 345600}


def urn(type_: str, name: str = "a") -> str:
    return f"urn:pulumi:dev::data::estate:data:Part${type_}::{name}"


def resource(type_: str, inputs: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"urn": urn(type_), "type": type_, "inputs": inputs, "outputs": dict(inputs), **more}


def found(word: str, type_: str, inputs: dict[str, Any], new: dict[str, Any] | None = None, **more: Any) -> list[Any]:
    """The change, name and age of each threat of one step over a state of one resource."""
    state = StackState(deployment={"resources": [resource(type_, inputs, **more)]})
    after = inputs | (new or {})
    step = Step(kind=word, urn=urn(type_), changed=tuple(new or ()), new={"inputs": after})
    losses = data_loss.of_plan("data", [step], state)
    return [(loss.change, loss.name, loss.keep_seconds) for loss in losses]


@pytest.mark.parametrize("word", ["deleted", "replaced"])
@pytest.mark.parametrize(("type_", "inputs"), [(TABLE, TABLE_INPUTS), (QUEUE, QUEUE_INPUTS), (LOG_GROUP, LOGS_INPUTS)])
def test_deletions_and_replacements_of_what_holds_data_are_threats(
    word: str, type_: str, inputs: dict[str, Any]
) -> None:
    assert found(word, type_, inputs) == [(word, inputs["name"], None)]


@pytest.mark.parametrize(
    ("type_", "inputs", "new", "expected"),
    [
        (LOG_GROUP, LOGS_INPUTS, {"retentionInDays": 7}, ("retention lowered", 7 * 86_400)),
        (LOG_GROUP, LOGS_INPUTS | {"retentionInDays": 0}, {"retentionInDays": 7}, ("retention lowered", 7 * 86_400)),
        (LOG_GROUP, {"name": "g"}, {"retentionInDays": 3653}, ("retention lowered", 3653 * 86_400)),
        (QUEUE, QUEUE_INPUTS, {"messageRetentionSeconds": 60}, ("retention lowered", 60)),
        (QUEUE, {"name": "q"}, {"messageRetentionSeconds": 345_599}, ("retention lowered", 345_599)),
        (TABLE, TABLE_INPUTS, {"ttl": {"enabled": True, "attributeName": "t"}}, ("expiry changed", None)),
        (TABLE, TABLE_INPUTS, {"streamViewType": "KEYS_ONLY"}, ("stream changed", None)),
        (TABLE, TABLE_INPUTS, {"streamEnabled": False}, ("stream changed", None)),
    ],
)
def test_updates_that_end_data_early_are_threats(
    type_: str, inputs: dict[str, Any], new: dict[str, Any], expected: tuple[str, int | None]
) -> None:
    assert [(change, age) for change, _, age in found("updated", type_, inputs, new)] == [expected]


@pytest.mark.parametrize(
    ("type_", "inputs", "new"),
    [
        (LOG_GROUP, LOGS_INPUTS, {"retentionInDays": 30}),
        (LOG_GROUP, LOGS_INPUTS, {"retentionInDays": 0}),
        (LOG_GROUP, LOGS_INPUTS, {"tags": {"Owner": "b"}}),
        (QUEUE, QUEUE_INPUTS, {"messageRetentionSeconds": 1_209_600}),
        (TABLE, TABLE_INPUTS, {"readCapacity": 5}),
        (TABLE, TABLE_INPUTS | {"ttl": {"enabled": True}}, {"ttl": {"enabled": False}}),
        (TABLE, {"name": "t"}, {"streamEnabled": True, "streamViewType": "NEW_IMAGE"}),
    ],
)
def test_other_updates_are_none(type_: str, inputs: dict[str, Any], new: dict[str, Any]) -> None:
    assert found("updated", type_, inputs, new) == []


def test_nothing_is_lost_of_what_stays_in_aws_or_holds_no_data() -> None:
    assert found("deleted", TABLE, TABLE_INPUTS, retainOnDelete=True) == []
    assert found("deleted", LOG_GROUP, LOGS_INPUTS | {"skipDestroy": True}) == []
    assert found("deleted", "aws:iam/role:Role", {"name": "role-a-dev"}) == []
    assert found("created", TABLE, TABLE_INPUTS) == []


def test_what_was_taken_over_after_the_state_was_read_is_known_from_the_step() -> None:
    old = {"id": "table-a-dev", "inputs": TABLE_INPUTS}
    step = Step(kind="deleted", urn=urn(TABLE), old=old)
    (loss,) = data_loss.of_plan("data", [step], StackState(deployment={"resources": []}))
    assert (loss.name, loss.type, loss.change) == ("table-a-dev", TABLE, "deleted")


def test_what_an_interrupted_replacement_left_to_be_deleted_is_a_threat() -> None:
    old, new = resource(TABLE, TABLE_INPUTS, delete=True), resource(TABLE, TABLE_INPUTS | {"name": "table-b-dev"})
    state = StackState(deployment={"resources": [new, old]})
    assert [loss.name for loss in data_loss.of_plan("data", [], state)] == ["table-a-dev"]
    assert data_loss.of_plan("data", [], None) == []


def test_a_teardown_threatens_everything_that_holds_data() -> None:
    kept = [resource(TABLE, TABLE_INPUTS), resource("aws:iam/role:Role", {"name": "r"}), resource(QUEUE, QUEUE_INPUTS)]
    state = StackState(deployment={"resources": kept})
    assert [loss.name for loss in data_loss.of_teardown("data", state)] == ["table-a-dev", "queue-a-dev"]


@pytest.mark.parametrize(
    ("type_", "change", "count", "expected"),
    [
        (TABLE, data_loss.DELETED, 5, (5, "")),
        (TABLE, data_loss.EXPIRY, 5, (5, "up to")),
        (QUEUE, data_loss.RETENTION, 5, (5, "up to")),
        (LOG_GROUP, data_loss.RETENTION, 5, (5, "")),  # asked for what is older
        (TABLE, data_loss.STREAM, 5, (None, "")),
        (TABLE, data_loss.STREAM, 0, None),
        (TABLE, data_loss.EXPIRY, 0, None),
        (TABLE, data_loss.DELETED, None, (None, "")),
    ],
)
def test_of_a_resource_that_stays_a_part_of_the_data_is_lost_and_of_an_empty_one_nothing(
    monkeypatch: pytest.MonkeyPatch, type_: str, change: str, count: int | None, expected: tuple[int | None, str] | None
) -> None:
    monkeypatch.setattr(data_loss, "held", lambda *_: Held(unit="items", count=count))
    loss = data_loss.DataLoss(layer="data", urn="urn:a", type=type_, name="a", change=change)
    found = data_loss.looked_up([loss], lambda _: None)
    assert [(one.held.count, one.held.bound) for one in found] == ([expected] if expected else [])


@pytest.mark.parametrize(
    ("type_", "name", "command"),
    [
        (TABLE, "table-a-dev", "aws dynamodb create-backup --table-name table-a-dev --backup-name table-a-dev-"),
        (
            LOG_GROUP,
            "/aws/lambda/lambda-a-dev",
            "aws logs filter-log-events --log-group-name /aws/lambda/lambda-a-dev ",
        ),
        (QUEUE, "dlq-a-dev", "scripts/estate redrive a prod"),
    ],
)
def test_a_loss_comes_with_a_command_that_keeps_a_copy(type_: str, name: str, command: str) -> None:
    inputs = {"name": name, "tags": {"Component": "a"}}
    state = StackState(deployment={"resources": [resource(type_, inputs)]})
    (loss,) = data_loss.of_teardown("data", state)
    loss = replace(loss, held=Held(unit="items", count=1))
    (copy,) = loss.copies("prod")
    assert copy.startswith(command)
    assert ("code that still declares a" in loss.to_dict("prod")["note"]) is (name == "dlq-a-dev")


def environment(suffix: str = "dev", region: str = "us-east-1") -> Any:
    configuration = SimpleNamespace(foundation=SimpleNamespace(suffix=suffix), region=region)
    return SimpleNamespace(name="dev", configuration=configuration)


def states(suffix: str = "dev", account: str = "111122223333", region: str = "us-east-1") -> dict[str, StackState]:
    role = {
        "type": "aws:iam/role:Role", "inputs": {"name": f"role-a-{suffix}", "tags": {"Environment": suffix}},
        "outputs": {"arn": f"arn:aws:iam::{account}:role/role-a-{suffix}"},
    }  # fmt: skip
    queue = {
        "type": "aws:sqs/queue:Queue", "inputs": {"tags": {"Environment": suffix}},
        "outputs": {"arn": f"arn:aws:sqs:{region}:{account}:queue-a-{suffix}"},
    }  # fmt: skip
    policy = {"type": "aws:sqs/queuePolicy:QueuePolicy", "inputs": {"policy": "{}"}}
    stack = {"type": "pulumi:pulumi:Stack", "outputs": {"suffix": suffix}}
    return {
        "foundation": StackState(deployment={"resources": [stack, role]}),
        "data": StackState(deployment={"resources": [stack, queue, policy]}),
    }


@pytest.mark.parametrize(
    ("wanted", "account", "parts"),
    [
        (environment(suffix="blue"), "111122223333", ("suffix dev", "blue")),
        # The end of the deployed suffix is another suffix, too.
        (environment(suffix="ev"), "111122223333", ("suffix dev", "ev")),
        (environment(), "444455556666", ("account 111122223333", "444455556666")),
        (environment(region="eu-west-1"), "111122223333", ("region us-east-1", "eu-west-1")),
    ],
)
def test_another_suffix_account_or_region_is_refused_with_both(
    wanted: Any, account: str, parts: tuple[str, ...]
) -> None:
    with pytest.raises(UsageError) as refused:
        refuse_moved(wanted, states(), account)
    assert all(part in refused.value.message for part in parts)
    assert "nothing was touched" in refused.value.message
    assert "docs/moving.md" in refused.value.hint


def test_what_is_as_deployed_or_not_deployed_passes() -> None:
    refuse_moved(environment(), states(), "111122223333")
    refuse_moved(environment(), states(), None)
    refuse_moved(environment(suffix="blue"), {}, "444455556666")
    refuse_moved(environment(suffix="blue"), {"data": StackState(deployment={})}, "444455556666")
    with pytest.raises(UsageError):
        refuse_moved(environment(suffix="blue"), states(), None)


def test_an_environment_that_was_moved_half_way_may_go_on_or_back() -> None:
    mixed = {"foundation": states("blue")["foundation"], "data": states("dev")["data"]}
    for suffix in ("blue", "dev"):
        refuse_moved(environment(suffix=suffix), mixed, "111122223333")
    with pytest.raises(UsageError, match="blue, dev"):
        refuse_moved(environment(suffix="green"), mixed, "111122223333")
