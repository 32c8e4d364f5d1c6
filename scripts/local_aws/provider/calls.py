"""One AWS operation: its parameters gathered from properties, and the call itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from local_aws.provider import convert
from local_aws.provider.aws import RETRY_DEADLINE, AwsError, Gone, ProviderError, Session
from local_aws.provider.diff import Comparison
from local_aws.provider.model import Call, Change, ResourceType, fill
from local_aws.provider.schema import Schema
from local_aws.provider.wire import Properties, has_unknown

# Parameter values that remove a property, by the parameter's type.
_UNDO: Final[Mapping[str, Any]] = {"string": "", "list": [], "map": {}, "structure": {}}
_UNSENT: Final = frozenset({"region", "tags"})  # the region is the client's; tags are sent as tagsAll


def _undo(shape: Any) -> Any:
    """Return the value that removes a property; None if AWS refuses empty text and removes it when it is absent."""
    return None if shape.type_name == "string" and shape.metadata.get("min", 0) else _UNDO.get(shape.type_name)


@dataclass(frozen=True)
class Caller:
    """Runs the declared calls of one resource type."""

    kind: ResourceType
    schema: Schema
    session: Session

    def run(self, call: Call, change: Change, before_each: Callable[[], object] = lambda: None) -> Properties:
        """Make the call, once for each of its parameter sets; return the last answer."""
        answer: Properties = {}
        for extra in call.each(change) if call.each else ({},):
            before_each()
            answer = self.retried(call.operation, self._request(call, change, extra))
        return answer

    def retried(self, operation: str, parameters: Properties) -> Properties:
        """Call, and again while it fails only because AWS has not caught up with an earlier change."""
        failures: list[AwsError] = []

        def attempt() -> tuple[Properties] | None:
            try:
                return (self._once(operation, parameters),)
            except AwsError as error:
                if not any(text in str(error) for text in self.kind.retry):
                    raise
                failures.append(error)
                return None

        try:
            answer: tuple[Properties] = self.session.poll(attempt, operation, RETRY_DEADLINE)
            return answer[0]
        except AwsError:
            raise
        except ProviderError as error:
            raise failures[-1] if failures else error from error

    def _once(self, operation: str, parameters: Properties) -> Properties:
        try:
            return self.session.call(self.kind.service, operation, parameters)
        except AwsError as error:
            if error.code in self.kind.gone:
                raise Gone(str(error)) from error
            raise

    def carries_change(self, call: Call, change: Change) -> bool:
        """True if the call takes a property that differs and that it could change."""
        comparison = Comparison(self.kind, self.schema)
        names = {name for _, name in self._carried(call)} - self.kind.force_new - {"tagsAll"}
        return any(not comparison.same(name, change.new.get(name), change.old.get(name)) for name in names)

    def _request(self, call: Call, change: Change, extra: Mapping[str, Any]) -> Properties:
        shape = self.session.input_shape(self.kind.service, call.operation)
        given, carried = dict(call.parameters) | dict(extra), dict(self._carried(call))
        request: Properties = {}
        for member, member_shape in shape.members.items() if shape else ():
            if member in given:
                source = given[member]
                value = source(change) if callable(source) else self._filled(source, change)
            elif member in carried:
                value = self._carried_value(carried[member], member_shape, change)
            else:
                continue
            if value is not None:
                request[member] = value
        return request

    def _filled(self, template: Any, change: Change) -> Any:
        return fill(template, {"region": self.session.region} | change.old | change.new, change.id)

    def _carried(self, call: Call) -> Iterator[tuple[str, str]]:
        """The parameters that are filled from a property of the same name, with that property."""
        shape = self.session.input_shape(self.kind.service, call.operation)
        if not call.auto or shape is None:
            return
        members = {convert.normal(member): member for member in shape.members if member not in call.parameters}
        names = {"tagsAll": "Tags"} | dict(self.kind.names)
        for name in [*self.schema["inputs"], "tagsAll"]:
            member = members.get(convert.normal(names.get(name, name)))
            if member and name not in _UNSENT:
                yield member, name

    def _carried_value(self, name: str, shape: Any, change: Change) -> Any:
        value = change.new.get(name)
        if value is None or has_unknown(value):
            removed = change.old.get(name) is not None
            return self.kind.reset.get(name, _undo(shape)) if removed else None
        if value == "" and not change.old:
            return None  # AWS refuses many empty strings, which mean "not given"
        return convert.to_aws(value, shape, self.kind.names, name)

    def tags(self, change: Change) -> dict[str, Any] | None:
        """The live tags, as AWS returns them."""
        if not self.kind.tagging:
            return None
        target = {self.kind.tagging.parameter: self._filled(self.kind.tagging.value, change)}
        answer = self.retried(self.kind.tagging.list, target)
        return (
            next((tags for name, tags in answer.items() if convert.normal(name) in ("tags", "resourcetags")), None)
            or {}
        )

    def update_tags(self, change: Change) -> None:
        """Add, change and remove tags until they are the wanted ones."""
        tagging, new, old = self.kind.tagging, change.new.get("tagsAll", {}), change.old.get("tagsAll", {})
        if not tagging or new == old:
            return
        target = {tagging.parameter: self._filled(tagging.value, change)}
        if removed := sorted(old.keys() - new.keys()):
            member, _ = self._member(tagging.remove, "tagkeys")
            self.retried(tagging.remove, target | {member: removed})
        if added := {key: value for key, value in new.items() if old.get(key) != value}:
            member, shape = self._member(tagging.add, "tags")
            self.retried(tagging.add, target | {member: convert.to_aws(added, shape, {}, "tags")})

    def _member(self, operation: str, name: str) -> tuple[str, Any]:
        members = self.session.input_shape(self.kind.service, operation).members
        return next(
            (member, shape) for member, shape in members.items() if convert.normal(member) in (name, f"resource{name}")
        )
