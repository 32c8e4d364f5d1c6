"""Makes, shows, changes and removes resources by interpreting their declarations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from local_aws.provider import convert
from local_aws.provider.aws import RETRY_DEADLINE, AwsError, Gone, ProviderError, Session
from local_aws.provider.diff import Comparison
from local_aws.provider.model import Call, Change, ResourceType, fill, parse
from local_aws.provider.schema import Schema
from local_aws.provider.wire import UNKNOWN, Properties, has_unknown

_UNDO: Final[Mapping[str, Any]] = {"string": "", "list": [], "map": {}, "structure": {}}
UNSERVED: Final = "not-served-by-the-embedded-aws"
_UNSENT: Final = frozenset({"region", "tags"})  # the region is the client's; tags are sent as tagsAll


class PartlyDone(ProviderError):
    """The resource exists but is not as wanted: its state must not be lost."""

    def __init__(self, identifier: str, properties: Properties, reason: str) -> None:
        super().__init__(reason)
        self.id, self.properties = identifier, properties


@dataclass(frozen=True)
class Lifecycle:
    """The operations on resources of one type."""

    kind: ResourceType
    schema: Schema
    session: Session
    default_tags: Mapping[str, str]

    # --- create -------------------------------------------------------------------------------------------------

    def preview(self, inputs: Properties, old: Properties | None = None) -> Properties:
        """The outputs as far as they are known before the rollout."""
        if old is None:
            unset = {name for name in self.schema["outputs"] if name not in self.schema["inputs"]} | self.kind.computed
            outputs = {name: UNKNOWN for name in unset if name in self.schema["outputs"]} | self._visible(inputs)
            return {"region": self.session.region} | outputs
        changed = {path.split(".")[0].split("[")[0] for path in self._comparison.changes(inputs, old, old)}
        kept = {name: value for name, value in old.items() if name not in self.schema["inputs"] or name in inputs
                or name in self.kind.computed | {"region"}}  # fmt: skip
        unknown = {name: UNKNOWN for name in self.kind.recompute(changed, inputs)}
        return kept | self._visible(inputs) | unknown

    def create(self, inputs: Properties, deadline: float) -> tuple[str, Properties]:
        """Make the resource and wait until it can be used."""
        try:
            return self._create(inputs, deadline)
        except AwsError as error:
            if not self._unserved(error):
                raise
            properties = {name: UNSERVED for name in self.schema["outputs"]} | self._visible(inputs)
            properties = {name: value for name, value in properties.items() if name in inputs or name not in self.schema["inputs"]}
            return str(fill(self.kind.id, properties)), properties | {"region": self.session.region}

    def _unserved(self, error: AwsError) -> bool:
        return self.kind.unserved is not None and self.kind.unserved in str(error)

    def _create(self, inputs: Properties, deadline: float) -> tuple[str, Properties]:
        first, *more = self.kind.create
        change = Change(session=self.session, id="", new=self._visible(inputs))
        response = self._patiently(lambda: self._run(first, change)) or {}
        known = change.new | self._properties(response, {}, "")
        identifier = str(fill(self.kind.id, known))
        try:
            for call in more:
                if call.when is None or call.when(change):
                    self._settle(call, identifier, known, deadline)
                    self._run(call, replace(change, id=identifier, new=known))
            return identifier, self._wait_ready(identifier, known, deadline)
        except ProviderError as error:
            raise PartlyDone(identifier, self._last_seen(identifier, known), f"{identifier}: {error}") from error

    def _last_seen(self, identifier: str, known: Properties) -> Properties:
        try:
            return self.read(identifier, known)[1]
        except ProviderError:
            return known

    # --- read ---------------------------------------------------------------------------------------------------

    def read(self, identifier: str, state: Properties) -> tuple[str, Properties]:
        """Identifier and properties of the live resource; raises Gone. An empty state means: import by `identifier`."""
        return self._read(identifier, state)[:2]

    def _read(self, identifier: str, state: Properties) -> tuple[str, Properties, Properties]:
        known = dict(state)
        if not state:
            found = parse(self.kind.imports, identifier)
            if found is None:
                raise ProviderError(f'"{identifier}" is not an identifier to import: it must have the form "{self.kind.imports}"')
            known = found
        try:
            record = self._record(identifier, known)
        except AwsError as error:
            if not state or not self._unserved(error):
                raise
            return identifier, {name: value for name, value in state.items() if value is not None}, {}
        properties = self._properties(record, known, identifier)
        properties |= {name: known[name] for name in self.kind.kept if name in known and name not in properties}
        if not state:
            properties = {name: value for name, value in self.kind.defaults.items() if name in self.kind.kept} | properties
            identifier = str(fill(self.kind.id, known | properties))
        else:
            properties = self._settled(properties, state)
        return identifier, properties, record

    def _record(self, identifier: str, known: Properties) -> Properties:
        """What all read operations return, in one."""
        import jmespath

        record: Properties = {}
        for index, (call, path) in enumerate(self.kind.read):
            try:
                response = self._run(call, Change(session=self.session, id=identifier, new=known, old=known)) or {}
            except Gone:
                if index == 0:
                    raise
                continue
            found = jmespath.search(str(fill(path, known, identifier)), response)
            if index == 0 and not found:
                raise Gone(f"{identifier} does not exist")
            record |= found or {}
        return record

    def _properties(self, record: Properties, state: Properties, identifier: str) -> Properties:
        """An AWS record as the type's properties."""
        import jmespath

        names = {"tagsAll": "Tags"} | dict(self.kind.names)
        wanted = {name: kind for name, kind in self.schema["outputs"].items() if name not in self.kind.outputs and name != "tags"}
        found = convert.record_to_properties(record, wanted, names)
        context = record | {"_state": state, "_id": identifier, "_region": self.session.region, "_session": self.session}
        for name, source in self.kind.outputs.items():
            raw = source(context) if callable(source) else jmespath.search(source, record)
            value = convert.from_aws(raw, self.schema["outputs"].get(name, "any"), names, name)
            if value is not None:
                found[name] = value
        found["region"] = self.session.region
        if "Tags" in record:
            found |= self._tags(found.get("tagsAll", {}), state)
        else:  # not asked for, or the embedded AWS can't tell
            found = {name: state[name] for name in ("tags", "tagsAll") if name in state} | found
        return {name: value for name, value in found.items() if name in self.schema["outputs"]}

    def _tags(self, live: Mapping[str, str], state: Properties) -> Properties:
        """`tags` is what the program gave, `tagsAll` what is there; a default tag counts as given only if it was."""
        given = state.get("tags") or {}
        own = {key: value for key, value in live.items() if key in given or self.default_tags.get(key) != value}
        return {"tagsAll": dict(live)} | ({"tags": own} if own else {})

    def _settled(self, live: Properties, state: Properties) -> Properties:
        """Live values, in the spelling of the state where they mean the same."""
        settled = {name: state[name] if name in state and self._comparison.same(name, value, state[name]) else value
                   for name, value in live.items()}  # fmt: skip
        for name, value in state.items():
            if name not in live and name in self.schema["outputs"] and self._comparison.same(name, None, value):
                settled[name] = value  # empty before, not returned now: the same
        return settled

    def inputs_of(self, properties: Properties, old_inputs: Properties, old_state: Properties) -> Properties:
        """The inputs that would give the live properties: the old ones, changed where the resource has drifted."""
        inputs: Properties = {}
        for name in [*self.schema["inputs"], "tagsAll"]:
            live = properties.get(name)
            if name in old_inputs and self._comparison.fits(name, old_inputs[name], live):
                inputs[name] = old_inputs[name]
            elif name in old_inputs:
                inputs |= {} if live is None else {name: live}
            elif self._stands_out(name, live, old_state):
                inputs[name] = live
        return inputs

    def _stands_out(self, name: str, live: Any, state: Properties) -> bool:
        if live in (None, "", [], {}) or name in self.kind.computed | {"region", "tagsAll"}:
            return False
        return live != self.kind.defaults.get(name) and live != state.get(name)

    # --- update, delete -----------------------------------------------------------------------------------------

    def update(self, identifier: str, inputs: Properties, old: Properties, deadline: float) -> Properties:
        """Bring the resource to the wanted inputs, by the calls that carry something that changed."""
        # What AWS filled in and nobody asks for does not count as changed.
        ours = {name: value for name, value in old.items() if name in inputs or name not in self.kind.computed}
        change = Change(session=self.session, id=identifier, new=self._visible(inputs), old=ours)
        done = False
        try:
            for call in self.kind.update:
                if call.when(change) if call.when else self._carries_change(call, change):
                    self._settle(call, identifier, old, deadline)
                    self._patiently(lambda call=call: self._run(call, change))
                    done = True
            if self.kind.tagging:
                self._update_tags(identifier, change)
            return self._wait_ready(identifier, old | self._replaced(inputs, old), deadline)
        except ProviderError as error:
            if not done:
                raise
            raise PartlyDone(identifier, self._last_seen(identifier, old), f"{identifier}: {error}") from error

    def _replaced(self, inputs: Properties, old: Properties) -> Properties:
        """What the inputs say now, None for those no longer given."""
        gone = {name: None for name in self.schema["inputs"] if name in old and name not in self.kind.computed | {"region"}}
        return gone | self._visible(inputs)

    def _update_tags(self, identifier: str, change: Change) -> None:
        tagging = self.kind.tagging
        new, old = change.new.get("tagsAll", {}), change.old.get("tagsAll", {})
        if not tagging or new == old:
            return
        target = {tagging.parameter: fill(tagging.value, change.old | change.new, identifier)}
        removed = sorted(old.keys() - new.keys())
        if removed:
            shape = self.session.input_shape(self.kind.service, tagging.remove)
            keys = next(name for name in shape.members if name.lower() == "tagkeys")
            self._call(tagging.remove, target | {keys: removed})
        added = {key: value for key, value in new.items() if old.get(key) != value}
        if added:
            shape = self.session.input_shape(self.kind.service, tagging.add)
            tags = next(name for name in shape.members if name.lower() == "tags")
            self._call(tagging.add, target | {tags: convert.to_aws(added, shape.members[tags], {}, "tags")})

    def delete(self, identifier: str, state: Properties, deadline: float) -> None:
        """Remove the resource; one that is already gone is fine."""
        change = Change(session=self.session, id=identifier, new=state, old=state)
        for call in self.kind.delete:
            if call.when is None or call.when(change):
                try:
                    self._patiently(lambda call=call: self._run(call, change))
                except Gone:
                    return
                except AwsError as error:
                    if not self._unserved(error):
                        raise
        if self.kind.vanish:
            self.session.poll(lambda: self._is_gone(identifier, state), f"{identifier} vanishes", deadline)

    def _is_gone(self, identifier: str, state: Properties) -> bool:
        try:
            self._record(identifier, state)
        except Gone:
            return True
        return False

    # --- one operation ------------------------------------------------------------------------------------------

    def _run(self, call: Call, change: Change) -> Properties | None:
        """One declared call, or one for each of its parameter sets."""
        known = change.old | change.new
        response: Properties | None = None
        for extra in call.each(change) if call.each else ({},):
            response = self._call(call.operation, self._request(call, change, known, extra), call.gone)
        return response

    def _call(self, operation: str, parameters: Properties, gone: tuple[str, ...] | Any = ()) -> Properties:
        try:
            return self.session.call(self.kind.service, operation, parameters)
        except AwsError as error:
            if error.code in (*self.kind.gone, *gone):
                raise Gone(str(error)) from error
            raise

    def _request(self, call: Call, change: Change, known: Properties, extra: Mapping[str, Any]) -> Properties:
        shape = self.session.input_shape(self.kind.service, call.operation)
        parameters = dict(call.parameters) | dict(extra)
        carried = dict(self._carried(call))
        request: Properties = {}
        for member, member_shape in shape.members.items() if shape else ():
            if member in parameters:
                source = parameters[member]
                value = source(change) if callable(source) else self._filled(source, known, change.id)
            elif member in carried:
                value = self._carried_value(carried[member], member_shape, change)
            else:
                continue
            if value is not None:
                request[member] = value
        return request

    def _filled(self, template: Any, known: Properties, identifier: str) -> Any:
        places: Properties = {"region": self.session.region}
        if isinstance(template, str) and "{account}" in template:
            places["account"] = self.session.account
        return fill(template, places | known, identifier)

    def _carried(self, call: Call) -> Iterator[tuple[str, str]]:
        """The parameters that are filled from a property of the same name."""
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
            removed = change.old.get(name) is not None and name not in self.kind.computed and not change.creating
            return self.kind.reset.get(name, _UNDO.get(shape.type_name)) if removed else None
        if value == "" and change.creating:
            return None  # AWS refuses many empty strings, which mean "not given"
        return convert.to_aws(value, shape, self.kind.names, name)

    def _carries_change(self, call: Call, change: Change) -> bool:
        names = {name for _, name in self._carried(call)} - self.kind.force_new - {"tagsAll"}
        return any(
            not self._comparison.same(name, change.new.get(name), change.old.get(name))
            for name in names
            if not (name in self.kind.computed and change.new.get(name) is None)
        )

    # --- waiting ------------------------------------------------------------------------------------------------

    def _settle(self, call: Call, identifier: str, known: Properties, deadline: float) -> None:
        if call.settle:
            self._wait_ready(identifier, known, deadline)

    def _wait_ready(self, identifier: str, known: Properties, deadline: float) -> Properties:
        """The properties once the resource can be used; raises ProviderError with AWS's reason when it never will."""
        import jmespath

        def attempt() -> Properties | None:
            try:
                _, properties, record = self._read(identifier, known)
            except Gone:  # not yet visible everywhere
                return None
            if self.kind.failed and (reason := jmespath.search(self.kind.failed, record)):
                raise ProviderError(f"{self.kind.token} failed: {reason}")
            return properties if not self.kind.ready or jmespath.search(self.kind.ready, record) else None

        ready: Properties = self.session.poll(attempt, f"waiting for {self.kind.token} to become usable", deadline)
        return ready

    def _patiently(self, attempt: Any) -> Any:
        """Repeat what fails only until AWS has caught up with an earlier change."""

        def once() -> tuple[Any] | None:
            try:
                return (attempt(),)
            except AwsError as error:
                if any(text in str(error) for text in self.kind.retry) and not self.session.cancelled.is_set():
                    failures.append(error)
                    return None
                raise

        failures: list[AwsError] = []
        try:
            return self.session.poll(once, "waiting for AWS to catch up", RETRY_DEADLINE)[0]
        except AwsError:
            raise
        except ProviderError as error:
            raise failures[-1] if failures else error from error

    def _visible(self, inputs: Properties) -> Properties:
        return {name: value for name, value in inputs.items() if name != "__defaults"}

    @property
    def _comparison(self) -> Comparison:
        return Comparison(self.kind, self.schema)
