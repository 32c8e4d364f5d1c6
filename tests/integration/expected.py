"""Expected aggregates of a file of events, computed directly: without code of the functions."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal, localcontext
from fractions import Fraction
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass
class Bucket:
    """One hour of a type and subject."""

    count: int = 0
    values: dict[str, list[Decimal]] = field(default_factory=lambda: defaultdict(list))


# Numbers whose square DynamoDB could not hold are not measured: the events that have them are invalid.
_TOO_LARGE = Decimal("1e62")
Key = tuple[str, str, str]  # type, subject, hour


def buckets(lines: Iterable[str]) -> dict[Key, Bucket]:
    """Aggregate the valid lines; the first event of a (source, id) counts. Lines that don't parse are skipped."""
    seen: set[tuple[str, str]] = set()
    found: dict[Key, Bucket] = defaultdict(Bucket)
    for line in lines:
        event = _valid(line)
        if event is None or (event["source"], event["id"]) in seen:
            continue
        seen.add((event["source"], event["id"]))
        hour = datetime.fromisoformat(event["time"]).astimezone(UTC).strftime("%Y-%m-%dT%H:00:00Z")
        bucket = found[event["type"], event.get("subject", ""), hour]
        bucket.count += 1
        for name, value in event["data"].items():
            if isinstance(value, Decimal):
                bucket.values[name].append(value)
    return dict(found)


def as_answer(bucket: Bucket) -> dict[str, Any]:
    """A bucket as `estate query` shows it, without the inexact mean and deviation."""
    with localcontext(prec=100):
        data = {name: {"count": len(values), "sum": sum(values)} for name, values in bucket.values.items()}
    return {"count": bucket.count, "data": data}


def variance(values: list[Decimal]) -> Fraction:
    """Population variance, exactly."""
    numbers = [Fraction(value) for value in values]
    mean = sum(numbers, Fraction()) / len(numbers)
    return sum(((number - mean) * (number - mean) for number in numbers), Fraction()) / len(numbers)


def _valid(line: str) -> dict[str, Any] | None:
    """Return the event of a line of the samples; None for an invalid one."""
    try:
        event = json.loads(line, parse_float=Decimal, parse_int=Decimal)
        required = ("id", "source", "type", "time")
        if event["specversion"] != "1.0" or not all(isinstance(event[key], str) and event[key] for key in required):
            return None
        datetime.fromisoformat(event["time"])
        numbers = [value for value in event["data"].values() if isinstance(value, Decimal)]
        return event if all(value.is_finite() and abs(value) < _TOO_LARGE for value in numbers) else None
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
