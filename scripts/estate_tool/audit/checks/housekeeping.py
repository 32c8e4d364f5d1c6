"""Requirements 6 and 7: cost tags and log retention."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from estate_tool.audit.model import Finding
from estate_tool.core.text import counted
from foundation.guardrails.properties import RETENTION_DAYS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from estate_tool.audit.model import Inventory
    from estate_tool.pricing.prices import Prices

TAG_KEYS = ("Project", "Environment", "Owner", "CostCenter")
_BYTES_PER_GB = Decimal(10**9)


def taggable(inventory: Inventory) -> dict[str, Mapping[str, str]]:
    """Return the tags of every resource of the inventory that AWS has cost tags for, by ARN."""
    arns = [
        *(function.arn for function in inventory.functions),
        *(table.arn for table in inventory.tables),
        *(queue.arn for queue in inventory.queues),
        *inventory.topics,
        *(log_group_arn(inventory, group.name) for group in inventory.log_groups),
    ]
    return {arn: inventory.tags.get(arn, {}) for arn in arns}


def log_group_arn(inventory: Inventory, name: str) -> str:
    """Return a log group's ARN as the tagging API writes it."""
    return f"arn:aws:logs:{inventory.region}:{inventory.account}:log-group:{name}"


def missing_tags(inventory: Inventory, _prices: Prices) -> Iterator[Finding]:
    """Yield resources without one of the cost tags."""
    for arn, tags in taggable(inventory).items():
        missing = [key for key in TAG_KEYS if not tags.get(key, "").strip()]
        if missing:
            name = arn.split(":", 6)[-1] if ":log-group:" in arn else arn
            yield Finding(
                6, "tags-missing", name, f"no tag {', '.join(missing)}",
                "tag it, and activate the keys as cost allocation tags in Billing",
            )  # fmt: skip


def coverage(inventory: Inventory) -> dict[str, float]:
    """Return for each cost tag the percentage of taggable resources that have it."""
    tagged = list(taggable(inventory).values())
    if not tagged:
        return {}
    return {key: round(100 * sum(bool(tags.get(key)) for tags in tagged) / len(tagged), 1) for key in TAG_KEYS}


def log_retention(inventory: Inventory, prices: Prices) -> Iterator[Finding]:
    """Yield log groups that keep logs for ever, and functions' log groups outside of 7 to 14 days."""
    functions = {function.log_group for function in inventory.functions}
    shortest, longest = RETENTION_DAYS
    for group in inventory.log_groups:
        stored = f"{group.stored_bytes / 1e9:,.2f} GB stored"
        if group.retention_days is None:
            yield Finding(
                7, "logs-for-ever", group.name, f"no retention, {stored}", f"keep them {longest} days",
                group.stored_bytes / _BYTES_PER_GB * prices["log_storage"],
            )  # fmt: skip
        elif group.name in functions and not shortest <= group.retention_days <= longest:
            yield Finding(
                7, "logs-retention", group.name, f"{counted(group.retention_days, 'day')} of retention, {stored}",
                f"keep them {shortest} to {longest} days",
            )  # fmt: skip
