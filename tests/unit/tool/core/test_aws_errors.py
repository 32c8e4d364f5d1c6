"""Messages of commands when AWS, or the embedded one, refuses."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from botocore import exceptions
from botocore.exceptions import ClientError

from estate_tool.core import embedded
from estate_tool.core.aws_errors import reaching, require_running, unless_forbidden
from estate_tool.core.errors import Failed
from estate_tool.core.retries import code_of

if TYPE_CHECKING:
    from pathlib import Path


def refused(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "as it is"}}, "Query")


@pytest.mark.parametrize(
    ("error", "code", "hint"),
    [
        (refused("ResourceNotFoundException"), "not_deployed", "deploy_all.sh dev"),
        (refused("AccessDeniedException"), "access_denied", "credentials that may do this"),
        (refused("ExpiredToken"), "credentials", "aws sso login"),
        (refused("InvalidClientTokenId"), "credentials", "sign in"),
        (refused("RequestExpired"), "clock", "this machine's clock"),
        (refused("TeapotException"), "aws", ""),
        (exceptions.NoCredentialsError(), "credentials", "AWS_PROFILE"),
        (exceptions.ProfileNotFound(profile="nosuch"), "credentials", "aws configure list-profiles"),
        (exceptions.UnauthorizedSSOTokenError(), "credentials", "aws sso login"),
        (exceptions.EndpointConnectionError(endpoint_url="http://x"), "unreachable", "check the network, HTTPS_PROXY"),
        (exceptions.ParamValidationError(report="odd"), "aws", ""),
    ],
)
def test_an_error_of_aws_is_a_message_with_what_to_do(error: Exception, code: str, hint: str) -> None:
    environment: Any = SimpleNamespace(name="dev", local=False)
    with pytest.raises(Failed) as caught, reaching(environment):
        raise error
    assert (caught.value.code, caught.value.__cause__) == (code, error)
    assert hint in caught.value.hint
    # The words of AWS and the names that it gives are in the message.
    assert str(error) in caught.value.message or isinstance(error, exceptions.NoCredentialsError)


def test_a_call_that_is_forbidden_is_no_answer_and_any_other_error_is_raised() -> None:
    def raising(code: str) -> Any:
        raise refused(code)

    assert unless_forbidden(lambda: 5) == (5, None)
    answer, forbidden = unless_forbidden(lambda: raising("AccessDeniedException"))
    assert (answer, code_of(forbidden or KeyError())) == (None, "AccessDeniedException")
    with pytest.raises(ClientError):
        unless_forbidden(lambda: raising("ThrottlingException"))


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


def test_a_local_environment_that_was_never_deployed_is_not_deployed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("ESTATE_HOME", str(tmp_path))
    environment: Any = SimpleNamespace(name="local-b", local=True)
    with pytest.raises(Failed) as caught:
        require_running(environment)
    assert (caught.value.code, "scripts/deploy_all.sh local-b" in caught.value.hint) == ("not_deployed", True)
