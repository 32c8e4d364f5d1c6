"""Count, sum, mean and standard deviation out of exact moments that can be added up in any order."""

from collections.abc import Iterable, Mapping
from decimal import Context, Decimal
from typing import Any, NamedTuple

from shared.exact import DIGITS, EXACT, plain

_ROUNDED = Context(prec=DIGITS)
_WIDE = Context(prec=4 * DIGITS)


class Moments(NamedTuple):
    """Count of one field's values, their exact sum and the exact sum of their squares."""

    values: int
    total: Decimal
    squares: Decimal

    def plus(self, other: "Moments") -> "Moments":
        """Return the moments of both sets of values together."""
        return Moments(
            self.values + other.values,
            EXACT.add(self.total, other.total),
            EXACT.add(self.squares, other.squares),
        )


def of_value(value: Decimal) -> Moments:
    """Return the moments of a single value."""
    return Moments(1, value, EXACT.multiply(value, value))


class Summary:
    """A number of events and the moments of every field measured in them."""

    def __init__(self, events: int = 0, fields: Mapping[str, Moments] | None = None) -> None:
        self.events = events
        self.fields: dict[str, Moments] = dict(fields or {})

    def add_event(self, measures: Mapping[str, Decimal]) -> None:
        """Count one event and its measured values."""
        self.events += 1
        for field, value in measures.items():
            self._add(field, of_value(value))

    def add(self, other: "Summary") -> None:
        """Add the other summary to this one."""
        self.events += other.events
        for field, moments in other.fields.items():
            self._add(field, moments)

    def _add(self, field: str, moments: Moments) -> None:
        before = self.fields.get(field)
        self.fields[field] = moments if before is None else before.plus(moments)


def mean(moments: Moments) -> Decimal:
    """Return the arithmetic mean, rounded half to even at 38 significant digits."""
    return _ROUNDED.divide(moments.total, Decimal(moments.values))


def deviation(moments: Moments) -> Decimal:
    """Return the population standard deviation sqrt(n * Q - S * S) / n, Q being the sum of squares and S the sum.

    The radicand is exact, so there is no cancellation; root and quotient are taken at 152 digits and rounded to 38.
    """
    values = Decimal(moments.values)
    radicand = EXACT.subtract(EXACT.multiply(values, moments.squares), EXACT.multiply(moments.total, moments.total))
    return _ROUNDED.plus(_WIDE.divide(_WIDE.sqrt(radicand), values))


def to_dict(summary: Summary) -> dict[str, Any]:
    """Return the summary as the query function answers it: counts are integers, decimals are plain strings."""
    return {
        "count": summary.events,
        "data": {field: _moments_to_dict(summary.fields[field]) for field in sorted(summary.fields)},
    }


def _moments_to_dict(moments: Moments) -> dict[str, Any]:
    return {
        "count": moments.values,
        "sum": plain(moments.total),
        "mean": plain(mean(moments)),
        "stddev": plain(deviation(moments)),
        "sum_of_squares": plain(moments.squares),
    }


def from_dict(description: Mapping[str, Any]) -> Summary:
    """Return the summary that `to_dict` was given, without loss."""
    return Summary(
        description["count"],
        {
            field: Moments(value["count"], Decimal(value["sum"]), Decimal(value["sum_of_squares"]))
            for field, value in description["data"].items()
        },
    )


def merge(descriptions: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the totals of several descriptions together, such as those of the pages of one query."""
    merged = Summary()
    for description in descriptions:
        merged.add(from_dict(description))
    return to_dict(merged)
