"""The policy pack's entry point: the engine runs this folder, by itself or through the executable `pack`."""

from pulumi_policy import EnforcementLevel, PolicyPack, policy

from foundation.guardrails.policies import NAME, RULES, Service

if __name__ == "__main__":
    policy._PolicyAnalyzerServicer = Service  # pyright: ignore[reportPrivateUsage] (PolicyPack takes no other)
    PolicyPack(name=NAME, enforcement_level=EnforcementLevel.MANDATORY, policies=RULES)
