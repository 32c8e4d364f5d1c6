"""Failures in a function's answer to a batch ("Reporting batch item failures" in the developer guide)."""

from __future__ import annotations

from typing import Any


def batch_item_failures(body: Any) -> set[str] | None:
    """The identifiers in a batch response; None when the response is not of the form that AWS understands."""
    if body is None or body in ({}, ""):
        return set()
    if not isinstance(body, dict):
        return None
    reported = body.get("batchItemFailures")
    if reported is None:
        return set()
    if not isinstance(reported, list):
        return None
    identifiers = [item.get("itemIdentifier") if isinstance(item, dict) else None for item in reported]
    if not all(isinstance(identifier, str) and identifier for identifier in identifiers):
        return None
    return set(identifiers)  # type: ignore[arg-type]
