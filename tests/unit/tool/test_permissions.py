"""The policy a deployer needs: complete, as narrow as AWS allows, for whatever the layers register."""

from __future__ import annotations

import asyncio
import json
import re
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from estate_tool.commands import permissions as command
from estate_tool.core import environment
from estate_tool.core.configuration import load
from estate_tool.core.environment import Environment
from estate_tool.deployer_policy import backend, document
from estate_tool.engine import dry_run
from estate_tool.engine.dry_run import AccountContext, Planned
from foundation.layers import LAYER_NAMES

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PLACE = AccountContext(account="111122223333", region="us-east-1")
# No narrower resource is possible for these, as AWS's Service Authorization Reference has it.
ANYWHERE = {
    "application-autoscaling:DescribeScalableTargets", "application-autoscaling:DescribeScalingPolicies",
    "application-autoscaling:DescribeScheduledActions", "lambda:CreateEventSourceMapping",
    "lambda:ListEventSourceMappings", "logs:DescribeLogGroups", "logs:PutQueryDefinition",
    "logs:DeleteQueryDefinition", "logs:DescribeQueryDefinitions", "cloudwatch:PutCompositeAlarm",
    "cloudwatch:DescribeAlarms",
    "lambda:GetAccountSettings", "scheduler:ListSchedules",
    "sns:Unsubscribe", "sns:GetSubscriptionAttributes", "sns:SetSubscriptionAttributes",
}  # fmt: skip


@pytest.fixture(scope="module")
def resources() -> list[Planned]:
    target = Environment(name="dev", local=False, configuration=load("dev"))
    return dry_run.resources(target, PLACE, lambda kind, inputs: document.arn(kind, inputs, PLACE))


def statements(resources: list[Planned], *layers: str) -> list[dict[str, Any]]:
    wanted = [item for item in resources if item.layer in (layers or LAYER_NAMES)]
    found: list[dict[str, Any]] = document.policy(wanted, PLACE, "dev")["Statement"]
    return [each for each in found if each["Effect"] == "Allow"]


def test_no_action_is_a_wildcard_and_only_known_ones_are_allowed_on_everything(resources: list[Planned]) -> None:
    for statement in statements(resources):
        assert not any("*" in action for action in statement["Action"])
        if statement["Resource"] == "*":
            assert set(statement["Action"]) <= ANYWHERE
        else:
            assert all(arn.startswith("arn:aws:") and "111122223333" in arn for arn in statement["Resource"])
    listed = {action for each in document.unscoped(resources) for action in each.actions}
    assert listed == {action for each in statements(resources) if each["Resource"] == "*" for action in each["Action"]}
    assert all(each.reason for each in document.unscoped(resources))


def test_resources_are_those_of_the_environment(resources: list[Planned]) -> None:
    scoped = [arn for each in statements(resources) if each["Resource"] != "*" for arn in each["Resource"]]
    named = [
        arn
        for arn in scoped
        if not any(part in arn for part in ("scalable-target", "source-mapping:*", "aws-service-role"))
    ]
    assert [arn for arn in named if "-dev" not in arn] == []
    assert "arn:aws:dynamodb:us-east-1:111122223333:table/table-*-dev" in scoped
    assert "arn:aws:lambda:us-east-1:111122223333:function:lambda-*-dev:live" in scoped
    # None ends within a suffix: `function:lambda-*-dev*` would reach an environment `dev-b`.
    assert [arn for arn in named if re.search(r"-dev\*", arn)] == []


def test_running_the_programs_leaves_no_event_loop_open(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[asyncio.AbstractEventLoop] = []
    policy = asyncio.get_event_loop_policy()
    make = policy.new_event_loop

    def new_event_loop() -> asyncio.AbstractEventLoop:
        made.append(make())
        return made[-1]

    monkeypatch.setattr(policy, "new_event_loop", new_event_loop)
    monkeypatch.setattr(dry_run, "LAYER_NAMES", LAYER_NAMES[:1])
    target = Environment(name="prod", local=False, configuration=load("prod"))
    assert dry_run.resources(target, PLACE, lambda kind, inputs: document.arn(kind, inputs, PLACE))
    assert made
    assert all(loop.is_closed() for loop in made)


def test_what_is_tagged_as_another_environments_is_denied(resources: list[Planned]) -> None:
    (denying,) = [each for each in document.policy(resources, PLACE, "dev")["Statement"] if each["Effect"] == "Deny"]
    assert (denying["Action"], denying["Resource"]) == ("*", "*")
    tag = "aws:ResourceTag/Environment"
    assert denying["Condition"] == {"StringNotEquals": {tag: "dev"}, "Null": {tag: "false"}}


def test_roles_are_passed_to_one_service_each_and_by_name(resources: list[Planned]) -> None:
    passing = [each for each in statements(resources) if "iam:PassRole" in each["Action"]]
    assert all(each["Action"] == ["iam:PassRole"] for each in passing)
    passed = {each["Condition"]["StringEquals"]["iam:PassedToService"][0]: each["Resource"] for each in passing}
    assert passed.pop("lambda.amazonaws.com") == ["arn:aws:iam::111122223333:role/role-*-dev"]
    # Where the catalog has a schedule.
    assert passed in ({}, {"scheduler.amazonaws.com": ["arn:aws:iam::111122223333:role/schedule-*-dev"]})


def test_mappings_are_limited_to_the_functions_that_have_one(resources: list[Planned]) -> None:
    (creating,) = [each for each in statements(resources) if "lambda:CreateEventSourceMapping" in each["Action"]]
    function = "arn:aws:lambda:us-east-1:111122223333:function:lambda-*-dev"
    functions = [function, f"{function}:*"]
    assert sorted(creating["Condition"]["ArnLike"]["lambda:FunctionArn"]) == functions


def test_a_layer_gets_nothing_that_only_others_need(resources: list[Planned]) -> None:
    services = {action.split(":")[0] for each in statements(resources, "foundation") for action in each["Action"]}
    assert services == {"iam"}


def answered(monkeypatch: pytest.MonkeyPatch, *accounts: str) -> None:
    configuration = SimpleNamespace(allowed_accounts=accounts, region="us-east-1")
    target = SimpleNamespace(name="dev", local=False, configuration=configuration)
    monkeypatch.setattr(environment, "resolve", lambda _name: target)


@pytest.mark.parametrize(
    ("words", "accounts"),
    [
        (("dev", "data"), 1), (("data", "dev", "more"), 1), (("nothing", "dev"), 1), (("data", "dev"), 0),
        (("data", "dev"), 2), (("dev", "--account", "1234"), 1), (("dev", "--backend", "No_Bucket"), 1),
        (("dev", "--backend", "b-1", "--key", "alias/x"), 1), (("dev", "--key", "arn:aws:kms:a:1:key/x"), 1),
    ],
)  # fmt: skip
def test_without_a_layer_an_environment_and_one_account_or_a_bucket_nothing_is_printed(
    call: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], accounts: int
) -> None:
    answered(monkeypatch, *("111122223333", "444455556666")[:accounts])
    done = call(command, *words)
    assert (done.code, done.out) == (2, "")


