"""Errors of calls to AWS as messages with what to do."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, TypeVar

from estate_tool.core.errors import EstateError, Failed
from estate_tool.core.retries import code_of, is_transient
from estate_tool.core.text import one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from botocore.exceptions import ClientError

    from estate_tool.core.environment import Environment

Answer = TypeVar("Answer")

_FORBIDDEN = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"}
# Names of services for a resource that does not exist; ResourceNotFound and NotFound are CloudWatch's and SNS's.
_NOT_FOUND = {
    "AWS.SimpleQueueService.NonExistentQueue", "NoSuchEntity", "NotFound",
    "ProvisionedConcurrencyConfigNotFoundException", "QueueDoesNotExist", "ResourceNotFound",
    "ResourceNotFoundException",
}  # fmt: skip
_SIGN_IN = "sign in, for example with aws sso login, or name a profile that works: AWS_PROFILE"
_REAL = "without an account: environments called local or local-NAME run on this machine alone"
# Error codes of AWS, each group with our code, message and hint.
_REFUSALS = (
    (
        _NOT_FOUND, "not_deployed", "environment {name} is not deployed, or not all of it",
        "deploy it first: scripts/deploy_all.sh {name}\nwhat is deployed: scripts/estate status {name}",
    ),
    (_FORBIDDEN, "access_denied", "AWS does not allow it", "use credentials that may do this, or have them extended"),
    (
        {"ExpiredToken", "ExpiredTokenException"}, "credentials", "the AWS credentials have expired",
        f"{_SIGN_IN}; then run the same command again",
    ),
    (
        {"RequestExpired", "RequestTimeTooSkewed"}, "clock", "AWS does not accept the time of the request",
        "correct this machine's clock",
    ),
    (
        {"InvalidClientTokenId", "InvalidSignatureException", "MissingAuthenticationToken", "SignatureDoesNotMatch",
         "UnrecognizedClientException"},
        "credentials", "AWS does not accept the credentials", _SIGN_IN,
    ),
)  # fmt: skip


@contextlib.contextmanager
def reaching(environment: Environment) -> Iterator[None]:
    """Raise Failed, with what to do, for any failure of a call to AWS inside of the block."""
    from botocore.exceptions import BotoCoreError, ClientError

    require_running(environment)
    try:
        yield
    except (BotoCoreError, ClientError) as error:
        raise explained(error, environment) from error


def unless_forbidden(call: Callable[[], Answer]) -> tuple[Answer | None, ClientError | None]:
    """Return the answer of a call to AWS; None and the error where the credentials may not make it."""
    from botocore.exceptions import ClientError

    try:
        return call(), None
    except ClientError as error:
        if code_of(error) not in _FORBIDDEN:
            raise
        return None, error


def is_not_found(error: BaseException) -> bool:
    """Return True if AWS answered that the resource does not exist."""
    return code_of(error) in _NOT_FOUND


def unless_not_found(call: Callable[[], Answer]) -> Answer | None:
    """Return the answer of a call to AWS; None where the resource does not exist."""
    from botocore.exceptions import ClientError

    try:
        return call()
    except ClientError as error:
        if not is_not_found(error):
            raise
        return None


def require_running(environment: Environment) -> None:
    """Raise Failed at once if the environment is local and the embedded AWS does not answer."""
    # AWS itself always runs; the embedded one is started and stopped by its user.
    if not environment.local:
        return
    from estate_tool.core import embedded

    local = embedded.LocalAwsPaths.from_environment()
    status = embedded.status(local)
    if not status.answering:
        if not local.keeps(environment.name):
            raise not_deployed(environment)
        reason = f": {status.problem}" if status.problem else ""
        raise Failed(
            f"the embedded AWS, which environment {environment.name} lives on, is not running{reason}",
            "start it, with all it held: scripts/estate local up\n"
            f"or roll the environment out: scripts/deploy_all.sh {environment.name}",
            code="not_running",
        )


def not_deployed(environment: Environment) -> Failed:
    """Return the error for an environment of which nothing is deployed."""
    return Failed(
        f"nothing of environment {environment.name} is deployed",
        f"deploy it first: scripts/deploy_all.sh {environment.name}",
        code="not_deployed",
    )


def explained(error: Exception, environment: Environment | None = None) -> EstateError:
    """Return the error to show for one that boto3 raised."""
    from botocore import exceptions

    if isinstance(error, exceptions.ClientError):
        return _refused(error, environment.name if environment else "ENV")
    if is_transient(error):
        # A network that does not answer is fixed elsewhere than a process of this machine.
        local = environment is not None and environment.local
        where = "scripts/estate local status" if local else "check the network, HTTPS_PROXY and the region"
        return Failed(f"AWS can't be reached: {error}", f"{where}; then run the same command again", code="unreachable")
    if isinstance(error, (exceptions.NoCredentialsError, exceptions.PartialCredentialsError)):
        name = f" for environment {environment.name}" if environment else ""
        message, hint = f"there are no AWS credentials{name}", f"{_SIGN_IN}\n{_REAL}"
    elif isinstance(error, exceptions.ProfileNotFound):
        message, hint = str(error), "aws configure list-profiles shows which there are; set AWS_PROFILE to one of them"
    elif isinstance(error, exceptions.ConfigParseError):
        message, hint = (
            f"the AWS configuration can't be read: {error}",
            "fix the file, or name another: AWS_CONFIG_FILE",
        )
    elif isinstance(error, (exceptions.SSOError, exceptions.TokenRetrievalError, exceptions.CredentialRetrievalError)):
        message, hint = f"the sign-in to AWS is over, or does not work: {error}", _SIGN_IN
    else:
        hint = "check sign-in and configuration: scripts/estate doctor ENV"
        return Failed(f"the call to AWS failed: {error}", hint, code="aws")
    return Failed(message, hint, code="credentials")


def _refused(error: Exception, name: str) -> EstateError:
    text = one_line(str(error))
    for codes, code, message, hint in _REFUSALS:
        if code_of(error) in codes:
            return Failed(f"{message.format(name=name)}: {text}", hint.format(name=name), code=code)
    return Failed(f"AWS answered with an error: {text}", "look this error up in AWS's own description", code="aws")
