"""Create, read, update and delete of resources, by interpreting their declarations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from local_aws.provider import convert
from local_aws.provider.aws import Gone, ProviderError, Session
from local_aws.provider.calls import Caller
from local_aws.provider.check import DEFAULTED
from local_aws.provider.diff import Comparison, is_empty, top
from local_aws.provider.model import Change, ResourceType, fill, fill_first, parse
from local_aws.provider.schema import Schema
from local_aws.provider.wire import UNKNOWN, Properties


class PartlyDone(ProviderError):
    """Resource that exists but is not finished: its state must not be lost."""

    def __init__(self, identifier: str, properties: Properties, reason: str) -> None:
        super().__init__(reason)
        self.id, self.properties = identifier, properties


@dataclass(frozen=True)
class Lifecycle:
    """The operations on resources of one type."""

    kind: ResourceType
    schema: Schema
    session: Session
    default_tags: Any

    # --- preview ------------------------------------------------------------------------------------------------

    def preview(self, inputs: Properties) -> Properties:
        """Return the outputs of a resource to be created, as far as they are known."""
        filled_in = {name for name in self.schema["outputs"] if name not in self.schema["inputs"]} | self.kind.computed
        unknown = {name: UNKNOWN for name in filled_in if name in self.schema["outputs"]}
        return {"region": self.session.region} | unknown | _visible(inputs)

    def preview_update(self, inputs: Properties, old: Properties, old_inputs: Properties) -> Properties:
        """The outputs after an update, those unknown that will change with it."""
        expected, changed = self._expected(inputs, old, old_inputs)
        return expected | dict.fromkeys(self.kind.recompute(changed, inputs) - inputs.keys(), UNKNOWN)

    def _expected(self, inputs: Properties, old: Properties, old_inputs: Properties) -> tuple[Properties, set[str]]:
        """Return the old state with the changes of the inputs, and the names of the changed properties."""
        changed = {top(path) for path in self._comparison.changes(inputs, old, old_inputs)}
        stays = (
            self.schema["outputs"].keys() - self.schema["inputs"].keys()
            | self.kind.computed
            | {"region"}
            | inputs.keys()
        )
        kept = {name: value for name, value in old.items() if name in stays}
        return kept | {
            name: value for name, value in _visible(inputs).items() if name in changed or name not in kept
        }, changed

    # --- create -------------------------------------------------------------------------------------------------

    def create(self, inputs: Properties, deadline: float) -> tuple[str, Properties]:
        """Create the resource and wait until it is ready."""
        first, *more = self.kind.create
        change = Change(session=self.session, id="", new=_visible(inputs))
        answer = self._caller.run(first, change)
        known = self._properties(answer, change.new, "") | change.new
        identifier = fill_first(self.kind.id, known)
        try:
            for call in more:
                if call.when is None or call.when(change):
                    settle = (lambda: self._wait_ready(identifier, known, deadline)) if call.settle else (lambda: None)
                    self._caller.run(call, replace(change, id=identifier, new=known), settle)
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
        if state:
            return identifier, self._read(identifier, state)[0]
        forms = self.kind.imports or self.kind.id
        known = parse(forms, identifier)
        if known is None:
            raise ProviderError(
                f'"{identifier}" is no identifier to import a {self.kind.token} by: give {" or ".join(forms)}'
            )
        record = self._record(identifier, known)
        defaults = {name: value for name, value in self.kind.defaults.items() if name in self.kind.kept}
        kept = {name: value for name, value in known.items() if name in self.kind.kept}
        properties = defaults | kept | self._properties(record, known, identifier)
        return fill_first(self.kind.id, known | properties), properties

    def _read(self, identifier: str, state: Properties) -> tuple[Properties, Properties]:
        """The properties, in the spelling of the state, and AWS's record of them."""
        record = self._record(identifier, state)
        live = self._properties(record, state, identifier)
        settled = {name: state[name] for name in self.kind.kept if name in state and name not in live}
        for name, value in live.items():
            if name in state and self._comparison.same(name, value, state[name]):
                settled[name] = state[name]
            elif value not in ([], {}) or state.get(name):
                settled[name] = value
        unseen = {name: value for name, value in state.items() if name in self.schema["outputs"] and name not in live}
        # Empty before and not returned now is the same.
        settled |= {name: value for name, value in unseen.items() if self._comparison.same(name, None, value)}
        return settled, record

    def _record(self, identifier: str, known: Properties) -> Properties:
        """Merge the answers of all read operations."""
        import jmespath

        record: Properties = {}
        for index, (call, path) in enumerate(self.kind.read):
            try:
                answer = self._caller.run(call, Change(session=self.session, id=identifier, new=known, old=known))
            except Gone:
                if index == 0:
                    raise
                continue
            found = jmespath.search(str(fill(path, known, identifier)), answer)
            if index == 0 and not found:
                raise Gone(f"{identifier} does not exist")
            record |= found or {}
        properties = known | self._properties(record, known, identifier)
        change = Change(session=self.session, id=identifier, new=properties)
        return record | ({} if (tags := self._caller.tags(change)) is None else {"Tags": tags})

    def _properties(self, record: Properties, state: Properties, identifier: str) -> Properties:
        """An AWS record as the type's properties."""
        import jmespath

        outputs: Mapping[str, Any] = self.schema["outputs"]
        names = {"tagsAll": "Tags"} | dict(self.kind.names)
        elsewhere = self.kind.outputs.keys() | self.kind.unsupported | {"tags"}
        direct = {name: kind for name, kind in outputs.items() if name not in elsewhere}
        found = convert.record_to_properties(record, direct, names)
        context = record | {
            "_state": state,
            "_id": identifier,
            "_region": self.session.region,
            "_session": self.session,
        }
        for name, source in self.kind.outputs.items():
            raw = source(context) if callable(source) else jmespath.search(source, context)
            value = convert.from_aws(raw, outputs.get(name, "any"), names, name)
            if value is not None:
                found[name] = value
        if "Tags" in record:
            found |= self._tags(found.get("tagsAll", {}), state)
        else:  # not requested, or not returned by the embedded AWS
            found = {name: state[name] for name in ("tags", "tagsAll") if name in state} | found
        return {"region": self.session.region} | {name: value for name, value in found.items() if name in outputs}

    def _tags(self, live: Mapping[str, str], state: Properties) -> Properties:
        """`tags` is what the program gave, `tagsAll` what is there; a default tag counts as given only if it was."""
        given = state.get("tags") or {}
        own = {key: value for key, value in live.items() if key in given or self.default_tags.get(key) != value}
        return {"tagsAll": dict(live)} | ({"tags": own} if own else {})

    def inputs_of(self, properties: Properties, old_inputs: Properties, old_state: Properties) -> Properties:
        """The inputs that would give the live properties: the old ones, changed where the resource has drifted."""
        inputs: Properties = {}
        for name in [*self.schema["inputs"], "tagsAll"]:
            live = properties.get(name)
            if name in old_inputs and self._comparison.fits(name, old_inputs[name], live):
                inputs[name] = old_inputs[name]
            elif live is not None and (name in old_inputs or self._stands_out(name, live, old_state)):
                inputs[name] = live
        return inputs

    def _stands_out(self, name: str, live: Any, state: Properties) -> bool:
        """True if a live value without an input is new and not a default."""
        if name in self.kind.computed | {"region", "tagsAll"} or live == state.get(name):
            return False
        return live != self.kind.defaults[name] if name in self.kind.defaults else not is_empty(live) and live != 0

    # --- update, delete -----------------------------------------------------------------------------------------

    def update(
        self, identifier: str, inputs: Properties, old: Properties, old_inputs: Properties, deadline: float
    ) -> Properties:
        """Update the resource by the calls that have a changed parameter."""
        wanted = _visible(inputs)
        # A value that AWS filled in and no input sets does not count as changed.
        ours = {name: value for name, value in old.items() if name in wanted or name not in self.kind.computed}
        change = Change(session=self.session, id=identifier, new=wanted, old=ours)
        expected, _ = self._expected(inputs, old, old_inputs)
        done = False
        try:
            for call in self.kind.update:
                if call.when(change) if call.when else self._caller.carries_change(call, change):
                    settle = (lambda: self._wait_ready(identifier, old, deadline)) if call.settle else (lambda: None)
                    self._caller.run(call, change, settle)
                    done = True
            self._caller.update_tags(change)
            return self._wait_ready(identifier, expected, deadline)
        except ProviderError as error:
            if not done:
                raise
            raise PartlyDone(identifier, self._last_seen(identifier, old), f"{identifier}: {error}") from error

    def delete(self, identifier: str, state: Properties, deadline: float) -> None:
        """Remove the resource; one that is already gone is fine."""
        change = Change(session=self.session, id=identifier, new=state, old=state)
        try:
            for call in self.kind.delete:
                if call.when is None or call.when(change):
                    self._caller.run(call, change)
        except Gone:
            return
        if self.kind.vanish:
            self.session.poll(lambda: self._is_gone(identifier, state), f"{identifier} vanishes", deadline)

    def _is_gone(self, identifier: str, state: Properties) -> bool:
        try:
            self._record(identifier, state)
        except Gone:
            return True
        return False

    def _wait_ready(self, identifier: str, known: Properties, deadline: float) -> Properties:
        """Return the properties once the resource is ready; ProviderError with AWS's reason if it failed."""
        import jmespath

        def attempt() -> Properties | None:
            try:
                properties, record = self._read(identifier, known)
            except Gone:  # not yet visible everywhere
                return None
            if self.kind.failed and (reason := jmespath.search(self.kind.failed, record)):
                raise ProviderError(f"{self.kind.token} failed: {reason}")
            return properties if not self.kind.ready or jmespath.search(self.kind.ready, record) else None

        ready: Properties = self.session.poll(attempt, f"waiting for {identifier} to become usable", deadline)
        return ready

    @property
    def _caller(self) -> Caller:
        return Caller(self.kind, self.schema, self.session)

    @property
    def _comparison(self) -> Comparison:
        return Comparison(self.kind, self.schema)


def _visible(inputs: Properties) -> Properties:
    return {name: value for name, value in inputs.items() if name != DEFAULTED}
