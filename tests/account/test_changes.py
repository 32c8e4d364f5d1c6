"""The changes that a year brings, by two users with a clone each: nothing is lost unasked.

Each test begins and ends with the environment as it is declared. They take minutes: ESTATE_CHANGES=all has them run;
the short ones are in `test_life`.
"""

from __future__ import annotations

import json
import os
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.account import clones
from tests.account.clones import (
    CATALOG,
    PREVIEW,
    SAME,
    TABLE,
    added,
    copy_last,
    count,
    deploy,
    edited,
    fill,
    git,
    losses,
    refused,
    rename,
    send,
)
from tests.integration.alarming import alarms

if TYPE_CHECKING:
    from tests.account.account import Account, Checkout

ITEMS = 49
EXTRA = """\
        Table(name="extra", hash_key="id", read=Capacity(minimum=1, maximum=2), write=Capacity(minimum=1, maximum=2)),
    ),
    queues="""
DAY = 86_400
FUNCTIONS = 30
pytestmark = [
    pytest.mark.timeout(900),
    pytest.mark.skipif(os.environ.get("ESTATE_CHANGES") != "all", reason="minutes; ESTATE_CHANGES=all has it run"),
]


@pytest.fixture(scope="module")
def both(account: Account) -> tuple[Checkout, Checkout]:
    """Clones of one commit, from one of which the environment has been rolled out."""
    made = clones.pair(account, account.checkout)
    assert deploy(made[0], "--skip-preview").total("created") > 100
    return made


@pytest.fixture(scope="module")
def run(both: tuple[Checkout, Checkout]) -> Checkout:
    return both[0]


@pytest.fixture(scope="module")
def other(both: tuple[Checkout, Checkout]) -> Checkout:
    return both[1]


def test_a_removed_table_with_items_and_the_way_back(account: Account, run: Checkout) -> None:
    dynamodb, extra = account.aws.client("dynamodb"), "table-extra-dev"
    with edited(run, CATALOG):
        run.replace(CATALOG, "    ),\n    queues=", EXTRA)
        deploy(run)
        fill(account, extra, {}, ITEMS)
        backup = dynamodb.create_backup(TableName=extra, BackupName="before")["BackupDetails"]["BackupArn"]
    assert losses(run) == {extra: ITEMS}
    refused(account, run)
    assert count(account, extra) == ITEMS
    assert deploy(run, "--lose-data", extra).layer("data")["deleted"] == 5
    assert extra not in dynamodb.list_tables()["TableNames"]
    with edited(run, CATALOG):
        run.replace(CATALOG, "    ),\n    queues=", EXTRA)
        deploy(run)
        assert count(account, extra) == 0
        # As docs/data-loss.md has it.
        dynamodb.delete_table(TableName=extra)
        dynamodb.restore_table_from_backup(TargetTableName=extra, BackupArn=backup)
        dynamodb.get_waiter("table_exists").wait(TableName=extra)
        run("scripts/estate", "drift", "dev", "--repair", "--yes")
        assert count(account, extra) == ITEMS
        tags = dynamodb.list_tags_of_resource(ResourceArn=dynamodb.describe_table(TableName=extra)["Table"]["TableArn"])
        assert {"Key": "ManagedBy", "Value": "pulumi"} in tags["Tags"]
    deploy(run, "--lose-data", extra)
    assert deploy(run).results == SAME


def test_a_renamed_function_with_dead_letters(account: Account, run: Checkout) -> None:
    with added(run):
        deploy(run)
        url = send(account, "dlq-lookup-dev", 4)
        rename(run, "lookup", "finder")
        assert losses(run) == {"dlq-lookup-dev": 4}
        refused(account, run)
        sqs = account.aws.client("sqs")
        held = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=0)["Messages"]
        assert len(held) == 4
        sqs.purge_queue(QueueUrl=url)
        assert losses(run) == {}
        deploy(run)
        names = {name for kind, name in account.listed() if kind in ("functions", "queues", "roles")}
        assert {"lambda-finder-dev", "role-finder-dev"} <= names
        assert not any("lookup" in name for name in names)
    deploy(run)
    assert deploy(run).results == SAME


