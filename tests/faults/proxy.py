"""A proxy before the embedded AWS that fails some calls, each in the way AWS's own protocols have for it."""

from __future__ import annotations

import contextlib
import http.client
import json
import random
import re
import socket
import struct
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

if TYPE_CHECKING:
    from collections.abc import Iterator
    from email.message import Message

LATENCY_SECONDS = 0.5  # of a late call
FAULTS = ("throttled", "broken", "reset before", "reset after")
_LAMBDA = ((r"POST .*/functions", "CreateFunction"), (r"DELETE .*/functions/[^/]+", "DeleteFunction"))
_SCOPE = re.compile(r"Credential=[^/]+/\d+/[^/]+/([^/]+)/")
_HOP = {"connection", "transfer-encoding", "content-length", "server", "date"}


@dataclass
class Faults:
    """Faults: a share of calls fails, another is late, and one action, such as sqs:CreateQueue, always fails."""

    seed: int
    share: float = 0.0
    late: float = 0.0
    denied: str = ""
    seen: Counter[str] = field(default_factory=Counter)
    denied_at: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._chance, self._lock = random.Random(self.seed), threading.Lock()

    def next(self, action: str) -> str:
        """Return the fault of the next call; none in most cases."""
        with self._lock:
            if action == self.denied:
                self.denied_at.append(time.monotonic())
                return "denied"
            throw = self._chance.random()
            fault = self._chance.choice(FAULTS) if throw < self.share else ""
            fault = fault or ("late" if throw > 1 - self.late else "")
            self.seen[fault or "passed"] += 1
            return fault


def action_of(method: str, path: str, headers: Message, body: bytes) -> str:
    """Return the IAM action of a request; for AWS Lambda only those that tests deny."""
    scope = _SCOPE.search(headers.get("Authorization", ""))
    service = scope[1] if scope else ""
    if target := headers.get("X-Amz-Target"):
        return f"{service}:{target.rpartition('.')[2]}"
    if "urlencoded" in headers.get("Content-Type", ""):
        return f"{service}:{parse_qs(body.decode())['Action'][0]}"
    named = (name for form, name in _LAMBDA if re.fullmatch(form, f"{method} {path.partition('?')[0].rstrip('/')}"))
    return f"{service}:{next(named, method)}"


def error(fault: str, action: str, headers: Message) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of a failed call, in the service's protocol."""
    query, rest = "urlencoded" in headers.get("Content-Type", ""), action.startswith("lambda:")
    status, code, text = {
        "throttled": (429 if rest else 400, "Throttling" if query else "ThrottlingException", "Rate exceeded"),
        "broken": (500, "InternalFailure", "The request processing has failed because of an unknown error"),
        "denied": (403, "AccessDenied" if query else "AccessDeniedException", f"not authorized to perform: {action}"),
    }[fault]
    if query:
        body = f"<ErrorResponse><Error><Code>{code}</Code><Message>{text}</Message></Error></ErrorResponse>".encode()
        return status, {"Content-Type": "text/xml"}, body
    code = "TooManyRequestsException" if rest and fault == "throttled" else code
    body = json.dumps({"__type": code, "message": text}).encode()
    return status, {"Content-Type": "application/x-amz-json-1.0", "x-amzn-ErrorType": code}, body


@contextlib.contextmanager
def before(upstream: int, faults: Faults) -> Iterator[int]:
    """A proxy on a port of its own before another one; yields its port."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            action = action_of(self.command, self.path, self.headers, body)
            fault = faults.next(action)
            if fault == "late":
                time.sleep(LATENCY_SECONDS)
            if fault == "reset before":
                return self._reset()
            answer = error(fault, action, self.headers) if fault in ("throttled", "broken", "denied") else None
            answer = answer or self._forward(body)
            return self._reset() if fault == "reset after" else self._answer(*answer)

        def __getattr__(self, name: str) -> Any:
            # do_GET, do_POST and so on.
            return self.handle_any if name.startswith("do_") else super().__getattribute__(name)

        def _forward(self, body: bytes) -> tuple[int, dict[str, str], bytes]:
            connection = http.client.HTTPConnection("127.0.0.1", upstream, timeout=100)
            with contextlib.closing(connection):
                connection.request(self.command, self.path, body, dict(self.headers))
                response = connection.getresponse()
                kept = {name: value for name, value in response.getheaders() if name.lower() not in _HOP}
                return response.status, kept, response.read()

        def _answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
            self.send_response(status)
            for name, value in (headers | {"Content-Length": str(len(body))}).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def _reset(self) -> None:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.close_connection = True
            self.connection.close()

        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            """Count calls instead of logging them."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
