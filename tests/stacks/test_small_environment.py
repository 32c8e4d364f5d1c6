"""The small environment: one setting of foundation that all layers follow, and what each sets itself goes before it."""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pulumi
import pytest
from pulumi.runtime.proto import analyzer_pb2

from estate_tool.commands import cost
from estate_tool.core import configuration
from estate_tool.costing import idle, report
from estate_tool.pricing import prices
from estate_tool.rollout import fingerprint
from foundation import stack_files
from foundation.guardrails.policies import service
from foundation.layers import LAYER_NAMES, project
from foundation.model import ScheduleTrigger
from foundation.problems import InvalidConfiguration
from tests.support.declarations import CATALOG, READ, SWEEP
from tests.support.mocks import Recording, roll_out, run_layer

if TYPE_CHECKING:
    from pathlib import Path

    from foundation.model import Catalog


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(stack_files, "ROOT", tmp_path)
    (tmp_path / "environments").mkdir()
    write(tmp_path, "foundation:small: true")
    return tmp_path


def write(checkout: Path, *lines: str) -> None:
    file = checkout / "environments" / "Pulumi.dev.yaml"
    file.write_text("\n".join(["config:", *(f"  {line}" for line in lines)]))


def test_one_setting_makes_every_layer_small(checkout: Path) -> None:
    small = configuration.load("dev", checkout)
    assert (small.foundation.small, small.data.on_demand, small.compute.provisioning.minimum) == (True, True, 0)
    assert (small.observability.level, small.observability.dashboard) == ("pages", False)
    write(checkout, "foundation:small: false")
    usual = configuration.load("dev", checkout)
    assert (usual.data.on_demand, usual.compute.provisioning.minimum) == (False, 1)
    assert (usual.observability.level, usual.observability.dashboard) == ("standard", True)


def test_a_layers_own_setting_overrides_it(checkout: Path) -> None:
    write(checkout, "foundation:small: true", "observability:alarmLevel: all", "compute:provisionedMinimum: 2")
    loaded = configuration.load("dev", checkout)
    assert (loaded.observability.level, loaded.observability.dashboard) == ("all", False)
    assert (loaded.compute.provisioning.minimum, loaded.data.on_demand) == (2, True)


def test_a_wrong_value_is_reported_once(checkout: Path) -> None:
    write(checkout, "foundation:small: yes")
    with pytest.raises(Exception, match="foundation:small is yes") as error:
        configuration.load("dev", checkout)
    assert str(error.value).count("foundation:small") == 1
    with pytest.raises(InvalidConfiguration):
        stack_files.layer_files("foundation", "dev")


def test_the_programs_of_the_layers_follow(checkout: Path) -> None:
    (checkout / "environments" / "Pulumi.pr-17.yaml").write_text("config: {foundation:small: true}")
    layers = roll_out(stack="pr-17")
    tables = [item.inputs for item in layers["data"].of("dynamodb/table:Table")]
    assert {table["billingMode"] for table in tables} == {"PAY_PER_REQUEST"}
    assert not layers["data"].of("appautoscaling/target:Target")
    assert not layers["compute"].of("lambda/provisionedConcurrencyConfig:ProvisionedConcurrencyConfig")
    watching = layers["observability"]
    assert not watching.of("cloudwatch/dashboard:Dashboard")
    assert not watching.of("cloudwatch/compositeAlarm:CompositeAlarm")
    names = {item.inputs["name"] for item in watching.of("cloudwatch/metricAlarm:MetricAlarm")}
    assert {f"alarm-dlq-{queue}-arrivals-pr-17" for queue in ("ingest", "aggregate", "query")} <= names
    assert all(item.inputs["alarmActions"] for item in watching.of("cloudwatch/metricAlarm:MetricAlarm"))


def test_every_layer_that_changes_is_rolled_out_again(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fingerprint.Inputs, "_code", lambda *_: [])
    monkeypatch.setattr(fingerprint.Inputs, "_versions", lambda _: {})
    of = fingerprint.Inputs(environment="dev", engine="1", root=checkout)
    small = {layer: of.digest(layer, {}) for layer in LAYER_NAMES}
    write(checkout, "foundation:small: false")
    assert all(of.digest(layer, {}) != small[layer] for layer in LAYER_NAMES)


