"""Permissions beside the declared ones: found and removed."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from estate_tool.drift import undeclared_permissions
from tests.support.drifted import Policies, resource


def test_permissions_beside_the_declared_ones_are_found_and_taken_away(empty_estate: Any) -> None:
    iam, sqs = empty_estate.client("iam"), empty_estate.client("sqs")
    policy = json.dumps(
        {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
    )
    iam.create_role(RoleName="role-a-dev", AssumeRolePolicyDocument=policy)
    for name in ("declared", "undeclared"):
        iam.put_role_policy(RoleName="role-a-dev", PolicyName=name, PolicyDocument=policy)
    arn = iam.create_policy(PolicyName="wide", PolicyDocument=policy)["Policy"]["Arn"]
    iam.attach_role_policy(RoleName="role-a-dev", PolicyArn=arn)
    urls = [sqs.create_queue(QueueName=name, Attributes={"Policy": policy})["QueueUrl"] for name in ("open", "meant")]
    state = [
        resource("aws:iam/role:Role", "role", name="role-a-dev"),
        resource("aws:iam/rolePolicy:RolePolicy", "policy", name="role-a-dev:declared"),
        resource("aws:iam/role:Role", "gone", name="role-b-dev"),
        *({**resource("aws:sqs/queue:Queue", url[-5:]), "id": url} for url in urls),
        resource("aws:sqs/queuePolicy:QueuePolicy", "queue-policy", queueUrl=urls[1]),
    ]
    undeclared = undeclared_permissions.found(empty_estate.client, state)
    assert {(permission.urn.rpartition("::")[2], permission.path) for permission in undeclared} == {
        ("role", 'inlinePolicies["undeclared"]'), ("role", "managedPolicyArns"), ("/open", "policy")
    }  # fmt: skip
    for permission in undeclared:
        permission.remove()
    assert undeclared_permissions.found(empty_estate.client, state) == []
    assert iam.list_role_policies(RoleName="role-a-dev")["PolicyNames"] == ["declared"]


def test_schedules_that_somebody_put_into_a_group_are_found_and_taken_away(empty_estate: Any) -> None:
    scheduler = empty_estate.client("scheduler")
    group = "schedule-a-dev"
    scheduler.create_schedule_group(Name=group)
    for name in (group, "undeclared"):
        scheduler.create_schedule(
            Name=name, GroupName=group, ScheduleExpression="rate(1 day)", FlexibleTimeWindow={"Mode": "OFF"},
            Target={"Arn": "arn:aws:lambda:us-east-1:1:function:f", "RoleArn": "arn:aws:iam::1:role/r"},
        )  # fmt: skip
    state = [
        resource("aws:scheduler/scheduleGroup:ScheduleGroup", "group", name=group),
        resource("aws:scheduler/schedule:Schedule", "schedule", name=f"{group}/{group}"),
    ]
    (permission,) = undeclared_permissions.found(empty_estate.client, state)
    assert (permission.urn, permission.path) == (state[0]["urn"], 'schedules["undeclared"]')
    permission.remove()
    assert undeclared_permissions.found(empty_estate.client, state) == []
    assert [one["Name"] for one in scheduler.list_schedules(GroupName=group)["Schedules"]] == [group]


def test_who_else_may_call_a_function_or_its_alias_is_found_and_taken_away(empty_estate: Any) -> None:
    policies = empty_estate.clients["lambda"] = Policies()
    state = [
        resource("aws:lambda/function:Function", "function", name="lambda-a-dev"),
        resource("aws:lambda/alias:Alias", "alias", name="live", functionName="lambda-a-dev"),
        resource("aws:lambda/alias:Alias", "elsewhere", name="live", functionName="lambda-b-dev"),
        resource("aws:lambda/permission:Permission", "permission", statementId="declared"),
    ]
    undeclared = undeclared_permissions.found(empty_estate.client, state)
    assert [(permission.urn, permission.path, permission.value["Principal"]) for permission in undeclared] == [
        (state[0]["urn"], 'permissions["undeclared"]', "*"), (state[0]["urn"], 'permissions["other"]', "s3"),
    ]  # fmt: skip
    for permission in undeclared:
        permission.remove()
    assert policies.statements == {"live": {"declared": {"Principal": "own"}}}
    assert undeclared_permissions.found(empty_estate.client, state) == []


def test_an_undeclared_address_of_a_function_is_found_and_removed(empty_estate: Any) -> None:
    functions = empty_estate.clients["lambda"] = Policies()
    functions.statements = {"": {}, "live": {}}
    functions.addresses = {"": "https://a/", "live": "https://b/", "old": "https://c/"}
    declared = resource("aws:lambda/functionUrl:FunctionUrl", "url", functionName="lambda-a-dev")
    state = [
        resource("aws:lambda/function:Function", "function", name="lambda-a-dev"),
        {**declared, "outputs": {"functionUrl": "https://b/"}},
    ]
    undeclared = undeclared_permissions.found(empty_estate.client, state)
    assert [(permission.path, permission.value["FunctionUrl"]) for permission in undeclared] == [
        ("functionUrl", "https://a/"), ("functionUrl", "https://c/"),
    ]  # fmt: skip
    for permission in undeclared:
        permission.remove()
    assert functions.addresses == {"live": "https://b/"}


def test_permissions_that_may_not_be_looked_at_are_no_all_clear(
    empty_estate: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(**_: str) -> None:
        raise ClientError({"Error": {"Code": "AccessDenied"}}, "GetQueueAttributes")

    monkeypatch.setattr(empty_estate.client("sqs"), "get_queue_attributes", refuse)
    with pytest.raises(ClientError, match="AccessDenied"):
        undeclared_permissions.found(empty_estate.client, [resource("aws:sqs/queue:Queue", "q", name="q")])


def test_permissions_that_were_found_stay_so_when_a_later_one_is_gone_meanwhile(
    empty_estate: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(**_: str) -> None:
        raise ClientError({"Error": {"Code": "ResourceNotFoundException"}}, "ListFunctionUrlConfigs")

    functions = empty_estate.clients["lambda"] = Policies()
    monkeypatch.setattr(functions, "get_paginator", lambda _: gone())
    state = [resource("aws:lambda/function:Function", "function", name="lambda-a-dev")]
    (permission,) = undeclared_permissions.found(empty_estate.client, state)
    assert permission.path == 'permissions["undeclared"]'
