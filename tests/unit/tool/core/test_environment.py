"""Local environments, refusals of a real one, and endpoints other than AWS's own."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

import boto3
import pytest

import estate_tool.core
from estate_tool.core import environment
from estate_tool.core.environment import ALLOW_ENDPOINTS, refuse_endpoints
from estate_tool.core.errors import Failed, UsageError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def own_variables(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in list(os.environ):
        if name.startswith("AWS_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    # Whatever a test sets in the process goes with it.
    monkeypatch.setattr(os, "environ", dict(os.environ) | {"ESTATE_HOME": str(tmp_path)})


@pytest.mark.parametrize(("name", "local"), [("local", True), ("local-b", True), ("dev", False), ("my-local", False)])
def test_local_and_its_siblings_are_on_the_embedded_aws(name: str, local: bool) -> None:
    assert environment.is_local(name) == local
    assert environment.resolve(name).local == local


def test_a_name_like_that_of_an_environment_is_taken_for_a_slip() -> None:
    with pytest.raises(UsageError) as refused:
        environment.resolve("locl")
    assert (refused.value.code, "did you mean 'local'?" in refused.value.hint) == ("unknown_name", True)


def test_a_local_environment_is_never_a_real_account() -> None:
    os.environ.update(AWS_PROFILE="prod", AWS_SESSION_TOKEN="t", AWS_ACCESS_KEY_ID="AKIAREAL")
    environment.resolve("local")
    assert "AWS_PROFILE" not in os.environ
    assert "AWS_SESSION_TOKEN" not in os.environ
    assert os.environ["AWS_ACCESS_KEY_ID"].startswith("LOCAL")
    assert os.environ["AWS_ENDPOINT_URL"].startswith("http://127.0.0.1:")


def test_a_real_environment_is_refused_while_its_calls_would_go_elsewhere() -> None:
    os.environ["AWS_ENDPOINT_URL_SQS"] = "http://127.0.0.1:4566"
    with pytest.raises(UsageError) as refused:
        environment.resolve("dev")
    assert "AWS_ENDPOINT_URL_SQS" in refused.value.message


@pytest.mark.parametrize("name", ["a b", "-x", "a/b", "ö", "x" * 101])
def test_a_name_that_can_not_be_a_stacks_is_wrong_usage(name: str) -> None:
    with pytest.raises(UsageError, match="can't be the name of an environment"):
        environment.resolve(name)


def test_names_end_with_the_environments_suffix() -> None:
    assert environment.resolve("dev").names.table("events") == "table-events-dev"


def test_a_slip_in_the_catalog_is_a_wrong_configuration_and_no_defect_of_the_tool(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # As if foundation/catalog.py, which the configuration is read by, did not load.
    monkeypatch.delitem(sys.modules, "estate_tool.core.configuration", raising=False)
    monkeypatch.delattr(estate_tool.core, "configuration", raising=False)
    monkeypatch.setitem(sys.modules, "foundation.catalog", None)
    with pytest.raises(UsageError) as refused:
        environment.resolve("local")
    assert "the declarations can't be loaded: ModuleNotFoundError" in refused.value.message
    assert "nothing was touched" in refused.value.message
    assert "foundation/catalog.py" in refused.value.hint


def test_a_client_is_made_once_for_each_service_and_number_of_attempts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)  # one of these variables, which goes with the test
    found = environment.resolve("dev")
    assert found.client("sqs") is found.client("sqs")
    assert found.client("sqs", attempts=1) is not found.client("sqs")
    assert found.client("sqs", attempts=1).meta.config.retries["total_max_attempts"] == 1


ELSEWHERE = "http://127.0.0.1:4566"


@pytest.fixture
def configured(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., dict[str, str]]:
    """Variables of somebody with that AWS configuration file, and with more variables."""
    file = tmp_path / "aws-config"
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)

    def configuring(text: str = "", **variables: str) -> dict[str, str]:
        file.write_text(text)
        for name, value in {"AWS_CONFIG_FILE": str(file), **variables}.items():
            monkeypatch.setenv(name, value)
        return dict(os.environ)

    return configuring


def refused(variables: dict[str, str]) -> UsageError:
    with pytest.raises(UsageError) as error:
        refuse_endpoints("dev", variables)
    assert "nothing was touched" in error.value.message
    assert f"{ALLOW_ENDPOINTS}=1" in error.value.hint
    return error.value


@pytest.mark.parametrize("variable", ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_SQS"])
def test_a_variable_is_named_and_to_be_unset(configured: Callable[..., dict[str, str]], variable: str) -> None:
    error = refused(configured(**{variable: ELSEWHERE}))
    assert variable in error.message
    assert f"unset {variable}" in error.hint


def test_the_endpoint_of_a_profile_is_named_with_its_file(configured: Callable[..., dict[str, str]]) -> None:
    variables = configured(f"[default]\nregion = us-east-1\nendpoint_url = {ELSEWHERE}\n")
    error = refused(variables)
    assert f"endpoint_url = {ELSEWHERE} in profile default of {variables['AWS_CONFIG_FILE']}" in error.message
    assert "AWS_PROFILE" in error.hint
    assert "unset" not in error.hint


def test_each_service_of_the_section_that_the_profile_uses_is_named(
    configured: Callable[..., dict[str, str]],
) -> None:
    text = (
        f"[profile work]\nservices = mine\n[services mine]\nsqs =\n  endpoint_url = {ELSEWHERE}/sqs\ndynamodb =\n"
        f"  endpoint_url = {ELSEWHERE}/dynamodb\nlambda =\n  retries = 3\n"
    )
    message = refused(configured(text, AWS_PROFILE="work")).message
    assert f"{ELSEWHERE}/sqs of sqs in [services mine]" in message
    assert f"{ELSEWHERE}/dynamodb of dynamodb in [services mine]" in message
    assert "lambda" not in message


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[default]\nregion = us-east-1\n",
        f"[default]\nregion = us-east-1\n[profile other]\nendpoint_url = {ELSEWHERE}\n",
        f"[default]\nservices = a\n[services b]\nsqs =\n  endpoint_url = {ELSEWHERE}\n",
        f"[default]\nignore_configured_endpoint_urls = true\nendpoint_url = {ELSEWHERE}\n",
    ],
    ids=["no file", "none", "of another profile", "of another section", "ignored"],
)
def test_what_is_not_in_use_is_no_matter(configured: Callable[..., dict[str, str]], text: str) -> None:
    variables = configured(text)
    refuse_endpoints("dev", variables)
    assert "AWS_ENDPOINT_URL would" in refused({**variables, "AWS_ENDPOINT_URL": ELSEWHERE}).message


def test_an_endpoint_that_is_meant_is_allowed_by_a_variable(configured: Callable[..., dict[str, str]]) -> None:
    text = f"[default]\nendpoint_url = {ELSEWHERE}\n"
    refuse_endpoints("dev", configured(text, AWS_ENDPOINT_URL=ELSEWHERE, ESTATE_ALLOW_ENDPOINTS="1"))
    assert ELSEWHERE in refused(configured(text, ESTATE_ALLOW_ENDPOINTS="0")).message


def test_a_configuration_that_can_not_be_read_is_a_message(configured: Callable[..., dict[str, str]]) -> None:
    with pytest.raises(Failed, match="AWS configuration can't be read"):
        refuse_endpoints("dev", configured("[default\nregion us-east-1\n"))
