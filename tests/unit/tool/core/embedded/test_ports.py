from __future__ import annotations

import os
import socket
import threading

import pytest

from estate_tool.core.embedded import ports


@pytest.fixture
def taken() -> socket.socket:
    return socket.create_server((ports.HOST, 0))


def test_a_port_with_a_listener_is_not_free(taken: socket.socket) -> None:
    with taken:
        assert not ports.is_free(taken.getsockname()[1])


def test_a_port_taken_on_all_interfaces_is_not_free() -> None:
    with socket.create_server(("0.0.0.0", 0)) as wide:
        assert not ports.is_free(wide.getsockname()[1])


def test_a_free_port_is_free() -> None:
    assert ports.is_free(ports.free_port())


def test_the_listener_is_named_with_its_number(taken: socket.socket) -> None:
    with taken:
        assert f"(PID {os.getpid()})" in ports.listener(taken.getsockname()[1])
    assert ports.listener(ports.free_port()) == ""


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (b'HTTP/1.1 200 OK\r\n\r\n{"home": "/x", "pid": 1}', {"home": "/x", "pid": 1}),
        (b"HTTP/1.1 200 OK\r\n\r\n<html>", None),
        (b'HTTP/1.1 200 OK\r\n\r\n{"other": 1}', None),
        (b"HTTP/1.1 200 OK\r\n\r\n[1]", None),
        (b'HTTP/1.1 404 Not Found\r\n\r\n{"home": "/x"}', None),
        (b"SSH-2.0-OpenSSH_9.2\r\n", None),
        (b"", None),
    ],
)
def test_only_an_embedded_aws_answers_for_itself(
    taken: socket.socket, answer: bytes, status: dict[str, object] | None
) -> None:
    def serve() -> None:
        connection, _ = taken.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(answer)

    with taken:
        thread = threading.Thread(target=serve)
        thread.start()
        assert ports.ask(taken.getsockname()[1]) == status
        thread.join()


def test_nothing_answers_on_a_free_port_or_in_time(taken: socket.socket) -> None:
    assert ports.ask(ports.free_port()) is None
    with taken:
        assert ports.ask(taken.getsockname()[1], timeout=0.05) is None
