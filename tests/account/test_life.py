"""The life of an environment in an account, its state in files, from two users' clones; nothing is lost unasked.

The tests begin in an empty account, and each goes on where the one before left it. All commands have the permissions
that `estate permissions dev` prints, and no others; none is ever missing.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from estate_tool.rollout.lock import Holder
from foundation.layers import LAYER_NAMES
from tests.account import clones, deployer, reports
from tests.account.clones import (
    CATALOG,
    KEY,
    PREVIEW,
    SAME,
    TABLE,
    at_once,
    count,
    deploy,
    edited,
    fill,
    losses,
    refused,
    remove,
    send,
)
from tests.account.reports import Report, destroy
from tests.integration import out_of_band
from tests.integration.alarming import alarms
from tests.support.schema import breaches

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.account.account import Account, Checkout

QUERY = "lambda-query-dev"
LOG_GROUP = f"/aws/lambda/{QUERY}"
ITEMS = 49
# Logical name and property of all that `permit_undeclared` changes.
PERMITTED = (
    ("query-function", 'permissions["undeclared"]'),
    ("query-role", 'inlinePolicies["undeclared"]'),
    ("query-role", "managedPolicyArns"),
)
pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def user(account: Account) -> deployer.Deployer:
    return deployer.create(account)


@pytest.fixture(scope="module")
def both(account: Account, user: deployer.Deployer) -> tuple[Checkout, Checkout]:
    """Clones of one commit."""
    return clones.pair(account, user.checkout)


@pytest.fixture(scope="module")
def first_rollouts(account: Account, both: tuple[Checkout, Checkout]) -> tuple[Report, Report]:
    """Rollouts of the new environment from both clones at once, with a log group in the way; see `at_once`."""
    account.aws.client("logs").create_log_group(logGroupName=LOG_GROUP)
    ended = at_once(both)
    assert account.aws.denials(0) == []
    return ended


@pytest.fixture
def run(account: Account, both: tuple[Checkout, Checkout]) -> Iterator[Checkout]:
    """One clone; a test fails if its commands, or the other's, needed a permission that the policy does not give."""
    mark = account.aws.denials_recorded()
    yield both[0]
    assert account.aws.denials(mark) == []


@pytest.fixture
def other(both: tuple[Checkout, Checkout]) -> Checkout:
    return both[1]


def test_of_two_rollouts_at_once_one_reports_who_has_the_environment(first_rollouts: tuple[Report, Report]) -> None:
    stopped = first_rollouts[1]
    assert set(stopped.results.values()) <= {"failed", "skipped"}
    assert any(reason in stopped.text for reason in ("is taken by", "the lease on dev was taken by"))
    assert "estate deploy, process" in stopped.text


def test_what_fails_is_named_with_awss_error_and_how_to_go_on(
    account: Account, first_rollouts: tuple[Report, Report], run: Checkout
) -> None:
    broken = first_rollouts[0]
    assert broken.results == {
        "foundation": "deployed", "data": "deployed", "compute": "failed", "observability": "skipped"
    }  # fmt: skip
    (error,) = broken.layer("compute")["errors"]
    assert (error["name"], error["type"]) == ("query-logs", "aws:cloudwatch/logGroup:LogGroup")
    assert (error["code"], error["action"]) == ("ResourceAlreadyExistsException", "CreateLogGroup")
    assert broken.whole["continue"] == "scripts/deploy_all.sh dev"
    assert "query-logs: ResourceAlreadyExistsException" in broken.text
    assert "scripts/deploy_all.sh dev" in broken.text

    account.aws.client("logs").delete_log_group(logGroupName=LOG_GROUP)
    fixed = deploy(run, "--skip-preview")
    assert fixed.results == {
        "foundation": "unchanged", "data": "unchanged", "compute": "deployed", "observability": "deployed"
    }  # fmt: skip
    assert broken.total("created") + fixed.total("created") > 100
    assert fixed.whole["continue"] is None
    assert set(account.listed().values()) == {1}


def test_a_second_rollout_changes_nothing(run: Checkout, other: Checkout) -> None:
    for clone in (run, other):
        again = deploy(clone)
        assert again.results == SAME
        assert not any(layer["ran"] for layer in again.whole["layers"])
        assert again.total("same") > 100
        assert "environment dev: rolled out" in again.text


