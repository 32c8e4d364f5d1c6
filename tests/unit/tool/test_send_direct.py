"""The quick way to send batches says, hears and raises what boto3 does."""

from __future__ import annotations

import json
import shutil
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError, EndpointConnectionError, ReadTimeoutError, SSLError
from botocore.httpsession import get_cert_path

from estate_tool.core.aws_errors import code_of, is_transient
from estate_tool.core.batch_client import DirectQueue, direct

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ENTRIES = [{"Id": "0", "MessageBody": '{"a":"ä\\n"}'}, {"Id": "1", "MessageBody": "🛫"}]
TAKEN = {"Successful": [{"Id": "0", "MessageId": "m", "MD5OfMessageBody": "d"}], "Failed": []}
NO_QUEUE = {"__type": "com.amazonaws.sqs#QueueDoesNotExist", "message": "The specified queue does not exist."}
LEGACY = {"x-amzn-query-error": "AWS.SimpleQueueService.NonExistentQueue;Sender"}


@dataclass
class Server:
    """Gives every request the same answer, and notes what it was asked."""

    status: int = 200
    answer: bytes = json.dumps(TAKEN).encode()
    headers: dict[str, str] = field(default_factory=dict)
    hang_up: bool = False
    silent: bool = False
    requests: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    address: str = ""

    def client(self, **config: Any) -> Any:
        return boto3.client(
            "sqs", endpoint_url=self.address, config=Config(retries={"total_max_attempts": 1}, **config)
        )

    def direct(self, **config: Any) -> Any:
        made = direct(self.client(**config))
        assert isinstance(made, DirectQueue)
        return made


@pytest.fixture(autouse=True)
def account(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ENDPOINT_URL", "AWS_PROFILE", "AWS_CA_BUNDLE", "HTTP_PROXY", "http_proxy", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {"ACCESS_KEY_ID": "key", "SECRET_ACCESS_KEY": "secret", "DEFAULT_REGION": "eu-west-1"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)


@contextmanager
def serving(server: Server) -> Iterator[Server]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            server.requests.append((self.path, {k.lower(): v for k, v in self.headers.items()}, body))
            self.close_connection = server.hang_up or server.silent
            if server.silent:
                return
            self.send_response(server.status)
            for name, value in server.headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(server.answer)))
            self.end_headers()
            self.wfile.write(server.answer)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the base class's name)
            del format, args

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.address = f"http://127.0.0.1:{http.server_port}"
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        http.shutdown()
        thread.join()
        http.server_close()


def send(queue: Any) -> Any:
    return queue.send_message_batch(QueueUrl="https://queue", Entries=ENTRIES)


@pytest.mark.parametrize("token", ["", "a-token"])
def test_it_says_and_hears_what_boto3_does(token: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if token:
        monkeypatch.setenv("AWS_SESSION_TOKEN", token)
    with serving(Server()) as server:
        answers = [send(server.client()), send(server.direct())]
        for answer in answers:
            answer.pop("ResponseMetadata", None)
    assert answers == [TAKEN, TAKEN]
    (path, theirs, body), (own_path, own, own_body) = server.requests
    assert (own_path, json.loads(own_body)) == (path, json.loads(body))
    for name in ("x-amz-target", "content-type", "host", "x-amz-security-token"):
        assert own.get(name) == theirs.get(name)
    scopes = [headers["authorization"].partition(" SignedHeaders=")[0] for headers in (own, theirs)]
    assert scopes[0] == scopes[1]


@pytest.mark.parametrize(
    ("status", "answer", "headers"),
    [
        (400, json.dumps(NO_QUEUE).encode(), LEGACY),
        (400, json.dumps(NO_QUEUE).encode(), {}),
        (403, b'{"__type":"com.amazon.coral.service#AccessDeniedException","Message":"no"}', {}),
        (400, b'{"__type":"com.amazonaws.sqs#RequestThrottled","message":"slow"}', {}),
        (503, b"<html>busy</html>", {}),
        (500, b"", {}),
    ],
)
def test_it_raises_what_boto3_raises(status: int, answer: bytes, headers: dict[str, str]) -> None:
    raised = []
    with serving(Server(status, answer, headers)) as server:
        for queue in (server.client(), server.direct()):
            with pytest.raises(ClientError) as caught:
                send(queue)
            raised.append(caught.value)
    theirs, own = raised
    # boto3 adds a count of its own retries to the text.
    assert code_of(own) == code_of(theirs)
    assert own.response["Error"] == theirs.response["Error"]
    assert is_transient(own) == is_transient(theirs)


def test_a_kept_connection_that_was_closed_is_opened_again() -> None:
    with serving(Server(hang_up=True)) as server:
        queue = server.direct()
        assert [send(queue), send(queue), send(queue)] == [TAKEN] * 3


def test_half_an_answer_is_no_answer_and_may_come_later() -> None:
    with serving(Server(answer=b'{"Successful"')) as server, pytest.raises(ConnectionClosedError) as caught:
        send(server.direct())
    assert is_transient(caught.value)


def test_a_connection_that_is_closed_without_an_answer_may_be_better_later() -> None:
    with serving(Server(silent=True)) as server, pytest.raises(ConnectionClosedError) as caught:
        send(server.direct())
    assert is_transient(caught.value)
    assert len(server.requests) == 1


def test_an_answer_without_tls_where_tls_is_asked_for_is_told_as_that() -> None:
    with serving(Server()) as server:
        server.address = server.address.replace("http:", "https:")
        with pytest.raises(SSLError):
            send(server.direct())


def test_nobody_there_may_be_there_later() -> None:
    with serving(Server()) as server:
        queue = server.direct()
    with pytest.raises(EndpointConnectionError) as caught:
        send(queue)
    assert is_transient(caught.value)


def test_silence_ends_with_boto3s_time_limit() -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as silent:
        server = Server(address=f"http://127.0.0.1:{silent.getsockname()[1]}")
        with pytest.raises(ReadTimeoutError) as caught:
            send(server.direct(read_timeout=0.05))
    assert is_transient(caught.value)


def test_a_proxy_is_left_to_boto3(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("NO_PROXY", "")
    client = Server(address="http://queue.invalid").client()
    assert direct(client) is client


@pytest.mark.parametrize("trusted", ["file", "folder", None])
def test_the_certificates_are_those_of_boto3(
    trusted: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = tmp_path / "trusted.pem"
    shutil.copy(get_cert_path(True), bundle)
    if trusted:
        monkeypatch.setenv("AWS_CA_BUNDLE", str(bundle if trusted == "file" else tmp_path))
    asked: list[dict[str, str]] = []
    monkeypatch.setattr("ssl.create_default_context", lambda **given: asked.append(given))
    Server(address="https://queue.invalid").direct()
    assert asked == [
        {"file": {"cafile": str(bundle)}, "folder": {"capath": str(tmp_path)}}.get(
            trusted or "", {"cafile": get_cert_path(True)}
        )
    ]


def test_missing_credentials_are_left_to_boto3(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    client = boto3.Session().client("sqs", endpoint_url="http://queue.invalid")
    assert direct(client) is client
