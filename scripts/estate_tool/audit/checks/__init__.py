"""Checks of an inventory: pure functions, one or more for each requirement."""

from __future__ import annotations

from typing import TYPE_CHECKING

from estate_tool.audit.checks.capacity import fixed_capacity
from estate_tool.audit.checks.copies import copied_code
from estate_tool.audit.checks.cycles import cycles
from estate_tool.audit.checks.failures import lost_failures, resilience
from estate_tool.audit.checks.housekeeping import log_retention, missing_tags
from estate_tool.audit.checks.permissions import excess_permissions
from estate_tool.audit.checks.sizing import cold_starts, memory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from estate_tool.audit.model import Finding, Inventory
    from estate_tool.pricing.prices import Prices

CHECKS: tuple[Callable[[Inventory, Prices], Iterator[Finding]], ...] = (
    memory, copied_code, fixed_capacity, lost_failures, excess_permissions, missing_tags, log_retention, cold_starts,
    cycles, resilience,
)  # fmt: skip


def findings(inventory: Inventory, prices: Prices) -> list[Finding]:
    """Return every finding, by requirement, the dearest first."""
    found = [finding for check in CHECKS for finding in check(inventory, prices)]
    return sorted(found, key=lambda one: (one.requirement, -(one.usd_month or 0), one.check, one.resource))
