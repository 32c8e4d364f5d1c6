"""Detection of drift between AWS and the state, without changing either, and the classes of drifted properties.

Drift is expected of autoscaling, or is about cost, security, or anything else.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

from estate_tool.core.aws_errors import not_deployed, reaching
from estate_tool.core.errors import Failed
from estate_tool.core.resource_types import RESOURCE_TYPES
from estate_tool.core.resource_types.model import COST, SECURITY
from estate_tool.drift import undeclared_permissions
from estate_tool.engine import backend
from estate_tool.engine.events import UNKNOWN, Changes, type_of

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator, Mapping, Sequence

    from estate_tool.core.environment import Environment
    from estate_tool.engine.checkpoint import StackState
    from estate_tool.engine.cli import Pulumi
    from estate_tool.engine.events import Step

_STEP = re.compile(r"\[\"((?:[^\"\\]|\\.)*)\"\]|\[(\d+)\]|([^.\[\]]+)")

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


@dataclass(frozen=True, kw_only=True)
class Drift:
    """One property that differs; of a resource that is gone, the path is empty."""

    layer: str
    urn: str
    path: str
    expected: Any
    actual: Any
    kind: str

    @property
    def resource(self) -> str:
        """The resource's logical name."""
        return self.urn.rpartition("::")[2]

    def to_dict(self) -> dict[str, Any]:
        """Return the shape that `--json` promises."""
        return {
            "layer": self.layer, "resource": self.resource, "urn": self.urn, "property": self.path,
            "expected": self.expected, "actual": self.actual, "class": self.kind,
        }  # fmt: skip


def _of_refresh(step: Step) -> Iterator[tuple[str, Any, Any]]:
    """Yield path, expected and actual value of each change by a refresh: there AWS differs from the state."""
    if step.kind == "deleted":
        yield "", step.old.get("id"), None
    elif step.kind == "updated":
        yield from _differences(step, expected_side=step.old, actual_side=step.new)


def _of_preview(step: Step) -> Iterator[tuple[str, Any, Any]]:
    """Yield the same of each change by a rollout, although AWS equals the state."""
    if step.kind == "created":
        yield "", (step.new.get("inputs") or {}).get("name") or "a resource", None
    elif step.kind == "deleted":
        yield "", None, step.old.get("id")
    else:
        for path, expected, actual in _differences(step, expected_side=step.new, actual_side=step.old):
            if expected != UNKNOWN:  # it follows from another difference
                yield path, expected, actual


def _differences(
    step: Step, *, expected_side: Mapping[str, Any], actual_side: Mapping[str, Any]
) -> Iterator[tuple[str, Any, Any]]:
    for path in sorted(step.paths):
        # `tagsAll` repeats `tags`, with what the provider's own configuration adds.
        if not (path.startswith("tagsAll") and path.replace("tagsAll", "tags", 1) in step.paths):
            yield from _within(path, _value(expected_side, path), _value(actual_side, path))


def _value(side: Mapping[str, Any], path: str) -> Any:
    """Return the value of a resource at a path of the provider's, such as `environment.variables["A"]`."""
    for values in (side.get("outputs") or {}, side.get("inputs") or {}):
        value: Any = values
        for quoted, index, name in _STEP.findall(path):
            value = _member(value, index) if index else _member(value, name or re.sub(r"\\(.)", r"\1", quoted))
        if value is not None:
            return value
    return None


def _member(value: Any, key: str) -> Any:
    if isinstance(value, dict):
        return value.get(key)
    return value[int(key)] if isinstance(value, list) and key.isdigit() and int(key) < len(value) else None


def _within(path: str, before: Any, after: Any) -> Iterator[tuple[str, Any, Any]]:
    """Yield the exact paths at which two values differ; JSON documents, such as policies, are compared by content."""
    documents = [_document(value) for value in (before, after)]
    if all(documents):
        before, after = documents
    if isinstance(before, dict) and isinstance(after, dict):
        for key in sorted(before.keys() | after.keys()):
            yield from _within(f"{path}.{key}", before.get(key), after.get(key))
    elif isinstance(before, list) and isinstance(after, list):
        for index, pair in enumerate(zip_longest(before, after)):
            yield from _within(f"{path}[{index}]", *pair)
    elif before != after:
        yield path, before, after


def _document(value: Any) -> Any:
    """Return the content of a text that is a JSON object, else nothing."""
    try:
        content = json.loads(value) if isinstance(value, str) and value.startswith("{") else None
    except ValueError:
        return None
    return content if isinstance(content, dict) else None


def find(pulumi: Pulumi, environment: Environment, layers: Iterable[str]) -> list[Drift]:
    """Return all drift of the layers that are deployed; raise Failed when none is, or when one can't be compared."""
    states = pulumi.states()
    backend.refuse_former_names(pulumi, states)
    deployed = [layer for layer in layers if layer in states and states[layer].resources]
    if not deployed:
        raise not_deployed(environment)
    return [drift for layer in deployed for drift in _of_layer(pulumi, environment, layer, states[layer])]


def _of_layer(pulumi: Pulumi, environment: Environment, layer: str, state: StackState) -> Iterator[Drift]:
    compared, previewed = Changes(), Changes()
    diagnostic = pulumi.compare(layer, compared.take)
    if not diagnostic and not state.is_whole:
        # A rollout or repair that did not end well: AWS may equal the state, and not the declaration.
        diagnostic = pulumi.preview(layer, previewed.take_preview)
    if diagnostic:
        text = "\n".join([*compared.errors, *previewed.errors]) or diagnostic
        raise Failed(f"layer {layer} can't be compared with AWS: {text}", "nothing was changed; fix it, then try again")
    differences = [(step.urn, each) for step in compared.steps for each in _of_refresh(step)]
    differences += [(step.urn, each) for step in previewed.steps for each in _of_preview(step)]
    found: dict[tuple[str, str], Drift] = {}
    for urn, (path, expected, actual) in differences:
        kind = classify(urn, path, actual, state.resources)
        drift = Drift(layer=layer, urn=urn, path=path, expected=expected, actual=actual, kind=kind)
        found.setdefault((urn, path), drift)
    yield from (found[key] for key in sorted(found))
    with reaching(environment):
        for one in undeclared_permissions.found(environment.client, state.resources):
            yield Drift(layer=layer, urn=one.urn, path=one.path, expected=None, actual=one.value, kind=SECURITY)


def unexpected(drifted: Iterable[Drift]) -> list[Drift]:
    """Return the drift that autoscaling does not explain."""
    return [drift for drift in drifted if drift.kind != EXPECTED]


def classify(urn: str, path: str, actual: Any, resources: Sequence[Mapping[str, Any]]) -> str:
    """Return the class of a property at `path` ("" for a whole resource) that has become `actual`.

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
    """Return the values that autoscaling, or a schedule, gives the property."""
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
    """Return the lower bound of a scalable target, and those that schedules give it."""
    yield int(target["minCapacity"])
    for action in _inputs(_SCHEDULE, resources):
        same = all(action.get(key) == target.get(key) for key in ("resourceId", "scalableDimension"))
        bound = (action.get("scalableTargetAction") or {}).get("minCapacity")
        if same and bound is not None:
            yield int(bound)


def _inputs(kind: str, resources: Sequence[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    return (one.get("inputs") or {} for one in resources if one["type"] == kind)
