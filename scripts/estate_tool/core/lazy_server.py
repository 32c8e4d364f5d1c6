"""gRPC server on the loopback that answers at once, and loads its services while its client starts."""

from __future__ import annotations

import threading
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import grpc

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Loaded = TypeVar("Loaded")
# Threads that import modules with cycles at once, such as those of Pulumi's SDK, may get each other's half-made ones.
ONE_IMPORTS = threading.Lock()


class _Handlers(grpc.GenericRpcHandler):
    """Handlers that generated `add_…Servicer_to_server` functions register here instead of at the server."""

    def __init__(self) -> None:
        self.registered: list[grpc.GenericRpcHandler] = []
        self.complete: Future[Any]

    def add_generic_rpc_handlers(self, handlers: Sequence[grpc.GenericRpcHandler]) -> None:
        """Register handlers, as `grpc.Server` does."""
        self.registered += handlers

    def add_registered_method_handlers(self, service: str, handlers: object) -> None:
        """Ignore the quicker form of the same handlers."""

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> Any:
        """Return the handler of a call; the first calls wait until the services are loaded."""
        self.complete.result()
        return next((found for each in self.registered if (found := each.service(handler_call_details))), None)


def _load(load: Callable[[Any], Loaded], handlers: _Handlers) -> Loaded:
    with ONE_IMPORTS:
        return load(handlers)


class LazyServer(Generic[Loaded]):
    """Server on a loopback port (0: a free one), with what `load` returned when it has registered the services."""

    def __init__(self, load: Callable[[Any], Loaded], *, workers: int, port: int = 0, limit: int = -1) -> None:
        handlers = _Handlers()
        options = [(f"grpc.max_{way}_message_length", limit) for way in ("receive", "send")]
        self._server = grpc.server(ThreadPoolExecutor(workers), options=options)
        self._server.add_generic_rpc_handlers((handlers,))
        self.port = self._server.add_insecure_port(f"127.0.0.1:{port}")
        self._loader = ThreadPoolExecutor(1)
        self.loaded: Future[Loaded] = self._loader.submit(_load, load, handlers)
        handlers.complete = self.loaded
        self._server.start()

    def stop(self, grace: float | None = None) -> None:
        """Serve no more; calls under way get `grace` seconds."""
        self._server.stop(grace).wait()
        self._loader.shutdown()

    def wait(self) -> None:
        """Block until the server ends."""
        self._server.wait_for_termination()