def test_a_failure_between_the_layers_leaves_the_old_function_at_work(account: Account, run: Checkout) -> None:
    logs, functions = account.aws.client("logs"), account.aws.client("lambda")
    group = "/aws/lambda/lambda-finder-dev"

    def looks_up() -> Any:
        event = json.dumps({"source": "s", "id": "1"})
        answer = functions.invoke(FunctionName="lambda-lookup-dev", Qualifier="live", Payload=event)
        return json.loads(answer["Payload"].read())

    with added(run):
        deploy(run)
        assert looks_up() == {"found": False}
        logs.create_log_group(logGroupName=group)
        rename(run, "lookup", "finder")
        failed = deploy(run, "--lose-data", "/aws/lambda/lambda-lookup-dev", code=1)
        assert failed.results["foundation"] == "deployed"
        assert failed.results["compute"] == "failed"
        assert failed.layer("foundation")["kept"] == ["lookup-policy", "lookup-role"]
        assert {("roles", "role-lookup-dev"), ("roles", "role-finder-dev")} <= set(account.listed())
        assert looks_up() == {"found": False}
        logs.delete_log_group(logGroupName=group)
        deploy(run, "--lose-data", "/aws/lambda/lambda-lookup-dev")
        assert not any("lookup" in name for _, name in account.listed())
    deploy(run)
    assert deploy(run).results == SAME


def test_a_grant_that_goes_stays_until_the_function_has_moved(account: Account, run: Checkout) -> None:
    logs, iam = account.aws.client("logs"), account.aws.client("iam")
    group = "/aws/lambda/lambda-finder-dev"

    def granted() -> set[str]:
        document = iam.get_role_policy(RoleName="role-lookup-dev", PolicyName="policy-lookup-dev")["PolicyDocument"]
        return {action for statement in document["Statement"] for action in statement["Action"]}

    with added(run):
        deploy(run)
        assert "dynamodb:GetItem" in granted()
        logs.create_log_group(logGroupName=group)
        copy_last(run, "finder", changed=('access=("get",)', 'access=("put",)'))
        failed = deploy(run, code=1)
        assert (failed.results["foundation"], failed.results["compute"]) == ("deployed", "failed")
        assert failed.layer("foundation")["kept"] == ["lookup-policy"]
        assert {"dynamodb:GetItem", "dynamodb:PutItem"} <= granted()
        logs.delete_log_group(logGroupName=group)
        done = deploy(run)
        assert done.layer("foundation")["kept"] == []
        assert "dynamodb:PutItem" in granted()
        assert "dynamodb:GetItem" not in granted()
        assert deploy(run).results == SAME
    deploy(run)
    assert deploy(run).results == SAME


def test_an_older_clone_takes_nothing_back(account: Account, run: Checkout, other: Checkout) -> None:
    def reads() -> int:
        (target,) = account.aws.client("application-autoscaling").describe_scalable_targets(
            ServiceNamespace="dynamodb", ResourceIds=[f"table/{TABLE}"],
            ScalableDimension="dynamodb:table:ReadCapacityUnits",
        )["ScalableTargets"]  # fmt: skip
        return int(target["MaxCapacity"])

    before, file = reads(), CATALOG
    run.replace(file, "read=Capacity(minimum=1, maximum=100)", "read=Capacity(minimum=1, maximum=200)")
    git(run, "commit", "--quiet", "--message", "more reads", file)
    deploy(run)
    stopped = refused(account, other, code="usage")
    assert git(run, "rev-parse", "HEAD")[:12] in stopped.whole["error"]
    assert "--older" in stopped.text
    assert reads() == 200
    git(other, "fetch", "--quiet", str(run.root), "HEAD")
    git(other, "merge", "--quiet", "--ff-only", "FETCH_HEAD")
    assert deploy(other).results == SAME
    git(run, "revert", "--no-edit", "HEAD")
    deploy(run)
    assert reads() == before
    # The revert is ahead now; --older takes it back.
    refused(account, other, code="usage")
    deploy(other, "--older")
    assert reads() == 200
    git(other, "fetch", "--quiet", str(run.root), "HEAD")
    git(other, "merge", "--quiet", "--ff-only", "FETCH_HEAD")
    deploy(other)
    assert (reads(), deploy(run).results) == (before, SAME)


