"""The policy a deployer needs: complete, as narrow as AWS allows, for whatever the layers register."""

from __future__ import annotations

import re
from typing import Any

from estate_tool.deployer_policy import document
from estate_tool.engine.dry_run import Planned
from foundation.layers import LAYER_NAMES
from tests.unit.tool.conftest import PLACE

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
