"""Notifications of buckets, and the queues for failures of subscriptions, rules and schedules."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from estate_tool.audit.model import Notification
from foundation.guardrails.documents import redrive

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from estate_tool.audit.collect import Collector

_TARGETS = (
    ("LambdaFunctionConfigurations", "LambdaFunctionArn"),
    ("QueueConfigurations", "QueueArn"),
    ("TopicConfigurations", "TopicArn"),
)


def notifications(collector: Collector) -> tuple[Notification, ...]:
    """Return the notifications of the region's buckets about objects that are made."""
    client = collector.reader.client("s3")
    buckets = [one["Name"] for one in client.list_buckets(BucketRegion=collector.reader.region).get("Buckets") or []]

    def one(bucket: str) -> list[Notification]:
        return list(_notifications(bucket, client.get_bucket_notification_configuration(Bucket=bucket)))

    return tuple(entry for several in collector.each("buckets", buckets, one) for entry in several)


def _notifications(bucket: str, found: Mapping[str, Any]) -> Iterator[Notification]:
    for kind, key in _TARGETS:
        for entry in found.get(kind) or []:
            if any(event.startswith("s3:ObjectCreated:") for event in entry.get("Events") or []):
                rules = ((entry.get("Filter") or {}).get("Key") or {}).get("FilterRules") or []
                given = {rule["Name"].lower(): rule["Value"] for rule in rules}
                yield Notification(bucket=f"arn:aws:s3:::{bucket}", target=entry[key], **given)


def failure_queues(collector: Collector, subscriptions: Sequence[Mapping[str, Any]]) -> frozenset[str]:
    """Return the ARNs of the queues for failures of these subscriptions, as they are listed, of rules and schedules."""
    parts: tuple[tuple[str, Callable[[], list[str]]], ...] = (
        ("settings of subscriptions", lambda: _of_subscriptions(collector, subscriptions)),
        ("rules", lambda: _of_rules(collector)),
        ("schedules", lambda: list(filter(None, (_dead_letters(one["Target"]) for one in schedules(collector))))),
    )
    return frozenset(arn for label, read in parts for arn in collector.part(label, read, []))


def _dead_letters(target: Mapping[str, Any]) -> str | None:
    return (target.get("DeadLetterConfig") or {}).get("Arn")


def _of_subscriptions(collector: Collector, subscriptions: Sequence[Mapping[str, Any]]) -> list[str]:
    client = collector.reader.client("sns")

    def one(arn: str) -> str | None:
        found = client.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]
        return redrive(found.get("RedrivePolicy")).target or None

    arns = [one["SubscriptionArn"] for one in subscriptions]
    # Unconfirmed subscriptions have no ARN yet.
    return collector.each("subscriptions", [arn for arn in arns if arn.startswith("arn:")], one)


def _of_rules(collector: Collector) -> list[str]:
    reader = collector.reader

    def one(name: str) -> list[str | None]:
        return list(map(_dead_letters, reader.pages("events", "list_targets_by_rule", "Targets", Rule=name)))

    names = [rule["Name"] for rule in reader.pages("events", "list_rules", "Rules")]
    return [arn for several in collector.each("rules", names, one) for arn in several if arn]


def schedules(
    collector: Collector, wanted: Callable[[Mapping[str, Any]], bool] = lambda _: True
) -> list[Mapping[str, Any]]:
    """Return the schedules of EventBridge Scheduler, as GetSchedule has them; `wanted` takes one as it is listed."""
    client = collector.reader.client("scheduler")
    listed = collector.reader.pages("scheduler", "list_schedules", "Schedules")
    return collector.each(
        "schedules", filter(wanted, listed),
        lambda one: client.get_schedule(Name=one["Name"], GroupName=one["GroupName"]),
    )  # fmt: skip
