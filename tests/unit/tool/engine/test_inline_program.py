"""Programs served to the engine: all that one sets going is waited for."""

from __future__ import annotations

import asyncio
import contextvars
import sys
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pulumi
import pytest
from pulumi.runtime import settings

from estate_tool.engine import inline_program
from estate_tool.engine.inline_program import with_one_wait

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


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
        with_one_wait(program)()
        assert seen == []
        await SDK.rpc_manager.rpcs.pop()
        assert seen == [3]
        assert all(output.done() for output in SDK.outputs)

    in_a_run(test)


def test_a_call_that_is_under_way_is_waited_for() -> None:
    async def test() -> None:
        answered = asyncio.get_running_loop().create_future()
        with_one_wait(lambda: SDK.rpc_manager.rpcs.append(answered))()
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

        with_one_wait(program)()
        await SDK.rpc_manager.rpcs.pop()
        assert not forever.done()
        # What failed is still there for the SDK to report.
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
            with_one_wait(program)()
        assert SDK.rpc_manager.rpcs == []

    in_a_run(test)


@pytest.mark.parametrize(("name", "reported"), [("run_in_stack", 0), ("run_pulumi_func", 0), ("somebody_elses", 1)])
def test_only_warnings_of_a_program_without_an_engine_are_hushed(
    monkeypatch: pytest.MonkeyPatch, name: str, reported: int
) -> None:
    heard: list[Any] = []
    monkeypatch.setattr(sys, "__unraisablehook__", heard.append)
    unraisable: Any = SimpleNamespace(object=SimpleNamespace(__name__=name))
    inline_program.ignore_abandoned_programs(unraisable)
    assert len(heard) == reported
