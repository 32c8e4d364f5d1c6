"""Rules on the settings of single resources."""

import json
from collections.abc import Iterator
from typing import Any

from foundation.guardrails import sdk
from foundation.guardrails.rules import UNKNOWN, Finding, Resource, Rule, shown
from foundation.tags import TAG_KEYS

REGION = "us-east-1"
MEMORY_MB = (512, 1024)
RETENTION_DAYS = (7, 14)
# What a message or an asynchronous payload may have ("Amazon SQS message quotas", "Lambda quotas"), and what the
# official provider sends where a queue says nothing.
LARGEST_MESSAGE_BYTES, PROVIDER_MESSAGE_BYTES = 1_048_576, 262_144

# Those that get a random name when they are given none.
_NAMED = {
    "aws:cloudwatch/logGroup:LogGroup",
    "aws:cloudwatch/logMetricFilter:LogMetricFilter",
    "aws:cloudwatch/metricAlarm:MetricAlarm",
    "aws:dynamodb/table:Table",
    "aws:iam/role:Role",
    "aws:lambda/function:Function",
    "aws:scheduler/schedule:Schedule",
    "aws:scheduler/scheduleGroup:ScheduleGroup",
    "aws:sns/topic:Topic",
    "aws:sqs/queue:Queue",
}
_KEEPING = ("deletionProtectionEnabled", "deletionProtection", "skipDestroy")


def _region(resource: Resource) -> Iterator[Finding]:
    provider = resource.type == "pulumi:providers:aws"
    region = resource.props.get("region")
    if (provider or (resource.type.startswith("aws:") and region is not None)) and region not in (REGION, UNKNOWN):
        fix = f"set aws:region to {REGION} in the layer's Pulumi.yaml, and no region on a resource"
        yield Finding(resource=resource, found=f"region {shown(region)}", fix=fix)


def _tags(resource: Resource) -> Iterator[Finding]:
    if not resource.type.startswith("aws:") or resource.props.get("tags") is UNKNOWN:
        return
    if not resource.tags and not sdk.has_tags(resource.type):
        return
    for key in TAG_KEYS:
        value = resource.tags.get(key)
        if value is not UNKNOWN and not str(value or "").strip():
            fix = "give it Tags.of(layer, component)"
            yield Finding(resource=resource, found=f"tag {key} {shown(value)}", fix=fix)


def _name(resource: Resource) -> Iterator[Finding]:
    suffix, name = resource.tags.get("Environment"), resource.props.get("name")
    if name is None and resource.type in _NAMED:
        yield Finding(resource=resource, found="no name", fix="name it through Names.of(kind, purpose)")
    elif isinstance(name, str) and isinstance(suffix, str) and not name.endswith(f"-{suffix}"):
        fix = f"name it through Names.of(kind, purpose), so that it ends with -{suffix}"
        yield Finding(resource=resource, found=f"name {name!r}", fix=fix)


def _memory(resource: Resource) -> Iterator[Finding]:
    if resource.type != "aws:lambda/function:Function":
        return
    # Without a size a function gets 128 MB.
    memory = resource.props.get("memorySize") or 128
    if memory is not UNKNOWN and not MEMORY_MB[0] <= memory <= MEMORY_MB[1]:
        fix = f"give it {MEMORY_MB[0]} to {MEMORY_MB[1]} MB in compute/sizing.json"
        yield Finding(resource=resource, found=f"{memory:g} MB of memory", fix=fix)


def _retention(resource: Resource) -> Iterator[Finding]:
    if resource.type != "aws:cloudwatch/logGroup:LogGroup":
        return
    days = resource.props.get("retentionInDays") or 0
    if days is not UNKNOWN and not RETENTION_DAYS[0] <= days <= RETENTION_DAYS[1]:
        found = f"{days:g} days of retention" if days else "no retention: its logs are kept for ever"
        fix = f"set compute:logRetentionDays from {RETENTION_DAYS[0]} to {RETENTION_DAYS[1]}"
        yield Finding(resource=resource, found=found, fix=fix)


def _removable(resource: Resource) -> Iterator[Finding]:
    kept = [key for key in _KEEPING if resource.props.get(key) is True]
    if resource.protect:
        kept.append("protect")
    for key in kept:
        yield Finding(resource=resource, found=f"{key} true", fix="leave it out: an environment is torn down whole")


