"""AWS Lambda: event source mappings, where what a queue and a stream can do differs."""

from __future__ import annotations

import json
from typing import Final

from local_aws.provider.model import Call, Failure, ResourceType, Tagging, words
from local_aws.provider.resources.lambda_ import GONE, RETRY, same_function
from local_aws.provider.wire import Properties

_STREAM_ONLY: Final = (
    "bisectBatchOnFunctionError", "maximumRetryAttempts", "maximumRecordAgeInSeconds", "parallelizationFactor",
    "tumblingWindowInSeconds", "destinationConfig", "startingPosition", "startingPositionTimestamp",
)  # fmt: skip


def _source(properties: Properties) -> str | None:
    """The service the events come from, if known."""
    arn = properties.get("eventSourceArn")
    return arn.split(":")[2] if isinstance(arn, str) and arn.count(":") >= 5 else None


def _of_source(properties: Properties) -> Failure | None:
    source, position = _source(properties), properties.get("startingPosition")
    given = [name for name in _STREAM_ONLY if properties.get(name) not in (None, False)]
    if source == "sqs" and given:
        return given[0], "is for streams; an SQS source does not have it"
    if source not in {"dynamodb", "kinesis"}:
        return None
    if position is None:
        return "startingPosition", "missing; a stream needs LATEST or TRIM_HORIZON"
    if "scalingConfig" in properties:
        return "scalingConfig", "is for SQS sources; a stream does not have it"
    wrong = source == "dynamodb" and position == "AT_TIMESTAMP"
    return ("startingPosition", "is AT_TIMESTAMP; a DynamoDB stream has LATEST and TRIM_HORIZON") if wrong else None


_MAPPING = ResourceType(
    token="aws:lambda/eventSourceMapping:EventSourceMapping",
    service="lambda",
    gone=GONE,
    names={
        "arn": "EventSourceMappingArn", "kmsKeyArn": "KMSKeyArn",
        "destinationConfig.onFailure.destinationArn": "Destination",
    },
    create=[Call("create_event_source_mapping")],
    read=[(Call("get_event_source_mapping", {"UUID": "{id}"}), "@")],
    outputs={
        "functionName": "FunctionArn",
        "enabled": "contains(['Enabled', 'Enabling', 'Creating', 'Updating'], State || 'Enabled')",
    },
    update=[Call("update_event_source_mapping", {"UUID": "{id}"})],
    delete=[Call("delete_event_source_mapping", {"UUID": "{id}"})],
    tagging=Tagging("list_tags", "tag_resource", "untag_resource", "Resource"),
    id=("{uuid}",),
    imports=("{uuid}",),
    force_new={"eventSourceArn", "startingPosition", "startingPositionTimestamp"},
    defaults={"enabled": True},
    computed=words("batchSize destinationConfig maximumRecordAgeInSeconds maximumRetryAttempts parallelizationFactor"),
    # Not all of these come back from the embedded AWS.
    kept=words(
        "bisectBatchOnFunctionError maximumRecordAgeInSeconds maximumRetryAttempts parallelizationFactor "
        "startingPosition tumblingWindowInSeconds"
    ),
    sets={"functionResponseTypes", "filterCriteria.filters"},
    same={
        "functionName": same_function,
        "filterCriteria.filters.pattern": lambda one, other: json.loads(one) == json.loads(other),
    },
    reset={
        "filterCriteria": {"Filters": []}, "bisectBatchOnFunctionError": False, "maximumBatchingWindowInSeconds": 0,
        "tumblingWindowInSeconds": 0,
    },
    unsupported=words(
        "amazonManagedKafkaEventSourceConfig documentDbEventSourceConfig metricsConfig provisionedPollerConfig "
        "queues selfManagedEventSource selfManagedKafkaEventSourceConfig sourceAccessConfigurations topics"
    ),
    named=None,
    ready="contains(['Enabled', 'Disabled'], State)",
    vanish=True,
    retry=(*RETRY, "ResourceInUseException"),
    rules=[_of_source],
)  # fmt: skip

TYPES: Final = (_MAPPING,)
