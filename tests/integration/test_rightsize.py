"""Right-sizing as a loop: real flights, the workers' real memory, the file, the rollout that applies it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from estate_tool.core.paths import ROOT
from foundation.catalog import CATALOG
from tests.integration.commands import Commands, layer_results
from tests.support.checkouts import copy_checkout
from tests.support.waiting import expect_soon

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.conftest import EmbeddedAws

FLIGHTS = 600
FUNCTIONS = {function.name for function in CATALOG.functions}
pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the checkout, whose sizing file may be written; it shares the checkout's environment."""
    copy = copy_checkout(tmp_path_factory.mktemp("checkout"))
    # As after years of neglect: all that is allowed, on no evidence.
    path = copy / "compute" / "sizing.json"
    entries = json.loads(path.read_text())["functions"]
    neglected = {name: {"memory_mb": 1024, "evidence": entry["evidence"]} for name, entry in entries.items()}
    path.write_text(json.dumps({"functions": neglected}, indent=2) + "\n")
    return copy


@pytest.fixture(scope="module")
def run(own: EmbeddedAws, checkout: Path) -> Commands:
    return Commands.on(own, checkout)


@pytest.fixture(scope="module")
def used(run: Commands, checkout: Path) -> None:
    """The estate, rolled out with 1024 MB for each function, after some hundred flights and a query."""
    run("scripts/deploy_all.sh", "--skip-preview")
    use(run, checkout, 0)


def use(run: Commands, folder: Path, offset: int) -> None:
    """Flights through the estate, from that one on, and a query."""
    path = folder / "flights.ndjson"
    command = ("scripts/estate", "sample", "flights", "--limit", str(FLIGHTS), "--offset", str(offset))
    path.write_text(run(*command).stdout)
    run("scripts/estate", "send", str(path), "--wait")
    run("scripts/estate", "query", "flight.departed")


def rightsize(run: Commands, *arguments: str) -> dict[str, dict[str, Any]]:
    report = json.loads(run("scripts/estate", "rightsize", *arguments, "--json").stdout)
    return {one["function"]: one for one in report["functions"]}


def test_measured_memory_is_applied_by_the_next_rollout_and_the_one_after_changes_nothing(
    used: None, run: Commands, own: EmbeddedAws, checkout: Path
) -> None:
    shipped = (ROOT / "compute" / "sizing.json").read_bytes()
    path = checkout / "compute" / "sizing.json"
    assert {one["recommended_mb"] for one in rightsize(run).values()} == {None}  # too few samples to say anything
    before = path.read_text()

    report = rightsize(run, "--min-samples", "1", "--apply")

    assert set(report) == FUNCTIONS
    written = json.loads(path.read_text())["functions"]
    for name, one in report.items():
        evidence = one["evidence"]
        assert (one["current_mb"], one["recommended_mb"]) == (1024, 512)
        assert evidence["samples"] >= 1
        assert 10 <= evidence["average_mb"] <= evidence["max_mb"] < 400
        assert evidence["source"] == f"platform.report records in /aws/lambda/lambda-{name}-local"
        assert (written[name]["memory_mb"], written[name]["evidence"]) == (512, evidence)
    assert layer_results(json.loads(run("scripts/deploy_all.sh", "--skip-preview", "--json").stdout)) == {
        # The alarms on memory follow it.
        "foundation": "unchanged", "data": "unchanged", "compute": "deployed", "observability": "deployed",
    }  # fmt: skip
    sizes = {
        name: own.client("lambda").get_function_configuration(FunctionName=f"lambda-{name}-local", Qualifier="live")
        for name in report
    }
    assert {size["MemorySize"] for size in sizes.values()} == {512}
    use(run, checkout, FLIGHTS)
    # Few calls, on a machine that has more to do: their duration is no measurement.
    verified = rightsize(run, "--verify", "--min-samples", "1", "--slower", "10000")
    assert set(verified) == set(report)
    assert all(one["ok"] and one["after"]["invocations"] >= 1 for one in verified.values())
    again = json.loads(run("scripts/deploy_all.sh", "--json").stdout)
    assert set(layer_results(again).values()) == {"unchanged"}

    run("scripts/estate", "rightsize", "--revert")
    assert path.read_text() == before
    assert (ROOT / "compute" / "sizing.json").read_bytes() == shipped


