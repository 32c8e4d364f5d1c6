import pytest

from foundation.catalog import CATALOG
from foundation.model import Queue, QueueTrigger, Table
from tests.support.mocks import Recording, roll_out


@pytest.fixture(scope="module")
def data() -> Recording:
    return roll_out("data")["data"]


@pytest.mark.parametrize("table", CATALOG.tables, ids=lambda table: table.name)
def test_every_table_scales_in_both_directions_as_declared(data: Recording, table: Table) -> None:
    assert table.read is not None
    assert table.write is not None
    for direction, capacity in (("Read", table.read), ("Write", table.write)):
        target = data.one(
            "Target",
            resourceId=f"table/table-{table.name}-dev",
            scalableDimension=f"dynamodb:table:{direction}CapacityUnits",
        )
        assert (target.inputs["minCapacity"], target.inputs["maxCapacity"]) == (capacity.minimum, capacity.maximum)


@pytest.mark.parametrize("table", CATALOG.tables, ids=lambda table: table.name)
def test_every_table_can_be_restored(data: Recording, table: Table) -> None:
    inputs = data.one("dynamodb/table:Table", name=f"table-{table.name}-dev").inputs
    assert inputs["pointInTimeRecovery"] == {"enabled": True}


def test_the_events_stream_and_expire(data: Recording) -> None:
    events = data.one("dynamodb/table:Table", name="table-events-dev").inputs
    assert events["streamViewType"] == "NEW_IMAGE"
    assert events["ttl"] == {"attributeName": "expires_at", "enabled": True}


def test_the_aggregates_never_expire(data: Recording) -> None:
    assert "ttl" not in data.one("dynamodb/table:Table", name="table-aggregates-dev").inputs


@pytest.mark.parametrize("queue", CATALOG.queues, ids=lambda queue: queue.name)
def test_every_queue_waits_six_timeouts_and_the_window_of_its_consumer(data: Recording, queue: Queue) -> None:
    consumer = CATALOG.consumer(queue.name)
    assert isinstance(consumer.trigger, QueueTrigger)
    seconds = data.one("sqs/queue:Queue", name=f"queue-{queue.name}-dev").inputs["visibilityTimeoutSeconds"]
    assert seconds == 6 * consumer.timeout_seconds + consumer.trigger.window_seconds


def test_on_demand_applies_to_every_table() -> None:
    data = roll_out("data", config={"data:onDemand": "true"})["data"]
    assert {item.inputs["billingMode"] for item in data.of("dynamodb/table:Table")} == {"PAY_PER_REQUEST"}
    assert data.of("Target") == []
    assert {table["billing"] for table in data.outputs["tables"].values()} == {"on-demand"}


def test_recovery_can_be_switched_off() -> None:
    data = roll_out("data", config={"data:pointInTimeRecovery": "false"})["data"]
    assert [item.inputs["pointInTimeRecovery"] for item in data.of("dynamodb/table:Table")] == [
        {"enabled": False} for _ in CATALOG.tables
    ]
