"""Turns what goes wrong between this machine and AWS into messages that say what to do."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from estate_tool.errors import EstateError, Failed
from estate_tool.retries import code_of, is_transient

if TYPE_CHECKING:
    from collections.abc import Iterator

    from estate_tool.environment import Environment

_NOT_DEPLOYED = {"QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue", "ResourceNotFoundException"}
_FORBIDDEN = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"}
_CREDENTIALS = {
    "ExpiredToken", "ExpiredTokenException", "InvalidClientTokenId", "InvalidSignatureException",
    "MissingAuthenticationToken", "SignatureDoesNotMatch", "UnrecognizedClientException",
}  # fmt: skip


@contextlib.contextmanager
def reaching(environment: Environment) -> Iterator[None]:
    """Raise Failed, with what to do, for any failure of a call to AWS inside of the block."""
    from botocore.exceptions import BotoCoreError, ClientError

    require_running(environment)
    try:
        yield
    except (BotoCoreError, ClientError) as error:
        raise explained(error, environment) from error


def require_running(environment: Environment) -> None:
    """Raise Failed at once if the environment is local and the embedded AWS does not answer."""
    if not environment.local:
        return
    from local_aws import server

    status = server.status(server.Place.from_environment())
    if not status.answering:
        reason = f": {status.problem}" if status.problem else ""
        raise Failed(
            f"the embedded AWS, which environment {environment.name} lives on, is not running{reason}",
            "start it, with all it held: scripts/estate local up\n"
            f"or roll the environment out: scripts/deploy_all.sh {environment.name}",
        )


def explained(error: Exception, environment: Environment) -> EstateError:
    """The message for an error that boto3 raised."""
    from botocore import exceptions

    if isinstance(error, exceptions.ClientError):
        return _refused(error, environment)
    if isinstance(error, (exceptions.NoCredentialsError, exceptions.PartialCredentialsError)):
        return Failed(f"there are no AWS credentials for environment {environment.name}", "log in, or set AWS_PROFILE")
    if is_transient(error):
        where = "scripts/estate local status" if environment.local else "check the network and the region"
        return Failed(f"AWS can't be reached: {error}", where)
    return Failed(f"the call to AWS failed: {error}")


def _refused(error: Exception, environment: Environment) -> EstateError:
    code, text = code_of(error), str(error)
    if code in _NOT_DEPLOYED:
        return Failed(
            f"environment {environment.name} is not deployed, or not all of it: {text}",
            f"deploy it first: scripts/deploy_all.sh {environment.name}\n"
            f"what is deployed: scripts/estate status {environment.name}",
        )
    if code in _FORBIDDEN:
        return Failed(f"AWS does not allow it: {text}", "use credentials that may do this, or have them extended")
    if code in _CREDENTIALS:
        return Failed(f"AWS does not accept the credentials: {text}", "log in again, or set AWS_PROFILE")
    return Failed(f"AWS answered with an error: {text}")
