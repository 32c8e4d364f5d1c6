"""Fixtures of every test."""

from hypothesis import settings

# How long an example takes depends on the machine, not on the code under test.
settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")
