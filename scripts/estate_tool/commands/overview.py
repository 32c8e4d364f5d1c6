"""`estate` without a command: state of this machine and its environments, and the next step."""

from __future__ import annotations

from typing import TYPE_CHECKING

from estate_tool.commands import arguments
from estate_tool.core import paths
from estate_tool.core.embedded import LocalAwsPaths, status
from estate_tool.core.environment import DEFAULT, is_local
from foundation.layers import LAYER_NAMES
from foundation.stack_files import environments

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator
    from pathlib import Path


def run(_args: argparse.Namespace) -> int:
    """Read files of this machine alone: no engine is started and no account is called."""
    print("\n".join(_lines()))
    return 0


def _lines() -> Iterator[str]:
    local = LocalAwsPaths.from_environment()
    found = status(local)
    here = {name: layers for name in _local_names(local.home) if (layers := _deployed(local.home, name))}
    yield "estate: four Pulumi layers on AWS, or on an embedded AWS on this machine"
    yield ""
    yield f"embedded AWS: {f'running on port {found.port}' if found.answering else 'not running'}"
    for name, layers in here.items():
        yield f"environment {name}: {', '.join(layers)} deployed"
    # A local one may have a file of its own, too.
    real = [name for name in environments(paths.ROOT) if not is_local(name)]
    for name in real:
        yield f"environment {name}: a real account (environments/Pulumi.{name}.yaml)"
    yield ""
    yield from (f"  → {line}" for line in _next(here, running=found.answering))
    yield from (f"  → is {name} well? scripts/estate status {name}" for name in real)
    yield "  → all commands: scripts/estate --help"


def _next(here: dict[str, list[str]], *, running: bool) -> Iterator[str]:
    """Yield the next steps of local work: roll out, start, complete, or use what is deployed."""
    from estate_tool.setup.engine import find_engine

    if not here:
        if find_engine() is None:
            yield "get the Pulumi engine first, or let the rollout get it (some minutes): scripts/setup.sh"
        yield "roll the four layers out, on this machine alone: scripts/deploy_all.sh"
        yield "look at an AWS account, read-only: scripts/estate audit --profile NAME"
        return
    name, layers = next(iter(here.items()))
    typed = arguments.typed(name)
    if not running:
        yield "start the embedded AWS again, with all it held: scripts/estate local up"
    if len(layers) < len(LAYER_NAMES):
        yield f"roll out the other layers: {arguments.script('deploy', name)}"
        return
    yield f"send events: scripts/estate sample flights --limit 1000 | scripts/estate send -{typed} --wait"
    yield f"is it well? scripts/estate status{typed}"


def _local_names(home: Path) -> list[str]:
    """Return the local environments with a stack on this machine, `local` first."""
    found = {path.stem for path in (home / "state" / ".pulumi" / "stacks").glob("*/*.json")}
    return sorted(filter(is_local, found), key=lambda name: (name != DEFAULT, name))


def _deployed(home: Path, name: str) -> list[str]:
    """Return the layers of a local environment that are deployed, from the files of the backend."""
    from estate_tool.engine.checkpoint import from_files

    states = from_files(home / "state" / ".pulumi", name) or {}
    return [layer for layer in LAYER_NAMES if layer in states and states[layer].resource_count]
