"""Deployed alarms, their metrics and notifications, and the numbers of a dashboard, as the APIs have them."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from tests.integration.cloud import make_queue, received

if TYPE_CHECKING:
    from datetime import datetime

    from tests.integration.conftest import EmbeddedAws


def subscriber(aws: EmbeddedAws, *topics: str) -> str:
    """Make a queue that is subscribed to the topics; returns its URL."""
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
            notification = json.loads(message["Body"])
            found.add((notification["AlarmName"], notification["NewStateValue"]))
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


def numbers(
    aws: EmbeddedAws, properties: dict[str, Any], start: datetime, end: datetime
) -> dict[str, dict[str, float]]:
    """Read the metrics of a dashboard's widget from the API: by label, by time; expressions are worked out here."""
    found: dict[str, dict[str, float]] = {}
    expressions: dict[str, str] = {}
    for *words, options in properties["metrics"]:
        if "expression" in options:
            expressions[options["label"]] = re.sub(r"PERIOD\(\w+\)", str(properties["period"]), options["expression"])
            continue
        pairs, stat = zip(words[2::2], words[3::2], strict=True), options["stat"]
        kind = "ExtendedStatistics" if stat.startswith("p") else "Statistics"
        points = aws.client("cloudwatch").get_metric_statistics(
            Namespace=words[0], MetricName=words[1], StartTime=start, EndTime=end,
            Dimensions=[{"Name": name, "Value": value} for name, value in pairs],
            Period=properties["period"], **{kind: [stat]},
        )["Datapoints"]  # fmt: skip
        name = options.get("id") or options["label"]
        found[name] = {point["Timestamp"].isoformat(): (point.get(kind) or point)[stat] for point in points}
    for label, text in expressions.items():
        (name,) = set(re.findall(r"\bm\d+", text))
        found[label] = {moment: eval(text, {name: value}) for moment, value in found[name].items()}
    return {name: points for name, points in found.items() if not re.fullmatch(r"m\d+", name)}
