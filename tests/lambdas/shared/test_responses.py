"""Responses are read as http.client reads them, and what is no response is an error of the connection."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPResponse

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared import responses

JSON = b'{"a": 1}'


@contextmanager
def connection(sent: bytes) -> Iterator[socket.socket]:
    """A connection at whose other end so much was sent before it was closed."""
    ours, theirs = socket.socketpair()

    def send() -> None:
        with theirs:
            theirs.sendall(sent)

    thread = threading.Thread(target=send)
    thread.start()
    with ours:
        yield ours
        thread.join()


def by_http_client(sent: bytes) -> tuple[int, bytes, bool, str | None]:
    with connection(sent) as stream, HTTPResponse(stream, method="POST") as response:
        response.begin()
        body = response.read()
        return response.status, body, bool(response.will_close), response.getheader("x-amz-crc32")


def ours(sent: bytes) -> tuple[int, bytes, bool, str | None]:
    with connection(sent) as stream:
        response = responses.read(stream)
    return response.status, response.body, response.closes, response.headers.get("x-amz-crc32")


GOOD = {
    "plain": b"HTTP/1.1 200 OK\r\ncontent-length: 8\r\n\r\n" + JSON,
    "names in any case": b"HTTP/1.1 400 Bad Request\r\nContent-Length:8\r\nX-Amz-Crc32:  17\r\n\r\n" + JSON,
    "no reason": b"HTTP/1.1 200\r\ncontent-length: 8\r\n\r\n" + JSON,
    "announced": b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 8\r\n\r\n" + JSON,
    "closes": b"HTTP/1.1 503 Busy\r\nConnection: close\r\ncontent-length: 0\r\n\r\n",
    "older": b"HTTP/1.0 200 OK\r\ncontent-length: 8\r\n\r\n" + JSON,
    "older and kept": b"HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\ncontent-length: 8\r\n\r\n" + JSON,
    "without a length": b"HTTP/1.1 200 OK\r\n\r\n" + JSON,
    "in chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    b'3;x=y\r\n{"a\r\n5\r\n": 1}\r\n0\r\nt: 1\r\n\r\n',
    "nothing": b"HTTP/1.1 204 No Content\r\n\r\n",
    "what follows is another answer": b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}HTTP/1.1 500",
    "lines end with a line feed alone": b"HTTP/1.1 200 OK\ncontent-length: 2\n\n{}",
}  # fmt: skip
BAD = {
    "closed": b"",
    "no HTTP": b"SSH-2.0-OpenSSH\r\n\r\n",
    "no status": b"HTTP/1.1 many\r\n\r\n",
    "cut off in the headers": b"HTTP/1.1 200 OK\r\ncontent-len",
    "cut off in the body": b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n" + JSON,
    "cut off in a chunk": b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nff\r\n{}",
    "a chunk that is no number": b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n{}",
    "a length that is none": b"HTTP/1.1 200 OK\r\ncontent-length: -2\r\n\r\n{}",
    "a line without end": b"HTTP/1.1 200 OK\r\na: " + b"x" * 70_000,
    "headers without end": b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 200 + b"\r\n",
}


@pytest.mark.parametrize("sent", GOOD.values(), ids=GOOD)
def test_a_response_is_read_as_http_client_reads_it(sent: bytes) -> None:
    assert ours(sent) == by_http_client(sent)


@pytest.mark.parametrize("sent", BAD.values(), ids=BAD)
def test_a_response_that_is_none_or_cut_off_is_an_error_of_the_connection(sent: bytes) -> None:
    with pytest.raises(ConnectionError):
        ours(sent)


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from([200, 400, 413, 500, 503]), st.binary(max_size=40), st.lists(st.integers(1, 9), max_size=6),
    st.sampled_from(["", "close", "keep-alive"]), st.booleans(),
)  # fmt: skip
def test_any_body_in_any_form_is_read_as_http_client_reads_it(
    status: int, body: bytes, cuts: list[int], wish: str, chunked: bool
) -> None:
    head = f"HTTP/1.1 {status} Answered\r\nx-amz-crc32: 5\r\n" + (f"Connection: {wish}\r\n" if wish else "")
    if chunked:
        parts, rest = [], body
        for cut in cuts:
            parts, rest = [*parts, rest[:cut]], rest[cut:]
        sent = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (*parts, rest) if part) + b"0\r\n\r\n"
        whole = head.encode() + b"Transfer-Encoding: chunked\r\n\r\n" + sent
    else:
        whole = head.encode() + b"content-length: %d\r\n\r\n%b" % (len(body), body)
    assert ours(whole) == by_http_client(whole) == (status, body, wish == "close", "5")