def test_a_shorter_retention(account: Account, run: Checkout) -> None:
    logs, group = account.aws.client("logs"), "/aws/lambda/lambda-query-dev"
    logs.create_log_stream(logGroupName=group, logStreamName="old")
    event = {"timestamp": int((time.time() - 10 * DAY) * 1000), "message": "x" * 100}
    logs.put_log_events(logGroupName=group, logStreamName="old", logEvents=[event])
    with edited(run, "environments/Pulumi.dev.yaml"):
        run.configure(compute__logRetentionDays=7)
        assert list(losses(run)) == [group]
        assert refused(account, run).whole["losses"][0]["held"]["bound"] == "up to"
        logs.delete_log_stream(logGroupName=group, logStreamName="old")
        assert losses(run) == {}
        assert deploy(run).total("updated") >= 3
        groups = logs.describe_log_groups(logGroupNamePrefix="/aws/lambda/")["logGroups"]
        assert {one["retentionInDays"] for one in groups} == {7}
    deploy(run)
    assert deploy(run).results == SAME


def test_a_repair_of_drift_loses_nothing_unasked(account: Account, run: Checkout) -> None:
    logs, group = account.aws.client("logs"), "/aws/lambda/lambda-query-dev"
    logs.put_retention_policy(logGroupName=group, retentionInDays=30)
    logs.create_log_stream(logGroupName=group, logStreamName="older")
    event = {"timestamp": int((time.time() - 14.5 * DAY) * 1000), "message": "x" * 100}
    logs.put_log_events(logGroupName=group, logStreamName="older", logEvents=[event])
    repair = ("scripts/estate", "drift", "dev", "--layer", "compute", "--repair", "--yes", "--json")
    stopped = json.loads(run(*repair, code=2).stdout)
    assert (stopped["repaired"], [loss["name"] for loss in stopped["losses"]]) == (False, [group])
    (kept,) = logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]
    assert kept["retentionInDays"] == 30
    # What differs is still found.
    again = json.loads(run("scripts/estate", "drift", "dev", "--layer", "compute", "--json", code=1).stdout)
    assert [one["property"] for one in again["drifted"]] == ["retentionInDays"]
    assert json.loads(run(*repair, "--lose-data", group).stdout)["repaired"] is True
    (kept,) = logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]
    assert kept["retentionInDays"] == 14
    logs.delete_log_stream(logGroupName=group, logStreamName="older")


def test_other_tags_and_capacities(account: Account, run: Checkout) -> None:
    before, items = account.listed(), count(account, TABLE)
    with edited(run, "environments/Pulumi.dev.yaml", CATALOG):
        run.configure(foundation__owner="somebody-else")
        run.replace(CATALOG, "read=Capacity(minimum=1, maximum=100)", "read=Capacity(minimum=2, maximum=200)")
        planned = run(*PREVIEW)
        assert json.loads(planned.stdout)["losses"] == []
        lines = [line.strip() for line in planned.stderr.splitlines() if line.endswith("  (tags)")]
        assert [line.startswith("~ update ") for line in lines] == [True] * 4
        changed = deploy(run)
        assert (changed.total("replaced"), changed.total("deleted")) == (0, 0)
        (target,) = account.aws.client("application-autoscaling").describe_scalable_targets(
            ServiceNamespace="dynamodb", ResourceIds=[f"table/{TABLE}"],
            ScalableDimension="dynamodb:table:ReadCapacityUnits",
        )["ScalableTargets"]  # fmt: skip
        assert (target["MinCapacity"], target["MaxCapacity"]) == (2, 200)
    deploy(run)
    assert (account.listed(), count(account, TABLE)) == (before, items)


def test_functions_by_the_dozen_come_and_go(account: Account, run: Checkout) -> None:
    before = account.listed()
    with added(run):
        copy_last(run, *(f"lookup-{number}" for number in range(FUNCTIONS - 1)))
        assert losses(run) == {}
        deploy(run)
        functions = {name for kind, name in account.listed() if kind == "functions"}
        assert len(functions) == 3 + FUNCTIONS
    assert losses(run) == {}
    deploy(run)
    assert account.listed() == before
    assert deploy(run).results == SAME


def test_alarms_under_other_names_and_back(account: Account, run: Checkout) -> None:
    before = set(alarms(account.aws))
    with edited(run, "observability/alarm_set.py"):
        run.replace("observability/alarm_set.py", 'names.of("alarm",', 'names.of("alert",')
        assert deploy(run).total("replaced") == len(before)
        assert set(alarms(account.aws)) == {name.replace("alarm-", "alert-", 1) for name in before}
    assert deploy(run).total("replaced") == len(before)
    assert set(alarms(account.aws)) == before
