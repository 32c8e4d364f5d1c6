"""The engine's command line for one environment."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from estate_tool import engine_locks, stack_state
from estate_tool.bound import bound_to_us
from estate_tool.engine_process import ended, started, wait
from estate_tool.environment import DEFAULT
from estate_tool.errors import Failed
from estate_tool.event_log import EventReader
from estate_tool.paths import ROOT, SCRIPTS
from estate_tool.serving import served
from estate_tool.ways_out import way_out
from foundation.layers import LAYER_NAMES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from estate_tool.stack_state import Record, StackState

# Tells the engine where in this process the guardrails are.
POLICY_PACK = SCRIPTS / "estate_tool" / "policy_pack"


@dataclass(frozen=True, kw_only=True)
class Pulumi:
    """Runs the engine for one environment; `variables` are added to the environment of its processes.

    So is what `attach` returns, which is called when a provider is needed. `version` is the engine's.
    """

    stack: str
    variables: Mapping[str, str] = field(default_factory=dict)
    attach: Callable[[], Mapping[str, str]] = dict
    version: str = ""

    def stacks(self) -> dict[str, int]:
        """Layers that have a stack for this environment, with the number of resources in it."""
        listed = json.loads(self._call(ROOT, "stack", "ls", "--all", "--json"))
        found: dict[str, int] = {}
        for entry in listed:
            *_, project, stack = f"//{entry['name']}".split("/")
            if stack == self.stack:
                found[project] = int(entry.get("resourceCount") or 0)
        return found

    def states(self, layers: Iterable[str] = LAYER_NAMES) -> dict[str, StackState]:
        """The stacks that these layers have for this environment."""
        wanted = tuple(layers)
        folder = engine_locks.state_folder({**os.environ, **self.variables})
        found = stack_state.from_files(folder, self.stack, wanted) if folder else None
        if found is not None:
            return found
        from concurrent.futures import ThreadPoolExecutor

        existing = [layer for layer in self.stacks() if layer in wanted]
        with ThreadPoolExecutor(max_workers=len(LAYER_NAMES)) as pool:
            return dict(zip(existing, pool.map(self._state, existing), strict=True))

    def _state(self, layer: str) -> StackState:
        tags = json.loads(self._call(ROOT / layer, "stack", "tag", "ls", "--json", "--stack", self.stack))
        record = stack_state.Record.parse((tags or {}).get(stack_state.RECORD_TAG, ""))
        return stack_state.StackState(deployment=self.export(layer), record=record)

    def keep_record(self, layer: str, record: Record) -> None:
        """Keeps what the last rollout of a layer left in the layer's stack."""
        self._call(ROOT / layer, "stack", "tag", "set", stack_state.RECORD_TAG, str(record), "--stack", self.stack)

    def export(self, layer: str) -> dict[str, Any]:
        """The deployment of a layer's stack, as the engine keeps it."""
        exported: dict[str, Any] = self.export_versioned(layer)["deployment"]
        return exported

    def export_versioned(self, layer: str) -> dict[str, Any]:
        """A layer's `deployment`, beside the `version` of its format."""
        exported: dict[str, Any] = json.loads(self._call(ROOT / layer, "stack", "export", "--stack", self.stack))
        return exported

    def replace(self, layer: str, exported: Mapping[str, Any]) -> None:
        """Puts an edited deployment, as `export_versioned` gave it, in the place of the present one.

        The engine refuses one that does not hold together.
        """
        with tempfile.NamedTemporaryFile("w", prefix="estate-", suffix=".json", encoding="utf-8") as file:
            json.dump(exported, file)
            file.flush()
            self._call(ROOT / layer, "stack", "import", "--stack", self.stack, "--file", file.name)

    def create_stack(self, layer: str) -> None:
        """Makes the empty stack of a layer."""
        self._call(ROOT / layer, "stack", "init", self.stack, "--no-select")

    def remove_stack(self, layer: str) -> None:
        """Removes a layer's stack, which must be empty; what a person configured for it stays."""
        self._call(ROOT / layer, "stack", "rm", "--yes", "--preserve-config", "--stack", self.stack)
        # Of the default environment the file is part of the checkout; a real one's holds its account.
        if self.stack != DEFAULT:
            _remove_bare_salt(ROOT / layer / f"Pulumi.{self.stack}.yaml")

    def up(self, layer: str, on_event: Callable[[Mapping[str, Any]], None], *, refresh: bool = False) -> str:
        """Rolls a layer out; returns the engine's complaint, empty when all went well.

        A preview is a run of its own, with an event log of its own: an `up` that begins with one truncates its log when
        the update begins. With `refresh`, what AWS says of the layer comes before its state.
        """
        flags = ["--yes", "--skip-preview", *(["--refresh"] if refresh else []), "--suppress-outputs"]
        return self._run_program(layer, ["up", *flags], on_event)

    def preview(self, layer: str, on_event: Callable[[Mapping[str, Any]], None], *, refresh: bool = False) -> str:
        """Says what a rollout of a layer would do; returns the engine's complaint, empty when all went well.

        Guardrails on a whole layer are checked at a run's end: at this one's, a breach has changed nothing.
        """
        flags = [*(["--refresh"] if refresh else []), "--suppress-outputs"]
        return self._run_program(layer, ["preview", *flags], on_event)

    def destroy(self, layer: str, on_event: Callable[[Mapping[str, Any]], None]) -> str:
        """Destroys a layer's resources; returns the engine's complaint, empty when all went well."""
        return self._run(layer, ["destroy", "--yes", "--skip-preview", "--suppress-outputs"], on_event)

    def refresh(self, layer: str, urns: Iterable[str], on_event: Callable[[Mapping[str, Any]], None]) -> str:
        """Puts what AWS says of some resources into the state; returns the engine's complaint."""
        targets = [f"--target={urn}" for urn in urns]
        flags = ["--yes", "--skip-preview", "--suppress-outputs", "--skip-pending-creates"]
        return self._run(layer, ["refresh", *flags, *targets], on_event)

    def compare(self, layer: str, on_event: Callable[[Mapping[str, Any]], None]) -> str:
        """Says how AWS differs from the state, as a refresh that changes nothing; returns the engine's complaint."""
        return self._run(layer, ["refresh", "--preview-only", "--suppress-outputs", "--skip-pending-creates"], on_event)

    def _run_program(self, layer: str, arguments: list[str], on_event: Callable[[Mapping[str, Any]], None]) -> str:
        with served(layer) as port:
            serving = ["--exec-kind=auto.inline", f"--client=127.0.0.1:{port}", f"--policy-pack={POLICY_PACK}"]
            told = {"ESTATE_POLICY_PACK_PORT": str(port), "ESTATE_POLICY_PACK_PROCESS": str(os.getpid())}
            return replace(self, variables={**self.variables, **told})._run(layer, [*arguments, *serving], on_event)

    def _run(self, layer: str, arguments: list[str], on_event: Callable[[Mapping[str, Any]], None]) -> str:
        with tempfile.TemporaryDirectory(prefix="estate-") as folder:
            log = Path(folder) / "events.jsonl"
            log.touch()
            command = ["pulumi", *arguments, "--stack", self.stack, "--non-interactive", "--color=never"]
            guarded = bound_to_us([*command, f"--event-log={log}"])
            with started(guarded, ROOT / layer, {**self._environ(), **self.attach()}) as process:
                reader = EventReader(log, on_event)
                reader.start()
                output = wait(process)
                reader.finish()
            if process.returncode == 0:
                return ""
            return engine_locks.explained(output.strip(), layer, self.stack) or ended(process.returncode)

    def _call(self, folder: Path, *arguments: str) -> str:
        command = ["pulumi", *arguments, "--non-interactive", "--color=never"]
        with started(command, folder, self._environ(), merge=False) as process:
            output, complaint = process.communicate()
        if process.returncode != 0:
            said = complaint.strip()
            raise Failed(f"pulumi {' '.join(arguments[:2])} failed in {folder.name}: {said}", way_out(said))
        return output

    def _environ(self) -> dict[str, str]:
        # The engine hides --event-log, --client and --exec-kind from those who don't ask for them.
        return {**os.environ, **self.variables, "PULUMI_DEBUG_COMMANDS": "true"}


def _remove_bare_salt(stack_file: Path) -> None:
    """Removes a stack's file in which there is nothing but the salt that the engine put there."""
    with contextlib.suppress(FileNotFoundError):
        lines = [line for line in stack_file.read_text(encoding="utf-8").splitlines() if line.strip()]
        if all(line.startswith("encryptionsalt:") for line in lines):
            stack_file.unlink()
