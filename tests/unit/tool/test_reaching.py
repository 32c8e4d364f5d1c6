"""Messages of commands when AWS, or the embedded one, refuses."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError, ParamValidationError

from estate_tool.core import embedded
from estate_tool.core.aws_errors import reaching, require_running
from estate_tool.core.errors import Failed


def refused(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "as it is"}}, "Query")


@pytest.mark.parametrize(
    ("error", "message", "hint"),
    [
        (
            refused("ResourceNotFoundException"),
            "environment dev is not deployed, or not all",
            "deploy_all.sh dev",
        ),
        (refused("AccessDeniedException"), "AWS does not allow it", "credentials that may do this"),
        (refused("ExpiredTokenException"), "the AWS credentials have expired", "aws sso login"),
        (refused("UnrecognizedClientException"), "AWS does not accept the credentials", "sign in"),
        (refused("TeapotException"), "AWS answered with an error: An error occurred (TeapotException)", ""),
        (NoCredentialsError(), "there are no AWS credentials for environment dev", "AWS_PROFILE"),
        (
            EndpointConnectionError(endpoint_url="http://x"),
            "AWS can't be reached",
            "check the network, HTTPS_PROXY and the region",
        ),
        (ParamValidationError(report="odd"), "the call to AWS failed", ""),
    ],
)
def test_an_error_of_aws_is_a_message_with_what_to_do(error: Exception, message: str, hint: str) -> None:
    environment: Any = SimpleNamespace(name="dev", local=False)
    with pytest.raises(Failed) as caught, reaching(environment):
        raise error
    assert message in caught.value.message
    assert hint in caught.value.hint
    assert caught.value.__cause__ is error


@pytest.mark.parametrize(("problem", "text"), [("", "is not running"), ("port 1 is taken", "running: port 1 is")])
def test_a_local_environment_is_not_asked_for_while_the_embedded_aws_is_down(
    monkeypatch: pytest.MonkeyPatch, problem: str, text: str
) -> None:
    monkeypatch.setattr(embedded, "status", lambda _: SimpleNamespace(answering=False, problem=problem))
    monkeypatch.setattr(embedded.LocalAwsPaths, "keeps", lambda *_: True)
    environment: Any = SimpleNamespace(name="local-b", local=True)
    with pytest.raises(Failed, match="environment local-b lives on") as caught:
        require_running(environment)
    assert text in caught.value.message
    assert "scripts/estate local up" in caught.value.hint
