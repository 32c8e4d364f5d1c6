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

# The last one is CloudWatch's for a dashboard.
_NOT_DEPLOYED = {
    "QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue", "ResourceNotFoundException", "ResourceNotFound",
}  # fmt: skip
_FORBIDDEN = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"}
_EXPIRED = {"ExpiredToken", "ExpiredTokenException"}
_CLOCK = {"RequestExpired", "RequestTimeTooSkewed"}
_CREDENTIALS = {
    "InvalidClientTokenId", "InvalidSignatureException",
    "MissingAuthenticationToken", "SignatureDoesNotMatch", "UnrecognizedClientException",
}  # fmt: skip
_SIGN_IN = "sign in, for example with aws sso login, or name a profile that works: AWS_PROFILE"
_REAL = "without an account: environments called local or local-NAME run on this machine alone"


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


def require_running(environment: Environment) -> None:
    """Raise Failed at once if the environment is local and the embedded AWS does not answer."""
    # AWS itself always runs; the embedded one is started and stopped by its user.
    if not environment.local:
        return
    from estate_tool.core import embedded

    place = embedded.LocalAwsPaths.from_environment()
    status = embedded.status(place)
    if not status.answering:
        if not place.keeps(environment.name):
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

    # A network that does not answer is fixed in another place than a process of this machine.
    local = environment is not None and environment.local
    name = f" for environment {environment.name}" if environment else ""
    if isinstance(error, exceptions.ClientError):
        return _refused(error, environment.name if environment else "ENV")
    if isinstance(error, (exceptions.NoCredentialsError, exceptions.PartialCredentialsError)):
        return Failed(f"there are no AWS credentials{name}", f"{_SIGN_IN}\n{_REAL}", code="credentials")
    if isinstance(error, exceptions.ProfileNotFound):
        return Failed(
            f"{error}",
            "aws configure list-profiles shows which there are; set AWS_PROFILE to one of them",
            code="credentials",
        )
    if isinstance(error, exceptions.ConfigParseError):
        return Failed(
            f"the AWS configuration can't be read: {error}",
            "fix the file, or name another: AWS_CONFIG_FILE",
            code="credentials",
        )
    if isinstance(error, (exceptions.SSOError, exceptions.TokenRetrievalError, exceptions.CredentialRetrievalError)):
        return Failed(f"the sign-in to AWS is over, or does not work: {error}", _SIGN_IN, code="credentials")
    if is_transient(error):
        where = "scripts/estate local status" if local else "check the network, HTTPS_PROXY and the region"
        return Failed(f"AWS can't be reached: {error}", f"{where}; then run the same command again", code="unreachable")
    return Failed(
        f"the call to AWS failed: {error}", "check sign-in and configuration: scripts/estate doctor ENV", code="aws"
    )


def _refused(error: Exception, name: str) -> EstateError:
    code, text = code_of(error), one_line(str(error))
    if code in _NOT_DEPLOYED:
        return Failed(
            f"environment {name} is not deployed, or not all of it: {text}",
            f"deploy it first: scripts/deploy_all.sh {name}\nwhat is deployed: scripts/estate status {name}",
            code="not_deployed",
        )
    if code in _FORBIDDEN:
        return Failed(
            f"AWS does not allow it: {text}",
            "use credentials that may do this, or have them extended",
            code="access_denied",
        )
    if code in _EXPIRED:
        return Failed(
            f"the AWS credentials have expired: {text}",
            f"{_SIGN_IN}; then run the same command again",
            code="credentials",
        )
    if code in _CLOCK:
        return Failed(
            f"AWS does not accept the time of the request: {text}", "correct this machine's clock", code="clock"
        )
    if code in _CREDENTIALS:
        return Failed(f"AWS does not accept the credentials: {text}", _SIGN_IN, code="credentials")
    return Failed(f"AWS answered with an error: {text}", "look this error up in AWS's own description", code="aws")
