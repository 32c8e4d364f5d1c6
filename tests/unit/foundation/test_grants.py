"""Grants of any AWS action: what they become in a policy, and what is refused."""

from dataclasses import replace
from typing import Any

import pytest

from foundation.grants import ActionGrant, is_scoped
from foundation.naming import Arns, Names
from foundation.policies import execution_policy
from foundation.problems import InvalidConfiguration, Problem
from foundation.validation import validate
from tests.support.declarations import ARNS, READ, STORE, with_function

IDENTITY = "arn:{partition}:ses:{region}:{account}:identity/example.com"
OBJECTS = "arn:{partition}:s3:::reports-{suffix}/*"
MAIL = ActionGrant(actions=("ses:SendRawEmail", "ses:SendEmail"), resources=(IDENTITY,))
REPORTS = ActionGrant(actions=("s3:PutObject",), resources=(OBJECTS, "arn:aws:s3:::archive/2013/*"))


def problem_of(*grants: ActionGrant, **changes: Any) -> Problem:
    with pytest.raises(InvalidConfiguration) as raised:
        validate(with_function(replace(READ, grants=grants), **changes))
    (problem,) = raised.value.problems
    return problem


def granted(*grants: ActionGrant, arns: Arns = ARNS) -> list[tuple[str, list[str], str]]:
    plain = len(execution_policy(replace(READ, grants=()), arns)["Statement"])
    added = execution_policy(replace(READ, grants=grants), arns)["Statement"][plain:]
    return [(item["Sid"], item["Action"], item["Resource"]) for item in added]


def test_actions_are_granted_on_arns_whose_placeholders_are_the_environments() -> None:
    assert granted(MAIL, REPORTS) == [
        ("CallSes1", ["ses:SendEmail", "ses:SendRawEmail"], "arn:aws:ses:us-east-1:123456789012:identity/example.com"),
        ("CallS31", ["s3:PutObject"], "arn:aws:s3:::reports-dev/*"),
        ("CallS32", ["s3:PutObject"], "arn:aws:s3:::archive/2013/*"),
    ]
    elsewhere = Arns(names=Names("blue"), account="210987654321", region="us-gov-west-1", partition="aws-us-gov")
    assert [arn for _, _, arn in granted(MAIL, REPORTS, arns=elsewhere)][:2] == [
        "arn:aws-us-gov:ses:us-gov-west-1:210987654321:identity/example.com",
        "arn:aws-us-gov:s3:::reports-blue/*",
    ]


@pytest.mark.parametrize(
    ("actions", "resources", "value", "allowed"),
    [
        (("ses:*",), (IDENTITY,), "ses:*", "without wildcards"),
        (("*",), (IDENTITY,), "*", "without wildcards"),
        (("ses:Send?mail",), (IDENTITY,), "ses:Send?mail", "without wildcards"),
        (("SendEmail",), (IDENTITY,), "SendEmail", "a service and its action"),
        ((), (IDENTITY,), (), "at least one action"),
        (("ses:SendEmail",), (), (), "at least one ARN"),
        (("ses:SendEmail",), ("*",), "*", "one resource"),
        (("ses:SendEmail",), ("arn:aws:ses:us-east-1:123456789012:identity/*",), None, "one resource"),
        (("s3:GetObject",), ("arn:aws:s3:::*/reports",), None, "one resource"),
        (("ses:SendEmail",), ("example.com",), "example.com", "an ARN"),
        (("ses:SendEmail",), ("arn:aws:ses:{zone}:{account}:identity/x",), None, "not {zone}"),
        (("ses:SendEmail",), ("arn:aws:ses:{region:{account}:identity/x",), None, "not {"),
        (("ses:SendEmail", "ses:SendEmail"), (IDENTITY,), None, "once"),
    ],
)
def test_an_inexact_grant_is_refused(
    actions: tuple[str, ...], resources: tuple[str, ...], value: Any, allowed: str
) -> None:
    problem = problem_of(ActionGrant(actions=actions, resources=resources))
    assert problem.where.startswith("catalog function 'read' grant")
    assert value is None or problem.value == value
    assert allowed in problem.allowed


@pytest.mark.parametrize(
    ("function", "action", "resource"),
    [
        (STORE, "sqs:SendMessage", "arn:aws:sqs:{region}:{account}:queue-inbox-{suffix}"),
        (STORE, "lambda:InvokeFunction", "arn:aws:lambda:{region}:{account}:function:lambda-store-{suffix}:live"),
    ],
)
def test_a_function_that_triggers_itself_through_an_action_is_refused(
    function: Any, action: str, resource: str
) -> None:
    more = (*function.grants, ActionGrant(actions=(action,), resources=(resource,)))
    with pytest.raises(InvalidConfiguration) as raised:
        validate(with_function(function, grants=more))
    assert "catalog cycle" in {problem.where for problem in raised.value.problems}
    reading = ActionGrant(actions=("sqs:GetQueueAttributes",), resources=(resource.replace(":lambda:", ":sqs:"),))
    validate(with_function(function, grants=(*function.grants, reading)))


@pytest.mark.parametrize(
    "arn",
    [
        "arn:aws:s3:::reports-dev/*",
        "arn:aws:s3:::reports/2013/*",
        "arn:aws:ssm:us-east-1:123456789012:parameter/shop/*",
        "arn:aws:secretsmanager:us-east-1:123456789012:secret:shop/key-??????",
        "arn:aws:execute-api:us-east-1:123456789012:a1b2c3/*",
        "arn:aws:iam::123456789012:role/reports",
        "arn:aws:dynamodb:us-east-1:123456789012:table/table-events-dev/index/by-*",
        "arn:aws:logs:us-east-1:123456789012:log-group:/aws/lambda/lambda-ingest-local-b:*",
    ],
)
def test_an_arn_is_scoped_if_it_names_a_resource(arn: str) -> None:
    assert is_scoped(arn)


@pytest.mark.parametrize(
    "arn",
    [
        "arn:aws:s3:::reports-*",
        "arn:aws:s3:::*/2013",
        "arn:aws:ssm:us-east-1:123456789012:parameter/*",
        "arn:aws:secretsmanager:us-east-1:123456789012:secret:shop-*",
        "arn:aws:secretsmanager:us-east-1:123456789012:secret:??????-??????",
        "arn:aws:ses:us-east-1:*:identity/example.com",
        "arn:aws:kms:us-east-1:123456789012:key/*",
        "arn:aws:iam::123456789012:role/reports/*",
        "arn:aws:sqs:us-east-1:123456789012:",
        "*",
        "table/table-events-dev/*",
        "arn:aws:dynamodb:us-east-1:123456789012:table/table-events-dev?",
        "arn:aws:logs:us-east-1:123456789012:log-group:*",
        "arn:aws:logs:us-east-1:123456789012:log-group:/aws/lambda/*",
    ],
)
def test_an_arn_is_not_scoped_if_it_names_a_kind_of_resources(arn: str) -> None:
    assert not is_scoped(arn)
