"""The policy pack's service, which keeps what the engine tells of the stack's configuration; the SDK's drops it."""

from typing import Any

from pulumi_policy.policy import _PolicyAnalyzerServicer  # pyright: ignore[reportPrivateUsage]


def keeping(configuration: dict[str, Any]) -> type[_PolicyAnalyzerServicer]:
    """The service's class; its instances keep the configuration there."""

    class Service(_PolicyAnalyzerServicer):
        """The SDK's service with one more thing to remember."""

        def ConfigureStack(self, request: Any, _context: Any) -> Any:  # noqa: N802 - the name that the engine calls
            configuration.update(request.config)
            return super().ConfigureStack(request, _context)

    return Service
