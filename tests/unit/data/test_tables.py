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


@pytest.mark.parametrize(
    ("direction", "minimum", "maximum", "percent"), [("Read", 2, 20, 60), ("Write", 3, 30, 80)], ids=["read", "write"]
)
def test_each_direction_scales_within_its_declared_bounds_to_its_declared_utilisation(
    items: Recording, direction: str, minimum: int, maximum: int, percent: int
) -> None:
    dimension = f"dynamodb:table:{direction}CapacityUnits"
    target = items.one("Target", scalableDimension=dimension)
    assert target.inputs["serviceNamespace"] == "dynamodb"
    assert target.inputs["resourceId"] == "table/table-items-dev"
    assert (target.inputs["minCapacity"], target.inputs["maxCapacity"]) == (minimum, maximum)
    policy = items.one("appautoscaling/policy:Policy", scalableDimension=dimension)
    assert policy.inputs["policyType"] == "TargetTrackingScaling"
    assert policy.inputs["serviceNamespace"] == "dynamodb"
    assert policy.inputs["resourceId"] == "table/table-items-dev"
    tracking = policy.inputs["targetTrackingScalingPolicyConfiguration"]
    assert tracking["targetValue"] == percent
    metric = tracking["predefinedMetricSpecification"]["predefinedMetricType"]
    assert metric == f"DynamoDB{direction}CapacityUtilization"


def test_every_target_has_its_policy_and_both_go_before_the_table(items: Recording) -> None:
    table = items.one("Table")
    targets = items.of("Target")
    assert {target.inputs["scalableDimension"] for target in targets} == {
        "dynamodb:table:ReadCapacityUnits",
        "dynamodb:table:WriteCapacityUnits",
    }
    for target in targets:
        assert table.urn in target.dependencies
        policy = items.one("appautoscaling/policy:Policy", scalableDimension=target.inputs["scalableDimension"])
        assert target.urn in policy.dependencies


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


def test_only_key_attributes_are_declared() -> None:
    for table, keys in ((ITEMS, ["id"]), (TOTALS, ["id", "hour"])):
        inputs = _record(table).one("Table").inputs
        assert inputs["attributes"] == [{"name": key, "type": "S"} for key in keys]
        assert [inputs.get("hashKey"), inputs.get("rangeKey")] == [*keys, None][:2]


def test_a_stream_carries_new_images_where_one_is_declared(items: Recording) -> None:
    assert (items.one("Table").inputs["streamEnabled"], items.one("Table").inputs["streamViewType"]) == (
        True,
        "NEW_IMAGE",
    )
    assert items.outputs["stream_arn"].startswith(f"{items.outputs['arn']}/stream/")
    without = _record(TOTALS)
    assert without.one("Table").inputs["streamEnabled"] is False
    assert "streamViewType" not in without.one("Table").inputs


def test_the_stream_of_a_table_without_one_is_the_empty_text() -> None:
    assert _record(TOTALS).outputs["stream_arn"] == ""


def test_items_expire_where_an_attribute_is_declared(items: Recording) -> None:
    assert items.one("Table").inputs["ttl"] == {"attributeName": "expires_at", "enabled": True}
    assert "ttl" not in _record(TOTALS).one("Table").inputs


@pytest.mark.parametrize("recovery", [True, False])
def test_point_in_time_recovery_follows_the_configuration(recovery: bool) -> None:
    assert _record(TOTALS, recovery=recovery).one("Table").inputs["pointInTimeRecovery"] == {"enabled": recovery}


def test_name_and_arn_are_those_of_the_table(items: Recording) -> None:
    assert items.one("Table").inputs["name"] == "table-items-dev"
    assert items.outputs["name"] == "table-items-dev"
    assert items.outputs["arn"] == "arn:aws:dynamodb:us-east-1:123456789012:table/table-items-dev"
    assert items.outputs["billing"] == "provisioned"
