"""Memory sizes with their evidence, and the load of a month, of adopted resources."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any, cast

from compute.sizing import EVIDENCE_KEYS, MAXIMUM_MB, MINIMUM_MB
from estate_tool.adopt.model import Note
from estate_tool.audit.evidence import sized
from estate_tool.costing.measure import QUEUE_METRICS, MonthlyMetrics, monthly_factor
from estate_tool.monitoring.metrics import covered
from estate_tool.pricing.load import MONTH_SECONDS, TARGET_UTILIZATION
from estate_tool.sizing import MINIMUM_SAMPLES
from estate_tool.sizing.evidence import Evidence
from estate_tool.sizing.functions import log_groups
from estate_tool.sizing.report import function_report

if TYPE_CHECKING:
    from collections.abc import Mapping

    from estate_tool.adopt.model import OldFunction, OldQueue, OldTable, Source
    from estate_tool.adopt.translation import Translation
    from estate_tool.audit.reader import Reader
    from estate_tool.core.environment import Environment
    from estate_tool.monitoring.metrics import Window
    from estate_tool.pricing.prices import Prices
    from foundation.model import Capacity

_GB = Decimal(1024**3)
_UNMEASURED: dict[str, Any] = {**dict.fromkeys(EVIDENCE_KEYS), "source": "none: no reports could be read", "samples": 0}


def sizing(done: Translation, source: Source, window: Window, prices: Prices) -> tuple[dict[str, Any], list[Note]]:
    """Return the content of sizing.json, and notes where less or more memory than 512 to 1024 MB is needed."""
    entries: dict[str, Any] = {}
    notes: list[Note] = []
    for old in source.functions:
        if old.name not in done.functions:
            continue
        memory, reason, evidence = _size(old, done.functions[old.name], window, prices)
        entries[done.functions[old.name]] = {"memory_mb": memory, "evidence": evidence}
        if memory != old.found.memory_mb:
            large = _is_too_large(old)
            instead = "split its work: it would run out of memory" if large else f"{memory:,} MB"
            note = Note.missing if large else Note.differs
            notes.append(note(old.name, "memory", f"{old.found.memory_mb:,} MB", reason, instead))
    return {"functions": entries}, notes


def _size(old: OldFunction, name: str, window: Window, prices: Prices) -> tuple[int, str, dict[str, Any]]:
    within = min(max(old.found.memory_mb, MINIMUM_MB), MAXIMUM_MB)
    if old.usage is None:
        return within, "no reports could be read; sizes are 512 to 1024 MB", _UNMEASURED
    function = replace(sized(old.found), catalog_name=name)
    recommended = function_report(function, old.usage, window, MINIMUM_SAMPLES, prices)
    return recommended["recommended_mb"] or within, recommended["reason"], recommended["evidence"]


def _is_too_large(old: OldFunction) -> bool:
    return old.usage is not None and old.usage.max_mb >= MAXIMUM_MB


class Month(MonthlyMetrics):
    """Load of a month, from the metrics and reports of a window."""

    def __init__(self, reader: Reader, window: Window) -> None:
        super().__init__(reader.client("cloudwatch"), window)
        self._reader = reader

    def load(self, done: Translation, source: Source, sizes: Mapping[str, Any]) -> dict[str, Any]:
        """Return the content of a load file (docs/cost.md), its quantities per month."""
        olds = [old for old in source.functions if old.name in done.functions]
        groups = log_groups(cast("Environment", self._reader), [sized(old.found) for old in olds])
        tables = {table.name: table for table in done.catalog.tables}
        queues = {queue.name for queue in done.catalog.queues}
        return {
            "functions": {
                (name := done.functions[old.name]): self._function(
                    old, groups.get(old.found.log_group), sizes["functions"][name]["memory_mb"]
                )
                for old in olds
            },
            "tables": {
                name: self._table(source.tables[arn], tables[name].read, tables[name].write)
                for arn, name in done.tables.items()
            },
            "queues": {
                name: {"requests": self._requests(source.queues[arn])}
                for arn, name in done.queues.items()
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
            "before_memory_mb": Decimal(old.found.memory_mb),
            "warm": Decimal(sum(old.found.provisioned.values())),
            "cold_starts": Decimal(found.cold_starts or 0) * factor,
        }

    def _table(self, old: OldTable, read: Capacity | None, write: Capacity | None) -> dict[str, Any]:
        fixed = {one.direction: Decimal(one.units) for one in old.capacities if not one.index and not one.scaled}
        total = {
            way: self.total("AWS/DynamoDB", f"Consumed{way}CapacityUnits", TableName=old.name) or Decimal(0)
            for way in ("Read", "Write")
        }
        stored = Decimal(old.settings.get("TableSizeBytes") or 0) / _GB
        load = {"reads": total["Read"], "writes": total["Write"], "stored_gb": stored, "backup_gb": stored}
        load |= {f"fixed_{direction}_units": units for direction, units in fixed.items()}
        if read and write:
            load |= {"read_units": _units(read, total["Read"]), "write_units": _units(write, total["Write"])}
        return load

    def _requests(self, old: OldQueue) -> Decimal:
        totals = (self.total("AWS/SQS", metric, QueueName=old.name) for metric in QUEUE_METRICS)
        return sum((total or Decimal(0) for total in totals), Decimal(0))


def _units(capacity: Capacity, monthly: Decimal) -> Decimal:
    used = monthly / MONTH_SECONDS / TARGET_UTILIZATION
    return min(max(used, Decimal(capacity.minimum)), Decimal(capacity.maximum))
