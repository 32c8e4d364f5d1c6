"""Alarm types of tables, from their declarations and from what functions may do with them.

DynamoDB publishes a metric only while it isn't zero, and its alarms ignore missing data however they are set, so
that a plain alarm would never leave the state ALARM ("Configuring how CloudWatch alarms treat missing data"). Every
alarm here therefore is metric math that fills the gaps with zeros. A point that is published late is a zero as well
until it comes ("Using math expressions with CloudWatch metrics"), so that the last minutes may count for nothing: N is
larger than M by that.
"""

from collections.abc import Mapping

from foundation.model import Catalog, Table, TableGrant
from observability.alarm_spec import DAY, MissingData
from observability.definition import AlarmDefinition, Watched
from observability.metrics import Metric

# Units a second that a table takes on demand, unless AWS has raised it ("Quotas in Amazon DynamoDB").
ON_DEMAND_UNITS = 40_000
# Use of the provisioned units that autoscaling should have answered long before; percent.
BEHIND_PERCENT = 90

FILLED = MissingData("notBreaching", "DynamoDB publishes only what is not zero; the expression takes gaps as zeros")

# The operations a word of TABLE_ACCESS allows; transactions count under their own name.
OPERATIONS: Mapping[str, tuple[str, ...]] = {
    "get": ("GetItem", "TransactGetItems"),
    "read": ("BatchGetItem",),
    "query": ("Query",),
    "insert": ("BatchExecuteStatement",),
    "put": ("PutItem", "TransactWriteItems"),
    "update": ("UpdateItem", "TransactWriteItems"),
    "delete": ("DeleteItem", "TransactWriteItems"),
}

Of = Watched[Table]


def operations(table: Table, catalog: Catalog) -> tuple[str, ...]:
    """The operations that functions of the catalog may call on a table; all there are when it is granted to none."""
    grants = [grant for function in catalog.functions for grant in function.grants]
    words = {
        word for grant in grants if isinstance(grant, TableGrant) and grant.table == table.name for word in grant.access
    }
    return tuple(sorted({name for word in words or OPERATIONS for name in OPERATIONS[word]}))


def _faults(watched: Of) -> tuple[Metric, ...]:
    return tuple(
        watched.metrics.table(watched.resource.name, "SystemErrors", operation=name)
        for name in operations(watched.resource, watched.catalog)
    )


def _throttling(direction: str) -> AlarmDefinition[Table]:
    return AlarmDefinition(
        alarm_type=f"{direction}-throttling",
        summary=f"DynamoDB has refused {direction}s of table {{resource.name}} for minutes; callers get slower.",
        remediation=f"raise the table's {direction} maximum in the catalog; look for a key with most of the load.",
        # Autoscaling takes some minutes to follow a rising load; no action is needed.
        rule=f"refused {direction}s in 10 of 15 minutes",
        metrics=lambda watched: (
            watched.metrics.table(watched.resource.name, f"{direction.capitalize()}ThrottleEvents"),
        ),
        expression="FILL(m1, 0)",
        threshold=0,
        missing_data=FILLED,
        periods=15,
        datapoints=10,
    )


def _capacity(direction: str) -> AlarmDefinition[Table]:
    def limit(watched: Of) -> float:
        declared = watched.resource.read if direction == "read" else watched.resource.write
        units = declared.maximum if declared and not watched.estate.on_demand else ON_DEMAND_UNITS
        return units * watched.thresholds.capacity_percent / 100

    return AlarmDefinition(
        alarm_type=f"{direction}-capacity",
        summary=f"{{resource.name}} uses over {{thresholds.capacity_percent}} % of the {direction} units it may have.",
        remediation=f"raise the table's {direction} maximum in the catalog; on demand, the table's quota.",
        rule="over {thresholds.capacity_percent} % of the catalog's maximum, or of {units} units a second on demand",
        values=lambda _: {"units": ON_DEMAND_UNITS},
        metrics=lambda watched: (
            watched.metrics.table(watched.resource.name, f"Consumed{direction.capitalize()}CapacityUnits"),
        ),
        expression="FILL(m1, 0) / PERIOD(m1)",
        threshold=limit,
        missing_data=FILLED,
        level="all",
        periods=8,
        datapoints=3,
    )


def _scaling(direction: str) -> AlarmDefinition[Table]:
    word = direction.capitalize()
    return AlarmDefinition(
        alarm_type=f"{direction}-scaling",
        summary=f"{{resource.name}} has used over {{percent}} % of its provisioned {direction} units for 15 minutes: "
        "autoscaling does not follow.",
        remediation="see the scaling activities of the table; raise its maximum in the catalog when that is reached.",
        rule=f"over {{percent}} % of the provisioned {direction} units in 15 of 20 minutes",
        values=lambda _: {"percent": BEHIND_PERCENT},
        # DynamoDB publishes provisioned units every five minutes.
        metrics=lambda watched: (
            watched.metrics.table(watched.resource.name, f"Consumed{word}CapacityUnits"),
            watched.metrics.table(watched.resource.name, f"Provisioned{word}CapacityUnits", "Average"),
        ),
        expression="100 * FILL(m1, 0) / PERIOD(m1) / FILL(m2, REPEAT)",
        threshold=BEHIND_PERCENT,
        missing_data=MissingData("notBreaching", "a table on demand has no provisioned units"),
        level="all",
        periods=20,
        datapoints=15,
        applies=lambda watched: watched.resource.read is not None,
    )


TABLE_ALARMS: tuple[AlarmDefinition[Table], ...] = (
    _throttling("read"),
    _throttling("write"),
    AlarmDefinition(
        alarm_type="faults",
        summary="DynamoDB itself failed on calls to table {resource.name}.",
        remediation="see the AWS Health Dashboard; callers retry by themselves, nothing is to be changed here.",
        rule="failures of DynamoDB itself in 2 of 6 minutes",
        metrics=_faults,
        expression=lambda watched: " + ".join(f"FILL(m{n}, 0)" for n in range(1, len(_faults(watched)) + 1)),
        threshold=0,
        missing_data=FILLED,
        periods=6,
        datapoints=2,
    ),
    _capacity("read"),
    _capacity("write"),
    _scaling("read"),
    _scaling("write"),
    AlarmDefinition(
        alarm_type="ttl",
        summary="{resource.name} has stopped deleting expired items; it grows, and so does its price.",
        remediation="see whether TTL is switched on for {resource.ttl_attribute}; roll data out.",
        rule="four days without a deletion after one with deletions, within a week",
        metrics=lambda watched: (watched.metrics.table(watched.resource.name, "TimeToLiveDeletedItemCount"),),
        expression="IF(RUNNING_SUM(FILL(m1, 0)) > 0 AND FILL(m1, 0) == 0, 1, 0)",
        threshold=0,
        missing_data=FILLED,
        level="all",
        period_seconds=DAY,
        periods=7,
        datapoints=4,
        applies=lambda watched: watched.resource.ttl_attribute is not None,
    ),
)
