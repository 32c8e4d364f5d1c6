from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pulumi
import pytest

from compute.packaging import build
from compute.sizing import memory_by_function
from foundation import stack_files
from foundation.catalog import CATALOG
from foundation.model import Function, QueueTrigger, StreamTrigger
from tests.support.mocks import Recording, outputs_of, roll_out

every_function = pytest.mark.parametrize("function", CATALOG.functions, ids=lambda function: function.name)


@pytest.fixture(scope="module")
def compute() -> Recording:
    return roll_out("compute")["compute"]


def _inputs(compute: Recording, function: Function) -> Mapping[str, Any]:
    return compute.one("lambda/function:Function", name=f"lambda-{function.name}-dev").inputs


@every_function
def test_a_function_runs_as_its_own_role(compute: Recording, function: Function) -> None:
    assert _inputs(compute, function)["role"] == outputs_of("foundation")["role_arns"][function.name]


@every_function
def test_a_function_has_the_memory_of_the_sizing_file(compute: Recording, function: Function) -> None:
    memory = _inputs(compute, function)["memorySize"]
    assert memory == memory_by_function(item.name for item in CATALOG.functions)[function.name]
    assert 512 <= memory <= 1024


@every_function
def test_a_functions_code_is_its_reproducible_package(compute: Recording, function: Function) -> None:
    code = _inputs(compute, function)["code"]
    assert isinstance(code, pulumi.FileArchive)
    with open(code.path, "rb") as file:  # noqa: PTH123 (as the engine opens it)
        assert file.read() == build(function, "python3.13").read_bytes()


@every_function
def test_a_trigger_runs_the_alias_of_its_function_on_the_declared_source(
    compute: Recording, function: Function
) -> None:
    alias = compute.outputs["functions"][function.name]["alias_arn"]
    mappings = [item for item in compute.of("EventSourceMapping") if item.inputs["functionName"] == alias]
    data = outputs_of("data")
    trigger = function.trigger
    if isinstance(trigger, QueueTrigger):
        expected = [data["queues"][trigger.queue]["arn"]]
    elif isinstance(trigger, StreamTrigger):
        expected = [data["tables"][trigger.table]["stream_arn"]]
    else:
        expected = []
    assert [item.inputs["eventSourceArn"] for item in mappings] == expected


def test_only_critical_functions_have_provisioned_concurrency(compute: Recording) -> None:
    provisioned = {item.inputs["functionName"] for item in compute.of("ProvisionedConcurrencyConfig")}
    critical = {f"lambda-{function.name}-dev" for function in CATALOG.functions if function.critical}
    assert provisioned == critical != set()
    assert {item.inputs["resourceId"] for item in compute.of("Target")} == {
        f"function:{name}:live" for name in critical
    }


def test_an_environment_that_waives_it_has_none_of_it_and_no_alarms_on_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = tmp_path / "environments"
    folder.mkdir()
    (folder / "Pulumi.dev.yaml").write_text('config:\n  compute:provisionedMinimum: "0"\n')
    monkeypatch.setattr(stack_files, "ROOT", tmp_path)
    done = roll_out("observability", config={"compute:provisionedMinimum": "0"})
    compute = done["compute"]
    assert [*compute.of("ProvisionedConcurrencyConfig"), *compute.of("Target"), *compute.of("ScheduledAction")] == []
    names = {alarm.inputs["name"] for alarm in done["observability"].of("MetricAlarm")}
    assert not any("spillover" in name or "under-use" in name for name in names)
    assert "alarm-query-latency-dev" in names
    for recording in done.values():
        for each in recording.of("CompositeAlarm"):
            assert "spillover" not in each.inputs["alarmRule"]
        for each in recording.of("Dashboard"):
            assert "ProvisionedConcurrencyUtilization" not in each.inputs["dashboardBody"]


def test_runtime_retention_and_provisioned_concurrency_follow_the_configuration(compute: Recording) -> None:
    assert {group.inputs["retentionInDays"] for group in compute.of("LogGroup")} == {14}
    config = {
        "runtime": "python3.12", "logRetentionDays": "7",
        "provisionedMinimum": "3", "provisionedMaximum": "8", "peakMinimum": "4",
    }  # fmt: skip
    made = roll_out("compute", config={f"compute:{key}": value for key, value in config.items()})["compute"]
    assert {_inputs(made, function)["runtime"] for function in CATALOG.functions} == {"python3.12"}
    assert {group.inputs["retentionInDays"] for group in made.of("LogGroup")} == {7}
    target = made.one("Target", resourceId="function:lambda-query-dev:live").inputs
    assert (target["minCapacity"], target["maxCapacity"]) == (3, 8)
    peak = made.one("ScheduledAction", name="schedule-query-peak-dev").inputs
    assert peak["scalableTargetAction"] == {"minCapacity": 4, "maxCapacity": 8}
