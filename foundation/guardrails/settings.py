"""Rules on the settings of single resources."""

import importlib
from typing import Any

from pulumi_policy import ReportViolation, ResourceValidationArgs, ResourceValidationPolicy

from foundation.guardrails.documents import redrive
from foundation.guardrails.reading import (
    LARGEST_MESSAGE_BYTES,
    MEMORY_MB,
    PROVIDER_MESSAGE_BYTES,
    REGION,
    RETENTION_DAYS,
    UNKNOWN,
    shown,
    tags,
    text,
    value_at,
    violation,
)
from foundation.naming import TAG_KEYS

# Those that get a random name when they are given none.
_NAMED = {
    "aws:cloudwatch/logGroup:LogGroup", "aws:cloudwatch/logMetricFilter:LogMetricFilter",
    "aws:cloudwatch/metricAlarm:MetricAlarm", "aws:dynamodb/table:Table", "aws:iam/role:Role",
    "aws:lambda/function:Function", "aws:scheduler/schedule:Schedule", "aws:scheduler/scheduleGroup:ScheduleGroup",
    "aws:sns/topic:Topic", "aws:sqs/queue:Queue",
}  # fmt: skip
_KEEPING = ("deletionProtectionEnabled", "deletionProtection", "skipDestroy")
# Where failures go, by resource type: the path of the property, and what lacks it.
_DESTINATIONS = {
    "aws:lambda/function:Function": (
        ("deadLetterConfig", "targetArn"), "no dead-letter queue for asynchronous calls",
    ),
    "aws:lambda/eventSourceMapping:EventSourceMapping": (
        ("destinationConfig", "onFailure", "destinationArn"), "a stream without a destination of failures",
    ),
    "aws:scheduler/schedule:Schedule": (
        ("target", "deadLetterConfig", "arn"), "a schedule without a dead-letter queue",
    ),
}  # fmt: skip


def _region(args: ResourceValidationArgs, report: ReportViolation) -> None:
    region = args.props.get("region")
    is_provider = args.resource_type == "pulumi:providers:aws"
    has_own = args.resource_type.startswith("aws:") and region is not None
    if (is_provider or has_own) and region not in (REGION, UNKNOWN):
        fix = f"set aws:region to {REGION} in the layer's Pulumi.yaml, and no region on a resource"
        violation(report, args, f"region {shown(region)}", fix)


def _tags(args: ResourceValidationArgs, report: ReportViolation) -> None:
    props = args.props
    given = tags(props)
    if not args.resource_type.startswith("aws:") or props.get("tags") is UNKNOWN:
        return
    for key in TAG_KEYS if given or _has_tags(args.resource_type) else ():
        value = given.get(key)
        if value is not UNKNOWN and not str(value or "").strip():
            violation(report, args, f"tag {key} {shown(value)}", "give it Tags.of(layer, component)")


def _has_tags(type_: str) -> bool:
    """Return True if the SDK's class of a type (`aws:s3/bucket:Bucket`) has tags, or the SDK has no such class."""
    _, service, name = type_.split(":")
    package = service.partition("/")[0].lower()
    try:
        module: Any = importlib.import_module(f"pulumi_aws.{'lambda_' if package == 'lambda' else package}")
    except ImportError:
        return True
    return not hasattr(module, name) or hasattr(getattr(module, name), "tags")


def _name(args: ResourceValidationArgs, report: ReportViolation) -> None:
    props = args.props
    suffix, name = tags(props).get("Environment"), props.get("name")
    if name is None and args.resource_type in _NAMED:
        violation(report, args, "no name", "name it through Names.of(kind, component)")
    elif isinstance(name, str) and isinstance(suffix, str) and not name.endswith(f"-{suffix}"):
        fix = f"name it through Names.of(kind, component), so that it ends with -{suffix}"
        violation(report, args, f"name {name!r}", fix)


def _memory(args: ResourceValidationArgs, report: ReportViolation) -> None:
    if args.resource_type != "aws:lambda/function:Function":
        return
    # Without a size a function gets 128 MB.
    memory = args.props.get("memorySize") or 128
    if memory is not UNKNOWN and not MEMORY_MB[0] <= memory <= MEMORY_MB[1]:
        fix = f"give it {MEMORY_MB[0]} to {MEMORY_MB[1]} MB in compute/sizing.json"
        violation(report, args, f"{memory:g} MB of memory", fix)


