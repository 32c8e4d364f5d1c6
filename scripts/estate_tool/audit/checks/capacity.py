"""Requirement 3: provisioned capacity that is fixed, or whose autoscaling does nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from estate_tool.audit.model import Finding
from estate_tool.pricing.load import MONTH_HOURS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from decimal import Decimal

    from estate_tool.audit.model import Capacity, Inventory, Table
    from estate_tool.pricing.prices import Prices


def fixed_capacity(inventory: Inventory, prices: Prices) -> Iterator[Finding]:
    """Yield tables and indexes without autoscaling in a direction, or with bounds that leave it nothing to do."""
    for table in inventory.tables:
        for capacity in table.capacities:
            if not (capacity.scaled and capacity.bounds):
                yield _fixed(table, capacity, prices)
            elif capacity.bounds[0] >= capacity.bounds[1]:
                yield Finding(
                    requirement=3,
                    check="capacity-bounds",
                    resource=_resource(table, capacity),
                    found=f"autoscaling of {capacity.direction} units between {capacity.bounds[0]:,} and "
                    f"{capacity.bounds[1]:,}: it can't do anything",
                    fix="set a minimum for quiet hours and a maximum above the busiest one",
                )


def _resource(table: Table, capacity: Capacity) -> str:
    return f"{table.arn}/index/{capacity.index}" if capacity.index else table.arn


def _fixed(table: Table, capacity: Capacity, prices: Prices) -> Finding:
    how = "a target without a policy" if capacity.bounds else "no autoscaling"
    needs = f"; its busiest hour needs {capacity.needed:,}" if capacity.needed is not None else ""
    return Finding(
        requirement=3,
        check="capacity-fixed",
        resource=_resource(table, capacity),
        found=f"{capacity.units:,} provisioned {capacity.direction} units, {how}{needs}",
        fix="bill it on demand, or scale both directions at 70 % utilization",
        usd_month=_idle(capacity, prices),
    )


def _idle(capacity: Capacity, prices: Prices) -> Decimal | None:
    if capacity.needed is None:
        return None
    idle = max(capacity.units - capacity.needed, 0 * capacity.needed)
    return idle * MONTH_HOURS * prices[f"table_{capacity.direction}_unit_hour"]
