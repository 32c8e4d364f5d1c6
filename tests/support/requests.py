"""Requests of the local provider for a resource, validated by botocore's service models.

botocore itself checks names, types and what is required before it sends; lengths, ranges, patterns and enumerations
stand in its models, and only AWS checks them.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from botocore.validate import ParamValidator

from local_aws.provider.aws import Session
from local_aws.provider.lifecycle import Lifecycle
from local_aws.provider.resources import TYPES
from local_aws.provider.schema import Schemas
from local_aws.provider.wire import Archive
from tests.support.mocks import Registration

_SCHEMAS = Schemas(list(TYPES))
_UNBOUNDED = float("inf")


@dataclass(frozen=True)
class Request:
    """One call of an AWS operation, with its parameters as botocore is given them."""

    service: str
    operation: str
    parameters: Mapping[str, Any]
    shape: Any

    def problems(self) -> list[str]:
        """The violations of the service's model."""
        if not self.shape:
            return ["takes no parameters"] if self.parameters else []
        report = ParamValidator().validate(self.parameters, self.shape)
        found = [report.generate_report()] if report.has_errors() else []
        return found + list(_outside(self.parameters, self.shape, self.operation))


class _Recorder(Session):
    """Session whose clients record each request and answer it from the shape of its answer; it waits for nothing."""

    def __init__(self) -> None:
        super().__init__("us-east-1", {"aws_access_key_id": "recorded", "aws_secret_access_key": "recorded"})
        self.requests: list[Request] = []
        self.arn = ""  # of the resource that is worked on
        self._recorded: set[str] = set()

    @functools.cached_property
    def account(self) -> str:
        """The account's number."""
        return "123456789012"

    def client(self, service: str) -> Any:
        """Return the boto3 client, which sends nothing."""
        client = super().client(service)
        if service not in self._recorded:
            self._recorded.add(service)
            client.meta.events.register_first("provide-client-params.*", self._keep)
            client.meta.events.register("before-call.*", self._answer)
        return client

    def poll(self, attempt: Callable[[], Any], waiting_for: str, deadline: float = 0) -> Any:
        """Return the answer of the first attempt."""
        return attempt() or {}

    def _keep(self, params: dict[str, Any], model: Any, **_: object) -> None:
        service = model.service_model.service_name
        self.requests.append(Request(service, model.name, params, model.input_shape))

    def _answer(self, model: Any, **_: object) -> tuple[Any, dict[str, Any]]:
        return _Accepted(), {"ResponseMetadata": {}, **(self.example(model.output_shape) if model.output_shape else {})}

    def example(self, shape: Any, name: str = "", depth: int = 0) -> Any:
        """A value of the shape, with every member in it; ARNs are the resource's."""
        if shape.type_name == "structure":
            members = shape.members.items() if depth < 9 else ()
            return {member: self.example(each, member, depth + 1) for member, each in members}
        if shape.type_name == "list":
            return [self.example(shape.member, name, depth + 1)]
        if shape.type_name == "map":
            return {self.example(shape.key): self.example(shape.value, name, depth + 1)}
        return self.arn if name.lower().endswith("arn") else _scalar(shape)


@functools.cache
def _recorder() -> _Recorder:
    """Return one recorder for all resources: clients are slow to make."""
    return _Recorder()


class _Accepted:
    status_code = 200


def _scalar(shape: Any) -> Any:
    plain: dict[str, Any] = {"integer": 1, "long": 1, "float": 1.0, "double": 1.0, "boolean": True, "blob": b""}
    plain["timestamp"] = datetime(2026, 1, 1, tzinfo=UTC)
    text = shape.enum[0] if getattr(shape, "enum", None) else "1" * max(1, int(shape.metadata.get("min", 1)))
    return plain.get(shape.type_name, text)


