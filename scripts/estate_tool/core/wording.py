"""English of counts."""

from __future__ import annotations


def counted(number: float, noun: str, plural: str = "") -> str:
    """Return a number with its noun: `1 message`, `2,000 messages`, with `plural` where it is no -s."""
    return f"{number:,} {noun if number == 1 else plural or f'{noun}s'}"


def span(seconds: float) -> str:
    """Return a span of time by its largest unit but one: `0 s`, `4 min`, `2 h 05 min`, `3 days 2 h`."""
    minutes, hours, days = int(seconds // 60), int(seconds // 3600), int(seconds // 86400)
    if days:
        return f"{counted(days, 'day')} {hours % 24} h"
    if hours:
        return f"{hours} h {minutes % 60:02d} min"
    return f"{minutes} min" if minutes else f"{int(seconds)} s"
