"""The policy pack's entry point: the engine runs this folder, by itself or through the executable `pack`."""

from pulumi_policy import EnforcementLevel, PolicyPack

from foundation.guardrails.policies import NAME, policies

if __name__ == "__main__":
    PolicyPack(name=NAME, enforcement_level=EnforcementLevel.MANDATORY, policies=policies())