def requests_for(item: Registration, before: Mapping[str, Any] | None = None) -> list[Request]:
    """All requests of creating, reading, changing and deleting one resource; AWS_ENDPOINT_URL has to be local.

    It is changed from the properties `before`, or from others in all that can be changed.
    """
    recorder, kind = _recorder(), TYPES[item.type]
    recorder.requests, recorder.arn = [], str(item.outputs.get("arn", ""))
    lifecycle = Lifecycle(kind, _SCHEMAS.get(item.type), recorder, {})
    given = {**_plain(item.inputs), "tagsAll": item.tags} if kind.tagging else _plain(item.inputs)
    identifier, properties = lifecycle.create(given, 1)
    # Of what the answers say, what AWS alone decides; the rest is made up by their shapes.
    computed = {name: value for name, value in properties.items() if name not in lifecycle.schema["inputs"]}
    known = {**computed, **{name: item.outputs[name] for name in ("arn", "url") if name in item.outputs}, **given}
    different = _different(given, kind.force_new) if before is None else before
    lifecycle.update(identifier, given, {**known, **different, "tagsAll": {"Old": "1"}}, {}, 1)
    lifecycle.delete(identifier, known, 1)
    return recorder.requests


def _different(inputs: Mapping[str, Any], fixed: AbstractSet[str]) -> dict[str, Any]:
    """Other values for all that can be changed: a number less, and nothing where there is something else."""
    changeable = {name: value for name, value in inputs.items() if name not in fixed}
    return {name: value - 1 if type(value) is int else None for name, value in changeable.items()}


def _plain(value: Any) -> Any:
    """A value as the provider gets it over the wire: whole numbers are whole, code is an archive."""
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(each) for each in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, (str, bool, int, float)) else Archive({"hash": "one", "assets": {}})


def _outside(value: Any, shape: Any, where: str) -> Iterator[str]:
    """Check what botocore leaves to AWS: bounds, patterns and enumerations."""
    low, high = shape.metadata.get("min", -_UNBOUNDED), shape.metadata.get("max", _UNBOUNDED)
    size = len(value) if isinstance(value, (str, list, dict, bytes)) else value
    if isinstance(size, (int, float)) and not isinstance(size, bool) and not low <= size <= high:
        yield f"{where}: {size} is not within {low} and {high}"
    if isinstance(value, str):
        pattern, allowed = shape.metadata.get("pattern"), getattr(shape, "enum", [])
        # Java may ignore case from the middle of a pattern on, Python for all of it.
        flags = re.IGNORECASE if pattern and "(?i)" in pattern else 0
        if pattern and not re.fullmatch(_python(pattern.replace("(?i)", "")), value, flags):
            yield f"{where}: {value!r} does not match {pattern}"
        if allowed and value not in allowed:
            yield f"{where}: {value!r} is none of {', '.join(allowed)}"
    yield from _inside(value, shape, where)


def _inside(value: Any, shape: Any, where: str) -> Iterator[str]:
    if shape.type_name == "structure" and isinstance(value, Mapping):
        for name in value.keys() & shape.members.keys():
            yield from _outside(value[name], shape.members[name], f"{where}.{name}")
    elif shape.type_name == "list" and isinstance(value, Sequence):
        for position, each in enumerate(value):
            yield from _outside(each, shape.member, f"{where}[{position}]")
    elif shape.type_name == "map" and isinstance(value, Mapping):
        for key, each in value.items():
            yield from _outside(key, shape.key, f"{where}.{key}")
            yield from _outside(each, shape.value, f"{where}.{key}")


# Classes that stand within brackets of the models' patterns, which are Java's, in Python's spelling.
_CLASSES = {
    r"\p{L}": r"a-zA-Z\u00c0-\uffff", r"\p{M}": r"\u0300-\u036f", r"\p{N}": r"\d", r"\p{P}": r"!-/:-@\[-`{-~",
    r"\p{S}": r"$+<=>^`|~", r"\p{Z}": r" \u00a0\u2000-\u3000", r"\p{Zs}": r" \u00a0\u2000-\u3000",
    r"\p{Print}": r"[\x20-\x7e]", r"\uD800\uDC00-\uDBFF\uDFFF": r"\U00010000-\U0010ffff",
}  # fmt: skip


def _python(pattern: str) -> str:
    for java, python in _CLASSES.items():
        pattern = pattern.replace(java, python)
    return pattern
