"""The alarms of a table, from its declaration and from what functions may do with it.

DynamoDB publishes a metric only while it isn't zero, and its alarms ignore what is missing whatever they are told, so
that a plain alarm would never leave the state ALARM ("Configuring how CloudWatch alarms treat missing data"). Every
alarm here therefore is metric math that fills the gaps with zeros.
"""

from collections.abc import Mapping

from foundation.model import Capacity, Catalog, Table, TableGrant
from observability.alarm_spec import FILLED, AlarmSpec, Deployed
from observability.config import Thresholds
from observability.metrics import Reference, of_table

# What a table takes per second when it is billed on demand, unless AWS has raised it ("Quotas in Amazon DynamoDB").
ON_DEMAND_UNITS = 40_000

# The operations a word of TABLE_ACCESS allows; transactions count under their own name.
OPERATIONS: Mapping[str, tuple[str, ...]] = {
    "get": ("GetItem", "BatchGetItem", "TransactGetItems"),
    "query": ("Query",),
    "put": ("PutItem", "TransactWriteItems"),
    "update": ("UpdateItem", "TransactWriteItems"),
    "delete": ("DeleteItem", "TransactWriteItems"),
}


def table_alarms(table: Table, catalog: Catalog, thresholds: Thresholds) -> tuple[AlarmSpec, ...]:
    """Throttling and use of capacity in both directions, and failures of DynamoDB itself."""
    return (
        _throttling(table, "read"),
        _throttling(table, "write"),
        _faults(table, operations(table, catalog)),
        _capacity(table, "read", table.read, thresholds),
        _capacity(table, "write", table.write, thresholds),
    )


def operations(table: Table, catalog: Catalog) -> tuple[str, ...]:
    """The operations that functions of the catalog may call on a table; all there are when it is granted to none."""
    grants = [grant for function in catalog.functions for grant in function.grants]
    words = {
        word for grant in grants if isinstance(grant, TableGrant) and grant.table == table.name for word in grant.access
    }
    return tuple(sorted({name for word in words or OPERATIONS for name in OPERATIONS[word]}))


def _throttling(table: Table, direction: str) -> AlarmSpec:
    return AlarmSpec(
        subject=Reference("table", table.name),
        word=f"{direction}-throttling",
        meaning=f"DynamoDB refused {direction}s of table {table.name}; callers retry and get slower, or give up.",
        action=f"raise the table's {direction} maximum in the catalog, or look for a key that gets most of the load.",
        rule="the first throttled request",
        metrics=(of_table(table, f"{direction.capitalize()}ThrottleEvents"),),
        expression="FILL(m1, 0)",
        threshold=0,
        silence=FILLED,
        periods=3,
        datapoints=2,
    )


def _faults(table: Table, names: tuple[str, ...]) -> AlarmSpec:
    return AlarmSpec(
        subject=Reference("table", table.name),
        word="faults",
        meaning=f"DynamoDB itself failed on calls to table {table.name}.",
        action="see the AWS Health Dashboard; callers retry by themselves, nothing is to be changed here.",
        rule="the first failure of DynamoDB itself",
        metrics=tuple(of_table(table, "SystemErrors", operation=name) for name in names),
        expression=" + ".join(f"FILL(m{number}, 0)" for number in range(1, len(names) + 1)),
        threshold=0,
        silence=FILLED,
        periods=3,
        datapoints=2,
    )


def _capacity(table: Table, direction: str, declared: Capacity | None, thresholds: Thresholds) -> AlarmSpec:
    percent = thresholds.capacity_percent
    provisioned = declared.maximum if declared else ON_DEMAND_UNITS

    def limit(deployed: Deployed) -> float:
        return (ON_DEMAND_UNITS if deployed.billing == "on-demand" else provisioned) * percent / 100

    return AlarmSpec(
        subject=Reference("table", table.name),
        word=f"{direction}-capacity",
        meaning=f"{table.name} uses over {percent} % of the {direction} capacity it may have.",
        action=f"raise the table's {direction} maximum in the catalog, or have the quota of on-demand tables raised.",
        rule=f"over {percent} % of the maximum in the catalog, or of {ON_DEMAND_UNITS} units a second on demand",
        metrics=(of_table(table, f"Consumed{direction.capitalize()}CapacityUnits"),),
        expression="FILL(m1, 0) / PERIOD(m1)",
        threshold=limit,
        silence=FILLED,
        periods=5,
        datapoints=3,
    )