def test_the_command_prints_the_policy(
    call: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, resources: list[Planned]
) -> None:
    monkeypatch.setattr(dry_run, "resources", lambda *_: resources)
    done = call(command, "foundation", "dev", "--account", "111122223333")
    assert done.code == 0
    assert json.loads(done.out)["Statement"][0]["Effect"] == "Allow"
    assert "one managed policy" in done.err
    shown = json.loads(call(command, "data", "dev", "--account", "111122223333", "--json").out)
    assert (shown["environment"], shown["layers"], shown["account"]) == ("dev", ["data"], "111122223333")
    assert shown["policy"]["Version"] == "2012-10-17"
    assert [each["reason"] for each in shown["unscoped"]]


def test_managed_policies_are_written_to_a_new_folder(
    call: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, resources: list[Planned], tmp_path: Path
) -> None:
    monkeypatch.setattr(dry_run, "resources", lambda *_: resources)
    words = ("dev", "--account", "111122223333", "--out", str(tmp_path / "new"))
    assert call(command, *words).code == 0
    written = [json.loads(file.read_text()) for file in sorted((tmp_path / "new").iterdir())]
    policies = json.loads(call(command, *words[:-2], "--json").out)["policies"]
    assert len(policies) == 2
    assert written == policies
    assert call(command, *words).code == 2


def test_a_role_that_only_reads_gets_nothing_that_changes(resources: list[Planned]) -> None:
    whole = document.policy(resources, PLACE, "dev")
    reading = backend.read_only(whole)["Statement"]
    actions = {action for each in reading if each["Effect"] == "Allow" for action in each["Action"]}
    assert {action.split(":")[1][:3] for action in actions} == {"Des", "Get", "Lis", "Sca"}
    assert {"lambda:GetFunction", "dynamodb:DescribeTable", "lambda:GetPolicy", "sqs:GetQueueAttributes"} <= actions
    assert [each["Condition"] for each in reading if each["Action"] == ["dynamodb:Scan"]] == [
        {"StringEquals": {"dynamodb:Select": ["COUNT"]}}
    ]
    assert reading[-1] == whole["Statement"][-1]


@pytest.mark.parametrize(("bucket", "folder"), [("estate-state", ""), ("s3://estate-state/team?region=x", "team/")])
def test_the_backends_policy_is_of_its_bucket_and_key_alone(bucket: str, folder: str) -> None:
    key = "arn:aws:kms:us-east-1:111122223333:key/1234abcd"
    document = backend.backend(bucket, key, "aws", writes=True)
    granted = {each["Resource"]: each["Action"] for each in document["Statement"]}
    assert granted == {
        "arn:aws:s3:::estate-state": ["s3:ListBucket"],
        f"arn:aws:s3:::estate-state/{folder}.pulumi/*": ["s3:DeleteObject", "s3:GetObject", "s3:PutObject"],
        key: ["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey"],
    }
    reading = backend.backend(bucket, key, "aws", writes=False)["Statement"]
    assert [each["Action"] for each in reading] == [["s3:ListBucket"], ["s3:GetObject"], ["kms:Decrypt"]]


def test_the_command_prints_the_policies_of_readers_and_of_the_backend(
    call: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, resources: list[Planned]
) -> None:
    monkeypatch.setattr(dry_run, "resources", lambda *_: resources)
    reader = json.loads(call(command, "dev", "--account", "111122223333", "--read-only", "--json").out)
    assert "iam:CreateRole" not in {action for each in reader["policy"]["Statement"] for action in each["Action"]}
    assert [each["actions"] for each in reader["unscoped"]]
    backend = json.loads(call(command, "dev", "--account", "111122223333", "--backend", "estate-state").out)
    assert [each["Sid"] for each in backend["Statement"]] == ["ListState", "State"]
