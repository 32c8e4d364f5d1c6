"""Scaffold of a new function: declaration, size, handler and tests, such that lint and tests pass at once."""