def test_functions_go_by_their_own_names_too(used: None, run: Commands) -> None:
    report = rightsize(run, "local", "--function", "lambda-ingest-local")
    assert report["ingest"]["evidence"]["samples"] >= 1
    assert set(rightsize(run, "--all")) == FUNCTIONS
    refused = run("scripts/estate", "rightsize", "--function", "lambda-nonsense", code=1)
    assert "there is no function lambda-nonsense" in refused.stderr


def test_the_metric_of_memory_agrees_with_the_log_reports(used: None, run: Commands) -> None:
    # Logs Insights has no `stats` here: what it is asked comes from the log.
    in_log, by_metric = (rightsize(run, "--source", source) for source in ("insights", "metric"))
    for name, one in by_metric.items():
        evidence, reported = one["evidence"], in_log[name]["evidence"]
        assert evidence["source"] == f"metric Estate/memory-used-{name}-local"
        assert reported["source"] == f"platform.report records in /aws/lambda/lambda-{name}-local"
        for key in ("samples", "average_mb", "max_mb", "invocations"):
            assert evidence[key] == reported[key]


def test_tuning_runs_a_copy_and_leaves_the_function_and_the_account_as_they_were(
    used: None, run: Commands, own: EmbeddedAws, tmp_path: Path
) -> None:
    before = _functions(own)
    payload = tmp_path / "question.json"
    payload.write_text('{"type": "flight.departed"}')
    command = ("scripts/estate", "rightsize", "--tune", "query", "--payload", str(payload), "--runs", "2")
    report = json.loads(run(*command, "--sizes", "512,1024", "--json").stdout)
    assert [one["memory_mb"] for one in report["sizes"]] == [512, 1024]
    assert all(one["billed_ms"] > 0 and one["used_mb"] > 10 for one in report["sizes"])
    assert report["best_mb"] in (512, 1024)

    process = run.start(*command, "--sizes", "512,640,768,896,1024")
    expect_soon(
        lambda: process.poll() is not None or any("-tune:" in name for name in _functions(own)),
        "a copy of the function",
        60,
    )
    assert process.poll() is None
    # Does what Ctrl-C does, also where these tests run in the background, deaf to Ctrl-C.
    process.terminate()
    process.communicate(timeout=60)
    assert process.returncode == 130
    assert _functions(own) == before


def _functions(own: EmbeddedAws) -> dict[str, Any]:
    """Each function's versions, with the properties that change when one is touched."""
    pages = own.client("lambda").get_paginator("list_functions").paginate(FunctionVersion="ALL")
    found = [function for page in pages for function in page["Functions"]]
    return {f"{one['FunctionName']}:{one['Version']}": (one["MemorySize"], one["RevisionId"]) for one in found}


def test_the_estate_is_priced_from_what_it_did(used: None, run: Commands, tmp_path: Path) -> None:
    page = tmp_path / "cost.html"
    report = json.loads(run("scripts/estate", "cost", "--html", str(page), "--json").stdout)
    assert report["basis"] == "measured"
    assert all(float(one["invocations"]) > 0 and one["billed_ms"] > 0 for one in report["functions"])
    amounts = {one["component"]: float(one["after_usd"]) for one in report["components"]}
    # Capacity for a month: at the floors of the catalog, or what a burst beyond them takes at 70 %.
    prices, expected = {"read": 0.00013, "write": 0.00065}, 0.0
    for table in report["tables"]:
        declared = CATALOG.table(table["table"])
        for way, floor in (("read", declared.read), ("write", declared.write)):
            units, used = float(table[way]["units"]), table[way]["utilization_percent"]
            assert floor is not None
            assert units == floor.minimum or (units > floor.minimum and used == "70.0")
            expected += 730 * units * prices[way]
    assert {table["table"] for table in report["tables"]} == {table.name for table in CATALOG.tables}
    # Units are reported to one decimal place.
    assert amounts["tables"] == pytest.approx(expected, abs=0.1)
    # 34 alarms at 0.10 and a dashboard at 3.00.
    assert amounts["watching"] >= 34 * 0.10 + 3
    assert f'"{report["totals"]["saving_usd"]}"' in page.read_text()
