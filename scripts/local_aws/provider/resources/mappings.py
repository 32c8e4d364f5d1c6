"""AWS Lambda: event source mappings, where what a queue and a stream can do differs; URLs of functions."""

from __future__ import annotations

import json
from typing import Any, Final

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
    # The most that the quota can be raised to; of the ages, 0 to 59 s are missing in the model.
    limits={"filterCriteria.filters": {"max": 10}, "maximumRecordAgeInSeconds": {"pattern": r"-1|[6-9]\d|\d{3,}"}},
    ready="contains(['Enabled', 'Disabled'], State)",
    vanish=True,
    retry=(*RETRY, "ResourceInUseException"),
    rules=[_of_source],
)  # fmt: skip

# --- URLs ------------------------------------------------------------------------------------------------------------


def _id(record: Properties) -> Any:
    """The first label of the address's host, or on the embedded AWS the last part of its path."""
    address = str(record.get("FunctionUrl", "")).rstrip("/")
    return address.rpartition("/")[2].partition(".")[0]


def _signed(properties: Properties) -> Failure | None:
    """Refuse "NONE": the official provider makes the function public for it, and does not undo that."""
    kind = properties["authorizationType"]
    return ("authorizationType", f'is "{kind}"; allowed is AWS_IAM') if kind == "NONE" else None


_URL = ResourceType(
    token="aws:lambda/functionUrl:FunctionUrl",
    service="lambda",
    gone=GONE,
    names={"authorizationType": "AuthType"},
    create=[Call("create_function_url_config")],
    outputs={"urlId": _id},
    update=[Call("update_function_url_config")],
    id=("{functionName}/{qualifier}", "{functionName}"),
    force_new={"functionName", "qualifier"},
    defaults={"invokeMode": "BUFFERED"},
    kept={"functionName", "qualifier"},
    same={"functionName": same_function},
    unsupported={"cors"},
    retry=RETRY,
    rules=[_signed],
)

TYPES: Final = (_MAPPING, _URL)
