"""SendMessageBatch without what a boto3 client does around each call, which takes six times as long as the rest.

boto3 still decides everything: whose credentials, which address, which certificates, which errors there are. Where a
proxy stands between, it makes the calls too.
"""

from __future__ import annotations

import json
import ssl
import threading
import time
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from shared.signing import Credentials, authorization

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from http.client import HTTPMessage

_OPERATION = "SendMessageBatch"


def direct(sqs: Any) -> Any:
    """The quickest thing that sends batches as this boto3 client does: itself if nothing else can."""
    import boto3
    from botocore.utils import get_environ_proxies

    credentials = boto3.DEFAULT_SESSION.get_credentials() if boto3.DEFAULT_SESSION else None
    between = get_environ_proxies(sqs.meta.endpoint_url) or sqs.meta.config.proxies
    if credentials is None or between:
        return sqs
    return DirectQueue(sqs, credentials)


class DirectQueue:
    """Sends batches to the queues of one region, from any number of threads, each with a connection of its own."""

    def __init__(self, sqs: Any, credentials: Any) -> None:
        self._meta = sqs.meta
        self._credentials = credentials
        self._endpoint = urlsplit(sqs.meta.endpoint_url)
        self._tls = _tls() if self._endpoint.scheme == "https" else None
        self._own = threading.local()

    def send_message_batch(self, *, QueueUrl: str, Entries: Sequence[Mapping[str, str]]) -> dict[str, Any]:  # noqa: N803 (boto3's names)
        """Return and raise what the client's method of this name does, after one attempt."""
        from botocore import exceptions

        request = {"QueueUrl": QueueUrl, "Entries": Entries}
        body = json.dumps(request, ensure_ascii=False, separators=(",", ":")).encode("utf-8")
        address = self._endpoint.geturl()
        try:
            status, headers, answer = self._exchange(body)
        except ssl.SSLError as error:
            raise exceptions.SSLError(endpoint_url=address, error=error) from error
        except TimeoutError as error:
            raise exceptions.ReadTimeoutError(endpoint_url=address, error=error) from error
        except HTTPException as error:
            raise exceptions.ConnectionClosedError(endpoint_url=address, error=error) from error
        except OSError as error:
            raise exceptions.EndpointConnectionError(endpoint_url=address, error=error) from error
        if status == 200:
            try:
                return json.loads(answer)
            except ValueError as error:
                raise exceptions.ConnectionClosedError(endpoint_url=address, error=error) from error
        raise self._refusal(status, headers, answer)

    def _exchange(self, body: bytes) -> tuple[int, HTTPMessage, bytes]:
        """One round trip; a second one if the kept connection turns out to have been closed in the meantime."""
        kept: HTTPConnection | None = getattr(self._own, "connection", None)
        if kept is not None:
            try:
                return self._round_trip(kept, body)
            except TimeoutError:
                raise
            except (OSError, HTTPException):
                pass  # what is sent twice is counted once
        return self._round_trip(self._connected(), body)

    def _connected(self) -> HTTPConnection:
        host, port, config = self._endpoint.hostname or "", self._endpoint.port, self._meta.config
        if self._tls:
            made: HTTPConnection = HTTPSConnection(host, port, timeout=config.connect_timeout, context=self._tls)
        else:
            made = HTTPConnection(host, port, timeout=config.connect_timeout)
        made.connect()
        made.sock.settimeout(config.read_timeout)
        return made

    def _round_trip(self, connection: HTTPConnection, body: bytes) -> tuple[int, HTTPMessage, bytes]:
        self._own.connection = None
        try:
            connection.request("POST", self._path, body, self._headers(body))
            response = connection.getresponse()
            answer = response.read()
        except BaseException:
            connection.close()
            raise
        self._own.connection = connection
        return response.status, response.headers, answer

    @property
    def _path(self) -> str:
        return self._endpoint.path or "/"

    def _headers(self, body: bytes) -> dict[str, str]:
        now = self._credentials.get_frozen_credentials()  # renewed where they expire
        headers = {
            "content-type": "application/x-amz-json-1.0",
            "host": self._endpoint.netloc,
            "x-amz-date": time.strftime("%Y%m%dT%H%M%SZ", time.gmtime()),
            "x-amz-target": f"AmazonSQS.{_OPERATION}",
        }
        if now.token:
            headers["x-amz-security-token"] = now.token
        keys = Credentials(now.access_key, now.secret_key, now.token or "")
        headers["authorization"] = authorization(keys, self._meta.region_name, "sqs", self._path, headers, body)
        return headers

    def _refusal(self, status: int, headers: HTTPMessage, answer: bytes) -> Exception:
        """The error that boto3 makes of the answer."""
        from botocore.exceptions import ClientError
        from botocore.parsers import create_parser

        shape = self._meta.service_model.operation_model(_OPERATION).output_shape
        response = {"status_code": status, "headers": headers, "body": answer, "context": {}}
        parsed: Any = create_parser("json").parse(response, shape)
        return ClientError(parsed, _OPERATION)


def _tls() -> ssl.SSLContext:
    """TLS with the certificates that boto3 trusts: its own, or those of AWS_CA_BUNDLE and `ca_bundle`."""
    from botocore.httpsession import get_cert_path
    from botocore.session import get_session

    trusted = Path(get_cert_path(get_session().get_config_variable("ca_bundle") or True))
    if trusted.is_dir():
        return ssl.create_default_context(capath=str(trusted))
    return ssl.create_default_context(cafile=str(trusted))
