from dataclasses import replace

import pulumi
import pytest

from data.tables import ScalingTable, ScalingTableArgs
from foundation.model import Capacity, Table
from tests.support.declarations import ITEMS, TAGS, TOTALS
from tests.support.mocks import Recording, record

PROVISIONED = replace(TOTALS, read=Capacity(minimum=1, maximum=9), write=Capacity(minimum=4, maximum=8))


def _record(table: Table, *, on_demand: bool = False, recovery: bool = True) -> Recording:
    def program() -> None:
        built = ScalingTable(
            table.name,
            ScalingTableArgs(
                table=table,
                physical_name=f"table-{table.name}-dev",
                tags=TAGS,
                on_demand=on_demand,
                point_in_time_recovery=recovery,
            ),
        )
        for key in ("name", "arn", "stream_arn", "billing"):
            pulumi.export(key, getattr(built, key))

    return record(program)


@pytest.fixture(scope="module")
def items() -> Recording:
    return _record(ITEMS)


def test_a_rollout_never_sets_scaled_capacity_back(items: Recording) -> None:
    table = items.one("Table")
    assert set(table.ignore_changes) == {"readCapacity", "writeCapacity"}
    assert (table.inputs["readCapacity"], table.inputs["writeCapacity"]) == (2, 3)
    assert table.inputs["billingMode"] == "PROVISIONED"


@pytest.mark.parametrize(
    ("table", "on_demand"),
    [(PROVISIONED, True), (TOTALS, False), (TOTALS, True)],
    ids=["asked for", "no capacities declared", "both"],
)
def test_a_table_on_demand_has_no_capacity_and_nothing_that_scales_it(table: Table, on_demand: bool) -> None:
    recording = _record(table, on_demand=on_demand)
    inputs = recording.one("Table").inputs
    assert inputs["billingMode"] == "PAY_PER_REQUEST"
    assert not {"readCapacity", "writeCapacity"} & set(inputs)
    assert [item.type for item in recording.resources] == ["aws:dynamodb/table:Table"]
    assert recording.outputs["billing"] == "on-demand"


def test_name_and_arn_are_those_of_the_table(items: Recording) -> None:
    assert items.one("Table").inputs["name"] == "table-items-dev"
    assert items.outputs["name"] == "table-items-dev"
    assert items.outputs["arn"] == "arn:aws:dynamodb:us-east-1:123456789012:table/table-items-dev"
    assert items.outputs["billing"] == "provisioned"
    assert items.outputs["stream_arn"].startswith(f"{items.outputs['arn']}/stream/")
    assert _record(TOTALS).outputs["stream_arn"] == ""
