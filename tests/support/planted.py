"""Faults planted in the estate's resources, as negative controls of linters."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from tests.support.mocks import Registration

ABSENT: Final = object()


@dataclass(frozen=True)
class Fault:
    """One property of one resource with a value that AWS would refuse; `path` leads into nested properties."""

    resource: str
    path: str
    value: Any

    def __str__(self) -> str:
        value = "absent" if self.value is ABSENT else json.dumps(self.value)
        return f"{self.resource} {self.path}={value[:40]}"

    def planted(self, item: Registration) -> Registration:
        """The registration with the fault in it."""
        keys: list[str | int] = [int(part) if part.isdigit() else part for part in self.path.split("/")]
        return replace(item, inputs=_changed(item.inputs, keys, self.value))


def _changed(value: Any, keys: list[str | int], new: Any) -> Any:
    if not keys:
        return new
    if isinstance(value, str):
        return json.dumps(_changed(json.loads(value), keys, new))
    first, *rest = keys
    if isinstance(value, Mapping):
        old = {key: each for key, each in value.items() if key != first or rest or new is not ABSENT}
        return old if new is ABSENT and not rest else old | {str(first): _changed(value.get(first, {}), rest, new)}
    return [_changed(each, rest, new) if position == first else each for position, each in enumerate(value)]


FAULTS = (
    Fault("ingest-role", "description", "x" * 1001),
    Fault("ingest-role", "name", "role ingest"),
    Fault("ingest-role", "maxSessionDuration", 60),
    Fault("ingest-role", "path", "no-slashes"),
    Fault("ingest-role", "assumeRolePolicy", ABSENT),
    Fault("ingest-role", "assumeRolePolicy/Statement/0/Effect", "Permit"),
    Fault("ingest-role", "assumeRolePolicy/Statement/0/Principal", ABSENT),
    Fault("ingest-policy", "policy/Statement/0/Effect", "Grant"),
    Fault("ingest-policy", "policy/Statement/0/Action", ["logs:PutLogEvent"]),
    Fault("ingest-policy", "policy/Statement/0/Action", "sqss:SendMessage"),
    Fault("ingest-policy", "policy/Statement/0/Resource", ABSENT),
    Fault("ingest-policy", "policy/Statement/1/Sid", "with-hyphens"),
    Fault("ingest-policy", "policy/Version", "2012-10-18"),
    Fault("ingest-policy", "policy/Statement/0/Condition", {"StringEqualz": {"aws:SourceAccount": "123456789012"}}),
    Fault("queue-ingest-dead-letters", "messageRetentionSeconds", 1_209_601),
    Fault("queue-ingest-dead-letters", "maxMessageSize", 512),
    Fault("queue-ingest-dead-letters", "delaySeconds", 901),
    Fault("queue-ingest-dead-letters", "receiveWaitTimeSeconds", 21),
    Fault("queue-ingest-dead-letters", "visibilityTimeoutSeconds", 43_201),
    Fault("queue-ingest-dead-letters", "fifoQueue", "perhaps"),
    Fault("queue-ingest-dead-letters", "retention", 60),
    Fault("queue-ingest-queue", "redrivePolicy/maxReceiveCount", "often"),
    Fault("queue-ingest-dead-letters-policy", "policy/Statement/0/Effect", "Refuse"),
    Fault("queue-ingest-dead-letters-policy", "policy/Statement/0/Principal", ABSENT),
    Fault("table-events", "attributes/0/type", "T"),
    Fault("table-events", "attributes/0/name", "another_key"),
    Fault("table-events", "billingMode", "PER_REQUEST"),
    Fault("table-events", "billingMode", "PAY_PER_REQUEST"),
    Fault("table-events", "streamViewType", "NEW"),
    Fault("table-events", "readCapacity", 0),
    Fault("table-events-read-target", "serviceNamespace", "dynamo"),
    Fault("table-events-read-target", "scalableDimension", "dynamodb:table:ReadUnits"),
    Fault("table-events-read-target", "maxCapacity", ABSENT),
    Fault("table-events-read-target", "minCapacity", "few"),
    Fault("table-pages-write-policy", "policyType", "TargetTracking"),
    Fault("table-pages-write-policy", "targetTrackingScalingPolicyConfiguration/targetValue", ABSENT),
    Fault("table-pages-write-policy", "scalableDimension", "dynamodb:table:Units"),
    Fault("ingest-logs", "retentionInDays", 15),
    Fault("ingest-logs", "name", "/aws/lambda/with spaces"),
    Fault("ingest-function", "runtime", "python3.99"),
    Fault("ingest-function", "runtime", "python3.8"),
    Fault("ingest-function", "memorySize", 64),
    Fault("ingest-function", "timeout", 901),
    Fault("ingest-function", "architectures", ["arm"]),
    Fault("ingest-function", "handler", ABSENT),
    Fault("ingest-function", "role", "role-ingest"),
    Fault("ingest-function", "loggingConfig/logFormat", "XML"),
    Fault("ingest-function", "deadLetterConfig/target", "queue"),
    Fault("aggregate-alias", "name", ABSENT),
    Fault("aggregate-async", "maximumRetryAttempts", 3),
    Fault("aggregate-async", "maximumEventAgeInSeconds", 59),
    Fault("aggregate-async", "qualifier", ABSENT),
    Fault("aggregate-trigger-mapping", "batchSize", 10_001),
    Fault("aggregate-trigger-mapping", "startingPosition", "OLDEST"),
    Fault("aggregate-trigger-mapping", "parallelizationFactor", 11),
    Fault("aggregate-trigger-mapping", "maximumBatchingWindowInSeconds", 301),
    Fault("aggregate-trigger-mapping", "maximumRecordAgeInSeconds", 604_801),
    Fault("aggregate-trigger-mapping", "functionResponseTypes", ["ReportItemFailures"]),
    Fault("filter-ingest-memory", "metricTransformation/unit", "Megabyte"),
    Fault("filter-ingest-memory", "pattern", ABSENT),
    Fault("query-errors", "queryString", ABSENT),
    Fault("ticket-topic", "fifoTopic", "perhaps"),
    Fault("ticket-policy", "policy/Statement/0/Effect", "Allowed"),
    Fault("alarm-ingest-error-rate", "comparisonOperator", "GreaterThan"),
    Fault("alarm-ingest-error-rate", "evaluationPeriods", 0),
    Fault("alarm-ingest-error-rate", "treatMissingData", "ok"),
    Fault("alarm-ingest-error-rate", "metricName", "Errors"),
    Fault("alarm-ingest-error-rate", "alarmActions", ["topic"] * 6),
    Fault("alarm-estate-queries-slow", "alarmRule", ABSENT),
    Fault("alarm-estate-queries-slow", "alarmRule", "x" * 10_241),
    Fault("alarm-estate-queries-slow", "alarmName", "x" * 256),
    Fault("estate-dashboard", "dashboardBody", ABSENT),
)
