"""The changes that a year brings, made by two people with a clone each: nothing is lost unasked.

Each test but the last begins and ends with the environment as it is declared. ESTATE_CHANGES=all has the long ones run.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import time
from typing import TYPE_CHECKING, Any

import pytest

import summary
from estate_tool.rollout.lock import Holder
from foundation.layers import LAYER_NAMES
from tests.account import reports
from tests.account.reports import DEPLOY, Report
from tests.integration.commands import LONGEST_COMMAND
from tests.support import adding_a_function

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.account.account import Account, Checkout

CATALOG = "foundation/catalog.py"
TABLE, KEY = "table-aggregates-dev", {"series": {"S": "a"}}
ITEMS = 49
EXTRA = """\
        Table(name="extra", hash_key="id", read=Capacity(minimum=1, maximum=2), write=Capacity(minimum=1, maximum=2)),
    ),
    queues="""
DAY = 86_400
FUNCTIONS = 30
SAME = dict.fromkeys(LAYER_NAMES, "unchanged")
PREVIEW = ("scripts/estate", "deploy", "dev", "--preview", "--json")
pytestmark = pytest.mark.timeout(900)
long = pytest.mark.skipif(os.environ.get("ESTATE_CHANGES") != "all", reason="minutes; ESTATE_CHANGES=all has it run")


@pytest.fixture(scope="module")
def clones(account: Account) -> tuple[Checkout, Checkout]:
    """Clones of one commit, of two people on two machines."""
    first, second = account.checkout(), account.checkout(ESTATE_HOME=str(account.folder / "other-machine"))
    git(first, "init", "--quiet")
    git(first, "add", *LAYER_NAMES, "environments", "lambda_src", "scripts")
    git(first, "commit", "--quiet", "--message", "as it is declared")
    shutil.copytree(first.root / ".git", second.root / ".git")
    return first, second


@pytest.fixture(scope="module")
def first_rollout(clones: tuple[Checkout, Checkout]) -> list[Report]:
    """Rollouts of the new environment from both clones at once: the one that ended well, then the other."""
    return at_once(*((clone, "--skip-preview") for clone in clones))


@pytest.fixture(scope="module")
def run(clones: tuple[Checkout, Checkout], first_rollout: list[Report]) -> Checkout:
    """One person's clone; the environment has been rolled out."""
    assert first_rollout[0].total("created") > 100
    return clones[0]


@pytest.fixture(scope="module")
def other(clones: tuple[Checkout, Checkout], run: Checkout) -> Checkout:
    """Another person's clone, on another machine."""
    return clones[1]


def git(clone: Checkout, *arguments: str) -> str:
    person = ("-c", "user.name=somebody", "-c", "user.email=somebody@example.com", "-c", "commit.gpgsign=false")
    command = ["git", *person, *arguments]
    return subprocess.run(command, cwd=clone.root, check=True, capture_output=True, text=True).stdout.strip()


def at_once(*starts: tuple[Checkout, str]) -> list[Report]:
    """Roll out from several clones at the same time; what each came to, those that ended well first."""
    begun = [clone.start(DEPLOY, "dev", "--yes", "--json", flag) for clone, flag in starts]
    ended: list[tuple[int, Report]] = []
    for process in begun:
        out, err = process.communicate(timeout=LONGEST_COMMAND)
        assert "Traceback" not in err, err
        report = Report.of(subprocess.CompletedProcess(process.args, process.returncode, out, err))
        ended.append((process.returncode, summarised(report)))
    assert [code for code, _ in sorted(ended, key=lambda each: each[0])] == [0, 1], [one.text for _, one in ended]
    return [report for _, report in sorted(ended, key=lambda each: each[0])]


def summarised(report: Report) -> Report:
    """The same report, all of which stands in the summary that the workflow's step makes of it."""
    text = report.summary
    said = [report.whole.get("error")]
    for loss in report.whole["losses"]:
        said += [loss["name"], loss["text"], loss["note"]]
    for layer in report.whole["layers"]:
        said += [layer["error"], *layer["kept"]]
        counts = " | ".join(str(layer[count]) for count in summary.COUNTED)
        assert f"| {layer['layer']} | {layer['result']} | {counts} |" in text
    missing = [each for each in said if each and summary.plain(each) not in text]
    assert missing == [], text
    return report


def deploy(clone: Checkout, *flags: str, code: int = 0) -> Report:
    """Roll all layers out, with a report that the workflow's summary repeats."""
    return summarised(reports.deploy(clone, *flags, code=code))


