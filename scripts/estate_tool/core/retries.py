"""The one policy for transient faults: their kinds, and the retries of calls.

Single calls are repeated by botocore, and by the AWS provider of a real account (`aws:maxRetries` and `aws:retryMode`
in each layer's Pulumi.yaml); faults that outlast that, by tenacity. All other errors stop at once.
"""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    import tenacity
    from botocore.config import Config
    from tenacity.retry import retry_base
    from tenacity.stop import stop_base

# How often a call is made, with up to 1, 2, 4 … 20 s between ("Retry behavior", AWS SDKs and Tools Reference Guide);
# the same numbers stand in each layer's Pulumi.yaml, for the provider.
ATTEMPTS, MODE = 8, "standard"
LONGEST_PAUSE_SECONDS = 20.0

_THROTTLED = {
    "ProvisionedThroughputExceededException", "RequestLimitExceeded", "RequestThrottled", "RequestThrottledException",
    "SlowDown", "Throttling", "ThrottlingException", "TooManyRequestsException",
}  # fmt: skip
# AWS's own faults, and changes that AWS has not finished, or not replicated, yet.
_PASSING = {
    "ConcurrentModification", "ConcurrentModificationException", "ConcurrentUpdateException", "DeleteConflict",
    "InternalError", "InternalFailure", "InternalServerError", "InternalServiceError", "OperationAborted",
    "QueueDeletedRecently", "RequestTimeout", "RequestTimeoutException", "ServiceException", "ServiceUnavailable",
    "ServiceUnavailableException", "TransactionInProgressException",
}  # fmt: skip
# A creation was repeated because its answer was lost, and it turns out that it had been carried out.
ANSWER_LOST = "exists since an earlier attempt, whose answer was lost"
# The errors of providers come as text, these words from boto3 and from the SDK for Go.
_PASSING_WORDS = (
    r"StatusCode: (?:429|5\d\d)", "[Cc]onnection reset", "[Cc]onnection was closed", "[Cc]onnection broken",
    "i/o timeout", "TLS handshake timeout", "[Rr]ead timed out", "[Tt]imeout on endpoint",
    "cannot be assumed by Lambda", "update is in progress", ANSWER_LOST,
)  # fmt: skip
_PASSING_TEXT = re.compile("|".join([*(rf"\b{code}\b" for code in sorted(_THROTTLED | _PASSING)), *_PASSING_WORDS]))


def boto_config(*, attempts: int = ATTEMPTS, mode: str = MODE, **more: Any) -> Config:
    """Return the botocore configuration of every client: repeated calls and time-outs."""
    from botocore.config import Config

    retries = {"mode": mode, "total_max_attempts": attempts}
    return Config(retries=retries, connect_timeout=5, read_timeout=70, max_pool_connections=50, **more)


def show(client: Any, say: Callable[[str], None]) -> Any:
    """Return the boto3 client, which reports each transient failure through `say` before it is retried."""

    def look(attempts: int, operation: Any, response: Any, caught_exception: Exception | None, **_: object) -> None:
        problem = _problem(response, caught_exception)
        if problem and attempts < client.meta.config.retries["total_max_attempts"]:
            say(f"{client.meta.service_model.service_name}:{operation.name} failed, trying again: {problem}")

    client.meta.events.register_first("needs-retry.*", look)
    return client


def _problem(response: Any, error: Exception | None) -> str:
    """Return the fault of an answer if it is transient; else nothing."""
    from botocore.exceptions import ClientError

    if error is None and response is not None and response[0].status_code >= 400:
        error = ClientError(response[1], "")
    if error is None or not is_transient(error):
        return ""
    if isinstance(error, ClientError):
        return f"{code_of(error)}: {error.response['Error'].get('Message', '')}"
    return " ".join(str(error).split())


def policy(
    retry: retry_base, stop: stop_base, *, sleep: Callable[[float], None] = time.sleep, **more: Any
) -> tenacity.Retrying:
    """Return the retry policy: what `retry` accepts, until `stop`, after a random part of pauses that double."""
    import tenacity

    wait = tenacity.wait_random_exponential(multiplier=0.5, max=LONGEST_PAUSE_SECONDS)
    return tenacity.Retrying(retry=retry, stop=stop, wait=wait, sleep=sleep, reraise=True, **more)


def code_of(error: BaseException) -> str:
    """Return AWS's error code of a ClientError; empty for every other error."""
    response = getattr(error, "response", None)
    return str(response.get("Error", {}).get("Code", "")) if isinstance(response, dict) else ""


def is_throttled(error: BaseException) -> bool:
    """Return True if AWS asks to slow down."""
    return code_of(error) in _THROTTLED


def is_transient(error: BaseException) -> bool:
    """Return True if the call may succeed a little later: throttled, unreachable, timed out, a fault of AWS's."""
    from botocore.exceptions import ClientError, HTTPClientError
    from botocore.exceptions import ConnectionError as Unreachable

    if isinstance(error, ClientError):
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        return code_of(error) in _THROTTLED | _PASSING or int(status) >= 500
    return isinstance(error, (HTTPClientError, Unreachable))


def is_transient_text(message: str) -> bool:
    """Return True for the text of a transient error that a provider reported to the engine."""
    return bool(_PASSING_TEXT.search(message))
