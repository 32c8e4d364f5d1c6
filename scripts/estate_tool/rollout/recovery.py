"""Recovery of a layer's stack after a rollout or teardown that was killed.

The engine notes each operation in the state before it asks the provider for it. A resource that was being created when
the engine was killed exists or does not; the engine can't know, would create it once more and fail, and never forgets
the note. Here each is looked up in AWS under the name it was to get, and taken over into the state if it is there.
Resources that were being changed or deleted are read anew.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from estate_tool.core.aws_errors import reaching
from estate_tool.core.errors import Failed
from estate_tool.core.resource_types import RESOURCE_TYPES, Account, NotThere
from estate_tool.engine import locks
from estate_tool.engine.events import Changes
from foundation.layers import project

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from estate_tool.core.environment import Environment
    from estate_tool.core.resource_types.model import Inputs
    from estate_tool.engine.cli import Pulumi

_CREATING = "creating"
_IN_AWS = (_CREATING, "updating", "deleting")


@dataclass(frozen=True, kw_only=True)
class Recovery:
    """Frees locks of dead processes, and settles operations that they left unfinished; `say` gets a line for each."""

    pulumi: Pulumi
    environment: Environment
    say: Callable[[str], None]

    def free(self, layer: str) -> None:
        """Remove locks of dead processes, which a stack that is gone may have too; raise Failed when one lives."""
        if state := locks.state_folder(os.environ):
            locks.free_dead(state, layer, self.pulumi.stack, self.say)

    def before(self, layer: str) -> None:
        """Make a layer's stack ready for the engine; raise Failed, with nothing lost, when that can't be done."""
        self.free(layer)
        state = locks.state_folder(os.environ)
        if state and not _may_be_unfinished(state / "stacks" / project(layer) / f"{self.pulumi.stack}.json"):
            return
        found = self.pulumi.export_versioned(layer)
        if _is_unfinished(found["deployment"]):
            with reaching(self.environment):
                self._settle(layer, found)

    def after(self, layer: str, unanswered: Iterable[Mapping[str, Any]]) -> None:
        """Keep resources that the engine wrote off although they may have been created: its provider had died.

        They are read, and dropped where they do not exist, before the next run.
        """
        with reaching(self.environment):
            found = self.pulumi.export_versioned(layer)
            for resource in unanswered:
                self._take_over(found["deployment"], resource)
            self.pulumi.replace(layer, found)

    def _settle(self, layer: str, found: dict[str, Any]) -> None:
        notes = _notes(found["deployment"])
        existing = {note["resource"]["urn"] for note in notes if note["type"] != _CREATING} & _urns(found)
        if existing:
            found = self._read(layer, existing)  # which removes these notes
        if found["deployment"].get("pending_operations"):
            for note in notes:
                if note["type"] == _CREATING:
                    self._take_over(found["deployment"], note["resource"])
            self.pulumi.replace(layer, found)  # the engine drops all notes
        if _revive(found["deployment"]):
            self.pulumi.replace(layer, found)
        unread = _unread(found["deployment"])
        if unread:
            found = self._read(layer, unread)
        present = _urns(found)
        for urn in sorted({note["resource"]["urn"] for note in notes} | set(unread)):
            self.say(f"      {urn.rpartition('::')[2]}: was left unfinished, {_there(urn in present)}")

    def _take_over(self, deployment: dict[str, Any], resource: Mapping[str, Any]) -> None:
        """Put a resource that may exist into the state, to be read, or dropped, by the next refresh."""
        same = [other for other in deployment.get("resources") or [] if other["urn"] == resource["urn"]]
        if any(not other.get("delete") and not other.get("pendingReplacement") for other in same):
            return  # the resource was made after all
        account = Account(self.environment.client, self.environment.configuration.region)
        try:
            identifier = import_id(resource["type"], resource.get("inputs") or {}, account)
        except NotThere:
            return
        # The resource that this one replaces has been deleted already.
        replaced = [other for other in same if other.get("pendingReplacement")]
        resources = [other for other in deployment.get("resources") or [] if other not in replaced]
        # Without outputs, reading it is importing it.
        kept = {key: value for key, value in resource.items() if key != "outputs"}
        deployment["resources"] = [*resources, {**kept, "id": identifier}]

    def _read(self, layer: str, urns: Iterable[str]) -> dict[str, Any]:
        """Read the resources from AWS into the state; return the whole state."""
        changes = Changes()
        diagnostic = self.pulumi.refresh(layer, sorted(urns), changes.take)
        if diagnostic:
            raise Failed("what an interrupted run left can't be read: " + ("\n".join(changes.errors) or diagnostic))
        return self.pulumi.export_versioned(layer)


def _notes(deployment: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the operations that the engine had under way in AWS when it was killed."""
    return [
        note
        for note in deployment.get("pending_operations") or []
        if note["type"] in _IN_AWS and _is_aws(note["resource"])
    ]


def _unread(deployment: Mapping[str, Any]) -> list[str]:
    """Return the URNs of resources taken over into the state and not read yet; all others have outputs."""
    resources = deployment.get("resources") or []
    return [one["urn"] for one in resources if _is_aws(one) and one.get("id") and not one.get("outputs")]


def _revive(deployment: Mapping[str, Any]) -> bool:
    """Have resources that were deleted to be replaced read, so that they leave the state; return False without any.

    An engine stopped between the deletion and the creation keeps the old resource for later, and refreshes leave it
    out. If the change is taken back meanwhile, the engine creates the resource and then deletes it, under the same
    name, as the old one (seen with 3.259; pulumi/pulumi#24588 is about the same).
    """
    waiting = [one for one in deployment.get("resources") or [] if one.get("pendingReplacement")]
    for one in waiting:
        del one["pendingReplacement"]
        one.pop("outputs", None)
    return bool(waiting)


def _urns(exported: Mapping[str, Any]) -> set[str]:
    return {resource["urn"] for resource in exported["deployment"].get("resources") or []}


def _is_aws(resource: Mapping[str, Any]) -> bool:
    return str(resource["type"]).startswith("aws:")


def _is_unfinished(deployment: Mapping[str, Any]) -> bool:
    waits = any(one.get("pendingReplacement") for one in deployment.get("resources") or [])
    return bool(deployment.get("pending_operations") or waits or _unread(deployment))


def _there(exists: bool) -> str:
    return "exists" if exists else "does not exist"


def _may_be_unfinished(checkpoint: Path) -> bool:
    """Return True if a stack's file may have unfinished operations; reading it is quicker than asking the engine."""
    try:
        content = json.loads(checkpoint.read_text(encoding="utf-8"))["checkpoint"]
        # A stack that nothing was ever rolled out to has no latest deployment.
        return _is_unfinished(content.get("latest") or {})
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return True  # compressed, or a format of another engine


def import_id(type_token: str, inputs: Inputs, account: Account) -> str:
    """Return the ID to import a resource by; NotThere, or Failed for an unknown type or inputs without a name."""
    known = RESOURCE_TYPES.get(type_token)
    if known is None:
        raise Failed(
            f"a {type_token} that may or may not have been created can't be looked up",
            "look in AWS; `pulumi import` what is there, then: pulumi refresh --clear-pending-creates",
        )
    try:
        rule = known.import_id
        return rule(inputs, account) if callable(rule) else rule.format_map(inputs)
    except KeyError as error:
        raise Failed(f"a {type_token} was to be created without {error}: there is no way to look it up") from error
