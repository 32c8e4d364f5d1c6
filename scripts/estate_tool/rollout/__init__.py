"""Rollout and teardown of layers."""