def _encrypted(resource: Resource) -> Iterator[Finding]:
    key = resource.props.get("kmsMasterKeyId")
    managed = resource.props.get("sqsManagedSseEnabled") in (True, UNKNOWN)
    if resource.type == "aws:sqs/queue:Queue" and not key and not managed:
        found = f"sqsManagedSseEnabled {shown(resource.props.get('sqsManagedSseEnabled'))} and no key"
        yield Finding(resource=resource, found=found, fix="set sqs_managed_sse_enabled=True, or name a key")
    # The alias by itself, or its ARN.
    if resource.type == "aws:sns/topic:Topic" and resource.text("kmsMasterKeyId").endswith("alias/aws/sns"):
        fix = "name a key of one's own whose policy lets cloudwatch.amazonaws.com in, or none"
        yield Finding(resource=resource, found=f"kmsMasterKeyId {key!r}, which alarms can't use", fix=fix)


def _failure_destination(resource: Resource) -> Iterator[Finding]:
    if resource.type == "aws:lambda/function:Function":
        path, found = ("deadLetterConfig", "targetArn"), "no dead-letter queue for asynchronous calls"
    # Only streams have a starting position; a queue's failures are the queue's own to redrive.
    elif resource.type == "aws:lambda/eventSourceMapping:EventSourceMapping" and resource.props.get("startingPosition"):
        path, found = ("destinationConfig", "onFailure", "destinationArn"), "a stream without a destination of failures"
    elif resource.type == "aws:scheduler/schedule:Schedule":
        path, found = ("target", "deadLetterConfig", "arn"), "a schedule without a dead-letter queue"
    else:
        return
    if not _reaches(resource.props, *path):
        fix = f"name its failure queue in {'.'.join(path)}"
        yield Finding(resource=resource, found=found, fix=fix)


def _reaches(props: Any, *path: str) -> bool:
    """True if there is something at the path, known or not yet."""
    value: Any = props
    for key in path:
        if value is UNKNOWN:
            return True
        value = value.get(key) if hasattr(value, "get") else None
    return bool(value)


def _redrive(resource: Resource) -> Iterator[Finding]:
    if resource.type != "aws:sqs/queue:Queue" or resource.text("name").startswith("dlq-"):
        return
    policy = resource.props.get("redrivePolicy")
    if policy is UNKNOWN:
        return
    try:
        target = json.loads(policy or "{}").get("deadLetterTargetArn")
    except (TypeError, ValueError, AttributeError):
        target = None
    if not target:
        found = f"redrivePolicy {shown(policy)}"
        fix = "name its dead-letter queue in redrive_policy; a queue of failures is called dlq-…"
        yield Finding(resource=resource, found=found, fix=fix)


def _dead_letters_fit(resource: Resource) -> Iterator[Finding]:
    if resource.type != "aws:sqs/queue:Queue" or not resource.text("name").startswith("dlq-"):
        return
    size = resource.props.get("maxMessageSize") or PROVIDER_MESSAGE_BYTES
    if size is not UNKNOWN and size < LARGEST_MESSAGE_BYTES:
        fix = f"set max_message_size={LARGEST_MESSAGE_BYTES}: a dead letter that does not fit is lost"
        yield Finding(resource=resource, found=f"room for messages of {size:g} bytes", fix=fix)


SETTING_RULES = (
    Rule(name="region", statement=f"Everything is in {REGION}.", check=_region),
    Rule(name="tags", statement="Every taggable resource has every tag, none of them empty.", check=_tags),
    Rule(name="name-suffix", statement="Physical names are given, and end with the environment's suffix.", check=_name),
    Rule(name="function-memory", statement=f"Functions have {MEMORY_MB[0]} to {MEMORY_MB[1]} MB.", check=_memory),
    Rule(
        name="log-retention",
        statement=f"Logs are kept for {RETENTION_DAYS[0]} to {RETENTION_DAYS[1]} days.",
        check=_retention,
    ),
    Rule(name="removable", statement="Nothing is retained or protected from being destroyed.", check=_removable),
    Rule(
        name="encryption",
        statement="Queues are encrypted, and topics only with a key that alarms can use.",
        check=_encrypted,
    ),
    Rule(
        name="failure-destination",
        statement="Every function, stream and schedule has a place where its failures end.",
        check=_failure_destination,
    ),
    Rule(name="redrive", statement="Every source queue redrives to a dead-letter queue.", check=_redrive),
    Rule(
        name="dead-letters-fit",
        statement="Every dead-letter queue takes messages as large as its sources may send, 1 MiB.",
        check=_dead_letters_fit,
    ),
)
