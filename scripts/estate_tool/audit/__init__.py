"""Audit of an account against the estate's ten requirements: read-only inventory, pure checks, one report."""
