"""Load of the estate in a month: the quantities that are paid for."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

# As AWS's Pricing Calculator counts: 365 days of 24 hours in 12 months.
MONTH_HOURS = Decimal(730)
MONTH_SECONDS = MONTH_HOURS * 3600
MONTH_DAYS = MONTH_HOURS / 24
# Memory of functions that were never sized: the most that Lambda offered until 2020.
BEFORE_MB = Decimal(3008)
ZERO = Decimal(0)
# The share of its capacity that a table's autoscaling aims at (data/tables.py).
TARGET_UTILIZATION = Decimal("0.7")


def _needed(requests: Decimal, units: Decimal | None) -> Decimal | None:
    """Return the units; of a table that is used beyond them, those with which it is used as autoscaling aims at."""
    if units is None or requests <= units * MONTH_SECONDS:
        return units
    return requests / MONTH_SECONDS / TARGET_UTILIZATION


@dataclass(frozen=True, kw_only=True)
class FunctionLoad:
    """A function's month. `billed_ms` is an average, `provisioned` the average provisioned concurrency.

    `spilled` are invocations beyond it, `scheduled` calls that a schedule made; `p99_ms`, `cold_starts` and `init_ms`
    are shown beside the cost.
    """

    name: str
    invocations: Decimal = ZERO
    billed_ms: Decimal = ZERO
    memory_mb: Decimal = Decimal(512)
    before_memory_mb: Decimal = BEFORE_MB
    before_billed_ms: Decimal | None = None
    architecture: str = "arm64"
    provisioned: Decimal = ZERO
    spilled: Decimal = ZERO
    scheduled: Decimal = ZERO
    p99_ms: Decimal | None = None
    cold_starts: Decimal | None = None
    init_ms: Decimal | None = None

    def gb_seconds(self, invocations: Decimal) -> Decimal:
        """Return the memory times the time of so many invocations."""
        return invocations * self.billed_ms / 1000 * self.memory_mb / 1024

    @property
    def provisioned_gb_seconds(self) -> Decimal:
        """The memory that is kept ready, times a month."""
        return self.provisioned * self.memory_mb / 1024 * MONTH_SECONDS

    @property
    def on_provisioned(self) -> Decimal:
        """Invocations that provisioned environments take."""
        return max(self.invocations - self.spilled, ZERO) if self.provisioned else ZERO


@dataclass(frozen=True, kw_only=True)
class TableLoad:
    """A table's month: request units, average capacity units (both None: on demand), what was fixed before, GB.

    `fixed_is_assumed`: what was fixed before is not stated, so the saving is not sure.
    """

    name: str
    reads: Decimal = ZERO
    writes: Decimal = ZERO
    read_units: Decimal | None = None
    write_units: Decimal | None = None
    fixed_read_units: Decimal = ZERO
    fixed_write_units: Decimal = ZERO
    fixed_is_assumed: bool = False
    stored_gb: Decimal = ZERO
    backup_gb: Decimal = ZERO

    @property
    def priced_read_units(self) -> Decimal | None:
        """The capacity units that are paid for, which are those it takes; None on demand."""
        return _needed(self.reads, self.read_units)

    @property
    def priced_write_units(self) -> Decimal | None:
        """The capacity units that are paid for, which are those it takes; None on demand."""
        return _needed(self.writes, self.write_units)


@dataclass(frozen=True, kw_only=True)
class QueueLoad:
    """A queue's month."""

    name: str
    requests: Decimal = ZERO


@dataclass(frozen=True, kw_only=True)
class LogLoad:
    """Logs of a month, and how many days and, before, how many months they are kept.

    `compression` is the share that is stored of what was ingested: AWS's pricing examples reckon with 0.15.
    """

    ingested_gb: Decimal = ZERO
    retention_days: Decimal = Decimal(14)
    before_months: Decimal = Decimal(12)
    compression: Decimal = Decimal("0.15")


@dataclass(frozen=True, kw_only=True)
class WatchLoad:
    """Monitoring of the estate; an alarm is paid for by each metric it looks at."""

    alarm_metrics: Decimal = ZERO
    composite_alarms: Decimal = ZERO
    dashboards: Decimal = ZERO
    metrics: Decimal = ZERO


@dataclass(frozen=True, kw_only=True)
class Load:
    """A month of the whole estate; `notes` say where the figures come from. `events`: how many, if that is known.

    `secrets` are those that its functions read from Secrets Manager.
    """

    events: Decimal | None = None

    functions: tuple[FunctionLoad, ...] = ()
    tables: tuple[TableLoad, ...] = ()
    queues: tuple[QueueLoad, ...] = ()
    secrets: Decimal = ZERO
    logs: LogLoad = field(default_factory=LogLoad)
    watching: WatchLoad = field(default_factory=WatchLoad)
    notes: tuple[str, ...] = ()
