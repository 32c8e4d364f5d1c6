"""The guardrails as a service for the engine, within this process."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pulumi.runtime.proto.analyzer_pb2_grpc import AnalyzerServicer


def analyzer() -> AnalyzerServicer:
    """The policy pack's service. Its public constructor would take the process over and never return."""
    from pulumi_policy import EnforcementLevel
    from pulumi_policy.policy import _PolicyAnalyzerServicer  # pyright: ignore[reportPrivateUsage]

    from foundation.guardrails.policies import NAME, VERSION, policies

    return _PolicyAnalyzerServicer(NAME, VERSION, policies(), EnforcementLevel.MANDATORY)
