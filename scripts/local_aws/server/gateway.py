"""Gateway in front of all services: it admits only requests with a valid signature.

Web pages, other users of the machine and host names rebound to 127.0.0.1 can reach a port on loopback. None of them
can sign; pages and rebound names are also recognised by the headers that browsers send. Answers have no CORS headers,
so that no page can read them.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

from estate_tool.core.embedded import signature
from estate_tool.core.embedded.credentials import Credentials
from estate_tool.core.embedded.ports import STATUS_PATH
from estate_tool.core.embedded.signature import Refused, Request, Signature

Scope = dict[str, Any]
Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Answer = tuple[int, dict[str, str], bytes]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

_OUR_NAMES = frozenset({"127.0.0.1", "localhost"})
# No policy governs the emulator's control calls, whose paths begin with an underscore. Function URLs begin so too; IAM
# governs them.
_CONTROL, _ADDRESSES = "/_", "/_aws/lambda-url/"


class Gateway:
    """Admits requests to the application behind it, or answers them with a refusal.

    `secret_of` gives the secret of an access key and session token, or raises `Refused`; `refusal` forms the answer in
    the language of the service that was called; `status` is called with True for the administrator.
    """

    def __init__(
        self,
        application: Application,
        administrator: Credentials,
        *,
        secret_of: Callable[[str, str], str],
        refusal: Callable[[Request, Refused], Answer],
        status: Callable[[bool], dict[str, Any]],
    ) -> None:
        self._application = application
        self._administrator = administrator
        self._secret_of = secret_of
        self._refusal = refusal
        self._status = status

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection of the server."""
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        elif scope["type"] != "http":
            await self._application(scope, receive, send)
        else:
            await self._serve(scope, receive, send)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = _request(scope)
        try:
            check_origin(request)
            signed = "authorization" in {name for name, _ in request.headers}
            if scope["path"] == STATUS_PATH and not signed:
                return await _answer(send, _plain(200, self._status(False)))
            body = await self._authenticated(request, scope["path"], receive)
        except ForeignOrigin as error:
            return await _answer(send, _plain(403, {"message": str(error)}))
        except Refused as error:
            return await _answer(send, self._refusal(request, error))
        if scope["path"] == STATUS_PATH:
            return await _answer(send, _plain(200, self._status(True)))
        return await self._application(scope, _again(body, receive), _without_cors(send))

    async def _authenticated(self, request: Request, path: str, receive: Receive) -> bytes:
        """Return the body of a request once its signature is verified and its caller may call this path."""
        found = signature.parse(request)
        secret = self._secret(found)
        control = path.startswith(_CONTROL) and not path.startswith(_ADDRESSES)
        if control and found.access_key_id != self._administrator.access_key_id:
            raise Refused("AccessDenied", f"only the administrator may call {path}")
        body = await _body(receive)
        signature.check(request, found, secret, body)
        return body

    def _secret(self, found: Signature) -> str:
        if found.access_key_id == self._administrator.access_key_id and not found.token:
            return self._administrator.secret_access_key
        return self._secret_of(found.access_key_id, found.token)


class ForeignOrigin(Exception):
    """A request that a web page sent, or that was meant for another host."""


def check_origin(request: Request) -> None:
    """Raise `ForeignOrigin` unless the request names this machine as its host and has no foreign origin."""
    try:
        host, origin, site = (request.header(name) for name in ("host", "origin", "sec-fetch-site"))
    except Refused as error:
        raise ForeignOrigin(error.message) from error
    if _name(f"//{host}") not in _OUR_NAMES:
        raise ForeignOrigin(f"this is the embedded AWS on 127.0.0.1, not {host!r}")
    if origin is not None and (_name(origin) not in _OUR_NAMES or urlsplit(origin).netloc != host):
        raise ForeignOrigin(f"web pages of {origin!r} may not call the embedded AWS")
    if site is not None and site not in ("same-origin", "none"):
        raise ForeignOrigin(f"web pages may not call the embedded AWS (Sec-Fetch-Site: {site})")


def _name(address: str) -> str:
    try:
        return urlsplit(address).hostname or ""
    except ValueError:
        return ""


def _request(scope: Scope) -> Request:
    headers = [(name.decode("latin-1").lower(), _text(value)) for name, value in scope["headers"]]
    path = scope.get("raw_path") or scope["path"].encode()
    return Request(scope["method"], path.decode("latin-1"), scope.get("query_string", b"").decode("latin-1"), headers)


def _text(value: bytes) -> str:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("latin-1")


async def _body(receive: Receive) -> bytes:
    parts: list[bytes] = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Refused("IncompleteBody", "the connection was closed before the request was complete")
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(parts)


def _again(body: bytes, receive: Receive) -> Receive:
    """Replay the body, which has been read, to the application, then pass on the end of the connection."""
    messages = [{"type": "http.request", "body": body, "more_body": False}]

    async def once_more() -> Message:
        return messages.pop() if messages else await receive()

    return once_more


def _without_cors(send: Send) -> Send:
    async def without(message: Message) -> None:
        if message["type"] == "http.response.start":
            kept = [item for item in message.get("headers", []) if not item[0].lower().startswith(b"access-control-")]
            message = message | {"headers": kept}
        await send(message)

    return without


def _plain(status: int, document: dict[str, Any]) -> Answer:
    return status, {"Content-Type": "application/json"}, json.dumps(document).encode()


async def _answer(send: Send, answer: Answer) -> None:
    status, headers, body = answer
    headers = headers | {"Content-Length": str(len(body)), "X-Content-Type-Options": "nosniff"}
    encoded = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": encoded})
    await send({"type": "http.response.body", "body": body})
