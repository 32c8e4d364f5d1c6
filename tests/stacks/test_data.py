"""Configuration of the data layer reaches all tables; components are a snapshot in test_components.py."""

from foundation.catalog import CATALOG
from tests.support.mocks import roll_out


def test_tables_are_provisioned_unless_configured_otherwise() -> None:
    assert {table["billing"] for table in roll_out("data")["data"].outputs["tables"].values()} == {"provisioned"}
    data = roll_out("data", config={"data:onDemand": "true"})["data"]
    assert {item.inputs["billingMode"] for item in data.of("dynamodb/table:Table")} == {"PAY_PER_REQUEST"}
    assert data.of("Target") == []
    assert {table["billing"] for table in data.outputs["tables"].values()} == {"on-demand"}


def test_tables_can_be_restored_unless_configured_otherwise() -> None:
    for config, enabled in (({}, True), ({"data:pointInTimeRecovery": "false"}, False)):
        tables = roll_out("data", config=config)["data"].of("dynamodb/table:Table")
        assert [item.inputs["pointInTimeRecovery"]["enabled"] for item in tables] == [enabled for _ in CATALOG.tables]
