"""The life of an environment in an account, its state in files: each test goes on where the one before left it.

All commands have the permissions that `estate permissions dev` prints, and no others; none is ever missing.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from foundation.layers import LAYER_NAMES
from tests.account import deployer
from tests.account.reports import deploy, destroy
from tests.integration import meddling
from tests.support.schema import breaches

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.account.account import Account, Checkout

QUERY = "lambda-query-dev"
LOG_GROUP = f"/aws/lambda/{QUERY}"
# Logical name and property of all that `permit_undeclared` changes.
PERMITTED = (
    ("query-function", 'permissions["undeclared"]'),
    ("query-role", 'inlinePolicies["undeclared"]'),
    ("query-role", "managedPolicyArns"),
)
pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def employed(account: Account) -> deployer.Deployer:
    return deployer.hired(account)


@pytest.fixture
def run(account: Account, employed: deployer.Deployer) -> Iterator[Checkout]:
    """The deployer's commands; a test fails if they needed a permission that the policy does not give."""
    mark = account.aws.denials_recorded()
    yield employed.run
    assert account.aws.denials(mark) == []


def test_what_fails_is_named_with_awss_error_and_how_to_go_on(account: Account, run: Checkout) -> None:
    logs = account.aws.client("logs")
    logs.create_log_group(logGroupName=LOG_GROUP)
    broken = deploy(run, code=1)
    assert broken.results == {
        "foundation": "deployed", "data": "deployed", "compute": "failed", "observability": "skipped"
    }  # fmt: skip
    (error,) = broken.layer("compute")["errors"]
    assert (error["name"], error["type"]) == ("query-logs", "aws:cloudwatch/logGroup:LogGroup")
    assert (error["code"], error["action"]) == ("ResourceAlreadyExistsException", "CreateLogGroup")
    assert broken.whole["continue"] == "scripts/deploy_all.sh dev"
    assert "query-logs: ResourceAlreadyExistsException" in broken.text
    assert "scripts/deploy_all.sh dev" in broken.text

    logs.delete_log_group(logGroupName=LOG_GROUP)
    fixed = deploy(run, "--skip-preview")
    assert fixed.results == {
        "foundation": "unchanged", "data": "unchanged", "compute": "deployed", "observability": "deployed"
    }  # fmt: skip
    assert broken.total("created") + fixed.total("created") > 100
    assert fixed.whole["continue"] is None
    assert set(account.listed().values()) == {1}


def test_a_second_rollout_changes_nothing(run: Checkout) -> None:
    again = deploy(run)
    assert again.results == dict.fromkeys(LAYER_NAMES, "unchanged")
    assert not any(layer["ran"] for layer in again.whole["layers"])
    assert again.total("same") > 100
    assert "environment dev: rolled out" in again.text


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
    meddling.by_hand(account.aws.client, "dev")
    meddling.as_autoscaling(account.aws.client, "dev")
    permit_undeclared(account)
    answer = json.loads(run("scripts/estate", "drift", "dev", "--repair", "--yes", "--json").stdout)
    found = {(one["resource"], one["property"]): one for one in answer["drifted"]}
    assert {key: one["class"] for key, one in found.items()} == {
        **meddling.BY_HAND, **meddling.AS_AUTOSCALING, **dict.fromkeys(PERMITTED, "security")
    }  # fmt: skip
    memory, tag = found["ingest-function", "memorySize"], found["table-events", "tags.Owner"]
    assert (memory["expected"], memory["actual"]) == (512, 3008)
    assert (tag["expected"], tag["actual"]) == ("data-platform", None)
    assert (answer["repaired"], answer["left"]) == (True, [])
    assert deploy(run).results == dict.fromkeys(LAYER_NAMES, "unchanged")
    # What autoscaling has done since the rollout stays.
    assert meddling.capacities(account.aws.client, "dev") == meddling.SCALED


def test_status_reports_all_but_metrics_which_are_for_operators(employed: deployer.Deployer) -> None:
    employed.run("scripts/estate", "doctor", "dev")
    status = json.loads(employed.run("scripts/estate", "status", "dev", "--json").stdout)
    assert breaches("status", status) == []
    assert list(status["unknown"]) == ["metrics"]
    assert all(layer["deployed"] and layer["rolled_out"] for layer in status["layers"])
    assert status["alarms"]["total"] > len(status["alarms"]["missing"]) == 0
    assert all(queue["messages"] == 0 for queue in status["queues"])
    assert [one["status"] for one in status["provisioned_concurrency"]] == ["READY"]


def test_teardown_leaves_nothing(account: Account, run: Checkout) -> None:
    rolled_out = deploy(run).total("same")
    gone = destroy(run)
    assert gone.results == dict.fromkeys(reversed(LAYER_NAMES), "destroyed")
    assert gone.total("deleted") == rolled_out
    assert "environment dev: destroyed" in gone.text
    assert account.listed() == Counter()
    assert destroy(run).total("deleted") == 0


def test_a_deployer_is_denied_everything_else(account: Account, employed: deployer.Deployer) -> None:
    deployer.make_others(account)
    attacks = deployer.attacks(account, employed.keys)
    assert [name for name, attempt in attacks.items() if not deployer.is_denied(attempt)] == []
