"""Distributions of values, counted in memory that does not grow with their number."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass


class Histogram:
    """Histogram of whole numbers, which gives exact percentiles."""

    def __init__(self) -> None:
        self._seen: Counter[int] = Counter()

    def add(self, value: int, times: int = 1) -> None:
        """So many more of this value."""
        self._seen[value] += times

    @property
    def count(self) -> int:
        """Number of values."""
        return self._seen.total()

    @property
    def maximum(self) -> int | None:
        """The largest value; None without values."""
        return max(self._seen, default=None)

    @property
    def average(self) -> float | None:
        """The mean, to one decimal place; None without values."""
        if not self._seen:
            return None
        return round(sum(value * times for value, times in self._seen.items()) / self.count, 1)

    def percentile(self, percent: int) -> int | None:
        """By nearest rank: the smallest value that at least `percent` percent of all values do not exceed.

        It is always a value that was seen, the maximum for 100; None without values.
        """
        rank = -(-percent * self.count // 100)
        below = 0
        for value in sorted(self._seen):
            below += self._seen[value]
            if below >= rank:
                return value
        return None


@dataclass
class Spread:
    """Count, sum and maximum of amounts."""

    count: int = 0
    total: float = 0.0
    maximum: float | None = None

    def add(self, total: float, maximum: float, count: int) -> None:
        """So many more amounts."""
        self.count += count
        self.total += total
        self.maximum = max(maximum, self.maximum or 0.0)

    @property
    def average(self) -> float | None:
        """The mean, to one decimal place; None without amounts."""
        return round(self.total / self.count, 1) if self.count else None
