"""Load of the estate in a month: the quantities that cost money."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import NamedTuple

# As AWS's Pricing Calculator counts: 365 days of 24 hours in 12 months.
MONTH_HOURS = Decimal(730)
MONTH_SECONDS = MONTH_HOURS * 3600
MONTH_DAYS = MONTH_HOURS / 24
# Memory of functions that were never sized: the most that Lambda offered until 2020.
BEFORE_MB = Decimal(3008)
ZERO = Decimal(0)
# The share of its capacity that a table's autoscaling aims at (data/tables.py).
TARGET_UTILIZATION = Decimal("0.7")


@dataclass(frozen=True, kw_only=True)
class FunctionLoad:
    """A function's month. `billed_ms` is an average, `provisioned` the average provisioned concurrency.

    `spilled` are invocations beyond it, `scheduled` calls by a schedule; `p99_ms`, `cold_starts` and `init_ms` are
    shown beside the cost.
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
        """Return the GB-seconds of so many invocations."""
        return invocations * self.billed_ms / 1000 * self.memory_mb / 1024

    @property
    def provisioned_gb_seconds(self) -> Decimal:
        """GB-seconds of provisioned concurrency in a month."""
        return self.provisioned * self.memory_mb / 1024 * MONTH_SECONDS

    @property
    def on_provisioned(self) -> Decimal:
        """Invocations on provisioned concurrency."""
        return max(self.invocations - self.spilled, ZERO) if self.provisioned else ZERO


class Throughput(NamedTuple):
    """Reads or writes of a table: request units of a month, average capacity units (None: on demand), those before."""

    direction: str
    requests: Decimal
    units: Decimal | None
    fixed_units: Decimal

    @property
    def needed_units(self) -> Decimal:
        """Average capacity units that the requests take at the target utilization."""
        return self.requests / MONTH_SECONDS / TARGET_UTILIZATION

    @property
    def priced_units(self) -> Decimal | None:
        """Capacity units that are paid for: of a table that is used beyond its capacity, those that it takes."""
        if self.units is None or self.requests <= self.units * MONTH_SECONDS:
            return self.units
        return self.needed_units


@dataclass(frozen=True, kw_only=True)
class TableLoad:
    """A table's month: request units, average capacity units (both None: on demand), fixed units before, GB.

    `fixed_is_assumed`: the fixed units are not stated, so the saving is not sure.
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
    def throughput(self) -> tuple[Throughput, Throughput]:
        """Reads, and writes."""
        return (
            Throughput("read", self.reads, self.read_units, self.fixed_read_units),
            Throughput("write", self.writes, self.write_units, self.fixed_write_units),
        )


@dataclass(frozen=True, kw_only=True)
class QueueLoad:
    """A queue's month."""

    name: str
    requests: Decimal = ZERO


@dataclass(frozen=True, kw_only=True)
class LogLoad:
    """Logs of a month, kept for days, and for months before.

    `compression` is the stored share of the ingested GB: 0.15 in AWS's pricing examples.
    """

    ingested_gb: Decimal = ZERO
    retention_days: Decimal = Decimal(14)
    before_months: Decimal = Decimal(12)
    compression: Decimal = Decimal("0.15")


@dataclass(frozen=True, kw_only=True)
class WatchLoad:
    """Monitoring of the estate; an alarm costs money for each metric that it evaluates."""

    alarm_metrics: Decimal = ZERO
    composite_alarms: Decimal = ZERO
    dashboards: Decimal = ZERO
    metrics: Decimal = ZERO


@dataclass(frozen=True, kw_only=True)
class Load:
    """A month of the whole estate; `notes` are on the origin of the figures, `events` is their number, if known.

    `secrets` counts those that its functions read from Secrets Manager.
    """

    events: Decimal | None = None
    functions: tuple[FunctionLoad, ...] = ()
    tables: tuple[TableLoad, ...] = ()
    queues: tuple[QueueLoad, ...] = ()
    secrets: Decimal = ZERO
    logs: LogLoad = field(default_factory=LogLoad)
    watching: WatchLoad = field(default_factory=WatchLoad)
    notes: tuple[str, ...] = ()
