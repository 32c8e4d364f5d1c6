"""Evidence of a function's use: log lines counted in memory that does not grow with their number."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, Any

from estate_tool.sizing import report_lines

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from estate_tool.sizing.report_lines import Invocation

_MS_PER_SECOND = 1000
_MB_PER_GB = 1024


class Histogram:
    """Histogram of whole numbers, which gives exact percentiles."""

    def __init__(self) -> None:
        self._seen: Counter[int] = Counter()

    def add(self, value: int, times: int = 1) -> None:
        """Count so many more of this value."""
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
        """Return by nearest rank: the smallest value that at least `percent` percent of all values do not exceed.

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
        """Count so many more amounts."""
        self.count += count
        self.total += total
        self.maximum = max(maximum, self.maximum or 0.0)

    @property
    def average(self) -> float | None:
        """The mean, to one decimal place; None without amounts."""
        return round(self.total / self.count, 1) if self.count else None


@dataclass(frozen=True, kw_only=True)
class Usage:
    """Use of a function, the base of a recommendation. `largest_oom_mb` is the largest size that ran out of memory."""

    samples: int
    p99_mb: int
    max_mb: int
    ooms: int = 0
    largest_oom_mb: int = 0
    samples_by_mb: Mapping[int, int] | None = None
    """Samples by the memory that the function had; None where the source does not know it."""

    def samples_at(self, memory_mb: int) -> int:
        """Return the samples with that much memory; all of them where the source does not know it."""
        return self.samples if self.samples_by_mb is None else self.samples_by_mb.get(memory_mb, 0)


@dataclass(frozen=True, kw_only=True)
class Findings:
    """Findings of a source about a function: `measured` by the keys of UNKNOWN.

    `billed_ms` is what calls took, `first_ms` the time of the first event; `from_log`: it knows what the log keeps.
    """

    usage: Usage
    measured: Mapping[str, Any]
    gb_ms: float
    billed_ms: float = 0.0
    from_log: bool = False
    first_ms: int | None = None


class Evidence:
    """Counts of a function's log lines.

    A sample is an invocation whose memory is known: reports of 0 MB are invocations and no samples, damaged ones are
    neither. Durations are kept to three significant digits, rounded up. With `size_mb`, only invocations that had this
    much memory count.
    """

    def __init__(self, size_mb: int | None = None) -> None:
        self._size_mb = size_mb
        self.memory = Histogram()
        self.first_ms: int | None = None
        self._samples_by_mb: Counter[int] = Counter()
        self.durations = Histogram()
        self.inits = Spread()
        self.forms: Counter[str] = Counter()
        self.unreadable = 0
        self.ooms = 0
        self.largest_oom_mb = 0
        self.failures = 0
        self.billed_ms = 0.0
        self.gb_ms = 0.0
        self._timeout_reports = 0
        self._timeout_lines = 0
        self._ahead: Counter[float] = Counter()

    def add_lines(self, lines: Iterable[str]) -> None:
        """Count them; lines that are no reports are passed over."""
        for line in lines:
            invocation = report_lines.parse(line)
            if invocation is not None:
                if self._size_mb in (None, invocation.size_mb):
                    self.add(invocation)
            elif report_lines.is_report(line):
                self.unreadable += 1
            elif report_lines.is_timeout(line):
                self.add_timeout_lines(1)
            elif (started := report_lines.initialised_ahead(line)) is not None:
                self._ahead[started] += 1

    def seen_since(self, first_ms: int | None) -> None:
        """Note an event at that time, in milliseconds since 1970."""
        if first_ms is not None:
            self.first_ms = first_ms if self.first_ms is None else min(self.first_ms, first_ms)

    def add_timeout_lines(self, times: int) -> None:
        """Count so many lines that only report a timeout."""
        self._timeout_lines += times

    def add(self, invocation: Invocation, times: int = 1) -> None:
        """Count so many invocations like this one."""
        self.forms[invocation.form] += times
        if invocation.used_mb:
            self.memory.add(invocation.used_mb, times)
            self._samples_by_mb[invocation.size_mb] += times
        self.durations.add(_three_digits(invocation.duration_ms), times)
        if invocation.init_ms is not None and not self._was_ahead(invocation.init_ms):
            self.inits.add(invocation.init_ms * times, invocation.init_ms, times)
        self.billed_ms += invocation.billed_ms * times
        self.gb_ms += invocation.billed_ms * times * invocation.size_mb / _MB_PER_GB
        self.failures += invocation.failed * times
        self._timeout_reports += invocation.timed_out * times
        if invocation.out_of_memory:
            self.ooms += times
            self.largest_oom_mb = max(self.largest_oom_mb, invocation.size_mb)

    def _was_ahead(self, init_ms: float) -> bool:
        """True for the report of an environment that was started ahead: the first one has its duration once more."""
        if not self._ahead[init_ms]:
            del self._ahead[init_ms]
            return False
        self._ahead[init_ms] -= 1
        return True

    @property
    def invocations(self) -> int:
        """Reports that could be read."""
        return self.forms.total()

    @property
    def timeouts(self) -> int:
        """Invocations ended by the timeout; each has a line of its own, a status in its report, or both."""
        return max(self._timeout_reports, self._timeout_lines)

    @property
    def source(self) -> str:
        """Kinds of reports that were found."""
        return " and ".join(sorted(self.forms)) or "no reports"

    @property
    def usage(self) -> Usage:
        """Use of the function, the base of a recommendation."""
        return Usage(
            samples=self.memory.count,
            p99_mb=self.memory.percentile(99) or 0,
            max_mb=self.memory.maximum or 0,
            ooms=self.ooms,
            largest_oom_mb=self.largest_oom_mb,
            samples_by_mb=dict(self._samples_by_mb) or None,
        )

    def findings(self, where: str) -> Findings:
        """Return the evidence of what was read there."""
        return Findings(
            usage=self.usage, measured=self.to_dict() | {"source": where}, gb_ms=self.gb_ms, billed_ms=self.billed_ms,
            from_log=True, first_ms=self.first_ms,
        )  # fmt: skip

    def to_dict(self) -> dict[str, Any]:
        """Return the evidence by the keys that scripts and compute/sizing.json rely on, and more beside them."""
        return {
            "source": self.source,
            "samples": self.memory.count,
            "average_mb": self.memory.average,
            "p95_mb": self.memory.percentile(95),
            "p99_mb": self.memory.percentile(99),
            "max_mb": self.memory.maximum,
            "ooms": self.ooms,
            "invocations": self.invocations,
            "failures": self.failures,
            "timeouts": self.timeouts,
            "cold_starts": self.inits.count,
            "init_average_ms": self.inits.average,
            "init_max_ms": self.inits.maximum,
            "duration_p99_ms": self.durations.percentile(99),
            "billed_seconds": round(self.billed_ms / _MS_PER_SECOND, 3),
            "billed_gb_seconds": round(self.gb_ms / _MS_PER_SECOND, 3),
            "unreadable": self.unreadable,
        }


# What is measured, of which a source knows nothing yet.
UNKNOWN: dict[str, Any] = dict.fromkeys(Evidence().to_dict())


def _three_digits(milliseconds: float) -> int:
    """Round up to three significant digits, so that there are few different values."""
    whole = ceil(milliseconds)
    unit = 10 ** max(len(str(whole)) - 3, 0)
    return -(-whole // unit) * unit
