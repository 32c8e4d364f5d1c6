"""Alarms that fire: what CloudWatch would publish and evaluate, and the estate's alarms when events are poisoned."""

from __future__ import annotations

import json
import re
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from plotly.offline import get_plotlyjs

from tests.integration.cloud import depth, expect_soon, make_queue, received, unique
from tests.integration.commands import Commands
from tests.integration.conftest import running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.integration.conftest import EmbeddedAws

pytestmark = pytest.mark.timeout(600)
# One event that can't be processed on each path, the failure queue where it has to end, and the function that fails.
POISON = {"ingest": None, "aggregate": "lambda-aggregate-local", "query": "lambda-query-local"}


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedAws]:
    """An embedded AWS in which a second stands for a minute."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ESTATE_ALARM_PERIOD_SECONDS", "1")
        with running(tmp_path_factory.mktemp("alarms")) as one:
            yield one


@pytest.fixture(scope="module")
def estate(aws: EmbeddedAws) -> Commands:
    run = Commands.on(aws)
    run("scripts/deploy_all.sh")
    return run


def subscriber(aws: EmbeddedAws, *topics: str) -> str:
    """A queue that gets what the topics tell; its URL."""
    url, arn = make_queue(aws)
    allowed = {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage",
               "Resource": arn, "Condition": {"ArnEquals": {"aws:SourceArn": list(topics)}}}  # fmt: skip
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    aws.client("sqs").set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    for topic in topics:
        aws.client("sns").subscribe(
            TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": "true"}
        )
    return url


def notified(aws: EmbeddedAws, url: str) -> set[tuple[str, str]]:
    """(alarm, new state) of all notifications so far; they are taken out of the queue."""
    found: set[tuple[str, str]] = set()
    while messages := received(aws, url):
        for message in messages:
            told = json.loads(message["Body"])
            found.add((told["AlarmName"], told["NewStateValue"]))
            aws.client("sqs").delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return found


def alarms(aws: EmbeddedAws) -> dict[str, dict[str, Any]]:
    types = ["MetricAlarm", "CompositeAlarm"]
    pages = aws.client("cloudwatch").get_paginator("describe_alarms").paginate(AlarmTypes=types)
    return {
        one["AlarmName"]: one for page in pages for kind in ("MetricAlarms", "CompositeAlarms") for one in page[kind]
    }


def watched(alarm: dict[str, Any]) -> list[tuple[str, set[str]]]:
    """(metric, dimension values) of what an alarm watches."""
    metrics = [query["MetricStat"]["Metric"] for query in alarm.get("Metrics", []) if "MetricStat" in query]
    metrics += [alarm] if alarm.get("MetricName") else []
    return [(one["MetricName"], {pair["Value"] for pair in one.get("Dimensions", [])}) for one in metrics]


def with_parents(deployed: dict[str, dict[str, Any]], names: set[str]) -> set[str]:
    """The alarms, and the composite ones that go off with them."""
    above = {name for name, one in deployed.items() if any(f'"{child}"' in one.get("AlarmRule", "") for child in names)}
    return names if above <= names else with_parents(deployed, names | above)


def watching(deployed: dict[str, dict[str, Any]], metric: str, of: str) -> set[str]:
    """The alarms on a metric of one resource, and what goes off with them."""
    found = {name for name, one in deployed.items() for got, values in watched(one) if got == metric and of in values}
    return with_parents(deployed, found)


def poison(aws: EmbeddedAws) -> None:
    """A message that is no event, a record that can't be counted, a question that can't be answered."""
    sqs = aws.client("sqs")
    sqs.send_message(QueueUrl=sqs.get_queue_url(QueueName="queue-ingest-local")["QueueUrl"], MessageBody="poison")
    item = {"event_key": {"S": "00" * 32}, "nonsense": {"S": "poison"}}
    aws.client("dynamodb").put_item(TableName="table-events-local", Item=item)
    aws.client("lambda").invoke(
        FunctionName="lambda-query-local", Qualifier="live", InvocationType="Event", Payload=b'{"poison": 1}'
    )


def test_poison_on_each_path_sets_off_the_right_alarms_and_no_other(aws: EmbeddedAws, estate: Commands) -> None:
    deployed = alarms(aws)
    listener = subscriber(aws, *sorted({topic for one in deployed.values() for topic in one["AlarmActions"]}))
    expect_soon(lambda: {one["StateValue"] for one in alarms(aws).values()} == {"OK"}, "all alarms are OK")
    notified(aws, listener)
    sqs = aws.client("sqs")
    queues = {name: sqs.get_queue_url(QueueName=f"dlq-{name}-local")["QueueUrl"] for name in POISON}
    poison(aws)
    expect_soon(lambda: [depth(aws, url)[0] for url in queues.values()] == [1, 1, 1], "one failure in each queue", 60)
    visible = "ApproximateNumberOfMessagesVisible"
    wanted = {name: watching(deployed, visible, f"dlq-{name}-local") for name in POISON}
    assert all(wanted.values()), f"a failure queue without an alarm: {wanted}"
    failing = [function for function in POISON.values() if function]
    allowed = set().union(*wanted.values(), *(watching(deployed, "Errors", function) for function in failing))
    loud = {name for name in set().union(*wanted.values()) if deployed[name]["AlarmActions"]}
    told: set[tuple[str, str]] = set()

    def heard(state: str) -> set[str]:
        told.update(notified(aws, listener))
        return {name for name, new in told if new == state}

    expect_soon(lambda: loud <= heard("ALARM"), f"notifications of {sorted(loud)}")
    for url in queues.values():
        sqs.purge_queue(QueueUrl=url)
    expect_soon(lambda: {one["StateValue"] for one in alarms(aws).values()} == {"OK"}, "all alarms are OK again")
    expect_soon(lambda: loud <= heard("OK"), "notifications of the recovery")
    assert heard("ALARM") <= allowed, "alarms that have nothing to do with it"


def test_a_fire_drill_hears_every_alarm_and_leaves_nothing(aws: EmbeddedAws, estate: Commands) -> None:
    def left() -> tuple[Any, Any]:
        return aws.client("sqs").list_queues()["QueueUrls"], aws.client("sns").list_subscriptions()["Subscriptions"]

    before = left()
    answer = json.loads(estate("scripts/estate", "fire-drill", "--json").stdout)
    telling = {name for name, one in alarms(aws).items() if one["AlarmActions"]}
    assert {one["alarm"] for one in answer["alarms"] if one["delivered"]} == telling
    assert {one["alarm"] for one in answer["without_actions"]} == alarms(aws).keys() - telling
    assert left() == before
    expect_soon(lambda: {one["StateValue"] for one in alarms(aws).values()} == {"OK"}, "all alarms are OK again")


def test_the_dashboards_page_shows_the_numbers_of_the_api(aws: EmbeddedAws, estate: Commands, tmp_path: Path) -> None:
    file = tmp_path / "dashboard.html"
    told = json.loads(estate("scripts/estate", "dashboard", "--html", str(file), "--json").stdout)
    html = file.read_text()
    found = re.search(r'<script type="application/json" id="dashboard">(.*?)</script>', html, re.DOTALL)
    assert found is not None
    shown = json.loads(found[1])
    cloudwatch = aws.client("cloudwatch")
    body = json.loads(cloudwatch.get_dashboard(DashboardName="dashboard-estate-local")["DashboardBody"])
    assert [one["type"] for one in shown["widgets"]] == [one["type"] for one in body["widgets"]]
    assert told["plots"] == sum(one["type"] == "metric" for one in body["widgets"])
    listed = {one["name"] for widget in shown["widgets"] for one in widget.get("alarms", [])}
    assert listed == {arn.rpartition(":")[2] for one in body["widgets"] for arn in one["properties"].get("alarms", [])}
    period = timedelta(seconds=60)
    start, end = datetime.fromisoformat(shown["start"]), datetime.fromisoformat(shown["end"])
    asked = {"Namespace": "AWS/SQS", "MetricName": "NumberOfMessagesSent", "StartTime": start - period, "EndTime": end,
             "Dimensions": [{"Name": "QueueName", "Value": "queue-ingest-local"}], "Period": 60}  # fmt: skip
    points = cloudwatch.get_metric_statistics(Statistics=["Sum"], **asked)["Datapoints"]
    wanted = {point["Timestamp"].isoformat(): point["Sum"] for point in points}
    sent = [
        dict(zip(series["times"], series["values"], strict=True))
        for one in shown["widgets"]
        for series in one.get("series", [])
        if series["label"] == "ingest sent"
    ]
    assert sent == [wanted]
    assert sum(wanted.values()) == 1
    assert not re.search(r"<(?:script|link|img)[^>]+(?:src|href)=", html.replace(get_plotlyjs(), "")), "self-contained"


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


def test_an_expression_that_is_not_known_is_no_alarm_but_says_why(aws: EmbeddedAws) -> None:
    cloudwatch, name = aws.client("cloudwatch"), unique("alarm")
    stat = {"Metric": {"Namespace": "N", "MetricName": "M"}, "Period": 60, "Stat": "Sum"}
    cloudwatch.put_metric_alarm(
        AlarmName=name, EvaluationPeriods=1, Threshold=1, ComparisonOperator="GreaterThanThreshold",
        Metrics=[{"Id": "m1", "MetricStat": stat, "ReturnData": False}, {"Id": "e1", "Expression": "LOG10(m1)"}],
    )  # fmt: skip
    cloudwatch.set_alarm_state(AlarmName=name, StateValue="OK", StateReason="to see it leave")
    expect_soon(lambda: alarms(aws)[name]["StateValue"] == "INSUFFICIENT_DATA", "the alarm can't be evaluated")
    assert "LOG10 is not known here" in alarms(aws)[name]["StateReason"]
