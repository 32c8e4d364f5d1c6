"""A client for AWS services that speak JSON: one kept connection, deadlines, retries with jitter.

The services are DynamoDB, SQS, SSM and Secrets Manager.

It stands where botocore would, because a botocore client takes most of a cold start: importing this and creating a
client costs about a quarter of `boto3.client("dynamodb")`. What it sends is checked against what botocore sends, byte
for byte, in tests/lambdas/shared/test_aws.py.
"""

import hmac
import json
import os
import ssl
import time
import zlib
from collections.abc import Mapping
from hashlib import sha256
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol
from urllib.parse import urlsplit

from shared import responses
from shared.deadline import Deadline
from shared.text import shown

if TYPE_CHECKING:
    from socket import socket

LONGEST_WAIT_SECONDS = 6.0
"""Longest wait for an answer: DynamoDB takes milliseconds, so a longer one means that the connection is broken."""
# By service: the prefix of its operations, the version of its JSON, and its name in AWS_ENDPOINT_URL_….
_PROTOCOLS = {
    "dynamodb": ("DynamoDB_20120810", "1.0", "DYNAMODB"),
    "secretsmanager": ("secretsmanager", "1.1", "SECRETS_MANAGER"),
    "sqs": ("AmazonSQS", "1.0", "SQS"),
    "ssm": ("AmazonSSM", "1.1", "SSM"),
}
_ALGORITHM = "AWS4-HMAC-SHA256"
_TRANSIENT = {
    "InternalServerError",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "RequestThrottled",
    "ServiceUnavailable",
    "Throttling",
    "ThrottlingException",
    "TransactionInProgressException",
}
_UNACCEPTABLE = {"ValidationException", "SerializationException", "RequestEntityTooLarge", "Http413"}


class AwsError(Exception):
    """AWS refused a request or could not be reached."""

    def __init__(self, operation: str, code: str, message: str, status: int = 400, answer: Any = None) -> None:
        super().__init__(f"{operation} failed: {code}: {message}")
        self.code = code
        self.status = status
        self.answer: dict[str, Any] = answer if isinstance(answer, dict) else {}

    @property
    def unacceptable(self) -> bool:
        """True if the request itself is at fault, or too large: the same is refused again, parts of it may not be."""
        return self.code in _UNACCEPTABLE

    @property
    def transient(self) -> bool:
        """True if the same request may well succeed a moment later."""
        return self.status >= 500 or self.status == 429 or self.code in _TRANSIENT


class Caller(Protocol):
    """A client of an AWS service: the one below, or a test's stand-in."""

    def call(self, operation: str, request: Mapping[str, Any], deadline: Deadline) -> dict[str, Any]:
        """Return the answer, retrying transient errors while the deadline allows; raise AwsError."""
        ...


