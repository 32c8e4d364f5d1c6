"""The estate as a user has it: rolled out by the scripts, fed with real flights, torn down, nothing left.

ESTATE_FLIGHTS is the number of flights (2,000).
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from estate_tool.core.paths import ROOT
from estate_tool.setup.engine import ensure_engine
from foundation.catalog import CATALOG
from foundation.policies import execution_policy
from tests.integration.answers import assert_aggregates_are_exact
from tests.integration.attacks import Intruder, attempts
from tests.integration.behaviours import Estate
from tests.integration.commands import Commands, layer_results
from tests.integration.inventory import listed
from tests.integration.minimality import Prover, permissions, prove, without
from tests.integration.partner import GREETING, Partner
from tests.support import adding_a_function, needing
from tests.support.checkouts import copy_checkout
from tests.support.schema import breaches
from tests.support.shown import shown
from tests.support.waiting import expect_soon

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from foundation.model import Function
    from tests.integration.conftest import EmbeddedAws

FLIGHTS = int(os.environ.get("ESTATE_FLIGHTS", "2000"))
DUPLICATES, INVALID = FLIGHTS // 20, 50
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
    report = json.loads(run("scripts/deploy_all.sh", "--skip-preview", "--json").stdout)
    yield report
    run("scripts/destroy_all.sh")


def test_a_second_rollout_changes_nothing(estate: dict[str, Any], run: Commands) -> None:
    assert estate["ok"]
    assert runs(run, "unchanged", "unchanged", "unchanged", "unchanged") == []
    (forced,) = json.loads(run("scripts/deploy_layer.sh", "foundation", "--force", "--json").stdout)["layers"]
    assert (forced["result"], forced["ran"]) == ("unchanged", True)


def runs(run: Commands, *results: str, code: int = 0) -> list[str]:
    """The layers that a rollout ran the engine for; it must have these results."""
    report = json.loads(run("scripts/deploy_all.sh", "--json", code=code).stdout)
    assert breaches("rollout", report) == []
    assert tuple(layer_results(report).values()) == results
    return [layer["layer"] for layer in report["layers"] if layer["ran"]]


@pytest.fixture
def copied(own: EmbeddedAws, tmp_path: Path) -> Commands:
    """The commands of another checkout of the same, against the same state."""
    return Commands.on(own, copy_checkout(tmp_path / "another checkout"))


def edit(checkout: Commands, file: str, text: str) -> Callable[[], object]:
    """Adds to a file; returns what takes it back."""
    path = checkout.root / file
    before = path.read_text()
    path.write_text(before + text)
    return lambda: path.write_text(before)


# Adds an alarm that notifies of nothing, which a guardrail on the whole layer finds at the end of the run.
SILENT_ALARM = """
_build_alarms = build_alarms
def build_alarms(specs, context):
    aws.cloudwatch.MetricAlarm(
        "alarm-silent", name=context.names.of("alarm", "silent"), namespace="AWS/Lambda", metric_name="Errors",
        comparison_operator="GreaterThanThreshold", threshold=0, evaluation_periods=1, period=60, statistic="Sum",
        tags=context.tags.of("observability", "alerts"),
    )
    return _build_alarms(specs, context)
