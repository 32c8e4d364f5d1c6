"""Endpoints other than AWS's own, wherever they are named, are seen before a real environment is touched."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from estate_tool.core.environment import ALLOW_ENDPOINTS, refuse_endpoints
from estate_tool.core.errors import Failed, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

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
    refused(configured(text, ESTATE_ALLOW_ENDPOINTS="0"))


def test_a_configuration_that_can_not_be_read_is_a_message(configured: Callable[..., dict[str, str]]) -> None:
    with pytest.raises(Failed, match="AWS configuration can't be read"):
        refuse_endpoints("dev", configured("[default\nregion us-east-1\n"))
