"""The guardrails: rules that every rollout and preview has to keep, as a policy pack of the Pulumi engine."""
