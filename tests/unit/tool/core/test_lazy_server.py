"""A server whose services are loaded while its client starts."""

from __future__ import annotations

import threading
from typing import Any

import grpc
import pytest

from estate_tool.core.lazy_server import LazyServer


def call(server: LazyServer[Any]) -> Any:
    """The future answer to b"1"; the caller is a client of the server."""
    method = grpc.insecure_channel(f"127.0.0.1:{server.port}").unary_unary("/test.Echo/Say")
    return method.future(b"1", timeout=30)


def test_a_call_waits_until_its_service_is_loaded() -> None:
    asked = threading.Event()

    def load(server: Any) -> str:
        assert asked.wait(30)
        method = grpc.unary_unary_rpc_method_handler(lambda request, _: request * 2)
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("test.Echo", {"Say": method}),))
        return "loaded"

    server = LazyServer(load, workers=2)
    answer = call(server)
    assert not answer.done()
    asked.set()
    assert (answer.result(), server.load().result()) == (b"11", "loaded")
    server.stop()


def test_a_service_that_can_not_be_loaded_refuses_calls_and_keeps_its_error() -> None:
    def load(_: Any) -> None:
        raise LookupError("no such module")

    server = LazyServer(load, workers=2)
    with pytest.raises(grpc.RpcError):
        call(server).result()
    server.stop()
    with pytest.raises(LookupError, match="no such module"):
        server.load().result()
