"""How a served program is waited for."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pulumi
import pytest

from estate_tool.serving import all_at_once

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


def waited_for(program: Callable[[], None]) -> Awaitable[None]:
    """What waits for the program; a minute is far more than it may take."""
    return asyncio.wait_for(all_at_once(program), timeout=60)


def test_it_waits_for_what_becomes_of_what_it_waits_for() -> None:
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

    async def run() -> None:
        await waited_for(program)
        assert seen == [3]

    asyncio.run(run())


def test_it_does_not_wait_for_the_others_when_something_failed() -> None:
    async def run() -> None:
        forever: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        outputs: list[pulumi.Output[Any]] = []

        def program() -> None:
            outputs.append(pulumi.Output.from_input(forever))
            outputs.append(pulumi.Output.from_input(1).apply(lambda n: n // 0))

        await waited_for(program)
        assert not forever.done()
        # What failed is still there for the SDK to tell.
        with pytest.raises(ZeroDivisionError):
            await outputs[1].future()
        forever.set_result(None)
        await outputs[0].future()

    asyncio.run(run())
    # Nor does it stay for the programs of other tests.
    settings: Any = pulumi.runtime.settings.SETTINGS
    settings.outputs.clear()


def test_what_the_program_raises_is_raised() -> None:
    def program() -> None:
        raise pulumi.RunError("wrong")

    with pytest.raises(pulumi.RunError, match="wrong"):
        asyncio.run(all_at_once(program))
