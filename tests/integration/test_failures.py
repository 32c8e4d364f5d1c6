"""Failures: poison on each path notifies of the right alarms, is explained, and comes back exactly once when fixed.

ESTATE_REDRIVE_KILLS is the number of times that `redrive` is killed half-way (3).
"""

from __future__ import annotations

import json
import os
import random
import re
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.alarming import alarms, notified, numbers, subscriber, watching
from tests.integration.cloud import unique
from tests.integration.commands import Commands
from tests.integration.conftest import running
from tests.integration.failing import (
    Broken,
    batches,
    bodies,
    counted,
    depth,
    disable_retries,
    event,
    events,
    exactly,
    fail_after_one_second,
    lost_records,
    purge,
    queue_of,
    ready,
    record,
    redrive,
    send,
    soon,
    stream_mapping,
    url,
)
from tests.support.waiting import expect_soon

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.integration.conftest import EmbeddedAws

KILLS = int(os.environ.get("ESTATE_REDRIVE_KILLS", "3"))
pytestmark = pytest.mark.timeout(600 + 30 * KILLS)


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedAws]:
    """An embedded AWS in which alarms take a second for a minute."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ESTATE_ALARM_PERIOD_SECONDS", "1")
        with running(tmp_path_factory.mktemp("failures")) as one:
            yield one


@pytest.fixture(scope="module")
def estate(aws: EmbeddedAws) -> Commands:
    """The commands, with the whole estate rolled out."""
    run = Commands.on(aws)
    run("scripts/deploy_all.sh", "--skip-preview")
    disable_retries(aws)
    return run


class Notifications:
    """Notifications of the deployed alarms."""

    LOST, LATE = "alarm-estate-events-lost-local", "alarm-estate-events-late-local"

    def __init__(self, aws: EmbeddedAws) -> None:
        self._aws, self.deployed = aws, alarms(aws)
        topics = sorted({topic for one in self.deployed.values() for topic in one["AlarmActions"]})
        self._queue = subscriber(aws, *topics)
        self._seen: set[tuple[str, str]] = set()

    def received(self, state: str) -> set[str]:
        """Return the alarms that notified of this state since the last `clear`."""
        self._seen |= notified(self._aws, self._queue)
        return {name for name, new in self._seen if new == state}

    def clear(self) -> None:
        """Forget the notifications so far, whatever state the alarms are in."""
        notified(self._aws, self._queue)
        self._seen.clear()

    def reset(self) -> None:
        """Forget the notifications so far, once all alarms are OK."""
        soon(self.all_ok, "all alarms are OK")
        self.clear()

    def all_ok(self) -> bool:
        """True if every alarm is OK."""
        return {one["StateValue"] for one in alarms(self._aws).values()} == {"OK"}

    def expect(self, queues: set[str], *, pages: set[str], failing: set[str]) -> None:
        """A ticket of the loss while these queues hold it, a page of each loss; else only of functions that failed."""
        wanted = {self.LOST, *(f"alarm-dlq-{name}-arrivals-local" for name in pages)}
        soon(lambda: wanted <= self.received("ALARM"), f"notifications of {sorted(wanted)}")
        on = {name for name, one in alarms(self._aws).items() if one["StateValue"] == "ALARM"}
        assert {self.LOST, *(f"alarm-dlq-{name}-depth-local" for name in queues)} <= on
        errors = set().union(*(watching(self.deployed, "Errors", f"lambda-{name}-local") for name in failing))
        allowed = wanted | errors | ({self.LATE} if failing else set())
        assert self.received("ALARM") <= allowed, "alarms that have nothing to do with it"

    def expect_recovery(self) -> None:
        """All alarms are over; those that notify of their end have done so."""
        soon(self.all_ok, "all alarms are OK again")
        telling = {name for name, one in self.deployed.items() if one["OKActions"]}
        soon(lambda: self.received("ALARM") & telling <= self.received("OK"), "notifications of the recovery")


@pytest.fixture(scope="module")
def notifications(aws: EmbeddedAws, estate: Commands) -> Notifications:
    """Notifications of the alarms, which are deployed before it."""
    del estate
    return Notifications(aws)


def call(aws: EmbeddedAws, function: str, payload: dict[str, Any]) -> None:
    """Call a function and do not wait for it."""
    name, body = f"lambda-{function}-local", json.dumps(payload).encode()
    aws.client("lambda").invoke(FunctionName=name, Qualifier="live", InvocationType="Event", Payload=body)


def test_poison_of_each_path_sets_off_its_alarms_and_comes_back_once(
    aws: EmbeddedAws, estate: Commands, notifications: Notifications
) -> None:
    notifications.reset()
    with Broken(aws, "aggregate", "query"):
        send(aws, events("streamed", 7))
        call(aws, "aggregate", {"Records": [record(line) for line in events("called", 3)]})
        call(aws, "query", {"type": "called"})
        soon(lambda: lost_records(aws) == 7, "the failed batches")
        soon(lambda: len(bodies(aws)) > len(batches(aws)), "the failed invocation")
        with Broken(aws, "ingest"), fail_after_one_second(aws):
            send(aws, events("queued", 12))
            soon(lambda: depth(aws, "dlq-ingest-local") == 12, "the failed messages")
        every = {"ingest", "aggregate", "query"}
        notifications.expect(every, pages=every, failing=every)
        listed = redrive(estate, "--dry-run")
        # Not fixed yet: it fails again, is counted, and is back.
        again = redrive(estate, "aggregate", code=1)
    ingest, aggregate = queue_of(listed, "ingest"), queue_of(listed, "aggregate")
    assert (ingest["messages"], ingest["quarantined"], ingest["replayed"], ingest["left"]) == (12, 0, 0, 12)
    assert {(reason["messages"], reason["kind"], reason["function"]) for reason in ingest["reasons"]} == {
        (12, "message", "ingest")
    }
    assert "AccessDenied" in ingest["reasons"][0]["error"]
    assert {reason["kind"] for reason in aggregate["reasons"]} == {"stream", "async"}
    stream = next(reason for reason in aggregate["reasons"] if reason["kind"] == "stream")
    assert "AccessDenied" in stream["error"]
    assert stream["attempts"] == 1
    assert [reason["kind"] for reason in queue_of(listed, "query")["reasons"]] == ["async"]
    failed = queue_of(again, "aggregate")
    assert (failed["failed"], failed["replayed"]) == (aggregate["messages"], 0)
    assert {reason["replays"] for reason in queue_of(redrive(estate, "--dry-run"), "aggregate")["reasons"]} == {1}

    done = redrive(estate)
    assert {(queue["queue"], queue["replayed"], queue["failed"], queue["left"]) for queue in done["queues"]} == {
        ("dlq-ingest-local", 12, 0, 0),
        ("dlq-aggregate-local", aggregate["messages"], 0, 0),
        ("dlq-query-local", 1, 0, 0),
    }  # fmt: skip
    for kind, count in (("queued", 12), ("streamed", 7), ("called", 3)):
        soon(lambda kind=kind, count=count: counted(aws, kind) == exactly(count), f"{kind}, each once")
    notifications.expect_recovery()


def test_what_can_never_be_valid_stays_when_the_others_go(
    aws: EmbeddedAws, estate: Commands, notifications: Notifications
) -> None:
    notifications.reset()
    send(aws, ["no event"])
    soon(lambda: depth(aws, "dlq-ingest-local") == 1, "the bad message")
    notifications.expect({"ingest"}, pages=set(), failing=set())
    send(aws, events("valid", 3), "dlq-ingest-local")
    done = queue_of(redrive(estate), "ingest")
    # A move task would have taken it along.
    assert (done["replayed"], done["quarantined"], done["left"]) == (3, 1, 1)
    assert any("not JSON" in reason["error"] and reason["quarantined"] for reason in done["reasons"])
    soon(lambda: counted(aws, "valid") == exactly(3), "the others, each once")
    assert depth(aws, "dlq-ingest-local") == 1
    purge(aws, "dlq-ingest-local")
    notifications.expect_recovery()


def test_every_loss_pages_and_looking_at_what_waits_changes_no_alarm(
    aws: EmbeddedAws, estate: Commands, notifications: Notifications
) -> None:
    notifications.reset()
    page = "alarm-dlq-query-arrivals-local"
    for lost in (1, 2):
        call(aws, "query", {"no": "question"})
        soon(lambda lost=lost: depth(aws, "dlq-query-local") == lost, "the failed call")
        soon(lambda: page in notifications.received("ALARM"), f"the page of loss {lost}")
        assert notifications.received("ALARM") - {page} <= {"alarm-query-errors-local", notifications.LOST}
        soon(lambda: alarms(aws)[page]["StateValue"] == "OK", "the alarm is ready for the next loss")
        before = {name: one["StateUpdatedTimestamp"] for name, one in alarms(aws).items()}
        assert queue_of(redrive(estate, "--dry-run"), "query")["messages"] == lost
        looked = len(evaluations(aws))
        soon(lambda looked=looked: len(evaluations(aws)) > looked + 3, "minutes in which the look is seen")
        quiet = {name for name, one in alarms(aws).items() if one["StateUpdatedTimestamp"] == before[name]}
        # Rates of errors look at long periods and at no queue: an earlier test's may still end.
        rates = {f"alarm-{function}-error-rate-local" for function in ("ingest", "aggregate")}
        assert alarms(aws).keys() - quiet - rates <= {"alarm-query-errors-local"}
        notifications.clear()
    purge(aws, "dlq-query-local")
    notifications.expect_recovery()


def evaluations(aws: EmbeddedAws) -> list[datetime]:
    """The minutes in which the metrics of a queue were published: as often were the alarms evaluated."""
    end = datetime.now(UTC)
    found = aws.client("cloudwatch").get_metric_statistics(
        Namespace="AWS/SQS", MetricName="ApproximateNumberOfMessagesVisible", Period=1, Statistics=["Sum"],
        Dimensions=[{"Name": "QueueName", "Value": "dlq-query-local"}],
        StartTime=end - timedelta(minutes=20), EndTime=end,
    )  # fmt: skip
    return [point["Timestamp"] for point in found["Datapoints"]]


def test_a_record_that_can_never_be_counted_holds_up_no_other_and_reports_why_every_time(
    aws: EmbeddedAws, estate: Commands
) -> None:
    item = {"event_key": {"S": "written by hand"}, "event": {"S": "no event"}}
    aws.client("dynamodb").put_item(TableName="table-events-local", Item=item)
    send(aws, events("behind", 9))
    soon(lambda: depth(aws, "dlq-aggregate-local") == 1, "the record that can't be counted")
    soon(lambda: counted(aws, "behind") == exactly(9), "those behind it, each once")
    for replays in (1, 2):
        failed = queue_of(redrive(estate, "aggregate", code=1), "aggregate")
        assert (failed["replayed"], failed["failed"], failed["left"]) == (0, 1, 1)
        (reason,) = queue_of(redrive(estate, "--dry-run"), "aggregate")["reasons"]
        assert "unreadable record" in reason["error"]
        assert reason["replays"] == replays
    purge(aws, "dlq-aggregate-local")
    aws.client("dynamodb").delete_item(TableName="table-events-local", Key={"event_key": item["event_key"]})


def test_a_queue_without_poison_is_moved_by_sqs(aws: EmbeddedAws, estate: Commands) -> None:
    send(aws, events("moved", 30), "dlq-ingest-local")
    started = time.monotonic()
    queue = queue_of(redrive(estate, "dlq-ingest-local", "local", "--rate", "20"), "ingest")
    assert (queue["messages"], queue["replayed"], queue["left"]) == (30, 30, 0)
    assert "move task" in queue["way"]
    assert time.monotonic() - started > 1
    tasks = aws.client("sqs").list_message_move_tasks(SourceArn="arn:aws:sqs:us-east-1:123456789012:dlq-ingest-local")
    assert [(task["Status"], task["MaxNumberOfMessagesPerSecond"]) for task in tasks["Results"]] == [("COMPLETED", 20)]
    soon(lambda: counted(aws, "moved") == exactly(30), "each once")


def test_what_fails_again_and_again_is_left_alone_until_it_is_asked_for(aws: EmbeddedAws, estate: Commands) -> None:
    with Broken(aws, "aggregate"):
        send(aws, events("stubborn", 4))
        soon(lambda: lost_records(aws) == 4, "the failed batches")
        failed = queue_of(redrive(estate, "aggregate", "--attempts", "1", code=1), "aggregate")
        assert failed["quarantined"] == failed["failed"] == failed["messages"]
    held = queue_of(redrive(estate, "aggregate", "--attempts", "1"), "aggregate")
    assert (held["quarantined"], held["replayed"], held["left"]) == (failed["failed"], 0, failed["failed"])
    assert held["reasons"][0]["quarantined"]
    released = queue_of(redrive(estate, "aggregate", "--attempts", "1", "--quarantined"), "aggregate")
    assert (released["replayed"], released["left"]) == (failed["failed"], 0)
    assert counted(aws, "stubborn") == exactly(4)


def test_batches_that_the_stream_forgot_come_from_the_table(aws: EmbeddedAws, estate: Commands) -> None:
    sqs, queue = aws.client("sqs"), url(aws, "dlq-aggregate-local")
    with Broken(aws, "aggregate"):
        send(aws, events("forgotten", 5))
        soon(lambda: lost_records(aws) == 5, "the failed batches")
    while messages := sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages"):
        for message in messages:
            body = json.loads(message["Body"])
            # As if the stream had been replaced, which is what its age would come to.
            body["DDBStreamBatchInfo"]["streamArn"] += "gone"
            sqs.send_message(QueueUrl=queue, MessageBody=json.dumps(body))
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
        if all("gone" in message["Body"] for message in messages):
            break
    done = queue_of(redrive(estate, "aggregate"), "aggregate")
    assert (done["failed"], done["left"]) == (0, 0)
    assert counted(aws, "forgotten") == exactly(5)


def test_events_that_were_stored_but_never_aggregated_page_and_are_brought_in_once(
    aws: EmbeddedAws, estate: Commands, notifications: Notifications
) -> None:
    notifications.clear()
    mapping = stream_mapping(aws)
    functions = aws.client("lambda")
    # The mapping reads from its end on when it is made anew: what was stored meanwhile never reaches it.
    functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
    send(aws, events("unseen", 40))
    scan = aws.client("dynamodb").get_paginator("scan")
    pages = {"TableName": "table-events-local", "Select": "COUNT", "FilterExpression": "contains(event, :type)"}

    def stored() -> int:
        found = scan.paginate(**pages, ExpressionAttributeValues={":type": {"S": "urn:unseen"}})
        return sum(page["Count"] for page in found)

    soon(lambda: stored() == 40, "all are stored")
    soon(lambda: notifications.LATE in notifications.received("ALARM"), "the page of a disabled mapping")
    assert alarms(aws)["alarm-aggregate-stalled-local"]["StateValue"] == "ALARM"
    seen = redrive(estate, "--missing", "--dry-run")["missing"]
    assert (seen["missing"], seen["brought_in"]) == (40, 0)
    assert counted(aws, "unseen")[0] == 0
    done = redrive(estate, "--missing", "--rate", "100")["missing"]
    assert (done["missing"], done["brought_in"], done["failed"]) == (40, 40, 0)
    assert counted(aws, "unseen") == exactly(40)
    assert redrive(estate, "--missing")["missing"]["missing"] == 0
    # And the stream still has them all: they are not counted again.
    functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=True)
    send(aws, [event("after", 0)])
    soon(lambda: counted(aws, "after")[0] == 1, "the stream is read again")
    assert counted(aws, "unseen") == exactly(40)


def fail_all(aws: EmbeddedAws, count: int) -> None:
    """So many failures of each path."""
    with Broken(aws, "aggregate"):
        send(aws, events("killed", count))
        for line in events("called-and-killed", count):
            call(aws, "aggregate", {"Records": [record(line)]})
        soon(lambda: depth(aws, "dlq-aggregate-local") >= count + count // 5, "all have failed")
    send(aws, events("moved-and-killed", count), "dlq-ingest-local")


def redrives() -> Iterator[tuple[str, list[str], bool]]:
    """The queue, the arguments and whether a move task is at work, for each time it is to be killed."""
    moved = max(1, KILLS // 5)
    for number in range(KILLS - moved):
        filtered = ("dlq-ingest-local", ["ingest", "--type", "moved-and-killed", "--rate", "15"], False)
        yield filtered if number % 2 else ("dlq-aggregate-local", ["aggregate", "--rate", "15"], False)
    yield from [("dlq-ingest-local", ["ingest", "--rate", "6"], True)] * moved


def moves(aws: EmbeddedAws) -> bool:
    """True if SQS is moving dead letters now."""
    arn = "arn:aws:sqs:us-east-1:123456789012:dlq-ingest-local"
    tasks = aws.client("sqs").list_message_move_tasks(SourceArn=arn)["Results"]
    return any(task["Status"] == "RUNNING" for task in tasks)


def test_killed_half_way_it_loses_no_message_and_counts_none_twice(aws: EmbeddedAws, estate: Commands) -> None:
    both, count = ("dlq-aggregate-local", "dlq-ingest-local"), 8 * (KILLS + 2)
    fail_all(aws, count)
    chance = random.Random(int(os.environ.get("ESTATE_SEED") or 8))
    for queue, arguments, task in redrives():
        soon(lambda queue=queue: ready(aws, queue) > 10, "enough of what a killed one had in its hands is back")
        # When it has done some work.
        goal = depth(aws, queue) - 1 - chance.randrange(5)
        process = estate.start("scripts/estate", "redrive", *arguments)

        def at_work(process: Any = process, queue: str = queue, goal: int = goal, task: bool = task) -> bool:
            return process.poll() is not None or (depth(aws, queue) <= goal and (not task or moves(aws)))

        expect_soon(at_work, "it is at work", 60)
        time.sleep(chance.uniform(0, 0.2))
        ended = process.poll()
        process.kill()
        process.communicate()
        assert ended is None, f"{arguments} had ended with {ended} before it could be killed"
    print(f"killed {KILLS} times; left: {depth(aws, both[0])} and {depth(aws, both[1])}")
    assert depth(aws, both[0]) + depth(aws, both[1]) > 0
    soon(
        lambda: sum(ready(aws, queue) - depth(aws, queue) for queue in both) == 0,
        "what a killed one had in its hands comes back",
    )
    redrive(estate)
    assert depth(aws, both[0]) == 0
    soon(lambda: depth(aws, both[1]) == 0, "the dead letters are moved")
    for kind in ("killed", "called-and-killed", "moved-and-killed"):
        soon(lambda kind=kind: counted(aws, kind) == exactly(count), f"{kind}, each once")


def in_alarm(aws: EmbeddedAws) -> dict[str, str]:
    """Return the reason of each alarm in ALARM: a share of failures holds one for 60 minutes after the last of them."""
    return {name: one["StateReason"] for name, one in alarms(aws).items() if one["StateValue"] == "ALARM"}


def test_a_fire_drill_hears_every_alarm_and_leaves_nothing(aws: EmbeddedAws, estate: Commands) -> None:
    def left() -> tuple[Any, Any]:
        return aws.client("sqs").list_queues()["QueueUrls"], aws.client("sns").list_subscriptions()["Subscriptions"]

    before, going_on = left(), in_alarm(aws)
    answer = json.loads(estate("scripts/estate", "fire-drill", "--json").stdout)
    telling = {name for name, one in alarms(aws).items() if one["AlarmActions"]}
    assert {one["alarm"] for one in answer["alarms"] if one["delivered"]} == telling
    assert {one["alarm"] for one in answer["without_actions"]} == alarms(aws).keys() - telling
    assert left() == before
    expect_soon(
        lambda: not {name for name, why in in_alarm(aws).items() if "fire drill" in why} - going_on.keys(),
        "no alarm is in ALARM because of the drill",
    )


def test_the_dashboards_page_shows_the_numbers_of_the_api(aws: EmbeddedAws, estate: Commands, tmp_path: Path) -> None:
    file = tmp_path / "dashboard.html"
    dashboard = aws.client("cloudwatch").get_dashboard(DashboardName="dashboard-estate-local")["DashboardBody"]
    widgets = [one for one in json.loads(dashboard)["widgets"] if one["type"] == "metric"]

    def alike() -> list[Any]:
        """Return the page's result, its numbers and the API's; nothing if they differ."""
        report = json.loads(estate("scripts/estate", "dashboard", "--html", str(file), "--json").stdout)
        start, end = datetime.fromisoformat(report["start"]), datetime.fromisoformat(report["end"])
        plots = [one["series"] for one in report["widgets"] if one["type"] == "metric"]
        shown = [{one["label"]: dict(zip(one["times"], one["values"], strict=True)) for one in plot} for plot in plots]
        wanted = [numbers(aws, one["properties"], start, end) for one in widgets]
        return [shown, wanted, report] if shown == wanted else []

    # Numbers of the minute that is going on may move between the two.
    shown, wanted, report = expect_soon(alike, "the result has the API's numbers")
    assert report["plots"] == len(widgets)
    assert sum(bool(points) for plot in wanted for points in plot.values()) > len(widgets)
    listed = [one["name"] for widget in report["widgets"] for one in widget.get("alarms", [])]
    assert set(listed) == alarms(aws).keys()
    page = file.read_text()
    assert all(name in page for name in listed)
    drawn = [float(value) for value in re.findall(r'<data value="([^"]+)">', page)]
    points = [list(line.values()) for plot in shown for line in plot.values() if line]
    assert drawn == [number for line in points for number in (line[-1], max(line))]


def test_metrics_of_logs_reach_alarms_on_percentiles_and_math_and_those_above(aws: EmbeddedAws) -> None:
    cloudwatch, logs, name = aws.client("cloudwatch"), aws.client("logs"), unique("memory")
    logs.create_log_group(logGroupName=name)
    logs.create_log_stream(logGroupName=name, logStreamName="one")
    transformation = {
        "metricName": name,
        "metricNamespace": "Estate",
        "metricValue": "$.record.mb",
        "unit": "Megabytes",
    }
    logs.put_metric_filter(
        logGroupName=name, filterName=name, filterPattern='{ $.type = "platform.report" && $.record.mb > 0 }',
        metricTransformations=[transformation],
    )  # fmt: skip
    metric = {"Namespace": "Estate", "MetricName": name}
    common = {"EvaluationPeriods": 1, "ComparisonOperator": "GreaterThanThreshold", "TreatMissingData": "notBreaching"}
    cloudwatch.put_metric_alarm(
        AlarmName=f"{name}-p50", Period=60, ExtendedStatistic="p50", Threshold=60, Unit="Megabytes", **metric, **common
    )
    stat = {"Id": "m1", "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Maximum"}, "ReturnData": False}
    share = {"Id": "share", "Expression": "100 * FILL(m1, 0) / 128", "ReturnData": True}
    cloudwatch.put_metric_alarm(AlarmName=f"{name}-share", Metrics=[share, stat], Threshold=75, **common)
    rule = f'ALARM("{name}-share") AND NOT ALARM("{name}-p50")'
    cloudwatch.put_composite_alarm(AlarmName=f"{name}-both", AlarmRule=rule)
    lines = [{"type": "platform.report", "record": {"mb": mb}} for mb in (50, 52, 100)] + [{"type": "platform.start"}]
    now = int(time.time() * 1000)
    events = [{"timestamp": now, "message": json.dumps(line)} for line in lines]
    logs.put_log_events(logGroupName=name, logStreamName="one", logEvents=events)

    def states() -> dict[str, str]:
        return {key: one["StateValue"] for key, one in alarms(aws).items() if key.startswith(name)}

    wanted = {f"{name}-p50": "OK", f"{name}-share": "ALARM", f"{name}-both": "ALARM"}
    expect_soon(lambda: states() == wanted, "the maximum is too large, half of it is not")
    kept = alarms(aws)[f"{name}-share"]
    assert (kept["Metrics"], "MetricName" in kept, "Statistic" in kept) == ([share, stat], False, False)
    assert alarms(aws)[f"{name}-p50"]["ExtendedStatistic"] == "p50"
    end = datetime.now(UTC)
    found = cloudwatch.get_metric_data(
        MetricDataQueries=[share, stat], StartTime=end - timedelta(minutes=3), EndTime=end + timedelta(minutes=1)
    )
    (result,) = found["MetricDataResults"]
    assert (result["Id"], max(result["Values"])) == ("share", 78.125)
    assert result["Timestamps"] == sorted(result["Timestamps"], reverse=True)


def test_an_expression_that_is_not_known_is_no_alarm_but_reports_why(aws: EmbeddedAws) -> None:
    cloudwatch, name = aws.client("cloudwatch"), unique("alarm")
    stat = {"Metric": {"Namespace": "N", "MetricName": "M"}, "Period": 60, "Stat": "Sum"}
    cloudwatch.put_metric_alarm(
        AlarmName=name, EvaluationPeriods=1, Threshold=1, ComparisonOperator="GreaterThanThreshold",
        Metrics=[{"Id": "m1", "MetricStat": stat, "ReturnData": False}, {"Id": "e1", "Expression": "LOG10(m1)"}],
    )  # fmt: skip
    cloudwatch.set_alarm_state(AlarmName=name, StateValue="OK", StateReason="to see it leave")
    expect_soon(lambda: alarms(aws)[name]["StateValue"] == "INSUFFICIENT_DATA", "the alarm can't be evaluated")
    assert "LOG10 is not known here" in alarms(aws)[name]["StateReason"]