def _retention(args: ResourceValidationArgs, report: ReportViolation) -> None:
    if args.resource_type != "aws:cloudwatch/logGroup:LogGroup":
        return
    days = args.props.get("retentionInDays") or 0
    if days is not UNKNOWN and not RETENTION_DAYS[0] <= days <= RETENTION_DAYS[1]:
        found = f"{days:g} days of retention" if days else "no retention: its logs are kept for ever"
        fix = f"set compute:logRetentionDays from {RETENTION_DAYS[0]} to {RETENTION_DAYS[1]}"
        violation(report, args, found, fix)


def _removable(args: ResourceValidationArgs, report: ReportViolation) -> None:
    props = args.props
    kept = [key for key in _KEEPING if props.get(key) is True] + ["protect"] * bool(args.opts.protect)
    for key in kept:
        violation(report, args, f"{key} true", "leave it out: an environment is torn down whole")


def _encryption(args: ResourceValidationArgs, report: ReportViolation) -> None:
    props = args.props
    key, managed = props.get("kmsMasterKeyId"), props.get("sqsManagedSseEnabled")
    if args.resource_type == "aws:sqs/queue:Queue" and not key and managed not in (True, UNKNOWN):
        found = f"sqsManagedSseEnabled {shown(managed)} and no key"
        violation(report, args, found, "set sqs_managed_sse_enabled=True, or name a key")
    # The alias by itself, or its ARN.
    if args.resource_type == "aws:sns/topic:Topic" and text(props, "kmsMasterKeyId").endswith("alias/aws/sns"):
        fix = "name a key of one's own whose policy lets cloudwatch.amazonaws.com in, or none"
        violation(report, args, f"kmsMasterKeyId {key!r}, which alarms can't use", fix)


def _failure_destination(args: ResourceValidationArgs, report: ReportViolation) -> None:
    path, found = _DESTINATIONS.get(args.resource_type, ((), ""))
    props = args.props
    # Only streams have a starting position; a queue's failures are the queue's own to redrive.
    of_queue = "eventSourceMapping" in args.resource_type and not props.get("startingPosition")
    if path and not of_queue and not value_at(props, *path):
        violation(report, args, found, f"name its dead-letter queue in {'.'.join(path)}")


def _is_dead_letter_queue(args: ResourceValidationArgs) -> bool:
    return text(args.props, "name").startswith("dlq-")


def _redrive(args: ResourceValidationArgs, report: ReportViolation) -> None:
    policy = args.props.get("redrivePolicy")
    if args.resource_type != "aws:sqs/queue:Queue" or _is_dead_letter_queue(args) or policy is UNKNOWN:
        return
    if not redrive(policy).target:
        fix = "name its dead-letter queue in redrive_policy; a dead-letter queue is called dlq-…"
        violation(report, args, f"redrivePolicy {shown(policy)}", fix)


def _dead_letters_fit(args: ResourceValidationArgs, report: ReportViolation) -> None:
    if args.resource_type != "aws:sqs/queue:Queue" or not _is_dead_letter_queue(args):
        return
    size = args.props.get("maxMessageSize") or PROVIDER_MESSAGE_BYTES
    if size is not UNKNOWN and size < LARGEST_MESSAGE_BYTES:
        fix = f"set max_message_size={LARGEST_MESSAGE_BYTES}: a dead letter that does not fit is lost"
        violation(report, args, f"room for messages of {size:g} bytes", fix)


SETTING_RULES = [
    ResourceValidationPolicy("region", f"Everything is in {REGION}.", _region),
    ResourceValidationPolicy("tags", "Every taggable resource has every tag, none of them empty.", _tags),
    ResourceValidationPolicy(
        "name-suffix", "Physical names are given, and end with the environment's suffix.", _name
    ),
    ResourceValidationPolicy(
        "function-memory", f"Functions have {MEMORY_MB[0]} to {MEMORY_MB[1]} MB.", _memory
    ),
    ResourceValidationPolicy(
        "log-retention", f"Logs are kept for {RETENTION_DAYS[0]} to {RETENTION_DAYS[1]} days.", _retention
    ),
    ResourceValidationPolicy("removable", "Nothing is retained or protected from being destroyed.", _removable),
    ResourceValidationPolicy(
        "encryption", "Queues are encrypted, and topics only with a key that alarms can use.", _encryption
    ),
    ResourceValidationPolicy(
        "failure-destination", "Every function, stream and schedule has a place where its failures end.",
        _failure_destination,
    ),
    ResourceValidationPolicy("redrive", "Every source queue redrives to a dead-letter queue.", _redrive),
    ResourceValidationPolicy(
        "dead-letters-fit", "Every dead-letter queue takes messages as large as its sources may send, 1 MiB.",
        _dead_letters_fit,
    ),
]  # fmt: skip
