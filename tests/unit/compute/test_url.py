"""The component of a function's URL: at the alias, signed, and both permissions for each caller."""

from typing import Any

import pulumi

from compute.triggers import Url, UrlArgs
from foundation.naming import Names
from foundation.urls import FunctionUrl
from tests.support.mocks import Recording, record

ALIAS = "arn:aws:lambda:us-east-1:123456789012:function:lambda-x-dev:live"
ROLE = "arn:{partition}:iam::{account}:role/"


def _recorded(*invokers: str) -> Recording:
    def program() -> None:
        args = UrlArgs(
            url=FunctionUrl(invokers=invokers),
            function_name="lambda-x-dev",
            alias_name="live",
            alias_arn=pulumi.Output.from_input(ALIAS),
            names=Names("dev"),
        )
        pulumi.export("url", Url("x-url", args).url)

    return record(program)


def _permissions(recording: Recording) -> list[dict[str, Any]]:
    return [dict(item.inputs) for item in recording.of("lambda/permission:Permission")]


def test_the_address_takes_signed_requests_at_the_alias() -> None:
    recording = _recorded(f"{ROLE}web-{{suffix}}")
    url = recording.one("lambda/functionUrl:FunctionUrl").inputs
    assert url == {"functionName": "lambda-x-dev", "qualifier": "live", "authorizationType": "AWS_IAM"}
    assert recording.outputs["url"].startswith("https://")


def test_a_caller_may_use_the_address_and_invoke_the_function_through_it_alone() -> None:
    first, second = _permissions(_recorded(f"{ROLE}web-{{suffix}}"))
    shared = {
        "function": "lambda-x-dev",
        "qualifier": "live",
        "principal": "arn:aws:iam::123456789012:role/web-dev",
    }
    assert first == shared | {
        "action": "lambda:InvokeFunctionUrl", "functionUrlAuthType": "AWS_IAM", "statementId": "url-role-web",
    }  # fmt: skip
    assert second == shared | {
        "action": "lambda:InvokeFunction", "invokedViaFunctionUrl": True, "statementId": "invoke-by-url-role-web",
    }  # fmt: skip


def test_statements_have_ids_of_their_own_within_the_limit() -> None:
    found = _permissions(_recorded(f"{ROLE}{'a/' * 60}web", f"{ROLE}web", f"{ROLE}web-{{suffix}}x"))
    ids = [permission["statementId"] for permission in found]
    assert len(set(ids)) == 6
    assert max(map(len, ids)) <= 100
