"""A layer's program and the guardrails, served to the engine by this process.

Saves starting a language host and two interpreters for each layer; `pulumi up --policy-pack
../foundation/guardrails/pack` in a layer's folder does the same the long way round.
"""

from __future__ import annotations

import contextlib
import importlib
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_NO_LIMIT = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]


@contextlib.contextmanager
def served(layer: str) -> Iterator[int]:
    """Serves the layer's program and the guardrails to the engine; yields the port on the loopback."""
    from concurrent import futures

    import grpc

    # The Automation API's own server of inline programs. Its public entry points add three to five calls of the
    # command line to each rollout, a second per layer.
    from pulumi.automation._server import LanguageServer
    from pulumi.runtime.proto import analyzer_pb2_grpc, language_pb2_grpc

    from estate_tool.guardrails import analyzer

    program = importlib.import_module(f"{layer}.__main__").main
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=8), options=_NO_LIMIT)
    language_pb2_grpc.add_LanguageRuntimeServicer_to_server(LanguageServer(program), server)
    analyzer_pb2_grpc.add_AnalyzerServicer_to_server(analyzer(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    sys.unraisablehook = hush
    try:
        yield port
    finally:
        server.stop(grace=None).wait()


def hush(unraisable: sys.UnraisableHookArgs) -> None:
    """A program whose engine failed is dropped half-way, and complains when it is collected: to a user, for nothing.

    The SDK's coroutines hold one another; which one complains is up to the order in which they are collected.
    """
    if getattr(unraisable.object, "__name__", "") not in {"run_in_stack", "run_pulumi_func"}:
        sys.__unraisablehook__(unraisable)