@pytest.fixture
def catalog(monkeypatch: pytest.MonkeyPatch) -> Catalog:
    """Have idle bills be those of the sample catalog: prices worked out by hand hold for no other."""
    monkeypatch.setattr(idle, "CATALOG", CATALOG)
    whole = configuration.load

    def loaded(name: str, *checkout: Path) -> configuration.Configuration:
        found = whole(name, *checkout)
        sizes = {function.name: 512 for function in CATALOG.functions}
        return replace(found, compute=replace(found.compute, memory_mb=sizes))

    monkeypatch.setattr(configuration, "load", loaded)
    return CATALOG


def idle_bill(checkout: Path) -> dict[str, Any]:
    load = idle.load(configuration.load("dev", checkout))
    return report.cost_report(load, prices.read(), {"environment": "dev", "basis": "idle"})


def after(bill: dict[str, Any]) -> dict[tuple[str, str], str]:
    return {(line["item"], line["what"]): line["after_usd"] for one in bill["components"] for line in one["lines"]}


def test_a_small_environment_pays_for_polls_and_pages_alone_when_nothing_happens(
    checkout: Path, catalog: Catalog
) -> None:
    small = idle_bill(checkout)
    # 5 pollers × 3 a minute × 43,800 minutes × 0.0000004 = 0.2628. A metric of an alarm is 0.10: arrivals in the
    # dead-letter queue have 3, at those of `count` and `read` 2 each; invalid events, the stream's delivery and
    # dead-lettering have 1 each.
    priced = {key: usd for key, usd in after(small).items() if key != ("all functions", "secrets")}
    assert priced == {("inbox", "requests"): "0.26", ("estate", "alarms"): "1.00"}
    write(checkout, "foundation:small: false")
    usual = idle_bill(checkout)
    assert float(usual["totals"]["after_usd"]) > 5 * float(small["totals"]["after_usd"])
    assert after(usual)["estate", "dashboards"] == "3.00"


def test_an_idle_environment_is_compared_with_an_idle_one(
    checkout: Path, catalog: Catalog, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = configuration.load
    monkeypatch.setattr(configuration, "load", lambda name: whole(name, checkout))
    parser = argparse.ArgumentParser()
    cost.add_arguments(parser)
    assert cost.run(parser.parse_args(["dev", "--idle", "--compare", "prod", "--json"])) == 0
    compared = json.loads(capsys.readouterr().out)["compare"]
    # A small environment against one with all defaults.
    assert float(compared["usd"]) < 2 < 8 < float(compared["other_usd"])
    assert ("read", "kept warm") in {(line["item"], line["what"]) for line in compared["lines"]}


def test_an_idle_bill_has_the_calls_of_schedules() -> None:
    off = replace(SWEEP, name="off", trigger=ScheduleTrigger(expression="rate(1 minute)", enabled=False))
    assert [idle.scheduled(one) for one in (SWEEP, off, READ)] == [8760, 0, 0]


def test_the_guardrails_know_the_setting_and_report_it(checkout: Path) -> None:
    type_, project_ = "pulumi:pulumi:Stack", project("compute")
    stack = analyzer_pb2.AnalyzerResource(type=type_, name="x", urn=f"urn:pulumi:dev::{project_}::{type_}::x")
    found: list[Any] = []
    for _ in range(2):
        pack: Any = service()
        pack.ConfigureStack(analyzer_pb2.AnalyzerStackConfigureRequest(stack="dev", project=project_), None)
        found += pack.AnalyzeStack(analyzer_pb2.AnalyzeStackRequest(resources=[stack]), None).diagnostics
        write(checkout, "foundation:small: false")
    (one,) = found
    assert (one.policyName, one.enforcementLevel) == ("small-environment", analyzer_pb2.ADVISORY)
    assert "compute:provisionedMinimum 0" in one.message


def test_without_the_setting_nothing_is_changed(checkout: Path) -> None:
    (checkout / "environments" / "Pulumi.dev.yaml").unlink()
    assert all(stack_files.small_defaults(layer, "dev") == {} for layer in LAYER_NAMES)
    with pytest.raises(pulumi.RunError, match="small"):
        run_layer("data", stack="dev", config={"data:small": "true"}, recording=Recording())
