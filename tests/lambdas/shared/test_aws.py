"""The client, against a server of our own: what it sends, and what it makes of the answers."""

import json
import os
import re
import socket
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

import botocore.session
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSPreparedRequest, AWSRequest, AWSResponse
from botocore.credentials import Credentials as BotocoreCredentials
from hypothesis import given
from hypothesis import strategies as st

from shared.aws import LONGEST_WAIT_SECONDS, AwsClient, AwsError, Credentials, authorization
from tests.support.samples import deadline

KEYS = {"AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_REGION": "us-east-1"}


class Seen(NamedTuple):
    """A request as it arrived."""

    headers: dict[str, str]
    body: bytes
    port: int


class Reply(NamedTuple):
    """Reply of the server to a request."""

    body: bytes = b"{}"
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    hang_up: bool = False
    silent: bool = False


class Server:
    """An HTTP server with a script of replies; the last one is repeated."""

    def __init__(self) -> None:
        self.seen: list[Seen] = []
        self.replies: list[Reply] = [Reply()]
        self.close_after_reply = False
        self._stopping = threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                outer.seen.append(Seen(headers, body, self.client_address[1]))
                reply = outer.replies.pop(0) if len(outer.replies) > 1 else outer.replies[0]
                self.close_connection = reply.hang_up or outer.close_after_reply
                if reply.silent:
                    outer._stopping.wait()
                if reply.hang_up or reply.silent:
                    return
                self.send_response(reply.status)
                for name, value in (*reply.headers, ("content-length", str(len(reply.body)))):
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(reply.body)

            def log_message(self, *_: Any, **__: Any) -> None:
                """Log nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def stop(self) -> None:
        self._stopping.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.stop()


def client(server: Server, service: str = "dynamodb", **variables: str) -> AwsClient:
    return AwsClient(service, {**KEYS, "AWS_ENDPOINT_URL": server.url, **variables})


def error_body(code: str, **more: Any) -> bytes:
    return json.dumps({"__type": f"com.amazonaws.dynamodb.v20120810#{code}", **more}).encode()


def sent_by_botocore(service: str, url: str, operation: str, request: dict[str, Any]) -> AWSPreparedRequest:
    session = botocore.session.get_session()
    session.set_credentials("AKID", "secret", "token")
    peer = session.create_client(service, region_name="us-east-1", endpoint_url=url)
    caught: list[AWSPreparedRequest] = []

    def keep(request: AWSPreparedRequest, **_: object) -> AWSResponse:
        caught.append(request)
        return AWSResponse(request.url, 400, {}, _Raw())

    peer.meta.events.register("before-send", keep)
    with pytest.raises(peer.exceptions.ClientError):
        getattr(peer, re.sub(r"(?<=.)([A-Z])", r"_\1", operation).lower())(**request)
    return caught[0]


class _Raw:
    def stream(self, *_: object, **__: object) -> Iterator[bytes]:
        yield b'{"__type": "ValidationException"}'


PUT = {"Put": {"TableName": "t", "Item": {"k": {"N": "1"}}}}
VALUES = {":k": {"S": "é🛫"}}
ENTRIES = [{"Id": "0", "ReceiptHandle": "r", "VisibilityTimeout": 0}]
REQUESTS: list[tuple[str, str, dict[str, Any]]] = [
    ("dynamodb", "Query", {"TableName": "t", "KeyConditionExpression": "k = :k", "ExpressionAttributeValues": VALUES}),
    ("dynamodb", "TransactWriteItems", {"TransactItems": [PUT], "ClientRequestToken": "c"}),
    ("sqs", "ChangeMessageVisibilityBatch", {"QueueUrl": "https://q", "Entries": ENTRIES}),
    ("ssm", "GetParameter", {"Name": "/shop/key", "WithDecryption": True}),
    ("secretsmanager", "GetSecretValue", {"SecretId": "shop-key"}),
]


@pytest.mark.parametrize(("service", "operation", "request_"), REQUESTS)
def test_requests_are_those_that_botocore_sends(
    server: Server, service: str, operation: str, request_: dict[str, Any]
) -> None:
    client(server, service, AWS_SESSION_TOKEN="token").call(operation, request_, deadline())
    ours = server.seen[0]
    theirs = sent_by_botocore(service, server.url, operation, request_)
    expected = {name.lower(): value for name, value in theirs.headers.items()}
    for name in ("content-type", "x-amz-target", "x-amz-security-token"):
        value = expected[name]
        assert ours.headers[name] == (value.decode() if isinstance(value, bytes) else value)
    assert ours.headers["host"] == server.url.removeprefix("http://")
    assert json.loads(ours.body) == json.loads(theirs.body)
    signed = "content-type;host;x-amz-date;x-amz-security-token;x-amz-target"
    assert f"SignedHeaders={signed}, " in ours.headers["authorization"]


def test_the_answer_is_returned_and_the_connection_kept(server: Server) -> None:
    server.replies = [Reply(b'{"Items": []}')]
    dynamodb = client(server)
    assert dynamodb.call("Query", {}, deadline()) == {"Items": []}
    assert dynamodb.call("Query", {}, deadline()) == {"Items": []}
    assert server.seen[0].port == server.seen[1].port


def test_a_kept_connection_that_was_closed_meanwhile_is_replaced_unnoticed(server: Server) -> None:
    server.close_after_reply = True
    dynamodb = client(server)
    for _ in range(3):
        dynamodb.call("Query", {}, deadline())
    assert len({seen.port for seen in server.seen}) == 3


def test_an_error_has_operation_code_and_message_and_keeps_the_answer(server: Server) -> None:
    reasons = [{"Code": "None"}, {"Code": "ConditionalCheckFailed"}]
    server.replies = [
        Reply(error_body("TransactionCanceledException", Message="cancelled", CancellationReasons=reasons), 400)
    ]
    with pytest.raises(AwsError) as caught:
        client(server).call("TransactWriteItems", {}, deadline())
    assert str(caught.value) == "TransactWriteItems failed: TransactionCanceledException: cancelled"
    assert caught.value.answer["CancellationReasons"] == reasons
    assert len(server.seen) == 1


@pytest.mark.parametrize(
    "reply",
    [
        Reply(error_body("ThrottlingException", message="slow down"), 400),
        Reply(error_body("ProvisionedThroughputExceededException"), 400),
        Reply(error_body("InternalServerError"), 500),
        Reply(b"<html>bad gateway</html>", 502),
        Reply(b"", 503),
        Reply(hang_up=True),
        Reply(b'{"ok": 1}', headers=(("x-amz-crc32", "17"),)),
        Reply(b'{"cut', 200),
    ],
    ids=lambda reply: f"{reply.status} {reply.body.decode()[:50]}",
)
def test_a_transient_error_is_retried(server: Server, reply: Reply) -> None:
    good = b'{"ok": 1}'
    server.replies = [reply, reply, Reply(good, headers=(("x-amz-crc32", str(zlib.crc32(good))),))]
    assert client(server).call("Query", {}, deadline()) == {"ok": 1}
    assert len(server.seen) == 3


def test_retries_of_an_error_that_stays_end(server: Server) -> None:
    server.replies = [Reply(error_body("ThrottlingException", message="slow down"), 400)]
    with pytest.raises(AwsError, match="Query failed: ThrottlingException: slow down"):
        client(server).call("Query", {}, deadline())
    assert len(server.seen) == 10


@pytest.mark.parametrize("code", ["ValidationException", "AccessDeniedException", "ResourceNotFoundException"])
def test_a_permanent_error_is_not_retried(server: Server, code: str) -> None:
    server.replies = [Reply(error_body(code), 400)]
    with pytest.raises(AwsError, match=code):
        client(server).call("Query", {}, deadline())
    assert len(server.seen) == 1


def test_without_time_left_nothing_is_sent(server: Server) -> None:
    with pytest.raises(AwsError, match="OutOfTime: the invocation has no time left"):
        client(server).call("Query", {}, deadline(milliseconds=900))
    assert server.seen == []


def test_a_silent_service_is_waited_for_no_longer_than_the_deadline_allows() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(AwsError, match=f"ConnectionError: no answer from {url[7:]}: timed out"):
            AwsClient("dynamodb", {**KEYS, "AWS_ENDPOINT_URL": url}).call(
                "Query", {}, deadline(milliseconds=1050, step=1)
            )


def test_a_kept_connection_that_falls_silent_is_given_up_at_the_deadline_and_not_asked_twice(server: Server) -> None:
    server.replies = [Reply(), Reply(silent=True)]
    dynamodb = client(server)
    dynamodb.call("Query", {}, deadline())
    started = time.monotonic()
    with pytest.raises(AwsError, match="timed out"):
        dynamodb.call("Query", {}, deadline(milliseconds=1040))
    assert time.monotonic() - started < LONGEST_WAIT_SECONDS
    assert len(server.seen) == 2


def test_an_unreachable_service_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(AwsError, match=f"no answer from 127.0.0.1:{port}: .*[Rr]efused"):
        AwsClient("dynamodb", {**KEYS, "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}"}).call("Query", {}, deadline())


DEFAULT_HOST = "dynamodb.us-east-1.amazonaws.com"


@pytest.mark.parametrize(
    ("variables", "host"),
    [
        ({}, DEFAULT_HOST),
        ({"AWS_REGION": "cn-north-1"}, "dynamodb.cn-north-1.amazonaws.com.cn"),
        ({"AWS_REGION": "", "AWS_DEFAULT_REGION": "eu-west-1"}, "dynamodb.eu-west-1.amazonaws.com"),
        ({"AWS_ENDPOINT_URL": "http://127.0.0.1:1"}, "127.0.0.1:1"),
        ({"AWS_ENDPOINT_URL": "http://a", "AWS_ENDPOINT_URL_DYNAMODB": "http://b:2/x"}, "b:2"),
        ({"AWS_ENDPOINT_URL": "http://a", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"}, DEFAULT_HOST),
    ],
)
def test_the_endpoint_follows_the_variables_every_sdk_follows(
    variables: dict[str, str], host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def refuse(address: tuple[str, int], *_: object, **__: object) -> socket.socket:
        asked.append(address[0])
        raise ConnectionRefusedError("refused")

    monkeypatch.setattr(socket, "create_connection", refuse)
    with pytest.raises(AwsError, match=f"no answer from {host}: refused"):
        AwsClient("dynamodb", {**KEYS, **variables}).call("Query", {}, deadline())
    assert set(asked) == {host.partition(":")[0]}


def test_https_certificates_and_names_are_verified() -> None:
    code = (
        "import ssl; from shared.aws import AwsClient; c = AwsClient('dynamodb', {})._tls;"
        "print(c.verify_mode == ssl.CERT_REQUIRED, c.check_hostname)"
    )
    run: Callable[..., Any] = subprocess.run
    path = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    assert (
        run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=path).stdout == "True True\n"
    )


names = st.text("abcdefghijklmnopqrstuvwxyz-", min_size=1, max_size=12).map("x-amz-meta-".__add__)
values = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=20)


@given(
    st.binary(max_size=200),
    st.dictionaries(names, values, max_size=4),
    st.sampled_from(["dynamodb", "sqs"]),
    st.sampled_from(["us-east-1", "eu-central-1"]),
    st.text("ABCabc/+=", min_size=1),
    st.sampled_from(["", "token/+="]),
)
def test_the_signature_is_the_one_botocore_computes(
    body: bytes, more: dict[str, str], service: str, region: str, secret: str, token: str
) -> None:
    host = f"{service}.{region}.amazonaws.com"
    headers = {"host": host, "x-amz-date": "20130101T050000Z", "content-type": "application/x-amz-json-1.0", **more}
    if token:
        headers["x-amz-security-token"] = token
    ours = authorization(Credentials("AKID", secret, token), region, service, "/", headers, body)

    botocore = SigV4Auth(BotocoreCredentials("AKID", secret, token or None), service, region)
    request = AWSRequest("POST", f"https://{host}/", headers, body)
    request.context["timestamp"] = headers["x-amz-date"]
    signature = botocore.signature(botocore.string_to_sign(request, botocore.canonical_request(request)), request)
    signed = botocore.signed_headers(botocore.headers_to_sign(request))
    credential = botocore.scope(request)
    assert ours == f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders={signed}, Signature={signature}"