def test_a_lease_of_a_process_that_is_gone_is_broken_by_the_command_that_is_reported(run: Checkout) -> None:
    gone = Holder(
        number="1", home="gone", since="2026-01-31T05:00:00Z", process="7", who="ci@runner", doing="estate deploy"
    )
    stack = ("--stack", "dev", "--cwd", str(run.root / "foundation"))
    run("scripts/estate", "pulumi", "stack", "tag", "set", "estate:lease", str(gone), *stack)
    stopped = reports.deploy(run, code=1)
    assert stopped.whole["error"].startswith(
        "environment dev is taken by ci@runner (estate deploy, process 7) since 2026-01-31T05:00:00Z, for "
    )
    for command in (("destroy", "dev", "--yes"), ("drift", "dev", "--repair", "--yes")):
        assert "is taken by ci@runner" in run("scripts/estate", *command, code=1).stderr
    (breaking,) = (line.partition(": ")[2] for line in stopped.text.splitlines() if "stack tag rm" in line)
    run(*breaking.replace("--cwd ", f"--cwd {run.root}/").split())
    assert deploy(run).results == SAME


def test_another_key_of_a_table_with_items(account: Account, run: Checkout, other: Checkout) -> None:
    fill(account, TABLE, KEY, ITEMS)
    with edited(run, CATALOG):
        run.replace(CATALOG, 'range_key="hour"', 'range_key="day"')
        assert losses(run, "--layer", "data") == {TABLE: ITEMS}
        refused(account, run, "--layer", "data", "--skip-preview", "--lose-data", TABLE, "table-events-dev")
    with edited(other, CATALOG):
        other.replace(CATALOG, 'hash_key="series"', 'hash_key="type"')
        stopped = refused(account, other, "--layer", "data")
        (loss,) = stopped.whole["losses"]
        assert (loss["change"], loss["because"]) == ("replaced", ["hashKey"])
        assert f"{TABLE}: {ITEMS} items would be LOST" in stopped.text
        assert f"--lose-data {TABLE}" in stopped.text
    assert count(account, TABLE) == ITEMS
    assert deploy(run).results == SAME


def test_another_suffix_and_back(account: Account, run: Checkout) -> None:
    before = account.listed()
    with edited(run, "environments/Pulumi.dev.yaml"):
        run.configure(foundation__environmentSuffix="blue")
        for flags in ((), ("--skip-preview",)):
            assert "docs/moving.md" in refused(account, run, *flags, code="usage").text
        assert json.loads(run(*PREVIEW, code=2).stdout)["ok"] is False
    assert deploy(run).results == SAME
    assert account.listed() == before


def test_a_changed_function_is_the_updates_of_its_layer(account: Account, run: Checkout) -> None:
    before = account.aws.client("lambda").get_function_configuration(FunctionName=QUERY)["CodeSha256"]
    run.replace("lambda_src/query/handler.py", "import os\n", "import os  # changed\n")
    changed = deploy(run)
    assert changed.results == dict.fromkeys(LAYER_NAMES, "unchanged") | {"compute": "deployed"}
    assert (changed.total("created"), changed.total("updated"), changed.total("deleted")) == (0, 2, 0)
    assert "query-function" in changed.text
    assert account.aws.client("lambda").get_function_configuration(FunctionName=QUERY)["CodeSha256"] != before


def test_a_broken_guardrail_stops_everything_and_is_named(account: Account, run: Checkout) -> None:
    kept, broken = "retention_in_days=args.log_retention_days", "retention_in_days=30"
    run.replace("compute/function.py", kept, broken)
    stopped = deploy(run, code=1)
    assert stopped.results["compute"] == "failed"
    assert stopped.results["observability"] == "skipped"
    assert {error["rule"] for error in stopped.layer("compute")["errors"]} == {"log-retention"}
    assert "query-logs" in {error["name"] for error in stopped.layer("compute")["errors"]}
    assert "found 30 days of retention" in stopped.text
    assert [stopped.total(word) for word in ("created", "updated", "replaced", "deleted")] == [0, 0, 0, 0]
    groups = account.aws.client("logs").describe_log_groups(logGroupNamePrefix=LOG_GROUP)["logGroups"]
    assert [group["retentionInDays"] for group in groups] == [14]
    run.replace("compute/function.py", broken, kept)


