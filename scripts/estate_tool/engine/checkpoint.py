"""State of a layer as the engine keeps it, and the record of its last successful rollout beside it.

The record is a tag of the stack, which file, bucket and service backends keep alike. It holds digests of the inputs and
of the resulting state, so that any other change of the state makes it void.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from estate_tool.engine.provenance import Provenance
from foundation.layers import LAYER_NAMES, project

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

RECORD_TAG = "estate:rollout"
LEASE_TAG = "estate:lease"
STACK_TYPE = "pulumi:pulumi:Stack"
# Of SHA-256, in hexadecimal digits: the value of a tag is no longer than 256 characters in Pulumi's service.
_DIGEST_LENGTH = 48
_NOTHING = "-"
_TAGS_VERSION = 1  # `stackTagsVersion` in pkg/backend/diy/stack_tags.go
# Time and place of a resource's registration, and the order of its dependencies, which varies from run to run.
_CIRCUMSTANCES = {"created", "modified", "sourcePosition", "stackTrace", "dependencies", "propertyDependencies"}


def digest_of(value: object) -> str:
    """Return a digest of anything that JSON can say, the same on every machine."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:_DIGEST_LENGTH]


@dataclass(frozen=True, kw_only=True)
class Record:
    """Record of the last rollout: digests of its `inputs` and `state`, the embedded AWS it went to, its origin.

    The first two are empty after a rollout that did not succeed, the third one in a real account.
    """

    inputs: str = ""
    state: str = ""
    aws: str = ""
    # The origin makes no difference to whether the inputs are rolled out.
    origin: Provenance | None = field(default=None, compare=False)

    def __str__(self) -> str:
        """Return the value of the tag."""
        parts = [part or _NOTHING for part in ("2", self.inputs, self.state, self.aws)]
        return " ".join([*parts, *([str(self.origin)] if self.origin else [])])

    @classmethod
    def parse(cls, text: str) -> Record | None:
        """Return the record in a tag's value; None when there is none or it is of another version."""
        version, *parts = text.split(" ")
        if version != "2" or len(parts) not in (3, 8):
            return None
        inputs, state, aws = ("" if part == _NOTHING else part for part in parts[:3])
        origin = Provenance.parse(parts[3:]) if parts[3:] else None
        return cls(inputs=inputs, state=state, aws=aws, origin=origin)


@dataclass(frozen=True, kw_only=True)
class StackState:
    """A layer's stack: the deployment as the engine keeps it, with its record and lease (estate_tool.rollout.lock)."""

    deployment: Mapping[str, Any]
    record: Record | None = None
    lease: str = ""

    @property
    def resources(self) -> list[Mapping[str, Any]]:
        """Everything in it, components and providers too."""
        return self.deployment.get("resources") or []

    @property
    def resource_count(self) -> int:
        """Number of AWS resources in the state."""
        return sum(1 for resource in self.resources if str(resource["type"]).startswith("aws:"))

    @property
    def outputs(self) -> Mapping[str, Any]:
        """Outputs of the layer; empty when it was never rolled out to its end."""
        stack = next((resource for resource in self.resources if resource["type"] == STACK_TYPE), {})
        return stack.get("outputs") or {}

    @cached_property
    def digest(self) -> str:
        """Changes with every change of a resource in the state, by any tool.

        Not with a run that leaves every resource as it was: the engine compares with nothing else.
        """
        kept = [{key: resource[key] for key in resource.keys() - _CIRCUMSTANCES} for resource in self.resources]
        return digest_of(sorted(kept, key=lambda resource: json.dumps(resource, sort_keys=True)))

    @property
    def is_whole(self) -> bool:
        """True if the last rollout succeeded, and nothing has touched the state since."""
        record = self.record
        finished = record and record.inputs and record.state == self.digest
        return bool(finished and not self.deployment.get("pending_operations"))

    def is_result_of(self, inputs: str, aws: str) -> bool:
        """Return True if the last rollout took these inputs there and succeeded, and the state is untouched since."""
        if not inputs or not self.resources or self.deployment.get("pending_operations"):
            return False
        return self.record == Record(inputs=inputs, state=self.digest, aws=aws)


def from_files(folder: Path, stack: str, layers: Iterable[str] = LAYER_NAMES) -> dict[str, StackState] | None:
    """Return the layers' stacks in a file backend, by layer; None when only the engine can read them.

    Reading its files is twenty times quicker than asking it.
    """
    try:
        # Version 1: stacks lie in folders of their project, each in one file, the tags beside it.
        if (folder / "meta.yaml").read_text(encoding="utf-8").split() != ["version:", "1"]:
            return None
        states = {layer: _from_file(folder / "stacks" / project(layer), stack) for layer in layers}
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return None
    return {layer: state for layer, state in states.items() if state}


def _from_file(folder: Path, stack: str) -> StackState | None:
    if (folder / f"{stack}.json.gz").exists():
        raise ValueError("compressed")
    file, tags = folder / f"{stack}.json", folder / f"{stack}.pulumi-tags"
    if not file.exists():
        return None
    latest = json.loads(file.read_bytes())["checkpoint"].get("latest")
    kept = json.loads(tags.read_bytes())["tags"] if tags.exists() else {}
    return with_tags(latest or {}, kept)


def set_tag(folder: Path, layer: str, stack: str, name: str, value: str) -> bool:
    """Set a tag of a stack in a file backend, or with an empty value remove it; False where only the engine can."""
    stacks = folder / "stacks" / project(layer)
    file = stacks / f"{stack}.pulumi-tags"
    try:
        kept: dict[str, Any] = (
            json.loads(file.read_bytes()) if file.exists() else {"version": _TAGS_VERSION, "tags": {}}
        )
        if kept["version"] != _TAGS_VERSION or not (stacks / f"{stack}.json").exists():
            return False
        tags = {**kept["tags"], name: value}
    except (OSError, ValueError, LookupError, TypeError):
        return False
    text = json.dumps({**kept, "tags": {key: each for key, each in tags.items() if each}})
    partial = file.with_name(f"{file.name}.{os.getpid()}.tmp")
    partial.touch(0o600)
    partial.write_text(text, encoding="utf-8")
    partial.replace(file)
    # Notes of the bucket's driver on the former content; without them, it takes the file as it is.
    file.with_name(f"{file.name}.attrs").unlink(missing_ok=True)
    return True


def with_tags(deployment: Mapping[str, Any], tags: Mapping[str, str]) -> StackState:
    """Return the state of a stack from its deployment and its tags."""
    record = Record.parse(tags.get(RECORD_TAG, ""))
    return StackState(deployment=deployment, record=record, lease=tags.get(LEASE_TAG, ""))
