"""A layer's program and the guardrails, served to the engine by this process.

Saves starting a language host and two interpreters for each layer; `pulumi up --policy-pack
../foundation/guardrails/pack` in a layer's folder does the same the long way round.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import sys
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_NO_LIMIT = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]


@contextlib.contextmanager
def served(layer: str, before: Callable[[], None] = lambda: None) -> Iterator[int]:
    """Serves the layer's program and the guardrails to the engine; yields the port on the loopback.

    `before` is called in the stack, before the program.
    """
    from concurrent import futures

    import grpc

    # The Automation API's own server of inline programs. Its public entry points add three to five calls of the
    # command line to each rollout, a second per layer.
    from pulumi.automation._server import LanguageServer
    from pulumi.runtime.proto import analyzer_pb2_grpc, language_pb2_grpc

    from foundation.guardrails.policies import service

    module = f"{layer}.__main__"

    def whole() -> None:
        before()
        importlib.import_module(module).main()

    program = waited_for_at_once(whole)
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=8), options=_NO_LIMIT)
    language_pb2_grpc.add_LanguageRuntimeServicer_to_server(LanguageServer(program), server)
    analyzer_pb2_grpc.add_AnalyzerServicer_to_server(service(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    sys.unraisablehook = hush
    # The engine takes longer to start than the program to be loaded. If that fails, the engine gets the error with the
    # program.
    threading.Thread(target=_load_ahead, args=(module,), daemon=True).start()
    try:
        yield port
    finally:
        server.stop(grace=None).wait()


def _load_ahead(module: str) -> None:
    with contextlib.suppress(Exception):
        importlib.import_module(module)


def waited_for_at_once(program: Callable[[], None]) -> Callable[[], None]:
    """A program that has one wait for all that it sets going.

    The SDK waits as well, but looks at everything that is unfinished each time that something finishes: for a hundred
    functions that is two fifths of this process's time.
    """

    def run() -> None:
        program()
        # The SDK waits for what is in this list first. The program itself must not wait: whatever the SDK does after
        # it would, if the engine ended meanwhile, be done when Python collects what is left, within another program.
        _going().rpc_manager.rpcs.append(asyncio.ensure_future(_all_that_goes_on()))

    return run


async def _all_that_goes_on() -> None:
    """Returns when nothing is unfinished, or when something failed, which is for the SDK to tell."""
    going, this = _going(), asyncio.current_task()
    while True:
        started = {*going.rpc_manager.rpcs, *going.outputs} - {this}
        unfinished = {one for one in started if not one.done()}
        if not unfinished or any(one.cancelled() or one.exception() for one in started - unfinished):
            return
        await asyncio.wait(unfinished, return_when=asyncio.FIRST_EXCEPTION)


def _going() -> Any:
    """The SDK's register of what the program of this context has set going."""
    from pulumi.runtime.settings import SETTINGS

    return SETTINGS


def hush(unraisable: sys.UnraisableHookArgs) -> None:
    """Drop the warnings of a program that was abandoned because its engine failed; they mean nothing to a user.

    The SDK's coroutines refer to one another; which one warns depends on the order in which they are collected.
    """
    if getattr(unraisable.object, "__name__", "") not in {"run_in_stack", "run_pulumi_func"}:
        sys.__unraisablehook__(unraisable)