def permit_undeclared(account: Account) -> None:
    """Give others permissions by hand: on a function, and to its role in both ways that IAM has."""
    statement = {"Effect": "Allow", "Action": "sqs:ListQueues", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    account.aws.client("lambda").add_permission(
        FunctionName=QUERY, StatementId="undeclared", Action="lambda:InvokeFunction", Principal="222233334444"
    )
    iam = account.aws.client("iam")
    iam.put_role_policy(RoleName="role-query-dev", PolicyName="undeclared", PolicyDocument=policy)
    managed = iam.create_policy(PolicyName="undeclared", PolicyDocument=policy)["Policy"]["Arn"]
    iam.attach_role_policy(RoleName="role-query-dev", PolicyArn=managed)


def test_what_was_changed_by_hand_is_found_classed_and_repaired(account: Account, run: Checkout) -> None:
    out_of_band.by_hand(account.aws.client, "dev")
    out_of_band.as_autoscaling(account.aws.client, "dev")
    permit_undeclared(account)
    answer = json.loads(run("scripts/estate", "drift", "dev", "--repair", "--yes", "--json").stdout)
    found = {(one["resource"], one["property"]): one for one in answer["drifted"]}
    assert {key: one["class"] for key, one in found.items()} == {
        **out_of_band.BY_HAND, **out_of_band.AS_AUTOSCALING, **dict.fromkeys(PERMITTED, "security")
    }  # fmt: skip
    memory, tag = found["ingest-function", "memorySize"], found["table-events", "tags.Owner"]
    assert (memory["expected"], memory["actual"]) == (512, 3008)
    assert (tag["expected"], tag["actual"]) == ("data-platform", None)
    assert (answer["repaired"], answer["left"]) == (True, [])
    assert deploy(run).results == dict.fromkeys(LAYER_NAMES, "unchanged")
    # What autoscaling has done since the rollout stays.
    assert out_of_band.capacities(account.aws.client, "dev") == out_of_band.SCALED


def test_what_an_interrupted_replacement_had_deleted_is_there_again(account: Account, run: Checkout) -> None:
    before, cloudwatch = set(alarms(account.aws)), account.aws.client("cloudwatch")
    composites = cloudwatch.describe_alarms(AlarmTypes=["CompositeAlarm"])["CompositeAlarms"]
    rules = " ".join(composite["AlarmRule"] for composite in composites)
    names = {composite["AlarmName"] for composite in composites}
    single = min(name for name in before - names if f'"{name}"' not in rules)
    (file,) = (account.folder.parent / "state").glob(".pulumi/stacks/*observability/dev.json")
    state = json.loads(file.read_text())
    (alarm,) = (one for one in state["checkpoint"]["latest"]["resources"] if one.get("id") == single)
    # As an engine leaves it that is stopped between the deletion and the creation, and the change is taken back.
    alarm["pendingReplacement"] = True
    file.write_text(json.dumps(state))
    cloudwatch.delete_alarms(AlarmNames=[single])
    assert deploy(run, "--skip-preview").layer("observability")["created"] == 1
    assert set(alarms(account.aws)) == before
    assert deploy(run).results == SAME


def test_status_reports_all_but_metrics_which_are_for_operators(both: tuple[Checkout, Checkout]) -> None:
    run = both[0]  # which is denied the metrics
    run("scripts/estate", "doctor", "dev")
    status = json.loads(run("scripts/estate", "status", "dev", "--json").stdout)
    assert breaches("status", status) == []
    assert (list(status["unknown"]), status["held_by"]) == (["metrics"], None)
    assert all(layer["deployed"] and layer["rolled_out"] for layer in status["layers"])
    assert status["alarms"]["total"] > len(status["alarms"]["missing"]) == 0
    assert all(queue["messages"] == 0 for queue in status["queues"])
    assert [one["status"] for one in status["provisioned_concurrency"]] == ["READY"]


def test_a_removed_function_with_dead_letters(account: Account, run: Checkout) -> None:
    send(account, "dlq-query-dev", 3)
    remove(run, "query")
    stopped = refused(account, run)
    assert "dlq-query-dev: 3 messages would be LOST" in stopped.text
    assert "code that still declares query" in stopped.whole["losses"][0]["note"]
    done = deploy(run, "--skip-preview", "--lose-data", "dlq-query-dev")
    assert (done.total("deleted") > 10, [layer["kept"] for layer in done.whole["layers"]]) == (True, [[]] * 4)
    assert done.text.count("taken away last") == 2  # of foundation and compute
    assert not any("-query-" in name for _, name in account.listed())
    assert deploy(run).results == SAME


def test_teardown_leaves_nothing(account: Account, run: Checkout) -> None:
    rolled_out = deploy(run).total("same")
    gone = destroy(run)
    assert gone.results == dict.fromkeys(reversed(LAYER_NAMES), "destroyed")
    assert gone.total("deleted") == rolled_out
    assert "environment dev: destroyed" in gone.text
    assert account.listed() == Counter()
    assert destroy(run).total("deleted") == 0


def test_a_deployer_is_denied_everything_else(account: Account, user: deployer.Deployer) -> None:
    deployer.create_others(account)
    attacks = deployer.attacks(account, user.keys)
    assert [name for name, attempt in attacks.items() if not deployer.is_denied(attempt)] == []
