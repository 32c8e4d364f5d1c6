"""The guardrails as a service for the engine, within this process."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pulumi.runtime.proto.analyzer_pb2_grpc import AnalyzerServicer


def analyzer() -> AnalyzerServicer:
    """The policy pack's service. Its public constructor would take the process over and never return."""
    from pulumi_policy import EnforcementLevel

    from foundation.guardrails.policies import NAME, VERSION, policies
    from foundation.guardrails.service import keeping

    configuration: dict[str, Any] = {}
    return keeping(configuration)(NAME, VERSION, policies(lambda: configuration), EnforcementLevel.MANDATORY)
