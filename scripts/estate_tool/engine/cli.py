"""The engine's command line for one environment."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from estate_tool.core import paths
from estate_tool.core.environment import DEFAULT
from estate_tool.core.errors import Failed
from estate_tool.core.paths import ROOT, SCRIPTS
from estate_tool.engine import checkpoint, locks
from estate_tool.engine.diagnostics import hint
from estate_tool.engine.inline_program import served
from estate_tool.engine.process import EventReader, Served, exit_reason, killed_with_parent, started, wait
from foundation.layers import LAYER_NAMES
from foundation.stack_files import name_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from estate_tool.engine.checkpoint import Record, StackState

    OnEvent = Callable[[Mapping[str, Any]], None]

Answer = TypeVar("Answer")

# The pack from which the engine learns the address of the guardrails in this process.
POLICY_PACK = SCRIPTS / "estate_tool" / "policy_pack"
# The layer whose stack is there as long as any: the lease on the environment stands there.
_FIRST = LAYER_NAMES[:1]
# The engine is a program of seconds, which collects garbage like a server: a tenth of a preview went there. A heap that
# is large all the same, its own or a plugin's, is kept near the limit.
_COLLECTOR = {"GOGC": "800", "GOMEMLIMIT": "1GiB"}


@dataclass(frozen=True, kw_only=True)
class Pulumi:
    """Runs the engine for one environment; `variables` are added to the environment of its processes.

    `attach` is called when providers are needed, and returns those of this process. `version` is the engine's.
    """

    stack: str
    variables: Mapping[str, str] = field(default_factory=dict)
    attach: Callable[[], Sequence[Served]] = tuple
    version: str = ""
    say: Callable[[str], None] = lambda text: print(text, file=sys.stderr)

    def _is_there(self, layer: str) -> bool:
        """Return True if the layer has a stack.

        In a project's folder the engine lists a stack by its bare name that a bare name means: not another
        organisation's of the same name, nor another project's.
        """
        listed = json.loads(self._call(ROOT / layer, "stack", "ls", "--json"))
        return any(one["name"] == self.stack for one in listed)

    def former(self) -> dict[str, str]:
        """Return, by layer, the full names of this environment's stacks under the former names of the projects.

        Only its content shows whether a stack with such a name is the estate's.
        """
        folder = self._state_folder()
        if folder and not any((folder / "stacks" / layer / f"{self.stack}.json").exists() for layer in LAYER_NAMES):
            return {}  # without asking the engine
        listed = json.loads(self._call(ROOT, "stack", "ls", "--all", "--json"))
        full = {tuple(one["name"].split("/")[-2:]): str(one["name"]) for one in listed}
        named = {layer: full[layer, self.stack] for layer in LAYER_NAMES if (layer, self.stack) in full}
        exported = self._for_each(named, lambda layer: self._call(ROOT, "stack", "export", "--stack", named[layer]))
        return {layer: named[layer] for layer, content in exported.items() if f'"estate:{layer}:' in content}

    def _from_files(self, layers: Iterable[str]) -> dict[str, StackState] | None:
        folder = self._state_folder()
        return checkpoint.from_files(folder, self.stack, layers) if folder else None

    def _state_folder(self) -> Path | None:
        return locks.state_folder({**os.environ, **self.variables})

    def _for_each(self, layers: Iterable[str], ask: Callable[[str], Answer]) -> dict[str, Answer]:
        """Ask the engine the same of each layer, all at once."""
        from concurrent.futures import ThreadPoolExecutor

        asked = tuple(layers)
        with ThreadPoolExecutor(max_workers=len(LAYER_NAMES)) as pool:
            return dict(zip(asked, pool.map(ask, asked), strict=True))

    def states(self, layers: Iterable[str] = LAYER_NAMES) -> dict[str, StackState]:
        """Return the stacks that these layers have for this environment."""
        wanted = tuple(layers)
        found = self._from_files(wanted)
        if found is not None:
            return found
        there = self._for_each(wanted, self._is_there)
        return self._for_each([layer for layer in wanted if there[layer]], self._state)

    def _state(self, layer: str) -> StackState:
        return checkpoint.with_tags(self.export_versioned(layer)["deployment"], self._tags(layer))

    def _tags(self, layer: str) -> dict[str, str]:
        return json.loads(self._call(ROOT / layer, "stack", "tag", "ls", "--json", "--stack", self.stack)) or {}

    def lease(self) -> str | None:
        """Return the lease on the environment, empty where there is none; None where its first layer has no stack."""
        found = self._from_files(_FIRST)
        if found is not None:
            return next((state.lease for state in found.values()), None)
        (layer,) = _FIRST
        try:
            return self._tags(layer).get(checkpoint.LEASE_TAG, "")
        except Failed:
            if self._is_there(layer):
                raise
            return None

    def keep_lease(self, text: str) -> None:
        """Keep a lease in the stack of the first layer, in the place of any other."""
        self._set_tag(_FIRST[0], checkpoint.LEASE_TAG, text)

    def end_lease(self) -> None:
        """Remove the lease, if there is one."""
        self._set_tag(_FIRST[0], checkpoint.LEASE_TAG, "")

    def keep_record(self, layer: str, record: Record) -> None:
        """Keep the record of a layer's last rollout in the layer's stack."""
        self._set_tag(layer, checkpoint.RECORD_TAG, str(record))

    def _set_tag(self, layer: str, name: str, value: str) -> None:
        """Set a tag of the layer's stack; remove it if the value is empty."""
        folder = self._state_folder()
        if folder and checkpoint.set_tag(folder, layer, self.stack, name, value):
            return  # without the fifth of a second that the engine takes
        change = ["set", name, value] if value else ["rm", name]
        # The engine reads all tags of the stack and writes them anew: two at once may undo each other.
        self._call(ROOT / layer, "stack", "tag", *change, "--stack", self.stack)

    def export_versioned(self, layer: str) -> dict[str, Any]:
        """Return a layer's `deployment`, beside the `version` of its format."""
        exported: dict[str, Any] = json.loads(self._call(ROOT / layer, "stack", "export", "--stack", self.stack))
        return exported

    def replace(self, layer: str, exported: Mapping[str, Any]) -> None:
        """Put an edited deployment, as `export_versioned` gave it, in the place of the present one.

        The engine refuses one that does not hold together.
        """
        with paths.temporary_folder() as folder:
            file = folder / "state.json"
            file.write_text(json.dumps(exported), encoding="utf-8")
            self._call(ROOT / layer, "stack", "import", "--stack", self.stack, "--file", str(file))

    def create_stack(self, layer: str) -> None:
        """Make the empty stack of a layer."""
        self._call(ROOT / layer, "stack", "init", self.stack, "--no-select")

    def remove_stack(self, layer: str) -> None:
        """Remove a layer's stack, which must be empty; its configuration stays."""
        self._call(ROOT / layer, "stack", "rm", "--yes", "--preserve-config", "--stack", self.stack)
        # Of the default environment the file is part of the checkout; a real one's holds its account. Stacks that are
        # left have the salt in their states, from which the engine writes it again.
        if self.stack != DEFAULT:
            _remove_bare_salt(ROOT / name_of(self.stack))

    def up(
        self,
        layer: str,
        on_event: OnEvent,
        *,
        refresh: bool = False,
        exclude: Iterable[str] = (),
        before: Callable[[], None] = lambda: None,
    ) -> str:
        """Roll a layer out; return the engine's diagnostic, empty when all went well.

        A preview is a run of its own, with an event log of its own: an `up` that begins with one truncates its log when
        the update begins. With `refresh`, the layer is read from AWS first. Resources with a URN of
        `exclude` stay, with their parents and dependencies. `before` is called in the stack, before the program.
        """
        flags = ["--yes", "--skip-preview", *(["--refresh"] if refresh else []), "--suppress-outputs"]
        flags += [f"--exclude={urn}" for urn in exclude]
        return self._run_program(layer, ["up", *flags], on_event, before)

    def preview(
        self,
        layer: str,
        on_event: OnEvent,
        *,
        refresh: bool = False,
        before: Callable[[], None] = lambda: None,
    ) -> str:
        """Preview a rollout of a layer; return the engine's diagnostic, empty when all went well.

        Guardrails on a whole layer are checked at a run's end: at this one's, a breach has changed nothing.
        """
        flags = [*(["--refresh"] if refresh else []), "--suppress-outputs"]
        return self._run_program(layer, ["preview", *flags], on_event, before)

    def destroy(self, layer: str, on_event: OnEvent) -> str:
        """Destroy a layer's resources; return the engine's diagnostic, empty when all went well."""
        return self._run(layer, ["destroy", "--yes", "--skip-preview", "--suppress-outputs"], on_event)

    def refresh(self, layer: str, urns: Iterable[str], on_event: OnEvent) -> str:
        """Read some resources from AWS into the state; return the engine's diagnostic."""
        targets = [f"--target={urn}" for urn in urns]
        flags = ["--yes", "--skip-preview", "--suppress-outputs", "--skip-pending-creates"]
        return self._run(layer, ["refresh", *flags, *targets], on_event)

    def compare(self, layer: str, on_event: OnEvent) -> str:
        """Compare AWS with the state by a refresh that changes nothing; return the engine's diagnostic."""
        return self._run(layer, ["refresh", "--preview-only", "--suppress-outputs", "--skip-pending-creates"], on_event)

    def _run_program(
        self,
        layer: str,
        arguments: list[str],
        on_event: OnEvent,
        before: Callable[[], None] = lambda: None,
    ) -> str:
        with served(layer, before) as program:
            serving = ["--exec-kind=auto.inline", f"--client=127.0.0.1:{program.port}", f"--policy-pack={POLICY_PACK}"]
            return self._run(layer, [*arguments, *serving], on_event, program)

    def _run(self, layer: str, arguments: list[str], on_event: OnEvent, *services: Served) -> str:
        diagnostic = self._run_once(layer, arguments, on_event, services)
        if self._freed(layer, diagnostic):
            diagnostic = self._run_once(layer, arguments, on_event, services)
        return locks.explained(diagnostic, layer, self.stack)

    def _freed(self, layer: str, diagnostic: str) -> bool:
        """Return True if all that was in the way were locks of dead processes, which are gone now.

        Before the engine has its lock it touches nothing. In a file backend such locks are looked for beforehand.
        """
        found = locks.named(diagnostic)
        if not locks.are_dead(found):
            return False
        for lock in found:
            self.say(f"freed the lock of {lock}, which has ended")
        self._call_once(ROOT / layer, "cancel", "--yes", "--stack", self.stack)
        return True

    def _run_once(self, layer: str, arguments: list[str], on_event: OnEvent, services: Sequence[Served]) -> str:
        services = (*services, *self.attach())
        addresses = {name: value for each in services for name, value in each.variables.items()}
        with paths.temporary_folder() as folder:
            log = folder / "events.jsonl"
            log.touch()
            command = ["pulumi", *arguments, "--stack", self.stack, "--non-interactive", "--color=never"]
            guarded = killed_with_parent([*command, f"--event-log={log}"])
            with started(guarded, ROOT / layer, {**self._environ(), **addresses}) as process:
                for each in services:
                    each.load()
                reader = EventReader(log, on_event)
                reader.start()
                output = wait(process)
                reader.finish()
            if process.returncode == 0:
                return ""
            # One that was killed leaves only how far it had come.
            printed = output.strip() if process.returncode > 0 else ""
            return printed or exit_reason(process.returncode)

    def _call(self, folder: Path, *arguments: str) -> str:
        try:
            return self._call_once(folder, *arguments)
        except Failed as error:
            if not self._freed(folder.name, error.message):
                raise
        return self._call_once(folder, *arguments)

    def _call_once(self, folder: Path, *arguments: str) -> str:
        command = ["pulumi", *arguments, "--non-interactive", "--color=never"]
        with started(command, folder, self._environ(), merge=False) as process:
            output, diagnostic = process.communicate()
        if process.returncode != 0:
            reason = diagnostic.strip()
            raise Failed(f"pulumi {' '.join(arguments[:2])} failed in {folder.name}: {reason}", hint(reason))
        return output

    def _environ(self) -> dict[str, str]:
        # The engine hides --event-log, --client and --exec-kind unless this variable is set.
        return {**_COLLECTOR, **os.environ, **self.variables, "PULUMI_DEBUG_COMMANDS": "true"}


def _remove_bare_salt(stack_file: Path) -> None:
    """Remove an environment's file in which there is nothing but the salt that the engine put there."""
    with contextlib.suppress(FileNotFoundError):
        lines = [line for line in stack_file.read_text(encoding="utf-8").splitlines() if line.strip()]
        if all(line.startswith("encryptionsalt:") for line in lines):
            stack_file.unlink()
