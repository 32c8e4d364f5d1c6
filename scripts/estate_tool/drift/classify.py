"""Classes of drifted properties: expected of autoscaling, cost, security, or anything else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from estate_tool.core.resource_types import RESOURCE_TYPES
from estate_tool.core.resource_types.model import COST, SECURITY
from estate_tool.engine.events import type_of

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Mapping, Sequence

EXPECTED, OTHER = "expected", "other"

_TABLE = "aws:dynamodb/table:Table"
_TARGET = "aws:appautoscaling/target:Target"
_SCHEDULE = "aws:appautoscaling/scheduledAction:ScheduledAction"
_PROVISIONED = "aws:lambda/provisionedConcurrencyConfig:ProvisionedConcurrencyConfig"
# Properties that autoscaling moves, and the dimension of the scalable target that bounds them.
_SCALED = {
    (_TABLE, "readCapacity"): "dynamodb:table:ReadCapacityUnits",
    (_TABLE, "writeCapacity"): "dynamodb:table:WriteCapacityUnits",
    (_PROVISIONED, "provisionedConcurrentExecutions"): "lambda:function:ProvisionedConcurrency",
}
_PROPERTIES = {
    COST: (
        "memorySize", "ephemeralStorage", "architectures", "reservedConcurrentExecutions", "retentionInDays",
        "logGroupClass", "messageRetentionSeconds", "billingMode", "tableClass", "readCapacity", "writeCapacity",
        "onDemandThroughput", "warmThroughput", "globalSecondaryIndexes", "pointInTimeRecovery",
    ),
    SECURITY: (
        "policy", "role", "kmsKeyArn", "kmsKeyId", "kmsMasterKeyId", "kmsDataKeyReusePeriodSeconds",
        "sqsManagedSseEnabled", "serverSideEncryption", "redriveAllowPolicy", "vpcConfig",
    ),
}  # fmt: skip


def classify(urn: str, path: str, actual: Any, resources: Sequence[Mapping[str, Any]]) -> str:
    """The class of a property at `path` ("" for a whole resource) that has become `actual`.

    `resources` are those of the layer's state: they bound autoscaling.
    """
    name, kind = path.partition(".")[0].partition("[")[0], type_of(urn)
    if (kind, name) in (*_SCALED, (_TARGET, "minCapacity")) and actual in _allowed(urn, kind, name, resources):
        return EXPECTED
    if name in ("tags", "tagsAll"):
        return OTHER
    known = RESOURCE_TYPES.get(kind)
    if known and known.drift:
        return known.drift
    return next((kind for kind, names in _PROPERTIES.items() if name in names), OTHER)


def _allowed(urn: str, kind: str, name: str, resources: Sequence[Mapping[str, Any]]) -> Container[int]:
    """The values that autoscaling, or a schedule, gives the property."""
    own = next((one.get("inputs") or {} for one in resources if one["urn"] == urn), {})
    if kind == _TARGET:
        return set(_minimums(own, resources))
    dimension = _SCALED[kind, name]
    alias = f"function:{own.get('functionName')}:{own.get('qualifier')}"
    scaled = f"table/{own.get('name')}" if kind == _TABLE else alias
    for target in _inputs(_TARGET, resources):
        if (target.get("resourceId"), target.get("scalableDimension")) == (scaled, dimension):
            return range(min(_minimums(target, resources)), int(target["maxCapacity"]) + 1)
    return ()


def _minimums(target: Mapping[str, Any], resources: Sequence[Mapping[str, Any]]) -> Iterator[int]:
    """The lower bound of a scalable target, and those that schedules give it."""
    yield int(target["minCapacity"])
    for action in _inputs(_SCHEDULE, resources):
        same = all(action.get(key) == target.get(key) for key in ("resourceId", "scalableDimension"))
        bound = (action.get("scalableTargetAction") or {}).get("minCapacity")
        if same and bound is not None:
            yield int(bound)


def _inputs(kind: str, resources: Sequence[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    return (one.get("inputs") or {} for one in resources if one["type"] == kind)