"""


def test_a_violated_rollout_is_never_taken_for_done(estate: dict[str, Any], copied: Commands) -> None:
    same = "unchanged"
    take_back = edit(copied, "lambda_src/query/handler.py", "\nimport moto\n")
    refused = json.loads(copied("scripts/deploy_all.sh", "--json", code=2).stdout)
    line = len((copied.root / "lambda_src/query/handler.py").read_text().splitlines())
    assert f"lambda_src/query/handler.py:{line} is 'import moto'" in refused["error"]
    take_back()
    take_back = edit(copied, "observability/alarm_set.py", SILENT_ALARM)
    report = json.loads(copied("scripts/deploy_all.sh", "--skip-preview", "--json", code=1).stdout)
    assert breaches("rollout", report) == []
    assert report["continue"] == "scripts/deploy_all.sh"
    (error,) = report["layers"][3]["errors"]
    assert error["rule"] == "alarms"
    take_back()
    assert runs(copied, same, same, same, "deployed") == ["observability"]


def test_what_the_bare_engine_changed_is_not_taken_for_rolled_out(
    estate: dict[str, Any], own: EmbeddedAws, run: Commands
) -> None:
    engine = str(ensure_engine().folder)
    variables = {**os.environ, **own.environment, "PATH": f"{engine}{os.pathsep}{os.environ['PATH']}"}
    same = "unchanged"
    bare = ("pulumi", "{}", "--yes", "--skip-preview", "--non-interactive", "--stack", "local")
    for verb, results, run_again in (
        ("refresh", (same, same, same, same), []),
        ("destroy", (same, same, same, "deployed"), ["observability"]),
    ):
        target = "--target=**EstateDashboard$aws:cloudwatch/dashboard:Dashboard::*"
        command = [part.format(verb) for part in bare] + [target]
        done = subprocess.run(
            command, cwd=ROOT / "observability", env=variables, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert runs(run, *results) == run_again


def test_all_layers_are_previewed_before_any_is_there(
    estate: dict[str, Any], run: Commands, client: Callable[[str], Any]
) -> None:
    before = listed(client, "local-b")
    report = json.loads(run("scripts/deploy_all.sh", "local-b", "--preview", "--json").stdout)
    assert breaches("rollout", report) == []
    assert set(layer_results(report).values()) == {"planned"}
    assert [layer["created"] for layer in report["layers"]] == [layer["created"] for layer in estate["layers"]]
    roles = {f"foundation.role_arns.{function.name}" for function in CATALOG.functions}
    assert set(report["layers"][1]["unknown"]) == roles
    assert {"data.tables.events.stream_arn", *roles} <= set(report["layers"][2]["unknown"])
    assert listed(client, "local-b") == before == {}
    status = json.loads(run("scripts/estate", "status", "local-b", "--json").stdout)
    assert not any(layer["deployed"] for layer in status["layers"])


def test_a_preview_of_an_added_function_shows_no_change_of_the_others(estate: dict[str, Any], copied: Commands) -> None:
    adding_a_function.follow(copied.root)
    report = json.loads(copied("scripts/deploy_all.sh", "--preview", "--json").stdout)
    foundation, data, compute, observability = report["layers"]
    assert [(layer["updated"], layer["replaced"], layer["deleted"]) for layer in (foundation, data, compute)] == [
        (0, 0, 0)
    ] * 3
    assert (foundation["created"], data["created"]) == (2, 0)
    assert compute["created"] >= 4
    # What shows all functions together: the dashboard, saved queries, composite alarms.
    assert observability["replaced"] == observability["deleted"] == 0


def test_everything_that_aws_lists_carries_the_tags(
    estate: dict[str, Any], run: Commands, client: Callable[[str], Any]
) -> None:
    """Compare the AWS APIs' lists with the state, so that nothing is left unlooked at."""
    answer = json.loads(run("scripts/estate", "tags", "--json").stdout)
    assert (answer["tagged"], answer["incomplete"]) == (answer["taggable"], [])
    live = listed(client, "local")
    kinds = ("tables", "queues", "functions", "event source mappings", "roles", "log groups", "alarms", "topics")
    assert answer["taggable"] == sum(len(live[kind]) for kind in (*kinds, "scalable targets"))


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


def test_flights_are_counted_exactly_once(
    estate: dict[str, Any], run: Commands, own: EmbeddedAws, flights: Path
) -> None:
    sent = json.loads(run("scripts/estate", "send", str(flights), "--raw", "--wait", "--json").stdout)
    assert sent["read"] == sent["sent"] == FLIGHTS + DUPLICATES + INVALID
    assert (sent["aggregated"], sent["duplicates"], sent["dead_lettered"]) == (FLIGHTS, DUPLICATES, INVALID)
    assert_aggregates_are_exact(run, own, flights)


def test_what_the_readme_shows_runs(estate: dict[str, Any], own: EmbeddedAws, tmp_path: Path) -> None:
    """Every line about the local environment that neither rolls out, tears down nor sends 20,000 events once more."""
    lines = [each.line for each in shown() if each.page == "README.md" and each.block]
    wanted = [line for line in lines if re.match(r"scripts/estate (query|status|doctor$|local env|completion)", line)]
    assert len(wanted) >= 2
    wanted.append("scripts/estate sample flights --limit 10 | scripts/estate send - --wait")
    assert wanted[-1].replace("10 ", "20000 ") in lines
    variables = {**os.environ, "ESTATE_HOME": str(own.paths.home), "ESTATE_PORT": str(own.paths.port)}
    for line in wanted:
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", line],
            cwd=ROOT,
            env=variables,
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, "Traceback" in done.stderr) == (0, False), f"{line}\n{done.stderr}"
        assert done.stdout


