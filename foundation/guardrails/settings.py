"""Rules on the settings of single resources."""

import importlib
from typing import Any

from pulumi_policy import ResourceValidationArgs

from foundation.guardrails.documents import redrive
from foundation.guardrails.properties import (
    MEMORY_MB,
    REGION,
    RETENTION_DAYS,
    UNKNOWN,
    shown,
    tags,
    text,
    value_at,
)
from foundation.guardrails.rules import Findings, resource_rule
from foundation.model import MAXIMUM_MESSAGE_BYTES
from foundation.naming import TAG_KEYS

# The official provider's default for a queue.
_PROVIDER_MESSAGE_BYTES = 262_144
_FUNCTION, _QUEUE, _TOPIC = "aws:lambda/function:Function", "aws:sqs/queue:Queue", "aws:sns/topic:Topic"
_LOG_GROUP, _MAPPING = "aws:cloudwatch/logGroup:LogGroup", "aws:lambda/eventSourceMapping:EventSourceMapping"
_SCHEDULE = "aws:scheduler/schedule:Schedule"
# Types whose resources get a random name if they are given none.
_NAMED = {
    "aws:cloudwatch/logMetricFilter:LogMetricFilter", "aws:cloudwatch/metricAlarm:MetricAlarm", "aws:iam/role:Role",
    "aws:dynamodb/table:Table", "aws:scheduler/scheduleGroup:ScheduleGroup",
    _FUNCTION, _LOG_GROUP, _QUEUE, _SCHEDULE, _TOPIC,
}  # fmt: skip
_KEEPING = ("deletionProtectionEnabled", "deletionProtection", "skipDestroy")
# The path of the property with the destination of failures, and the violation without it.
_DESTINATIONS = {
    _FUNCTION: (("deadLetterConfig", "targetArn"), "no dead-letter queue for asynchronous calls"),
    _MAPPING: (("destinationConfig", "onFailure", "destinationArn"), "a stream without a destination of failures"),
    _SCHEDULE: (("target", "deadLetterConfig", "arn"), "a schedule without a dead-letter queue"),
}


@resource_rule("region", f"Everything is in {REGION}.")
def _region(args: ResourceValidationArgs) -> Findings:
    region = args.props.get("region")
    is_provider = args.resource_type == "pulumi:providers:aws"
    has_own = args.resource_type.startswith("aws:") and region is not None
    if (is_provider or has_own) and region not in (REGION, UNKNOWN):
        fix = f"set aws:region to {REGION} in the layer's Pulumi.yaml, and no region on a resource"
        yield f"region {shown(region)}", fix


@resource_rule("tags", "Every taggable resource has every tag, none of them empty.")
def _tags(args: ResourceValidationArgs) -> Findings:
    given = tags(args.props)
    if not args.resource_type.startswith("aws:") or args.props.get("tags") is UNKNOWN:
        return
    for key in TAG_KEYS if given or _has_tags(args.resource_type) else ():
        value = given.get(key)
        if value is not UNKNOWN and not str(value or "").strip():
            yield f"tag {key} {shown(value)}", "give it Tags.of(layer, component)"


def _has_tags(type_: str) -> bool:
    """Return True if the SDK's class of a type (`aws:s3/bucket:Bucket`) has tags, or the SDK has no such class."""
    _, service, name = type_.split(":")
    package = service.partition("/")[0].lower()
    try:
        module: Any = importlib.import_module(f"pulumi_aws.{'lambda_' if package == 'lambda' else package}")
    except ImportError:
        return True
    return not hasattr(module, name) or hasattr(getattr(module, name), "tags")


@resource_rule("name-suffix", "Physical names are given, and end with the environment's suffix.")
def _name(args: ResourceValidationArgs) -> Findings:
    suffix, name = tags(args.props).get("Environment"), args.props.get("name")
    if name is None and args.resource_type in _NAMED:
        yield "no name", "name it through Names.of(kind, component)"
    elif isinstance(name, str) and isinstance(suffix, str) and not name.endswith(f"-{suffix}"):
        yield f"name {name!r}", f"name it through Names.of(kind, component), so that it ends with -{suffix}"


