"""What the engine did to a layer, gathered from its event log."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from estate_tool.retries import is_transient_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

# The engine's step names ("apitype.OpType" of the Pulumi engine) as the words of our reports. A replacement comes as
# several steps; one of them is counted.
_WORDS = {
    "create": "created",
    "import": "created",
    "update": "updated",
    "replace": "replaced",
    "delete": "deleted",
    "discard": "deleted",
    "same": "same",
}
_CREATES = ("create", "create-replacement")
CHANGE_WORDS = ("created", "updated", "replaced", "deleted")
# How gRPC words it when the provider did not answer: nobody knows what it had done until then.
_NO_ANSWER = re.compile(r"connection error|error reading from server|transport is closing|code = Unavailable|\bEOF\b")
# What the engine's events tell of a resource that belongs into its state.
_STATE_KEYS = ("urn", "type", "custom", "parent", "inputs", "provider")
_CLOSING = ("update failed", "preview failed")
_STACK_TYPE = "pulumi:pulumi:Stack"


@dataclass(frozen=True, kw_only=True)
class Step:
    """One resource changed: `created`, `updated`, `replaced` or `deleted`."""

    word: str
    urn: str
    changed: tuple[str, ...] = ()

    @property
    def type(self) -> str:
        """The resource's own type, such as aws:iam/role:Role."""
        return self.urn.split("::")[2].rpartition("$")[2]

    @property
    def name(self) -> str:
        """The resource's logical name."""
        return self.urn.rpartition("::")[2]


@dataclass
class Changes:
    """Counts and errors of one run of the engine over a layer; `on_step` hears of each change as it ends."""

    on_step: Callable[[Step], None] = lambda _: None
    counts: Counter[str] = field(default_factory=Counter)
    errors: list[str] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    _failed: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    _no_answer: set[str] = field(default_factory=set)

    def take(self, event: Mapping[str, Any]) -> None:
        """Digests one engine event, as the event log holds it."""
        if "resOutputsEvent" in event:
            # A rollout that begins with a preview tells that one's steps too.
            if not event["resOutputsEvent"].get("planning"):
                self._step(event["resOutputsEvent"]["metadata"])
        elif "resOpFailedEvent" in event:
            metadata = event["resOpFailedEvent"]["metadata"]
            if metadata["op"] in _CREATES and metadata.get("new"):
                self._failed[metadata["urn"]] = metadata["new"]
        else:
            self._complaint(event)

    def as_preview(self, event: Mapping[str, Any]) -> None:
        """Digests one event of a preview, where a step is known before it is made."""
        if "resourcePreEvent" in event:
            self._step(event["resourcePreEvent"]["metadata"])
        else:
            self._complaint(event)

    @property
    def unanswered(self) -> list[dict[str, Any]]:
        """Resources, as a state has them, whose creation was asked for and never answered: they may exist."""
        new = [resource for urn, resource in self._failed.items() if urn in self._no_answer]
        return [{key: resource[key] for key in _STATE_KEYS if resource.get(key)} for resource in new]

    @property
    def any(self) -> bool:
        """Whether any resource was changed."""
        return any(self.counts[word] for word in CHANGE_WORDS)

    def _step(self, metadata: Mapping[str, Any]) -> None:
        word = _WORDS.get(metadata["op"])
        if word is None or metadata.get("type") == _STACK_TYPE:
            return
        # Components are made of nothing but their parts, which are counted.
        if not metadata["urn"].split("::")[2].rpartition("$")[2].startswith("aws:"):
            return
        self.counts[word] += 1
        if word != "same":
            step = Step(word=word, urn=metadata["urn"], changed=tuple(metadata.get("diffs") or ()))
            self.steps.append(step)
            self.on_step(step)

    def _complaint(self, event: Mapping[str, Any]) -> None:
        if "diagnosticEvent" in event:
            self._diagnostic(event["diagnosticEvent"])
        elif event.get("policyEvent", {}).get("enforcementLevel") == "mandatory":
            # The rule's statement, then what breaks it and how to mend it.
            self._error(" ".join(str(event["policyEvent"]["message"]).split()))

    def _diagnostic(self, diagnostic: Mapping[str, Any]) -> None:
        message = str(diagnostic.get("message", "")).strip()
        # The engine closes with a line that only says that there were errors.
        if diagnostic.get("severity") != "error" or not message or message in _CLOSING:
            return
        urn = str(diagnostic.get("urn", ""))
        # After a fault of AWS's own, or an answer that never came, it may have been carried out all the same.
        if _NO_ANSWER.search(message) or is_transient_text(message):
            self._no_answer.add(urn)
        name = urn.rpartition("::")[2]
        self._error(message if message.startswith(name) else f"{name}: {message}")

    def _error(self, text: str) -> None:
        if text not in self.errors:
            self.errors.append(text)
