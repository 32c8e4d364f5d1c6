"""Requirement 3: provisioned capacity that is fixed, or whose autoscaling does nothing."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from estate_tool.audit.model import Finding
from estate_tool.pricing.load import MONTH_HOURS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from estate_tool.audit.model import Capacity, Inventory
    from estate_tool.pricing.prices import Prices


def fixed_capacity(inventory: Inventory, prices: Prices) -> Iterator[Finding]:
    """Yield tables and indexes without autoscaling in a direction, or with bounds that leave it nothing to do."""
    for table in inventory.tables:
        for capacity in table.capacities:
            resource = f"{table.arn}/index/{capacity.index}" if capacity.index else table.arn
            if not (capacity.scaled and capacity.bounds):
                yield _fixed(resource, capacity, prices)
            elif capacity.bounds[0] >= capacity.bounds[1]:
                least, most = capacity.bounds
                yield Finding(
                    3, "capacity-bounds", resource,
                    f"autoscaling of {capacity.direction} units between {least:,} and {most:,}: it can't do anything",
                    "set a minimum for quiet hours and a maximum above the busiest one",
                )  # fmt: skip


def _fixed(resource: str, capacity: Capacity, prices: Prices) -> Finding:
    how = "a target without a policy" if capacity.bounds else "no autoscaling"
    needs, idle = "", None
    if capacity.needed is not None:
        needs = f"; its busiest hour needs {capacity.needed:,}"
        hourly = prices[f"table_{capacity.direction}_unit_hour"]
        idle = max(capacity.units - capacity.needed, Decimal(0)) * MONTH_HOURS * hourly
    return Finding(
        3, "capacity-fixed", resource,
        f"{capacity.units:,} provisioned {capacity.direction} units, {how}{needs}",
        "bill it on demand, or scale both directions at 70 % utilization", idle,
    )  # fmt: skip
