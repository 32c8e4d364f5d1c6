"""Detection of drift between AWS and the state, without changing either, and the classes of drifted properties.

Drift is expected of autoscaling, or is about cost, security, or anything else.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
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


@dataclass
class _Comparison:
    """Gathers what a refresh would change, from the engine's events."""

    layer: str
    resources: Sequence[Mapping[str, Any]]
    errors: Changes = field(default_factory=Changes)
    found: list[Drift] = field(default_factory=list)

    def take(self, event: Mapping[str, Any]) -> None:
        """Take in one engine event."""
        self.errors.take(event)
        metadata = event.get("resOutputsEvent", {}).get("metadata", {})
        if not str(metadata.get("type", "")).startswith("aws:"):
            return
        if metadata["op"] == "delete":
            self._add(metadata["urn"], "", metadata["old"].get("id"), None)
        elif metadata["op"] == "update":
            self._changed(metadata, "old", "new")

    def take_preview(self, event: Mapping[str, Any]) -> None:
        """Take in one event of a preview: what a rollout would repair although AWS equals the state."""
        self.errors.take_preview(event)
        metadata = event.get("resourcePreEvent", {}).get("metadata", {})
        if not str(metadata.get("type", "")).startswith("aws:"):
            return
        if metadata["op"] == "create":
            self._add(metadata["urn"], "", (metadata["new"].get("inputs") or {}).get("name") or "a resource", None)
        elif metadata["op"] == "delete":
            self._add(metadata["urn"], "", None, metadata["old"].get("id"))
        elif metadata["op"] in ("update", "replace"):
            self._changed(metadata, "new", "old")

    def _changed(self, metadata: Mapping[str, Any], expected_side: str, actual_side: str) -> None:
        paths = set(metadata.get("detailedDiff") or metadata.get("diffs") or ())
        for path in sorted(paths):
            # `tagsAll` repeats `tags`, with what the provider's own configuration adds.
            if not (path.startswith("tagsAll") and path.replace("tagsAll", "tags", 1) in paths):
                before, after = (_value(metadata.get(side) or {}, path) for side in (expected_side, actual_side))
                for place, expected, actual in _within(path, before, after):
                    if expected != UNKNOWN:  # of a preview: it follows from another difference
                        self._add(metadata["urn"], place, expected, actual)

    def _add(self, urn: str, path: str, expected: Any, actual: Any) -> None:
        if any((each.urn, each.path) == (urn, path) for each in self.found):
            return
        kind = classify(urn, path, actual, self.resources)
        self.found.append(Drift(layer=self.layer, urn=urn, path=path, expected=expected, actual=actual, kind=kind))


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
    resources = state.resources
    comparison = _Comparison(layer, resources)
    diagnostic = pulumi.compare(layer, comparison.take)
    if not diagnostic and not state.is_whole:
        # A rollout or repair that did not end well: AWS may equal the state, and not the declaration.
        diagnostic = pulumi.preview(layer, comparison.take_preview)
    if diagnostic:
        text = "\n".join(comparison.errors.errors) or diagnostic
        raise Failed(f"layer {layer} can't be compared with AWS: {text}", "nothing was changed; fix it, then try again")
    yield from sorted(comparison.found, key=lambda drift: (drift.urn, drift.path))
    with reaching(environment):
        for permission in undeclared_permissions.found(environment.client, resources):
            yield Drift(
                layer=layer,
                urn=permission.urn,
                path=permission.path,
                expected=None,
                actual=permission.value,
                kind="security",
            )


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
