"""gRPC server on the loopback that is there at once, and loads its services while its client starts."""

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

    def __init__(self, load: Callable[[], Future[Any]]) -> None:
        self.registered: list[grpc.GenericRpcHandler] = []
        self._load = load

    def add_generic_rpc_handlers(self, handlers: Sequence[grpc.GenericRpcHandler]) -> None:
        """Register handlers, as `grpc.Server` does."""
        self.registered += handlers

    def add_registered_method_handlers(self, service: str, handlers: object) -> None:
        """Ignore the quicker form of the same handlers."""

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> Any:
        """Return the handler of a call; the first calls wait until the services are loaded."""
        self._load().result()
        return next((found for each in self.registered if (found := each.service(handler_call_details))), None)


class LazyServer(Generic[Loaded]):
    """Server on a loopback port (0: a free one) for the services that `register` makes, and registers.

    `loading` is the future result of `register`, None before `load` or the first call.
    """

    def __init__(self, register: Callable[[Any], Loaded], *, workers: int, port: int = 0, limit: int = -1) -> None:
        self._register, self._handlers = register, _Handlers(self.load)
        self._loader, self._once = ThreadPoolExecutor(1), threading.Lock()
        self.loading: Future[Loaded] | None = None
        options = [(f"grpc.max_{direction}_message_length", limit) for direction in ("receive", "send")]
        self._server = grpc.server(ThreadPoolExecutor(workers), options=options)
        self._server.add_generic_rpc_handlers((self._handlers,))
        self.port = self._server.add_insecure_port(f"127.0.0.1:{port}")
        self._server.start()

    def load(self) -> Future[Loaded]:
        """Begin to load the services, unless that has begun: right after the client's start, which it would delay."""
        with self._once:
            self.loading = self.loading or self._loader.submit(self._loaded)
            return self.loading

    def _loaded(self) -> Loaded:
        with ONE_IMPORTS:
            return self._register(self._handlers)

    def stop(self, grace: float | None = None) -> None:
        """Serve no more; calls under way get `grace` seconds."""
        self._server.stop(grace).wait()
        self._loader.shutdown()

    def wait(self) -> None:
        """Block until the server ends."""
        self._server.wait_for_termination()