class AwsClient:
    """A client of one service. Not for use by several threads at once."""

    def __init__(self, service: str, environment: Mapping[str, str] = os.environ) -> None:
        self._service = service
        self._environment = environment
        self._region = environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION") or "us-east-1"
        self._endpoint = urlsplit(_endpoint(service, self._region, environment))
        self._tls = ssl.create_default_context() if self._endpoint.scheme == "https" else None
        self._connection: HTTPConnection | None = None

    def call(self, operation: str, request: Mapping[str, Any], deadline: Deadline) -> dict[str, Any]:
        """Return the answer, retrying transient errors while the deadline allows; raise AwsError.

        A request may reach AWS twice, when the answer to the first is lost: send only what may be repeated.
        """
        body = json.dumps(request, ensure_ascii=False, separators=(",", ":")).encode("utf-8")
        attempt = 0
        while True:
            try:
                return self._attempt(operation, body, deadline)
            except AwsError as error:
                if not error.transient or not deadline.pause(attempt):
                    raise
            attempt += 1

    def _attempt(self, operation: str, body: bytes, deadline: Deadline) -> dict[str, Any]:
        timeout = min(LONGEST_WAIT_SECONDS, deadline.remaining())
        if timeout <= 0:
            raise AwsError(operation, "OutOfTime", "the invocation has no time left", status=504)
        headers = self._headers(operation, body)
        try:
            status, checksum, answer = self._exchange(headers, body, timeout)
        except (OSError, HTTPException) as error:
            reason = f"no answer from {self._endpoint.netloc}: {str(error) or type(error).__name__}"
            raise AwsError(operation, "ConnectionError", reason, status=503) from error
        if checksum and int(checksum) != zlib.crc32(answer):
            raise AwsError(operation, "ConnectionError", "the answer was damaged on its way", status=503)
        return _understood(operation, status, answer)

    def _headers(self, operation: str, body: bytes) -> dict[str, str]:
        environment = self._environment
        credentials = Credentials(
            environment.get("AWS_ACCESS_KEY_ID", ""),
            environment.get("AWS_SECRET_ACCESS_KEY", ""),
            environment.get("AWS_SESSION_TOKEN", ""),
        )
        prefix, version, _ = _PROTOCOLS[self._service]
        headers = {
            "content-type": f"application/x-amz-json-{version}",
            "host": self._endpoint.netloc,
            "x-amz-date": time.strftime("%Y%m%dT%H%M%SZ", time.gmtime()),
            "x-amz-target": f"{prefix}.{operation}",
        }
        if credentials.token:
            headers["x-amz-security-token"] = credentials.token
        signature = authorization(credentials, self._region, self._service, self._path, headers, body)
        return {**headers, "authorization": signature}

    @property
    def _path(self) -> str:
        return self._endpoint.path or "/"

    def _exchange(self, headers: Mapping[str, str], body: bytes, timeout: float) -> tuple[int, str | None, bytes]:
        kept = self._connection
        if kept is not None:
            try:
                return self._round_trip(kept, headers, body, timeout)
            except TimeoutError:
                raise
            except (OSError, HTTPException):
                pass  # closed by AWS while the sandbox was frozen: the usual end of a kept connection
        return self._round_trip(self._connected(timeout), headers, body, timeout)

    def _connected(self, timeout: float) -> HTTPConnection:
        host, port = self._endpoint.hostname or "", self._endpoint.port
        if self._tls is None:
            return HTTPConnection(host, port, timeout=timeout)
        return HTTPSConnection(host, port, timeout=timeout, context=self._tls)

    def _round_trip(
        self, connection: HTTPConnection, headers: Mapping[str, str], body: bytes, timeout: float
    ) -> tuple[int, str | None, bytes]:
        self._connection = None
        try:
            if connection.sock is None:
                connection.connect()
            stream: socket = connection.sock  # pyright: ignore[reportAssignmentType] (connected)
            stream.settimeout(timeout)
            # In one piece: http.client sends head and body apart, and system calls are most of what a request costs.
            connection.send(_head(self._path, headers, body) + body)
            response = responses.read(stream)
        except BaseException:
            connection.close()
            raise
        if response.closes:
            connection.close()
        else:
            self._connection = connection
        return response.status, response.headers.get("x-amz-crc32"), response.body


def _head(path: str, headers: Mapping[str, str], body: bytes) -> bytes:
    lines = [f"POST {path} HTTP/1.1", *map(": ".join, headers.items()), f"content-length: {len(body)}"]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def _endpoint(service: str, region: str, environment: Mapping[str, str]) -> str:
    """Return the address to send to, honouring the variables every AWS SDK honours."""
    configured = environment.get(f"AWS_ENDPOINT_URL_{_PROTOCOLS[service][2]}") or environment.get("AWS_ENDPOINT_URL")
    if configured and environment.get("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "").lower() != "true":
        return configured
    return f"https://{service}.{region}.amazonaws.com{'.cn' if region.startswith('cn-') else ''}"


def _understood(operation: str, status: int, answer: bytes) -> dict[str, Any]:
    try:
        document = json.loads(answer or b"{}")
    except ValueError as error:
        text = shown(answer.decode("utf-8", "replace"))
        raise AwsError(operation, f"Http{status}", f"the answer is not JSON: {text}", max(status, 500)) from error
    if status < 300:
        return document if isinstance(document, dict) else {}
    details = document if isinstance(document, dict) else {}
    code = str(details.get("__type") or f"Http{status}").rpartition("#")[2]
    raise AwsError(operation, code, str(details.get("message") or details.get("Message") or ""), status, details)


class Credentials(NamedTuple):
    """Credentials that sign a request."""

    access_key: str
    secret_key: str
    token: str = ""


def authorization(
    credentials: Credentials, region: str, service: str, path: str, headers: Mapping[str, str], body: bytes
) -> str:
    """Return the Authorization header for these headers (lower-case names, X-Amz-Date among them), all of them signed.

    Steps and names are those of "Create a signed AWS API request" in the AWS IAM User Guide.
    """
    names = sorted(headers)
    signed_headers = ";".join(names)
    canonical_headers = "".join(f"{name}:{headers[name]}\n" for name in names)
    canonical_request = f"POST\n{path}\n\n{canonical_headers}\n{signed_headers}\n{sha256(body).hexdigest()}"
    moment = headers["x-amz-date"]
    scope = f"{moment[:8]}/{region}/{service}/aws4_request"
    text = f"{_ALGORITHM}\n{moment}\n{scope}\n{sha256(canonical_request.encode()).hexdigest()}"
    key = f"AWS4{credentials.secret_key}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, text.encode(), "sha256").hex()
    credential = f"{credentials.access_key}/{scope}"
    return f"{_ALGORITHM} Credential={credential}, SignedHeaders={signed_headers}, Signature={signature}"
