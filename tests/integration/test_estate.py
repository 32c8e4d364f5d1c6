"""The estate as a user has it: rolled out by the scripts, fed with real flights, torn down, nothing left."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from foundation.catalog import CATALOG
from tests.integration.answers import assert_aggregates_are_exact
from tests.integration.attacks import Intruder, attempts
from tests.integration.commands import Commands, layer_results
from tests.integration.inventory import listed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from foundation.model import Function
    from tests.integration.conftest import EmbeddedAws

FLIGHTS, DUPLICATES, INVALID = 20_000, 1_000, 50
# The whole workload several times over: minutes on a busy machine.
pytestmark = pytest.mark.timeout(1200)


@pytest.fixture(scope="module")
def run(own: EmbeddedAws) -> Commands:
    return Commands.on(own)


@pytest.fixture(scope="module")
def client(own: EmbeddedAws) -> Callable[[str], Any]:
    return own.client


@pytest.fixture(scope="module")
def flights(tmp_path_factory: pytest.TempPathFactory, run: Commands) -> Path:
    """Real flights with duplicates and invalid lines between them, out of order."""
    path = tmp_path_factory.mktemp("flights") / "flights.ndjson"
    made = run(
        "scripts/estate", "sample", "flights", "--limit", str(FLIGHTS), "--duplicates", str(DUPLICATES),
        "--invalid", str(INVALID), "--shuffle", "1",
    )  # fmt: skip
    path.write_text(made.stdout)
    return path


@pytest.fixture(scope="module")
def estate(run: Commands) -> Iterator[dict[str, Any]]:
    """The environment `local`, rolled out; its report. Whatever a test left is torn down at the end."""
    report = json.loads(run("scripts/deploy_all.sh", "--json").stdout)
    yield report
    run("scripts/destroy_all.sh")


def test_a_second_rollout_changes_nothing(estate: dict[str, Any], run: Commands) -> None:
    assert estate["ok"]
    again = json.loads(run("scripts/deploy_all.sh", "--json").stdout)
    assert set(layer_results(again).values()) == {"unchanged"}


def test_a_layer_below_a_deployed_one_is_not_destroyed(
    estate: dict[str, Any], run: Commands, client: Callable[[str], Any]
) -> None:
    before = listed(client, "local")
    refused = run("scripts/destroy_layer.sh", "data", code=1)
    assert "compute" in refused.stderr
    assert "scripts/destroy_layer.sh compute" in refused.stderr
    assert listed(client, "local") == before


@pytest.mark.parametrize("function", CATALOG.functions, ids=lambda function: function.name)
def test_a_functions_role_is_denied_everything_but_its_task(
    estate: dict[str, Any], own: EmbeddedAws, client: Callable[[str], Any], function: Function
) -> None:
    before = listed(client, "local")
    intruder = Intruder(own, function.name, "local")
    assert intruder.identity.endswith(f":assumed-role/role-{function.name}-local/intruder")
    forbidden, granted = attempts(own, function, "local")
    assert {"dynamodb.scan", "dynamodb.delete_table", "sqs.send_message", "sts.assume_role", "logs.get_log_events"} <= {
        f"{attempt.service}.{attempt.operation}" for attempt in forbidden
    }
    assert [str(attempt) for attempt in forbidden if not intruder.is_denied(attempt)] == []
    # The same credentials do let the function do its work; a message of ours in a failure queue would stay there.
    harmless = [attempt for attempt in granted if attempt.operation != "send_message"]
    assert harmless
    assert [str(attempt) for attempt in harmless if intruder.is_denied(attempt)] == []
    assert listed(client, "local") == before


def test_flights_are_counted_exactly_once(estate: dict[str, Any], run: Commands, flights: Path) -> None:
    sent = json.loads(run("scripts/estate", "send", str(flights), "--raw", "--wait", "--json").stdout)
    assert sent["read"] == sent["sent"] == FLIGHTS + DUPLICATES + INVALID
    assert (sent["aggregated"], sent["duplicates"], sent["dead_lettered"]) == (FLIGHTS, DUPLICATES, INVALID)
    assert_aggregates_are_exact(run, flights)


def test_two_environments_live_side_by_side(
    estate: dict[str, Any], run: Commands, client: Callable[[str], Any]
) -> None:
    before = listed(client, "local")
    run("scripts/deploy_all.sh", "local-b")
    other = listed(client, "local-b")
    assert set(other) == set(before)
    run("scripts/destroy_all.sh", "local-b")
    assert listed(client, "local-b") == {}
    assert listed(client, "local") == before


def test_teardown_leaves_nothing(estate: dict[str, Any], run: Commands, client: Callable[[str], Any]) -> None:
    assert listed(client, "local")
    outcome = json.loads(run("scripts/destroy_all.sh", "--json").stdout)
    assert outcome["ok"]
    assert listed(client, "local") == {}
    status = json.loads(run("scripts/estate", "status", "--json").stdout)
    assert not any(layer["deployed"] for layer in status["layers"])