@contextlib.contextmanager
def edited(run: Checkout, *files: str) -> Iterator[None]:
    """Take the edits of files back in the end."""
    before = {file: (run.root / file).read_text() for file in files}
    try:
        yield
    finally:
        for file, text in before.items():
            (run.root / file).write_text(text)


@contextlib.contextmanager
def added(run: Checkout) -> Iterator[None]:
    """Declare the function of docs/adding-a-function.md, and take it back in the end."""
    with edited(run, CATALOG, "compute/sizing.json"):
        adding_a_function.follow(run.root)
        try:
            yield
        finally:
            for folder in ("lambda_src", "tests/lambdas"):
                shutil.rmtree(run.root / folder / adding_a_function.NAME)


def losses(run: Checkout, *flags: str) -> dict[str, int | None]:
    """Losses that a preview reports, with their amounts."""
    report = summarised(Report.of(run(*PREVIEW, *flags)))
    return {loss["name"]: loss["held"]["count"] for loss in report.whole["losses"]}


def refused(account: Account, run: Checkout, *flags: str, code: str = "data_loss") -> Report:
    """A rollout that is refused, which has to leave AWS as it is."""
    before = account.listed()
    report = summarised(Report.of(run("scripts/estate", "deploy", "dev", "--yes", "--json", *flags, code=2)))
    assert account.listed() == before
    assert report.whole["code"] == code
    return report


def fill(account: Account, table: str, key: dict[str, Any], count: int) -> None:
    for number in range(count):
        item = {**key, "hour": {"S": str(number)}} if "series" in key else {"id": {"S": str(number)}}
        account.aws.client("dynamodb").put_item(TableName=table, Item=item)


def count(account: Account, table: str) -> int:
    return int(account.aws.client("dynamodb").scan(TableName=table, Select="COUNT", ConsistentRead=True)["Count"])


def send(account: Account, queue: str, messages: int) -> str:
    sqs = account.aws.client("sqs")
    url = str(sqs.get_queue_url(QueueName=queue)["QueueUrl"])
    for number in range(messages):
        sqs.send_message(QueueUrl=url, MessageBody=str(number))
    return url


def rename(run: Checkout, old: str, new: str) -> None:
    """Give a function another name in the catalog and its size."""
    run.replace(CATALOG, f'name="{old}"', f'name="{new}"')
    sizes = json.loads((run.root / "compute/sizing.json").read_text())
    sizes["functions"][new] = sizes["functions"].pop(old)
    (run.root / "compute/sizing.json").write_text(json.dumps(sizes))


def remove(run: Checkout, name: str) -> None:
    """Take a function out of the catalog, and its size."""
    text = (run.root / CATALOG).read_text()
    start = text.rindex("        Function(\n", 0, text.index(f'name="{name}"'))
    end = text.index("\n        ),\n", start) + len("\n        ),\n")
    run.replace(CATALOG, text[start:end], "")
    sizes = json.loads((run.root / "compute/sizing.json").read_text())
    del sizes["functions"][name]
    (run.root / "compute/sizing.json").write_text(json.dumps(sizes))


def test_of_two_rollouts_at_once_one_reports_who_has_the_environment(
    run: Checkout, other: Checkout, first_rollout: list[Report]
) -> None:
    done, stopped = first_rollout
    assert set(done.results.values()) == {"deployed"}
    assert set(stopped.results.values()) <= {"failed", "skipped"}
    assert any(words in stopped.text for words in ("is taken by", "the lease on dev was taken by"))
    assert "estate deploy, process" in stopped.text
    # Both have the whole of it now, and nothing is held.
    assert deploy(other).results == deploy(run).results == SAME
    assert json.loads(run("scripts/estate", "status", "dev", "--json").stdout)["held_by"] is None


def test_a_lease_of_a_machine_that_is_gone_is_broken_by_the_command_that_is_reported(run: Checkout) -> None:
    gone = Holder(
        number="1", home="gone", since="2026-01-31T05:00:00Z", process="7", who="ci@runner", doing="estate deploy"
    )
    place = ("--stack", "dev", "--cwd", str(run.root / "foundation"))
    run("scripts/estate", "pulumi", "stack", "tag", "set", "estate:lease", str(gone), *place)
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


@long
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


@long
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


@long
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


@long
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
        text = (run.root / CATALOG).read_text()
        start = text.rindex("        Function(\n")
        one = text[start : text.rindex("    ),\n)")]
        ungranted = one.replace('access=("get",)', 'access=("put",)')
        assert ungranted != one
        run.replace(CATALOG, one, ungranted + one.replace('name="lookup"', 'name="finder"'))
        sizes = json.loads((run.root / "compute/sizing.json").read_text())
        sizes["functions"]["finder"] = sizes["functions"]["lookup"]
        (run.root / "compute/sizing.json").write_text(json.dumps(sizes))
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


