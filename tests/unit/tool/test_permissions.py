"""The policy a deployer needs: complete, as narrow as AWS allows, for whatever the layers register."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from estate_tool import environment, permissions, planned
from estate_tool.commands import permissions as command
from estate_tool.configuration import load
from estate_tool.environment import Environment
from estate_tool.planned import Place, Planned
from foundation.layers import LAYER_NAMES

if TYPE_CHECKING:
    from collections.abc import Callable

PLACE = Place(account="111122223333", region="us-east-1")
# No narrower resource is possible for these, as AWS's Service Authorization Reference has it.
ANYWHERE = {
    "application-autoscaling:DescribeScalableTargets", "application-autoscaling:DescribeScalingPolicies",
    "application-autoscaling:DescribeScheduledActions", "lambda:CreateEventSourceMapping",
    "lambda:ListEventSourceMappings", "logs:DescribeLogGroups", "logs:PutQueryDefinition",
    "logs:DeleteQueryDefinition", "logs:DescribeQueryDefinitions", "cloudwatch:PutCompositeAlarm",
    "cloudwatch:DescribeAlarms",
    "lambda:GetAccountSettings",
    "sns:Unsubscribe", "sns:GetSubscriptionAttributes", "sns:SetSubscriptionAttributes",
}  # fmt: skip


@pytest.fixture(scope="module")
def resources() -> list[Planned]:
    target = Environment(name="dev", local=False, configuration=load("dev"))
    return planned.resources(target, PLACE, lambda kind, inputs: permissions.arn(kind, inputs, PLACE))


def statements(resources: list[Planned], *layers: str) -> list[dict[str, Any]]:
    wanted = [item for item in resources if item.layer in (layers or LAYER_NAMES)]
    found: list[dict[str, Any]] = permissions.policy(wanted, PLACE, "dev")["Statement"]
    return found


def test_no_action_is_a_wildcard_and_only_known_ones_are_allowed_on_everything(resources: list[Planned]) -> None:
    for statement in statements(resources):
        assert not any("*" in action for action in statement["Action"])
        if statement["Resource"] == "*":
            assert set(statement["Action"]) <= ANYWHERE
        else:
            assert all(arn.startswith("arn:aws:") and "111122223333" in arn for arn in statement["Resource"])
    told = {action for each in permissions.unscoped(resources) for action in each.actions}
    assert told == {action for each in statements(resources) if each["Resource"] == "*" for action in each["Action"]}
    assert all(each.reason for each in permissions.unscoped(resources))


def test_resources_are_those_of_the_environment(resources: list[Planned]) -> None:
    scoped = [arn for each in statements(resources) if each["Resource"] != "*" for arn in each["Resource"]]
    named = [
        arn
        for arn in scoped
        if not any(part in arn for part in ("scalable-target", "source-mapping:*", "aws-service-role"))
    ]
    assert [arn for arn in named if "-dev" not in arn] == []
    assert "arn:aws:dynamodb:us-east-1:111122223333:table/table-events-dev" in scoped
    assert "arn:aws:lambda:us-east-1:111122223333:function:lambda-query-dev:live" in scoped


def test_roles_are_passed_to_lambda_alone_and_by_name(resources: list[Planned]) -> None:
    (passing,) = [each for each in statements(resources) if "iam:PassRole" in each["Action"]]
    assert passing["Action"] == ["iam:PassRole"]
    assert passing["Resource"] == [
        f"arn:aws:iam::111122223333:role/role-{name}-dev" for name in ("aggregate", "ingest", "query")
    ]
    assert passing["Condition"] == {"StringEquals": {"iam:PassedToService": ["lambda.amazonaws.com"]}}


def test_mappings_are_limited_to_the_functions_that_have_one(resources: list[Planned]) -> None:
    (creating,) = [each for each in statements(resources) if "lambda:CreateEventSourceMapping" in each["Action"]]
    functions = [
        f"arn:aws:lambda:us-east-1:111122223333:function:lambda-{name}-dev*" for name in ("aggregate", "ingest")
    ]
    assert sorted(creating["Condition"]["ArnLike"]["lambda:FunctionArn"]) == functions


def test_a_layer_gets_nothing_that_only_others_need(resources: list[Planned]) -> None:
    services = {action.split(":")[0] for each in statements(resources, "foundation") for action in each["Action"]}
    assert services == {"iam"}


def answered(monkeypatch: pytest.MonkeyPatch, *accounts: str) -> None:
    configuration = SimpleNamespace(allowed_accounts=dict.fromkeys(LAYER_NAMES, accounts), region="us-east-1")
    target = SimpleNamespace(name="dev", local=False, configuration=configuration)
    monkeypatch.setattr(environment, "resolve", lambda _name: target)


@pytest.mark.parametrize("words", [("dev", "data"), ("data", "dev", "more"), ("nothing", "dev")])
def test_words_that_are_no_layer_and_environment_are_refused(call: Callable[..., Any], words: tuple[str, ...]) -> None:
    done = call(command, *words)
    assert done.code == 2
    assert "is not [LAYER] [ENV]" in done.err


@pytest.mark.parametrize("accounts", [(), ("111122223333", "444455556666"), ("1234",)])
def test_without_one_account_nothing_is_printed(
    call: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, accounts: tuple[str, ...]
) -> None:
    answered(monkeypatch, *accounts)
    done = call(command, "data", "dev")
    assert (done.code, done.out) == (2, "")
    assert "aws:allowedAccountIds" in done.err


def test_the_command_prints_the_policy(
    call: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, resources: list[Planned]
) -> None:
    monkeypatch.setattr(planned, "resources", lambda *_: resources)
    done = call(command, "foundation", "dev", "--account", "111122223333")
    assert done.code == 0
    assert json.loads(done.out)["Statement"][0]["Effect"] == "Allow"
    assert "fits one managed policy" in done.err
    for managed, inline, fits in ((1, 99_999, "fits an inline policy of a role"), (1, 2, "make one of each layer")):
        monkeypatch.setattr(command, "_MANAGED", managed)
        monkeypatch.setattr(command, "_INLINE", inline)
        assert fits in call(command, "dev", "--account", "111122223333").err
    wrong = call(command, "dev", "--account", "1234")
    assert (wrong.code, wrong.out) == (2, "")
    assert "which account dev belongs to is not known: 1234" in wrong.err
    told = json.loads(call(command, "data", "dev", "--account", "111122223333", "--json").out)
    assert (told["environment"], told["layers"], told["account"]) == ("dev", ["data"], "111122223333")
    assert told["policy"]["Version"] == "2012-10-17"
    assert [each["reason"] for each in told["unscoped"]]
