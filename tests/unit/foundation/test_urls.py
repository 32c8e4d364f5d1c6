"""URLs of functions: who may be named as a caller, and what is refused."""

from dataclasses import replace

import pytest

from foundation.model import Function
from foundation.problems import InvalidConfiguration, Problem
from foundation.urls import FunctionUrl, label
from foundation.validation import validate
from tests.support.declarations import READ, STORE, with_function

ROLE = "arn:{partition}:iam::{account}:role/"
WEB = f"{ROLE}web-{{suffix}}"


def problems_of(function: Function, *invokers: str) -> tuple[Problem, ...]:
    try:
        validate(with_function(replace(function, url=FunctionUrl(invokers=invokers))))
    except InvalidConfiguration as error:
        return error.problems
    return ()


def test_roles_and_users_of_the_account_may_call_an_address() -> None:
    assert problems_of(READ, WEB, f"{ROLE}ci/deployer", WEB.replace("role/", "user/")) == ()


@pytest.mark.parametrize(
    "invoker",
    [
        "*",
        "arn:aws:iam::123456789012:role/web",
        "arn:{partition}:iam::{account}:root",
        f"{ROLE}*",
        f"{ROLE}web-{{stage}}",
        "lambda.amazonaws.com",
    ],
)
def test_other_principals_are_refused(invoker: str) -> None:
    (problem,) = problems_of(READ, invoker)
    assert (problem.where, problem.value) == ("catalog function 'read' url invokers", invoker)
    assert WEB in problem.allowed


def test_an_address_has_callers_each_of_them_once_and_no_trigger_beside_it() -> None:
    assert "at least one" in problems_of(READ)[0].allowed
    assert "each once" in problems_of(READ, f"{ROLE}a/b", f"{ROLE}a-b")[0].allowed
    assert "with a trigger" in problems_of(STORE, WEB)[0].allowed


def test_functions_that_call_each_other_by_address_are_a_cycle() -> None:
    (problem,) = problems_of(READ, f"{ROLE}role-read-{{suffix}}")
    assert problem.where == "catalog cycle"
    assert problems_of(READ, f"{ROLE}role-store-{{suffix}}") == ()


def test_a_caller_has_one_name_in_all_environments() -> None:
    assert label(WEB) == "role-web"
    assert label(f"{ROLE}teams/web+app") == "role-teams-web-app"
