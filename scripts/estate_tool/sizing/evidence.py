"""Evidence of a function's use, and reports counted into it in memory that does not grow with their number."""

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


class Histogram(Counter[int]):
    """Histogram of whole numbers, which gives exact percentiles."""

    @property
    def average(self) -> float | None:
        """The mean, to one decimal place; None without values."""
        return _average(sum(value * times for value, times in self.items()), self.total())

    def percentile(self, percent: int) -> int | None:
        """Return by nearest rank: the smallest value that at least `percent` percent of all values do not exceed.

        It is always a value that was seen, the maximum for 100; None without values.
        """
        rank = -(-percent * self.total() // 100)
        below = 0
        for value in sorted(self):
            below += self[value]
            if below >= rank:
                return value
        return None


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """Use of a function according to one source; None where the source does not know.

    A sample is an invocation whose memory is known. `largest_oom_mb` is the largest memory size that was used up,
    `samples_by_mb` the samples by the memory size that the function had. `from_log`: from reports in its log, the first
    of them at `first_ms`, in milliseconds since 1970.
    """

    source: str
    samples: int = 0
    average_mb: float | None = None
    p95_mb: int | None = None
    p99_mb: int = 0
    max_mb: int = 0
    ooms: int | None = None
    invocations: int | None = None
    failures: int | None = None
    timeouts: int | None = None
    cold_starts: int | None = None
    init_average_ms: float | None = None
    init_max_ms: float | None = None
    duration_p99_ms: int | None = None
    billed_seconds: float | None = None
    billed_gb_seconds: float | None = None
    unreadable: int | None = None

    largest_oom_mb: int = 0
    samples_by_mb: Mapping[int, int] | None = None
    from_log: bool = False
    first_ms: int | None = None

    @property
    def kills(self) -> int:
        """Invocations that ran out of memory; where a source does not count them, 1 if all memory was used."""
        return int(self.largest_oom_mb > 0) if self.ooms is None else self.ooms

    def samples_with(self, memory_mb: int) -> int:
        """Return the samples with that much memory; all of them where the source does not know it."""
        return self.samples if self.samples_by_mb is None else self.samples_by_mb.get(memory_mb, 0)

    def to_dict(self) -> dict[str, Any]:
        """Return the evidence by the keys that scripts and compute/sizing.json rely on."""
        internal = {"largest_oom_mb", "samples_by_mb", "from_log", "first_ms"}
        unknown = {} if self.samples else {"p99_mb": None, "max_mb": None}
        return {key: value for key, value in (vars(self) | unknown).items() if key not in internal}


class ReportCounts:
    """Counts of the reports on a function's invocations.

    Reports of 0 MB are invocations but no samples, damaged ones are neither. Durations are kept to three significant
    digits, rounded up. With `size_mb`, only invocations that had this much memory count.
    """

    def __init__(self, size_mb: int | None = None) -> None:
        self._size_mb = size_mb
        self._forms: Counter[str] = Counter()
        self._memory, self._durations = Histogram(), Histogram()
        self._samples_by_mb: Counter[int] = Counter()
        self._ahead: Counter[float] = Counter()
        self._cold_starts, self._init_ms, self._init_max_ms = 0, 0.0, 0.0
        self._billed_ms = self._gb_ms = 0.0
        self._failures = self._ooms = self._largest_oom_mb = self._timeouts = 0
        self.timeout_lines = 0
        self.unreadable = 0
        self.first_ms: int | None = None

    @property
    def kinds(self) -> str:
        """Kinds of reports that were found."""
        return " and ".join(sorted(self._forms)) or "no reports"

    def add_lines(self, lines: Iterable[str]) -> None:
        """Count the reports among lines of a log."""
        for line in lines:
            invocation = report_lines.parse(line)
            if invocation is not None:
                if self._size_mb in (None, invocation.size_mb):
                    self.add(invocation)
            elif report_lines.is_report(line):
                self.unreadable += 1
            elif report_lines.is_timeout(line):
                self.timeout_lines += 1
            elif (started := report_lines.initialised_ahead(line)) is not None:
                self._ahead[started] += 1

    def add(self, invocation: Invocation, times: int = 1) -> None:
        """Count so many invocations like this one."""
        self._forms[invocation.form] += times
        if invocation.used_mb:
            self._memory[invocation.used_mb] += times
            self._samples_by_mb[invocation.size_mb] += times
        self._durations[_three_digits(invocation.duration_ms)] += times
        if invocation.init_ms is not None and not self._was_ahead(invocation.init_ms):
            self.add_cold_starts(times, invocation.init_ms * times, invocation.init_ms)
        self._billed_ms += invocation.billed_ms * times
        self._gb_ms += invocation.billed_ms * times * invocation.size_mb / _MB_PER_GB
        self._failures += invocation.failed * times
        self._timeouts += invocation.timed_out * times
        if invocation.out_of_memory:
            self._ooms += times
            self._largest_oom_mb = max(self._largest_oom_mb, invocation.size_mb)

    def add_cold_starts(self, times: int, total_ms: float, longest_ms: float) -> None:
        """Count so many cold starts, which took that long together, and one at most."""
        self._cold_starts += times
        self._init_ms += total_ms
        self._init_max_ms = max(self._init_max_ms, longest_ms)

    def _was_ahead(self, init_ms: float) -> bool:
        """True for the first report of an environment that was started ahead, which repeats the start's duration."""
        if not self._ahead[init_ms]:
            del self._ahead[init_ms]
            return False
        self._ahead[init_ms] -= 1
        return True

    def seen(self, time_ms: int | None) -> None:
        """Note an event at that time, in milliseconds since 1970, if there was any."""
        self.first_ms = min((one for one in (self.first_ms, time_ms) if one is not None), default=None)

    def evidence(self, source: str) -> Evidence:
        """Return the counts as evidence of that source."""
        return Evidence(
            source=source,
            samples=self._memory.total(), average_mb=self._memory.average, p95_mb=self._memory.percentile(95),
            p99_mb=self._memory.percentile(99) or 0, max_mb=self._memory.percentile(100) or 0,
            ooms=self._ooms, largest_oom_mb=self._largest_oom_mb, samples_by_mb=self._samples_by_mb,
            invocations=self._forms.total(), failures=self._failures,
            # A timeout has a line of its own, a status in its report, or both.
            timeouts=max(self._timeouts, self.timeout_lines),
            cold_starts=self._cold_starts, init_average_ms=_average(self._init_ms, self._cold_starts),
            init_max_ms=self._init_max_ms if self._cold_starts else None,
            duration_p99_ms=self._durations.percentile(99),
            billed_seconds=round(self._billed_ms / _MS_PER_SECOND, 3),
            billed_gb_seconds=round(self._gb_ms / _MS_PER_SECOND, 3),
            unreadable=self.unreadable, from_log=True, first_ms=self.first_ms,
        )  # fmt: skip


def _average(total: float, count: int) -> float | None:
    return round(total / count, 1) if count else None


def _three_digits(milliseconds: float) -> int:
    """Round up to three significant digits, so that there are few different values."""
    whole = ceil(milliseconds)
    unit = 10 ** max(len(str(whole)) - 3, 0)
    return -(-whole // unit) * unit