@long
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
    stopped = refused(account, other)
    assert git(run, "rev-parse", "HEAD")[:12] in stopped.whole["error"]
    assert "--older" in stopped.text
    assert reads() == 200
    git(other, "fetch", "--quiet", str(run.root), "HEAD")
    git(other, "merge", "--quiet", "--ff-only", "FETCH_HEAD")
    assert deploy(other).results == SAME
    git(run, "revert", "--no-edit", "HEAD")
    deploy(run)
    assert reads() == before
    # The one who reverted is ahead now; who insists takes it back.
    refused(account, other)
    deploy(other, "--older")
    assert reads() == 200
    git(other, "fetch", "--quiet", str(run.root), "HEAD")
    git(other, "merge", "--quiet", "--ff-only", "FETCH_HEAD")
    deploy(other)
    assert (reads(), deploy(run).results) == (before, SAME)


@long
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


@long
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


@long
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


@long
def test_functions_by_the_dozen_come_and_go(account: Account, run: Checkout) -> None:
    before = account.listed()
    with added(run):
        text = (run.root / CATALOG).read_text()
        start = text.rindex("        Function(\n")
        one, sizes = text[start : text.rindex("    ),\n)")], json.loads((run.root / "compute/sizing.json").read_text())
        more = [f"lookup-{number}" for number in range(FUNCTIONS - 1)]
        declared = "".join(one.replace('name="lookup"', f'name="{name}"') for name in more)
        run.replace(CATALOG, one, one + declared)
        sizes["functions"] |= dict.fromkeys(more, sizes["functions"]["lookup"])
        (run.root / "compute/sizing.json").write_text(json.dumps(sizes))
        assert losses(run) == {}
        deploy(run)
        functions = {name for kind, name in account.listed() if kind == "functions"}
        assert len(functions) == 3 + FUNCTIONS
    assert losses(run) == {}
    deploy(run)
    assert account.listed() == before
    assert deploy(run).results == SAME


def alarms(account: Account) -> set[str]:
    """The alarms there are in AWS."""
    cloudwatch = account.aws.client("cloudwatch")
    pages = cloudwatch.get_paginator("describe_alarms").paginate(AlarmTypes=["MetricAlarm", "CompositeAlarm"])
    return {alarm["AlarmName"] for page in pages for alarm in page["MetricAlarms"] + page["CompositeAlarms"]}


def stack(account: Account) -> Any:
    """The file of the state of layer observability."""
    (file,) = (account.folder.parent / "state").glob(".pulumi/stacks/*observability/dev.json")
    return file


@long
def test_alarms_under_other_names_and_back(account: Account, run: Checkout) -> None:
    before = alarms(account)
    with edited(run, "observability/alarm_set.py"):
        run.replace("observability/alarm_set.py", 'names.of("alarm",', 'names.of("alert",')
        assert deploy(run).total("replaced") == len(before)
        assert alarms(account) == {name.replace("alarm-", "alert-", 1) for name in before}
    assert deploy(run).total("replaced") == len(before)
    assert alarms(account) == before


def test_what_an_interrupted_replacement_had_deleted_is_there_again(account: Account, run: Checkout) -> None:
    before, cloudwatch = alarms(account), account.aws.client("cloudwatch")
    composites = cloudwatch.describe_alarms(AlarmTypes=["CompositeAlarm"])["CompositeAlarms"]
    rules = " ".join(composite["AlarmRule"] for composite in composites)
    names = {composite["AlarmName"] for composite in composites}
    single = min(name for name in before - names if f'"{name}"' not in rules)
    file = stack(account)
    state = json.loads(file.read_text())
    (alarm,) = (one for one in state["checkpoint"]["latest"]["resources"] if one.get("id") == single)
    # As an engine leaves it that is stopped between the deletion and the creation, and the change is taken back.
    alarm["pendingReplacement"] = True
    file.write_text(json.dumps(state))
    cloudwatch.delete_alarms(AlarmNames=[single])
    assert deploy(run, "--skip-preview").layer("observability")["created"] == 1
    assert alarms(account) == before
    assert deploy(run).results == SAME


def test_a_removed_function_with_dead_letters(account: Account, run: Checkout) -> None:
    """Remove query for good: the last test, as the environment stays without it."""
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
