"""Alarms of tables, from their declarations and from the functions' grants.

DynamoDB publishes a metric only while it isn't zero, and alarms on its metrics ignore missing data whatever their
setting, so that a plain alarm would never leave the state ALARM ("Configuring how CloudWatch alarms treat missing
data"). Every alarm here therefore is metric math that fills gaps with zeros. A point is zero until it is published
("Using math expressions with CloudWatch metrics"), so the last minutes may be too low: N is larger than M by that.
"""

from collections.abc import Iterator, Mapping
from typing import Literal

from foundation.model import Catalog, Table, TableGrant
from observability.alarm_spec import DAY, AlarmSpec, Key
from observability.metrics import Estate

# Units a second that a table takes on demand, unless AWS has raised it ("Quotas in Amazon DynamoDB").
ON_DEMAND_UNITS = 40_000
# Percent of the provisioned units that autoscaling should have raised long before.
BEHIND_PERCENT = 90

Direction = Literal["read", "write"]
DIRECTIONS: tuple[Direction, Direction] = ("read", "write")

# The operations of each key of TABLE_ACCESS; metrics of transactions have their own name.
OPERATIONS: Mapping[str, tuple[str, ...]] = {
    "get": ("GetItem", "TransactGetItems"),
    "read": ("BatchGetItem",),
    "query": ("Query",),
    "insert": ("BatchExecuteStatement",),
    "put": ("PutItem", "TransactWriteItems"),
    "update": ("UpdateItem", "TransactWriteItems"),
    "delete": ("DeleteItem", "TransactWriteItems"),
}


def table_alarms(table: Table, estate: Estate) -> Iterator[AlarmSpec]:
    """Yield the alarms of a table."""
    key = Key("table", table.name)
    yield from (_throttling(key, direction, estate) for direction in DIRECTIONS)
    yield _faults(key, table, estate)
    yield from (_capacity(key, table, direction, estate) for direction in DIRECTIONS)
    if table.read is not None:
        yield from (_scaling(key, direction, estate) for direction in DIRECTIONS)
    if table.ttl_attribute is not None:
        yield _ttl(key, table, estate)


def operations(table: Table, catalog: Catalog) -> tuple[str, ...]:
    """Return the operations that functions of the catalog may call on a table; all if it is granted to none."""
    grants = [grant for function in catalog.functions for grant in function.grants]
    on_table = [grant for grant in grants if isinstance(grant, TableGrant) and grant.table == table.name]
    levels = {level for grant in on_table for level in grant.access} or OPERATIONS
    return tuple(sorted({name for level in levels for name in OPERATIONS[level]}))


def _throttling(key: Key, direction: Direction, estate: Estate) -> AlarmSpec:
    return AlarmSpec(
        key=key,
        alarm_type=f"{direction}-throttling",
        summary=f"DynamoDB has refused {direction}s of table {key.name} for minutes; callers get slower.",
        remediation=f"raise the table's {direction} maximum in the catalog; look for a key with most of the load.",
        # Autoscaling takes some minutes to follow a rising load, which needs no action.
        rule=f"refused {direction}s in 10 of 15 minutes",
        metrics=(estate.metrics.table(key.name, f"{direction.capitalize()}ThrottleEvents"),),
        expression="FILL(m1, 0)",
        periods=15,
        datapoints=10,
    )


def _faults(key: Key, table: Table, estate: Estate) -> AlarmSpec:
    names = operations(table, estate.catalog)
    return AlarmSpec(
        key=key,
        alarm_type="faults",
        summary=f"DynamoDB itself failed on calls to table {table.name}.",
        remediation="see the AWS Health Dashboard; callers retry by themselves, nothing is to be changed here.",
        rule="failures of DynamoDB itself in 2 of 6 minutes",
        metrics=tuple(estate.metrics.table(table.name, "SystemErrors", operation=name) for name in names),
        expression=" + ".join(f"FILL(m{number}, 0)" for number in range(1, len(names) + 1)),
        periods=6,
        datapoints=2,
    )


def _capacity(key: Key, table: Table, direction: Direction, estate: Estate) -> AlarmSpec:
    declared = table.read if direction == "read" else table.write
    units = declared.maximum if declared and not estate.on_demand else ON_DEMAND_UNITS
    percent = estate.thresholds.capacity_percent
    return AlarmSpec(
        key=key,
        alarm_type=f"{direction}-capacity",
        summary=f"{table.name} uses over {percent} % of the {direction} units it may have.",
        remediation=f"raise the table's {direction} maximum in the catalog; on demand, the table's quota.",
        rule=f"over {percent} % of the catalog's maximum, or of {ON_DEMAND_UNITS} units a second on demand",
        metrics=(estate.metrics.table(table.name, f"Consumed{direction.capitalize()}CapacityUnits"),),
        expression="FILL(m1, 0) / PERIOD(m1)",
        threshold=units * percent / 100,
        level="all",
        periods=8,
        datapoints=3,
    )


def _scaling(key: Key, direction: Direction, estate: Estate) -> AlarmSpec:
    units = f"{direction.capitalize()}CapacityUnits"
    return AlarmSpec(
        key=key,
        alarm_type=f"{direction}-scaling",
        summary=f"{key.name} has used over {BEHIND_PERCENT} % of its provisioned {direction} units for 15 minutes: "
        "autoscaling does not follow.",
        remediation="see the scaling activities of the table; raise its maximum in the catalog when that is reached.",
        rule=f"over {BEHIND_PERCENT} % of the provisioned {direction} units in 15 of 20 minutes",
        # DynamoDB publishes provisioned units every five minutes.
        metrics=(
            estate.metrics.table(key.name, f"Consumed{units}"),
            estate.metrics.table(key.name, f"Provisioned{units}", "Average"),
        ),
        expression="100 * FILL(m1, 0) / PERIOD(m1) / FILL(m2, REPEAT)",
        threshold=BEHIND_PERCENT,
        level="all",
        periods=20,
        datapoints=15,
    )


def _ttl(key: Key, table: Table, estate: Estate) -> AlarmSpec:
    return AlarmSpec(
        key=key,
        alarm_type="ttl",
        summary=f"{table.name} has stopped deleting expired items; it grows, and so does its price.",
        remediation=f"see whether TTL is switched on for {table.ttl_attribute}; roll data out.",
        rule="four days without a deletion after one with deletions, within a week",
        metrics=(estate.metrics.table(table.name, "TimeToLiveDeletedItemCount"),),
        expression="IF(RUNNING_SUM(FILL(m1, 0)) > 0 AND FILL(m1, 0) == 0, 1, 0)",
        level="all",
        period_seconds=DAY,
        periods=7,
        datapoints=4,
    )
