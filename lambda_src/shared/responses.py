"""Responses of HTTP/1.1, read from a connection: http.client parses headers like mail, most of what a request costs."""

from collections.abc import Mapping
from socket import socket
from typing import BinaryIO, NamedTuple

LONGEST_LINE, MOST_HEADERS = 65_536, 100
"""Limits of http.client."""


class Response(NamedTuple):
    """Response of a server."""

    status: int
    headers: Mapping[str, str]
    """Names are in lower case; of several of one name the first counts."""
    body: bytes
    closes: bool
    """True if the connection can't be used for another request."""


def read(connection: socket) -> Response:
    """Return the next final response; raise ConnectionError for anything that is not one, or is cut off."""
    with connection.makefile("rb") as stream:
        version, status = _status(_line(stream))
        headers = _headers(stream)
        while status < 200:  # "100 Continue" and the like announce the final one
            version, status = _status(_line(stream))
            headers = _headers(stream)
        body, ends_with_connection = _body(stream, status, headers)
    wanted = headers.get("connection", "").lower()
    closes = ends_with_connection or "close" in wanted or (version == "HTTP/1.0" and "keep-alive" not in wanted)
    return Response(status, headers, body, closes)


def _line(stream: BinaryIO) -> str:
    line = stream.readline(LONGEST_LINE + 1)
    if not line.endswith(b"\n"):
        raise ConnectionError("the answer has a line without an end" if line else "the connection was closed")
    return line.decode("latin-1").rstrip("\r\n")


def _status(line: str) -> tuple[str, int]:
    version, _, rest = line.partition(" ")
    code = rest.strip().partition(" ")[0]
    if not version.startswith("HTTP/1.") or not (code.isascii() and code.isdigit() and 100 <= int(code) <= 999):
        raise ConnectionError(f"the answer does not begin like one of HTTP: {line[:60]!r}")
    return version, int(code)


def _headers(stream: BinaryIO) -> dict[str, str]:
    headers: dict[str, str] = {}
    for _ in range(MOST_HEADERS + 1):
        line = _line(stream)
        if not line:
            return headers
        name, _, value = line.partition(":")
        headers.setdefault(name.lower(), value.strip())
    raise ConnectionError(f"the answer has more than {MOST_HEADERS} headers")


def _body(stream: BinaryIO, status: int, headers: Mapping[str, str]) -> tuple[bytes, bool]:
    """Return the body, and whether only the end of the connection ends it."""
    if headers.get("transfer-encoding", "").lower() == "chunked":
        return _chunks(stream), False
    if status in (204, 304):
        return b"", False
    length = headers.get("content-length")
    if length is None:
        return stream.read(), True
    return _exactly(stream, _number(length, 10)), False


def _chunks(stream: BinaryIO) -> bytes:
    parts = []
    while size := _number(_line(stream).partition(";")[0], 16):
        parts.append(_exactly(stream, size))
        if _line(stream):
            raise ConnectionError("the answer has a chunk that is longer than its length")
    while _line(stream):  # trailers
        pass
    return b"".join(parts)


def _number(text: str, base: int) -> int:
    try:
        number = int(text.strip(), base)
    except ValueError:
        number = -1
    if number < 0:
        raise ConnectionError(f"the answer has {text[:60]!r} where a length is meant")
    return number


def _exactly(stream: BinaryIO, length: int) -> bytes:
    body = stream.read(length)
    if len(body) != length:
        raise ConnectionError(f"the answer was cut off after {len(body)} of {length} bytes")
    return body
