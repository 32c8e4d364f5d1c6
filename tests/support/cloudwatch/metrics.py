"""Metrics with two times: the minute a point is stamped with, and the minute from which it can be read."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

Identity = tuple[str, str, frozenset[tuple[str, str]]]


def identity(namespace: str, name: str, dimensions: Mapping[str, str]) -> Identity:
    """Return the identity of a metric: namespace, name, dimensions."""
    return namespace, name, frozenset(dimensions.items())


@dataclass(frozen=True)
class Sample:
    """A value that occurred `count` times, readable from a minute on."""

    value: float
    count: int
    readable: int


class Points:
    """The samples of one metric by the minute they are stamped with. Times count from the simulation's beginning."""

    def __init__(self) -> None:
        self._samples: defaultdict[int, list[Sample]] = defaultdict(list)

    def add(self, stamp: int, sample: Sample) -> None:
        """Add a sample. Those of a minute come before it is over."""
        self._samples[stamp].append(sample)

    def statistic(self, statistic: str, start: int, minutes: int, now: int) -> tuple[float | None, bool]:
        """Return the statistic of past minutes from `start` on as far as it can be read now, and whether that is all.

        None without samples.
        """
        samples = self._samples
        found = [one for minute in range(start, start + minutes) if minute in samples for one in samples[minute]]
        if not found:
            return None, True
        readable = [one for one in found if one.readable <= now]
        return _calculate(statistic, readable), len(readable) == len(found)


class Metrics:
    """All metrics of an account. What happens in a minute can be read `delay` minutes after its end.

    `others` are delays of namespaces that differ from that.
    """

    def __init__(self, delay: int, others: Mapping[str, int] | None = None) -> None:
        self._delay, self._others = delay, others or {}
        self._points: defaultdict[Identity, Points] = defaultdict(Points)

    def of(self, metric: Identity) -> Points:
        """Return the points of a metric, which may have none."""
        return self._points[metric]

    def put(self, metric: Identity, stamp: int, value: float, *, count: int = 1, known: int | None = None) -> None:
        """Add samples stamped with a minute; `known` is the minute in which the service learns of them."""
        delay = self._others.get(metric[0], self._delay)
        readable = (stamp if known is None else known) + 1 + delay
        self._points[metric].add(stamp, Sample(value, count, readable))


def _calculate(statistic: str, samples: list[Sample]) -> float | None:
    if not samples:
        return None
    if statistic in ("Maximum", "Minimum"):
        values = [one.value for one in samples]
        return float(max(values) if statistic == "Maximum" else min(values))
    count = sum([one.count for one in samples])
    if statistic == "SampleCount":
        return float(count)
    if statistic not in ("Sum", "Average"):
        return _percentile(samples, float(statistic[1:]), count)
    total = sum([one.value * one.count for one in samples])
    return float(total if statistic == "Sum" else total / count)


def _percentile(samples: list[Sample], percent: float, count: int) -> float:
    """Return the smallest value that so many percent of the samples do not exceed."""
    rank, seen = math.ceil(percent / 100 * count), 0
    for one in sorted(samples, key=lambda sample: sample.value):
        seen += one.count
        if seen >= rank:
            return one.value
    raise AssertionError("a percentile is at most 100")
