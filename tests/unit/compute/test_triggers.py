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


def test_statements_have_ids_of_their_own_within_the_limit() -> None:
    found = _permissions(_recorded(f"{ROLE}{'a/' * 60}web", f"{ROLE}web", f"{ROLE}web-{{suffix}}x"))
    ids = [permission["statementId"] for permission in found]
    assert len(set(ids)) == 6
    assert max(map(len, ids)) <= 100
