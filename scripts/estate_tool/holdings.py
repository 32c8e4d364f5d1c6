"""What layers hold that exists nowhere else: messages on their way, and items in tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from estate_tool.dead_letters import depth
from foundation.catalog import CATALOG

if TYPE_CHECKING:
    from estate_tool.environment import Environment


def holdings(environment: Environment, layers: tuple[str, ...]) -> dict[str, str]:
    """How much is in each queue and table of the layers that holds anything; failure queues apart."""
    if "data" not in layers:
        return {}
    names, sqs, dynamodb = environment.names, environment.client("sqs"), environment.client("dynamodb")
    held: dict[str, str] = {}
    for queue in CATALOG.queues:
        name = names.queue(queue.name)
        if count := depth(sqs, name):
            held[name] = f"{count:,} messages"
    for table in CATALOG.tables:
        name = names.table(table.name)
        if found := _items(dynamodb, name):
            held[name] = f"{found} items"
    return held


def _items(dynamodb: Any, table: str) -> str:
    """How many items there are, counted as far as one call does it for little money; empty if there are none."""
    try:
        page = dynamodb.scan(TableName=table, Select="COUNT")
        if "LastEvaluatedKey" not in page:
            return f"{page['Count']:,}" if page["Count"] else ""
        # The table's own number may be six hours old ("ItemCount" of TableDescription).
        known = dynamodb.describe_table(TableName=table)["Table"].get("ItemCount", 0)
        return f"at least {max(page['Count'], known):,}"
    except dynamodb.exceptions.ResourceNotFoundException:
        return ""