@resource_rule("function-memory", f"Functions have {MEMORY_MB[0]} to {MEMORY_MB[1]} MB.", _FUNCTION)
def _memory(args: ResourceValidationArgs) -> Findings:
    # The default size of a function is 128 MB.
    memory = args.props.get("memorySize") or 128
    if memory is not UNKNOWN and not MEMORY_MB[0] <= memory <= MEMORY_MB[1]:
        yield f"{memory:g} MB of memory", f"give it {MEMORY_MB[0]} to {MEMORY_MB[1]} MB in compute/sizing.json"


@resource_rule("log-retention", f"Logs are kept for {RETENTION_DAYS[0]} to {RETENTION_DAYS[1]} days.", _LOG_GROUP)
def _retention(args: ResourceValidationArgs) -> Findings:
    days = args.props.get("retentionInDays") or 0
    if days is not UNKNOWN and not RETENTION_DAYS[0] <= days <= RETENTION_DAYS[1]:
        found = f"{days:g} days of retention" if days else "no retention: its logs are kept for ever"
        yield found, f"set compute:logRetentionDays from {RETENTION_DAYS[0]} to {RETENTION_DAYS[1]}"


@resource_rule("removable", "Nothing is retained or protected from being destroyed.")
def _removable(args: ResourceValidationArgs) -> Findings:
    for key in [key for key in _KEEPING if args.props.get(key) is True] + ["protect"] * bool(args.opts.protect):
        yield f"{key} true", "leave it out: an environment is torn down whole"


@resource_rule("encryption", "Queues are encrypted, and topics only with a key that alarms can use.", _QUEUE, _TOPIC)
def _encryption(args: ResourceValidationArgs) -> Findings:
    key, managed = args.props.get("kmsMasterKeyId"), args.props.get("sqsManagedSseEnabled")
    if args.resource_type == _QUEUE and not key and managed not in (True, UNKNOWN):
        yield f"sqsManagedSseEnabled {shown(managed)} and no key", "set sqs_managed_sse_enabled=True, or name a key"
    # The alias by itself, or its ARN.
    if args.resource_type == _TOPIC and text(args.props, "kmsMasterKeyId").endswith("alias/aws/sns"):
        fix = "name a customer managed key whose policy allows cloudwatch.amazonaws.com, or none"
        yield f"kmsMasterKeyId {key!r}, which alarms can't use", fix


@resource_rule(
    "failure-destination", "Every function, stream and schedule has a destination of failures.", *_DESTINATIONS
)
def _failure_destination(args: ResourceValidationArgs) -> Findings:
    path, found = _DESTINATIONS[args.resource_type]
    # Only streams have a starting position; a queue redrives failures itself.
    of_queue = args.resource_type == _MAPPING and not args.props.get("startingPosition")
    if not of_queue and not value_at(args.props, *path):
        yield found, f"name its dead-letter queue in {'.'.join(path)}"


def _is_dead_letter_queue(args: ResourceValidationArgs) -> bool:
    return text(args.props, "name").startswith("dlq-")


@resource_rule("redrive", "Every source queue redrives to a dead-letter queue.", _QUEUE)
def _redrive(args: ResourceValidationArgs) -> Findings:
    policy = args.props.get("redrivePolicy")
    if not _is_dead_letter_queue(args) and policy is not UNKNOWN and not redrive(policy).target:
        fix = "name its dead-letter queue in redrive_policy; a dead-letter queue is called dlq-…"
        yield f"redrivePolicy {shown(policy)}", fix


@resource_rule(
    "dead-letters-fit", "Every dead-letter queue takes messages as large as its sources may send, 1 MiB.", _QUEUE
)
def _dead_letters_fit(args: ResourceValidationArgs) -> Findings:
    size = args.props.get("maxMessageSize") or _PROVIDER_MESSAGE_BYTES
    if _is_dead_letter_queue(args) and size is not UNKNOWN and size < MAXIMUM_MESSAGE_BYTES:
        fix = f"set max_message_size={MAXIMUM_MESSAGE_BYTES}: a dead letter that does not fit is lost"
        yield f"room for messages of {size:g} bytes", fix
