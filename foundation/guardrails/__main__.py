"""The policy pack's entry point: the engine runs this folder, by itself or through the executable `pack`."""

from typing import Any

from pulumi_policy import EnforcementLevel, PolicyPack, policy

from foundation.guardrails.policies import NAME, policies
from foundation.guardrails.service import keeping

if __name__ == "__main__":
    configuration: dict[str, Any] = {}
    # PolicyPack takes no other service.
    policy._PolicyAnalyzerServicer = keeping(configuration)  # pyright: ignore[reportPrivateUsage]
    PolicyPack(name=NAME, enforcement_level=EnforcementLevel.MANDATORY, policies=policies(lambda: configuration))
