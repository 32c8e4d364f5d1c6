"""Operations of the engine on a layer, gathered from its event log."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from estate_tool.core.retries import is_transient_text
from estate_tool.engine.checkpoint import STACK_TYPE
from estate_tool.engine.diagnostics import Diagnostic

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

# The engine's step names ("apitype.OpType" of the Pulumi engine) as the kinds of change in our reports. A replacement
# comes as several steps; one of them is counted.
_KINDS = {
    "create": "created",
    "import": "created",
    "update": "updated",
    "replace": "replaced",
    "delete": "deleted",
    "discard": "deleted",
    "same": "same",
}
_CREATES = ("create", "create-replacement")
CHANGE_KINDS = ("created", "updated", "replaced", "deleted")
# gRPC's errors when the provider did not answer: its last operation may have been carried out.
_NO_ANSWER = re.compile(r"connection error|error reading from server|transport is closing|code = Unavailable|\bEOF\b")
# Keys of a resource in the engine's events that belong into its state.
_STATE_KEYS = ("urn", "type", "custom", "parent", "inputs", "provider")
_CLOSING = ("update failed", "preview failed")
# Operations that were under way, and a program that still ran, when the engine stopped for another error.
_STOPPED = ("context canceled", "Resource monitor has terminated")
# In a preview, for an output that is known only when AWS has answered; and for a secret one.
UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
PLACEHOLDERS = (UNKNOWN, "[secret]")


def type_of(urn: str) -> str:
    """Return a resource's own type, such as aws:iam/role:Role; a URN names those of its parents before it."""
    return urn.split("::")[2].rpartition("$")[2]


@dataclass(frozen=True, kw_only=True)
class Step:
    """One resource changed: `created`, `updated`, `replaced` or `deleted`; of a preview, one that would be.

    `changed` are the properties that differ, `paths` those within them that the provider names, `replacing` the
    properties that AWS can't change in place. `old` and `new` are the resource before and after, as the engine's events
    have it (`id`, `inputs`, `outputs`; secrets as "[secret]", what a preview can't know as UNKNOWN); empty where there
    is none.
    """

    kind: str
    urn: str
    changed: tuple[str, ...] = ()
    paths: tuple[str, ...] = field(default=(), compare=False)
    replacing: tuple[str, ...] = ()
    old: Mapping[str, Any] = field(default_factory=dict, compare=False, repr=False)
    new: Mapping[str, Any] = field(default_factory=dict, compare=False, repr=False)

    @property
    def type(self) -> str:
        """The resource's own type, such as aws:iam/role:Role."""
        return type_of(self.urn)

    @property
    def name(self) -> str:
        """The resource's logical name."""
        return self.urn.rpartition("::")[2]


@dataclass
class Changes:
    """Counts and errors of one run of the engine over a layer; `on_step` gets each change as it ends.

    `outputs` are those that a preview foresees, `notes` warnings of guardrails.
    """

    on_step: Callable[[Step], None] = lambda _: None
    counts: Counter[str] = field(default_factory=Counter)
    diagnostics: list[Diagnostic] = field(default_factory=list)
    outputs: Mapping[str, Any] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    _failed: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    _no_answer: set[str] = field(default_factory=set)

    def take(self, event: Mapping[str, Any]) -> None:
        """Take in one engine event, as the event log holds it."""
        if "resOutputsEvent" in event:
            self._step(event["resOutputsEvent"]["metadata"])
        elif "resOpFailedEvent" in event:
            metadata = event["resOpFailedEvent"]["metadata"]
            if metadata["op"] in _CREATES and metadata.get("new"):
                self._failed[metadata["urn"]] = metadata["new"]
        else:
            self._problem(event)

    def take_preview(self, event: Mapping[str, Any]) -> None:
        """Take in one event of a preview, where a step is known before it is made."""
        if "resourcePreEvent" in event:
            self._step(event["resourcePreEvent"]["metadata"])
        elif "resOutputsEvent" in event:
            metadata = event["resOutputsEvent"]["metadata"]
            if metadata["type"] == STACK_TYPE:
                self.outputs = (metadata.get("new") or {}).get("outputs") or {}
        else:
            self._problem(event)

    @property
    def unanswered(self) -> list[dict[str, Any]]:
        """Resources, as a state has them, whose creation was asked for and never answered: they may exist."""
        new = [resource for urn, resource in self._failed.items() if urn in self._no_answer]
        return [{key: resource[key] for key in _STATE_KEYS if resource.get(key)} for resource in new]

    @property
    def errors(self) -> list[str]:
        """The diagnostics for a person."""
        return [str(diagnostic) for diagnostic in self.diagnostics]

    @property
    def any(self) -> bool:
        """True if any resource was changed."""
        return any(self.counts[kind] for kind in CHANGE_KINDS)

    def _step(self, metadata: Mapping[str, Any]) -> None:
        kind = _KINDS.get(metadata["op"])
        if kind is None or metadata.get("type") == STACK_TYPE:
            return
        # Components are made of nothing but their parts, which are counted.
        if not type_of(metadata["urn"]).startswith("aws:"):
            return
        self.counts[kind] += 1
        if kind != "same":
            step = Step(
                kind=kind,
                urn=metadata["urn"],
                changed=tuple(metadata.get("diffs") or ()),
                paths=tuple(metadata.get("detailedDiff") or metadata.get("diffs") or ()),
                replacing=tuple(metadata.get("keys") or ()) if kind == "replaced" else (),
                old=metadata.get("old") or {},
                new=metadata.get("new") or {},
            )
            self.steps.append(step)
            self.on_step(step)

    def _problem(self, event: Mapping[str, Any]) -> None:
        if "diagnosticEvent" in event:
            self._diagnostic(event["diagnosticEvent"])
        elif "policyEvent" in event:
            self._policy(event["policyEvent"])

    def _policy(self, broken: Mapping[str, Any]) -> None:
        # The rule's statement, then what breaks it and how to fix it.
        message, urn = " ".join(str(broken["message"]).split()), str(broken.get("resourceUrn", ""))
        if broken.get("enforcementLevel") == "mandatory":
            self._add(Diagnostic(message=message, urn=urn, rule=str(broken.get("policyName") or "guardrail")))
        elif message not in self.notes:
            self.notes.append(message)

    def _diagnostic(self, diagnostic: Mapping[str, Any]) -> None:
        message = str(diagnostic.get("message", "")).strip()
        # The engine closes with a line without any error in it.
        if diagnostic.get("severity") != "error" or not message or message in _CLOSING:
            return
        if any(text in message for text in _STOPPED):
            return
        urn = str(diagnostic.get("urn", ""))
        # After a fault of AWS's own, or an answer that never came, it may have been carried out all the same.
        if _NO_ANSWER.search(message) or is_transient_text(message):
            self._no_answer.add(urn)
        self._add(Diagnostic(message=message, urn=urn))

    def _add(self, diagnostic: Diagnostic) -> None:
        if str(diagnostic) not in self.errors:
            self.diagnostics.append(diagnostic)
