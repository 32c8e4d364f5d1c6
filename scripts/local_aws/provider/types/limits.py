"""Limits that several services share."""

from __future__ import annotations

import re

from local_aws.provider.model import Rule
from local_aws.provider.wire import Properties


def document_size(name: str, most: int) -> Rule:
    """A policy document, counted without white space as IAM does, is not too long."""

    def rule(properties: Properties) -> tuple[str, str] | None:
        text = properties.get(name)
        size = len(re.sub(r"\s", "", text)) if isinstance(text, str) else 0
        return (name, f"has {size} characters without white space; AWS allows {most}") if size > most else None

    return rule


def ordered(lower: str, upper: str) -> Rule:
    """One number is not above the other."""

    def rule(properties: Properties) -> tuple[str, str] | None:
        low, high = properties.get(lower), properties.get(upper)
        if not isinstance(low, int | float) or not isinstance(high, int | float) or low <= high:
            return None
        return lower, f"is {low:g}, above {upper} ({high:g})"

    return rule


def required(name: str, *, beside: str, absent: bool = False) -> Rule:
    """`name` is needed where `beside` is given (or, with `absent`, where it is not)."""

    def rule(properties: Properties) -> tuple[str, str] | None:
        if name in properties or (beside in properties) is absent:
            return None
        return name, f"missing; it is required {'without' if absent else 'beside'} {beside}"

    return rule
