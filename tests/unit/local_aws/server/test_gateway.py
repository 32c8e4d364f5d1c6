"""The gateway, with a service behind it that answers to everybody as an emulator does to web pages: with CORS."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any

import pytest

from estate_tool.core.embedded import signature
from estate_tool.core.embedded.credentials import Credentials
from estate_tool.core.embedded.ports import STATUS_PATH
from estate_tool.core.embedded.signature import Refused, Request
from local_aws.server.gateway import Gateway

ADMINISTRATOR = Credentials("LOCALADMINISTRATOR00", "secret of the administrator")
ROLE = Credentials("ASIAROLE000000000000", "secret of a role")
HOST = "127.0.0.1:4566"


@dataclass
class Service:
    """Service behind the gateway: it keeps the bodies that reached it."""

    reached: list[bytes] = field(default_factory=list)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.reached.append((await receive())["body"])
        headers = [(b"Access-Control-Allow-Origin", b"*"), (b"access-control-allow-headers", b"*"), (b"X-Kept", b"1")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"done"})

    def gateway(self) -> Gateway:
        """The gateway before it."""
        return Gateway(
            self, ADMINISTRATOR, secret_of=secret_of, refusal=lambda _request, error: (403, {}, error.code.encode()),
            status=lambda to_administrator: {"home": "/home", **({"identity": "x"} if to_administrator else {})},
        )  # fmt: skip

    def ask(
        self, method: str, path: str, headers: list[tuple[str, str]], *parts: bytes
    ) -> tuple[int, list[Any], bytes]:
        """Status, headers and body of the answer to a request whose body comes in parts."""
        chunks = [{"type": "http.request", "body": part, "more_body": True} for part in parts]
        chunks.append({"type": "http.request", "body": b"", "more_body": False})
        sent: list[Any] = []

        async def receive() -> Any:
            return chunks.pop(0)

        async def send(message: Any) -> None:
            sent.append(message)

        path, _, query = path.partition("?")
        encoded = [(name.encode(), value.encode()) for name, value in headers]
        scope = {
            "type": "http", "method": method, "path": path, "raw_path": path.encode(), "query_string": query.encode(),
            "headers": encoded,
        }  # fmt: skip
        asyncio.run(self.gateway()(scope, receive, send))
        return sent[0]["status"], sent[0]["headers"], sent[1]["body"]


def secret_of(access_key_id: str, token: str) -> str:
    if (access_key_id, token) == (ROLE.access_key_id, ""):
        return ROLE.secret_access_key
    raise Refused("UnrecognizedClientException", "unknown")


def signed(by: Credentials, method: str, path: str, body: bytes = b"") -> list[tuple[str, str]]:
    """Headers that sign the request."""
    request = Request(method, path, "", [("host", HOST)])
    return [*request.headers, *signature.sign(by, request, "us-east-1", "sqs", body).items()]


@pytest.fixture
def service() -> Service:
    return Service()


@pytest.mark.parametrize("who", [ADMINISTRATOR, ROLE])
def test_a_signed_request_reaches_the_service_and_its_answer_has_no_cors(service: Service, who: Credentials) -> None:
    status, headers, body = service.ask("POST", "/", signed(who, "POST", "/", b"one two"), b"one ", b"two")

    assert (status, headers, body) == (200, [(b"X-Kept", b"1")], b"done")
    assert service.reached == [b"one two"]


@pytest.mark.parametrize(
    "headers",
    [
        [("host", "evil.example")], [("host", f"evil.example:{HOST.partition(':')[2]}")], [], [("host", "[")],
        [("host", HOST), ("host", "evil.example")], [("host", "127.0.0.1.evil.example")], [("host", "2130706433")],
        [("host", HOST), ("origin", "http://evil.example")], [("host", HOST), ("origin", "null")],
        [("host", HOST), ("origin", "http://127.0.0.1:3000")], [("host", HOST), ("origin", f"http://localhost.{HOST}")],
        [("host", HOST), ("sec-fetch-site", "cross-site")], [("host", HOST), ("sec-fetch-site", "same-site")],
    ],
)  # fmt: skip
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
def test_requests_of_web_pages_and_for_other_hosts_are_refused_even_when_signed(
    service: Service, method: str, headers: list[tuple[str, str]]
) -> None:
    authentic = [pair for pair in signed(ADMINISTRATOR, method, "/") if pair[0] not in dict(headers)]
    if not any(name == "host" for name, _ in headers):
        authentic = [pair for pair in authentic if pair[0] != "host"]

    status, answered, _ = service.ask(method, "/", [*authentic, *headers])

    assert status == 403
    assert not any(name.lower().startswith(b"access-control") for name, _ in answered)
    assert service.reached == []


def test_a_request_that_is_unsigned_or_of_an_unknown_key_is_refused_in_the_form_of_its_service(
    service: Service,
) -> None:
    stranger = Credentials("test", "test")
    wrong = Credentials(ADMINISTRATOR.access_key_id, "guessed")

    assert service.ask("POST", "/", [("host", HOST)], b"x")[::2] == (403, b"MissingAuthenticationToken")
    assert service.ask("POST", "/", signed(stranger, "POST", "/"))[::2] == (403, b"UnrecognizedClientException")
    assert service.ask("POST", "/", signed(wrong, "POST", "/"))[::2] == (403, b"SignatureDoesNotMatch")
    assert service.reached == []


def test_only_the_administrator_controls_the_emulator(service: Service) -> None:
    reset = "/_ministack/reset"

    assert service.ask("POST", reset, signed(ROLE, "POST", reset))[::2] == (403, b"AccessDenied")
    assert service.ask("POST", reset, [("host", HOST)])[::2] == (403, b"MissingAuthenticationToken")
    assert service.reached == []
    assert service.ask("POST", reset, signed(ADMINISTRATOR, "POST", reset))[0] == 200


def test_the_status_has_the_owner_for_every_caller_and_the_content_for_the_administrator(service: Service) -> None:
    for_all = service.ask("GET", STATUS_PATH, [("host", "localhost:1")])
    for_one = service.ask("GET", STATUS_PATH, signed(ADMINISTRATOR, "GET", STATUS_PATH))

    assert (for_all[0], json.loads(for_all[2])) == (200, {"home": "/home"})
    assert json.loads(for_one[2]) == {"home": "/home", "identity": "x"}
    assert service.ask("GET", STATUS_PATH, signed(ROLE, "GET", STATUS_PATH))[0] == 403


def test_a_websocket_is_closed_before_it_opens(service: Service) -> None:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "websocket.connect"}

    async def open_one() -> None:
        await service.gateway()({"type": "websocket", "headers": []}, receive, send)

    asyncio.run(open_one())
    assert [message["type"] for message in sent] == ["websocket.close"]
