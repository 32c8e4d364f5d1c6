"""The deployed alarms, what they watch, and what they tell."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.integration.cloud import make_queue, received

if TYPE_CHECKING:
    from tests.integration.conftest import EmbeddedAws


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
