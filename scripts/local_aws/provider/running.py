"""A provider that serves within this process."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from estate_tool.core.lazy_server import LazyServer

if TYPE_CHECKING:
    from pathlib import Path

    from local_aws.provider.server import AwsProvider

_WORKERS: Final = 64
_LONGEST_MESSAGE: Final = 400 << 20


class RunningProvider:
    """Provider that serves until it is stopped; attach it with PULUMI_DEBUG_PROVIDERS=aws:PORT."""

    def __init__(self, port: int = 0, schema_cache: Path | None = None) -> None:
        def register(handlers: Any) -> AwsProvider:
            from local_aws.provider.protocol import provider_pb2_grpc
            from local_aws.provider.server import AwsProvider

            provider = AwsProvider(schema_cache)
            provider_pb2_grpc.add_ResourceProviderServicer_to_server(provider, handlers)
            return provider

        self._server = LazyServer(register, workers=_WORKERS, port=port, limit=_LONGEST_MESSAGE)
        self.port = self._server.port

    def load(self) -> None:
        """Begin to load what the first call needs, which else does so itself."""
        self._server.load()

    def stop(self, grace: float = 2.0) -> None:
        """Serve no more; calls under way get `grace` seconds."""
        try:
            if self._server.loading:
                self._server.loading.result().cancel_all()
        finally:
            self._server.stop(grace)

    def wait(self) -> None:
        """Block until the server ends."""
        self._server.wait()