def test_two_environments_live_side_by_side_one_with_the_function_that_the_documentation_adds(
    estate: dict[str, Any],
    run: Commands,
    copied: Commands,
    client: Callable[[str], Any],
    own: EmbeddedAws,
    tmp_path: Path,
) -> None:
    """Others of the second one need an action, a value, two secrets and a URL, and run at times."""
    adding_a_function.follow(copied.root)
    copied("scripts/estate", "new", "sweep", "--trigger", "schedule:rate(5 minutes)")
    needing.add(copied.root)
    configured = {"config": {"compute:environment": needing.configuration(GREETING)}}
    (copied.root / "environments" / "Pulumi.local-b.yaml").write_text(yaml.safe_dump(configured))
    partner = Partner(own, "local-b")
    before = listed(client, "local")
    copied("scripts/deploy_all.sh", "local-b", "--skip-preview")
    status = json.loads(copied("scripts/estate", "status", "local-b", "--json").stdout)
    (url,) = [layer["outputs"]["urls"][needing.NAME] for layer in status["layers"] if "urls" in layer["outputs"]]
    partner.works(url)
    partner.is_closed_to_others(url)
    partner.leaks_no_secret(own.paths.home / "state")
    partner.remove()
    other = listed(client, "local-b")
    assert set(other) == {*before, "schedules", "schedule groups"}
    expect_soon(lambda: logged(client, "/aws/lambda/lambda-sweep-local-b", '"work done"'), "the call of the schedule")
    assert set(other["functions"]) - {name.replace("-local", "-local-b") for name in before["functions"]} == {
        "lambda-lookup-local-b",
        "lambda-partner-local-b",
        "lambda-sweep-local-b",
    }
    (flight,) = run("scripts/estate", "sample", "flights", "--limit", "1").stdout.splitlines()
    wanted = {key: json.loads(flight)[key] for key in ("source", "id")}
    assert looked_up(client, wanted) == {"found": False}
    (tmp_path / "one.ndjson").write_text(flight)
    copied("scripts/estate", "send", str(tmp_path / "one.ndjson"), "local-b", "--wait")
    assert looked_up(client, wanted) == {"found": True}
    copied("scripts/destroy_all.sh", "local-b", "--yes")
    assert listed(client, "local-b") == {}
    assert listed(client, "local") == before


def logged(client: Callable[[str], Any], group: str, pattern: str) -> Any:
    """Return the lines of a log that match."""
    return client("logs").filter_log_events(logGroupName=group, filterPattern=pattern)["events"]


def looked_up(client: Callable[[str], Any], payload: dict[str, str]) -> Any:
    """Return the answer of the function in docs/adding-a-function.md."""
    called = client("lambda").invoke(FunctionName="lambda-lookup-local-b:live", Payload=json.dumps(payload))
    return json.loads(called["Payload"].read())


def test_nothing_that_was_done_so_far_was_refused(estate: dict[str, Any], own: EmbeddedAws) -> None:
    refused = [item for item in own.denials(0) if not item["principal"].endswith("/intruder")]
    assert refused == []


def test_every_permission_is_needed_and_none_is_missing(estate: dict[str, Any], own: EmbeddedAws) -> None:
    iam, running = own.client("iam"), Estate(own)
    # A replay, which has to come to the same end beside all the rest.
    running.send("queue-ingest-local", "replayed")
    findings = prove(running)
    for name, found in findings.items():
        attached = iam.get_role_policy(RoleName=f"role-{name}-local", PolicyName=f"policy-{name}-local")
        assert (found.missing, found.unneeded) == (set(), [])
        assert list(found.proven) == permissions(name, attached["PolicyDocument"], running.arns)
    expect_soon(lambda: running.take("dlq-ingest-local", lambda found: found["Body"] == "replayed"), "replayed", 60)


def test_an_action_too_many_is_reported_as_unneeded_and_one_too_few_as_missing(
    estate: dict[str, Any], own: EmbeddedAws
) -> None:
    running = Estate(own)
    prover = Prover(running)
    (function,) = [item for item in CATALOG.functions if item.name == "query"]
    declared = execution_policy(function, running.arns, CATALOG.secrets)
    scan = {"Sid": "More", "Action": ["dynamodb:Scan"], "Effect": "Allow", "Resource": running.arns.table("events")}
    found = prover.examine("query", declared | {"Statement": [*declared["Statement"], scan]})
    assert found.missing == set()
    assert [str(each) for each in found.unneeded] == ["query: dynamodb:Scan on table-events"]
    (query,) = [each for each in found.proven if each.action == "dynamodb:Query"]
    assert prover.examine("query", without(declared, query)).missing == {("dynamodb:Query", "table-aggregates")}


def test_teardown_leaves_nothing(estate: dict[str, Any], run: Commands, client: Callable[[str], Any]) -> None:
    assert listed(client, "local")
    outcome = json.loads(run("scripts/destroy_all.sh", "--json").stdout)
    assert outcome["ok"]
    assert listed(client, "local") == {}
    status = json.loads(run("scripts/estate", "status", "--json").stdout)
    assert not any(layer["deployed"] for layer in status["layers"])
