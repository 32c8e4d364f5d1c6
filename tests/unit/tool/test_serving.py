"""Serving of a program: its services are loaded late, and all that it sets going is waited for."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from typing import TYPE_CHECKING, Any

import grpc
import pulumi
import pytest
from pulumi.runtime import settings

from estate_tool.core.lazy_server import LazyServer
from estate_tool.engine.inline_program import waited_for_at_once

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


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
    assert (answer.result(), server.loaded.result()) == (b"11", "loaded")
    server.stop()


def test_a_service_that_can_not_be_loaded_refuses_calls_and_keeps_its_error() -> None:
    def load(_: Any) -> None:
        raise LookupError("no such module")

    server = LazyServer(load, workers=2)
    with pytest.raises(grpc.RpcError):
        call(server).result()
    server.stop()
    with pytest.raises(LookupError, match="no such module"):
        server.loaded.result()


SDK: Any = settings.SETTINGS


def in_a_run(test: Callable[[], Awaitable[None]]) -> None:
    """Runs a test as the SDK does a program: with a loop and settings of its own."""

    def run() -> None:
        settings.configure(settings.Settings(project="data", stack="dev"))
        asyncio.run(asyncio.wait_for(test(), timeout=60))

    contextvars.copy_context().run(run)


def test_all_that_comes_of_a_program_is_waited_for() -> None:
    seen: list[int] = []

    async def first() -> int:
        await asyncio.sleep(0)
        return 1

    def program() -> None:
        one = pulumi.Output.from_input(first())
        # Each of them is made when the one before is known.
        one.apply(lambda n: pulumi.Output.from_input(n + 1)).apply(lambda n: pulumi.Output.from_input(n + 1)).apply(
            seen.append
        )

    async def test() -> None:
        waited_for_at_once(program)()
        assert seen == []
        await SDK.rpc_manager.rpcs.pop()
        assert seen == [3]
        assert all(output.done() for output in SDK.outputs)

    in_a_run(test)


def test_a_call_that_is_under_way_is_waited_for() -> None:
    async def test() -> None:
        answered = asyncio.get_running_loop().create_future()
        waited_for_at_once(lambda: SDK.rpc_manager.rpcs.append(answered))()
        waiting = SDK.rpc_manager.rpcs.pop()
        await asyncio.sleep(0)
        assert not waiting.done()
        answered.set_result(None)
        await waiting

    in_a_run(test)


def test_the_others_are_not_waited_for_when_something_failed() -> None:
    async def test() -> None:
        forever: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        outputs: list[pulumi.Output[Any]] = []

        def program() -> None:
            outputs.append(pulumi.Output.from_input(forever))
            outputs.append(pulumi.Output.from_input(1).apply(lambda n: n // 0))

        waited_for_at_once(program)()
        await SDK.rpc_manager.rpcs.pop()
        assert not forever.done()
        # What failed is still there for the SDK to tell.
        with pytest.raises(ZeroDivisionError):
            await outputs[1].future()
        forever.set_result(None)
        await outputs[0].future()

    in_a_run(test)


def test_what_the_program_raises_is_raised() -> None:
    def program() -> None:
        raise pulumi.RunError("wrong")

    async def test() -> None:
        with pytest.raises(pulumi.RunError, match="wrong"):
            waited_for_at_once(program)()
        assert SDK.rpc_manager.rpcs == []

    in_a_run(test)
