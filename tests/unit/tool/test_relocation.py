"""Rollouts that would make a deployed environment anew are refused."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from estate_tool.core.errors import UsageError
from estate_tool.engine.checkpoint import StackState
from estate_tool.rollout.data_loss import refuse_moved


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
