"""The guardrails as a service for the engine, within this process."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pulumi.runtime.proto.analyzer_pb2_grpc import AnalyzerServicer


def analyzer() -> AnalyzerServicer:
    """The policy pack's service. Its public constructor would take the process over and never return."""
    from pulumi_policy import EnforcementLevel
    from pulumi_policy.policy import _PolicyAnalyzerServicer  # pyright: ignore[reportPrivateUsage]

    from foundation.guardrails.policies import NAME, VERSION, policies

    configuration: dict[str, Any] = {}

    class Service(_PolicyAnalyzerServicer):
        """Keeps the stack's configuration, which a pack in a process of its own gets from its surroundings."""

        def ConfigureStack(self, request: Any, _context: Any) -> Any:  # noqa: N802 - the name that the engine calls
            configuration.update(request.config)
            return super().ConfigureStack(request, _context)

    return Service(NAME, VERSION, policies(lambda: configuration), EnforcementLevel.MANDATORY)
