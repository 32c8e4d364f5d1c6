"""Senders of events other than functions: buckets, and what takes failures of subscriptions, rules and schedules."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from estate_tool.audit.model import Notification
from foundation.guardrails.documents import redrive

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from estate_tool.audit.collect import Collector

Result = TypeVar("Result")
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
        found = client.get_bucket_notification_configuration(Bucket=bucket)
        return [_notification(bucket, entry, entry[key]) for kind, key in _TARGETS for entry in _made(found, kind)]

    return tuple(entry for several in collector.each("buckets", buckets, one) for entry in several)


def _made(found: Mapping[str, Any], kind: str) -> Iterator[Mapping[str, Any]]:
    for entry in found.get(kind) or []:
        if any(event.startswith("s3:ObjectCreated:") for event in entry.get("Events") or []):
            yield entry


def _notification(bucket: str, entry: Mapping[str, Any], target: str) -> Notification:
    rules = ((entry.get("Filter") or {}).get("Key") or {}).get("FilterRules") or []
    given = {rule["Name"].lower(): rule["Value"] for rule in rules}
    return Notification(
        bucket=f"arn:aws:s3:::{bucket}", target=target, prefix=given.get("prefix", ""), suffix=given.get("suffix", "")
    )


def dead_letters(collector: Collector) -> frozenset[str]:
    """Return the ARNs that take failures of subscriptions, rules and schedules."""
    parts: tuple[tuple[str, Callable[[], Iterable[str]]], ...] = (
        ("settings of subscriptions", lambda: _of_subscriptions(collector)),
        ("rules", lambda: _of_rules(collector)),
        ("schedules", lambda: _of_schedules(collector)),
    )
    return frozenset(arn for what, read in parts for arn in collector.part(what, lambda read=read: list(read()), []))


def _of_subscriptions(collector: Collector) -> Iterable[str]:
    reader = collector.reader
    arns = [one["SubscriptionArn"] for one in collector.listed_subscriptions]

    def one(arn: str) -> str | None:
        found = reader.client("sns").get_subscription_attributes(SubscriptionArn=arn)["Attributes"]
        return redrive(found.get("RedrivePolicy")).target or None

    # Unconfirmed subscriptions have no ARN yet.
    return collector.each("subscriptions", [arn for arn in arns if arn.startswith("arn:")], one)


def _of_rules(collector: Collector) -> Iterable[str]:
    reader = collector.reader

    def one(name: str) -> list[str]:
        targets = reader.pages("events", "list_targets_by_rule", "Targets", Rule=name)
        return [arn for target in targets if (arn := (target.get("DeadLetterConfig") or {}).get("Arn"))]

    names = [rule["Name"] for rule in reader.pages("events", "list_rules", "Rules")]
    return [arn for several in collector.each("rules", names, one) for arn in several]


def _of_schedules(collector: Collector) -> Iterable[str]:
    return schedules(collector, lambda found: (found["Target"].get("DeadLetterConfig") or {}).get("Arn"))


def schedules(
    collector: Collector,
    read: Callable[[Mapping[str, Any]], Result | None],
    wanted: Callable[[Mapping[str, Any]], bool] = lambda _: True,
) -> list[Result]:
    """Return `read` of each schedule of EventBridge Scheduler, as GetSchedule has it; `wanted` takes it as listed."""
    reader = collector.reader

    def one(listed: Mapping[str, Any]) -> Result | None:
        return read(reader.client("scheduler").get_schedule(Name=listed["Name"], GroupName=listed["GroupName"]))

    listed = reader.pages("scheduler", "list_schedules", "Schedules")
    return collector.each("schedules", filter(wanted, listed), one)
