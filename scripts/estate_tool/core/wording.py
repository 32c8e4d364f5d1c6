"""English of counts."""

from __future__ import annotations


def counted(number: float, noun: str, plural: str = "") -> str:
    """Return a number with its noun: `1 message`, `2,000 messages`, with `plural` where it is no -s."""
    return f"{number:,} {noun if number == 1 else plural or f'{noun}s'}"
