"""DynamoDB tables of an account, with their capacity units, scaling and consumption."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from estate_tool.audit.model import Capacity, Table
from estate_tool.monitoring.metrics import period_seconds, series
from estate_tool.pricing.load import TARGET_UTILIZATION

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from estate_tool.audit.collect import Collector
    from estate_tool.audit.reader import Reader
    from estate_tool.monitoring.metrics import Window

DIRECTIONS = ("Read", "Write")


def read(collector: Collector, window: Window, names: Iterable[str] | None = None) -> tuple[Table, ...]:
    """Return every table, or those of these names."""
    reader = collector.reader
    targets, policies = (
        reader.pages("application-autoscaling", operation, key, ServiceNamespace="dynamodb")
        for operation, key in (
            ("describe_scalable_targets", "ScalableTargets"), ("describe_scaling_policies", "ScalingPolicies"),
        )
    )  # fmt: skip
    bounds = {_key(target): (int(target["MinCapacity"]), int(target["MaxCapacity"])) for target in targets}
    scaled = {_key(policy) for policy in policies}

    def one(name: str) -> Table:
        found = reader.client("dynamodb").describe_table(TableName=name)["Table"]
        capacities = tuple(_capacities(reader, window, found, bounds, scaled))
        return Table(name=name, arn=found["TableArn"], capacities=capacities, settings=found)

    wanted = reader.pages("dynamodb", "list_tables", "TableNames") if names is None else names
    return tuple(collector.each("tables", wanted, one))


def _key(entry: Mapping[str, Any]) -> tuple[str, str]:
    return entry["ResourceId"], entry["ScalableDimension"]


def _capacities(
    reader: Reader,
    window: Window,
    found: Mapping[str, Any],
    bounds: Mapping[tuple[str, str], tuple[int, int]],
    scaled: set[tuple[str, str]],
) -> Iterator[Capacity]:
    if (found.get("BillingModeSummary") or {}).get("BillingMode", "PROVISIONED") != "PROVISIONED":
        return
    table = found["TableName"]
    for index in (None, *(found.get("GlobalSecondaryIndexes") or [])):
        name = index["IndexName"] if index else ""
        units = (index or found)["ProvisionedThroughput"]
        resource, kind = (f"table/{table}/index/{name}", "index") if name else (f"table/{table}", "table")
        for direction in DIRECTIONS:
            key = resource, f"dynamodb:{kind}:{direction}CapacityUnits"
            yield Capacity(
                direction=direction.lower(),
                units=int(units[f"{direction}CapacityUnits"]),
                index=name,
                bounds=bounds.get(key),
                scaled=key in scaled,
                # It is not reported of a scaled capacity: one call less.
                needed=None if key in scaled else _needed(reader, window, table, name, direction),
            )


def _needed(reader: Reader, window: Window, table: str, index: str, direction: str) -> Decimal:
    """Return the units that the busiest period takes at the target utilisation; 1 at least."""
    dimensions = {"TableName": table} | ({"GlobalSecondaryIndexName": index} if index else {})
    metric = ("AWS/DynamoDB", f"Consumed{direction}CapacityUnits")
    points = series(reader.client("cloudwatch"), metric, dimensions, window, "Sum").points
    busiest = max(points, default=Decimal(0)) / period_seconds(window)
    return max(Decimal(1), (busiest / TARGET_UTILIZATION).to_integral_value(rounding="ROUND_CEILING"))
