"""Memory sizes with their evidence, and the load of a month, of adopted resources."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any, cast

from compute.sizing import EVIDENCE_KEYS, MAXIMUM_MB, MINIMUM_MB
from estate_tool.adopt.model import Note
from estate_tool.audit.evidence import account_function
from estate_tool.costing.measure import QUEUE_METRICS, MonthlyMetrics, monthly_factor
from estate_tool.monitoring.metrics import covered
from estate_tool.pricing.load import MONTH_SECONDS, TARGET_UTILIZATION
from estate_tool.sizing import MINIMUM_SAMPLES
from estate_tool.sizing.evidence import Evidence
from estate_tool.sizing.functions import log_groups
from estate_tool.sizing.report import function_report

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from estate_tool.adopt.model import OldFunction, Source
    from estate_tool.adopt.translation import Translation
    from estate_tool.audit.model import Queue, Table
    from estate_tool.audit.reader import Reader
    from estate_tool.core.environment import Environment
    from estate_tool.monitoring.metrics import Window
    from estate_tool.pricing.prices import Prices
    from foundation import model

_GB = Decimal(1024**3)
_UNMEASURED: dict[str, Any] = {**dict.fromkeys(EVIDENCE_KEYS), "source": "none: no reports could be read", "samples": 0}


def sizing(done: Translation, source: Source, window: Window, prices: Prices) -> tuple[dict[str, Any], list[Note]]:
    """Return the content of sizing.json, and notes where less or more memory than 512 to 1024 MB is needed."""
    entries: dict[str, Any] = {}
    notes: list[Note] = []
    for old, name in _adopted(done, source):
        memory, reason, evidence = _size(old, name, window, prices)
        entries[name] = {"memory_mb": memory, "evidence": evidence}
        if memory != old.memory_mb:
            large = old.usage is not None and old.usage.max_mb >= MAXIMUM_MB
            instead = "split its work: it would run out of memory" if large else f"{memory:,} MB"
            kind = "missing" if large else "differs"
            notes.append(Note(kind, old.name, "memory", f"{old.memory_mb:,} MB", reason, instead))
    return {"functions": entries}, notes


def _size(old: OldFunction, name: str, window: Window, prices: Prices) -> tuple[int, str, dict[str, Any]]:
    within = min(max(old.memory_mb, MINIMUM_MB), MAXIMUM_MB)
    if old.usage is None:
        return within, "no reports could be read; sizes are 512 to 1024 MB", _UNMEASURED
    function = replace(account_function(old), catalog_name=name)
    recommended = function_report(function, old.usage, window, MINIMUM_SAMPLES, prices)
    return recommended["recommended_mb"] or within, recommended["reason"], recommended["evidence"]


def _adopted(done: Translation, source: Source) -> Iterator[tuple[OldFunction, str]]:
    """Yield the declared functions with their logical names."""
    names = done.declared.functions
    return ((old, names[old.arn]) for old in source.functions if old.arn in names)


class Month(MonthlyMetrics):
    """Load of a month, from the metrics and reports of a window."""

    def __init__(self, reader: Reader, window: Window) -> None:
        super().__init__(reader.client("cloudwatch"), window)
        self._reader = reader

    def load(self, done: Translation, source: Source, sizes: Mapping[str, Any]) -> dict[str, Any]:
        """Return the content of a load file (docs/cost.md), its quantities per month."""
        adopted = list(_adopted(done, source))
        groups = log_groups(cast("Environment", self._reader), [account_function(old) for old, _ in adopted])
        tables = {table.name: table for table in done.catalog.tables}
        queues = {queue.name for queue in done.catalog.queues}
        return {
            "functions": {
                name: self._function(old, groups.get(old.log_group), sizes["functions"][name]["memory_mb"])
                for old, name in adopted
            },
            "tables": {
                name: self._table(source.tables[arn], tables[name]) for arn, name in done.declared.tables.items()
            },
            "queues": {
                name: {"requests": self._requests(source.queues[arn])}
                for arn, name in done.declared.queues.items()
                if name in queues
            },
            "logs": {"ingested_gb": self.ingested_gb(groups.values())},
        }

    def _function(self, old: OldFunction, group: Mapping[str, Any] | None, memory_mb: int) -> dict[str, Any]:
        found = old.usage or Evidence(source="")
        calls = Decimal(found.invocations or 0)
        factor = monthly_factor(covered(self._window, group, found.first_ms))
        return {
            "invocations": calls * factor,
            "billed_ms": 1000 * Decimal(str(found.billed_seconds)) / calls if calls else Decimal(0),
            "memory_mb": Decimal(memory_mb),
            "before_memory_mb": Decimal(old.memory_mb),
            "warm": Decimal(sum(old.provisioned.values())),
            "cold_starts": Decimal(found.cold_starts or 0) * factor,
        }

    def _table(self, old: Table, declared: model.Table) -> dict[str, Any]:
        fixed = {one.direction: Decimal(one.units) for one in old.capacities if not one.index and not one.scaled}
        total = {
            direction: self.total("AWS/DynamoDB", f"Consumed{direction}CapacityUnits", TableName=old.name) or Decimal(0)
            for direction in ("Read", "Write")
        }
        stored = Decimal(old.settings.get("TableSizeBytes") or 0) / _GB
        load = {"reads": total["Read"], "writes": total["Write"], "stored_gb": stored, "backup_gb": stored}
        load |= {f"fixed_{direction}_units": units for direction, units in fixed.items()}
        if (read := declared.read) and (write := declared.write):
            load |= {"read_units": _units(read, total["Read"]), "write_units": _units(write, total["Write"])}
        return load

    def _requests(self, old: Queue) -> Decimal:
        totals = (self.total("AWS/SQS", metric, QueueName=old.name) for metric in QUEUE_METRICS)
        return sum((total or Decimal(0) for total in totals), Decimal(0))


def _units(capacity: model.Capacity, monthly: Decimal) -> Decimal:
    used = monthly / MONTH_SECONDS / TARGET_UTILIZATION
    return min(max(used, Decimal(capacity.minimum)), Decimal(capacity.maximum))
