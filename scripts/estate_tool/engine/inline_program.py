"""A layer's program and the guardrails, served to the engine by this process.

Saves starting a language host and two interpreters for each layer; `pulumi up --policy-pack
../foundation/guardrails/pack` in a layer's folder does the same the long way round.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import os
import sys
import threading
from typing import TYPE_CHECKING, Any

from estate_tool.engine.process import Served

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@contextlib.contextmanager
def served(layer: str, before: Callable[[], None] = lambda: None) -> Iterator[Served]:
    """Serve the layer's program and the guardrails to the engine.

    `before` is called in the stack, before the program. The engine takes longer to start than the SDK, the guardrails
    and the program to be loaded; of these, an error in the program is the engine's to report.
    """
    from estate_tool.core.lazy_server import LazyServer

    def program() -> None:
        before()
        importlib.import_module(_module(layer)).main()

    sys.unraisablehook = ignore_abandoned_programs
    server = LazyServer(lambda handlers: _register(handlers, program), workers=8)

    def load() -> None:
        server.load()
        load_ahead(layer)

    # Variables that scripts/estate_tool/policy_pack reads.
    pack = {"ESTATE_POLICY_PACK_PORT": str(server.port), "ESTATE_POLICY_PACK_PROCESS": str(os.getpid())}
    try:
        yield Served(port=server.port, variables=pack, load=load)
    finally:
        server.stop()
    server.load().result()


def _register(server: Any, program: Callable[[], None]) -> None:
    # The Automation API's own server of inline programs. Its public entry points add three to five calls of the
    # command line to each rollout, a second per layer.
    from pulumi import log
    from pulumi.automation._server import LanguageServer
    from pulumi.runtime.proto import analyzer_pb2_grpc, language_pb2_grpc

    from foundation.guardrails.policies import service

    # The SDK has five debug messages for each resource, a call of the engine each, which drops them.
    log.debug = lambda *_, **__: None
    language_pb2_grpc.add_LanguageRuntimeServicer_to_server(LanguageServer(with_one_wait(program)), server)
    analyzer_pb2_grpc.add_AnalyzerServicer_to_server(service(), server)


def load_ahead(layer: str) -> None:
    """Begin to load a layer's program, and with it the SDK, in the background."""
    threading.Thread(target=_load, args=(_module(layer),), daemon=True).start()


def _module(layer: str) -> str:
    return f"{layer}.__main__"


def _load(module: str) -> None:
    from estate_tool.core.lazy_server import ONE_IMPORTS

    with ONE_IMPORTS, contextlib.suppress(Exception):
        importlib.import_module(module)


def with_one_wait(program: Callable[[], None]) -> Callable[[], None]:
    """Return a program that has one wait for all that it sets going.

    The SDK waits as well, but looks at everything that is unfinished each time that something finishes: for a hundred
    functions that is two fifths of this process's time.
    """

    def run() -> None:
        program()
        # The SDK waits for what is in this list first. The program itself must not wait: whatever the SDK does after
        # it would, if the engine ended meanwhile, be done when Python collects what is left, within another program.
        _unfinished_work().rpc_manager.rpcs.append(asyncio.ensure_future(_all_finished()))

    return run


async def _all_finished() -> None:
    """Return when nothing is unfinished, or when something failed, which is for the SDK to report."""
    going, this = _unfinished_work(), asyncio.current_task()
    while True:
        started = {*going.rpc_manager.rpcs, *going.outputs} - {this}
        unfinished = {one for one in started if not one.done()}
        if not unfinished or any(one.cancelled() or one.exception() for one in started - unfinished):
            return
        await asyncio.wait(unfinished, return_when=asyncio.FIRST_EXCEPTION)


def _unfinished_work() -> Any:
    """Return the SDK's register of what the program of this context has set going."""
    from pulumi.runtime.settings import SETTINGS

    return SETTINGS


def ignore_abandoned_programs(unraisable: sys.UnraisableHookArgs) -> None:
    """Drop the warnings of a program that was abandoned because its engine failed; they mean nothing to a user.

    The SDK's coroutines refer to one another; which one warns depends on the order in which they are collected.
    """
    if getattr(unraisable.object, "__name__", "") not in {"run_in_stack", "run_pulumi_func"}:
        sys.__unraisablehook__(unraisable)
