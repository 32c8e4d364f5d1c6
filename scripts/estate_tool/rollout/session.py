"""Engine, embedded AWS and provider of an environment, made ready on this machine."""

from __future__ import annotations

import contextlib
import functools
import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from estate_tool.core import embedded
from estate_tool.core.aws_errors import not_deployed
from estate_tool.core.errors import Failed
from estate_tool.engine import locks
from estate_tool.engine.cli import Pulumi
from estate_tool.engine.process import Served

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from estate_tool.core.environment import Environment
    from estate_tool.setup.engine import Engine

# Snapshots of the embedded AWS with a hundred thousand events, twice while one replaces the other.
_NEEDED_BYTES = 200_000_000


@contextlib.contextmanager
def ready(environment: Environment) -> Iterator[Pulumi]:
    """Set up what is missing, and yield the engine; a local environment's provider starts when it is needed."""
    from estate_tool.setup.engine import ensure_engine

    engine = ensure_engine()
    _put_on_path(engine)
    _fix_state()
    # A real account is the user's own: endpoints, plugin and backend are there.
    if not environment.local:
        yield Pulumi(stack=environment.name, version=engine.version)
        return
    _start_embedded_aws()
    with contextlib.ExitStack() as started:
        started.callback(_fix_state)
        yield Pulumi(stack=environment.name, attach=_provider(started), version=engine.version)


def reader(environment: Environment) -> Pulumi | None:
    """Return the engine for reading state, with nothing set up; None where nothing was deployed from this machine."""
    from estate_tool.setup.engine import find_engine

    engine = find_engine()
    # Of a real environment the backend may be anywhere; a local one's is a folder of this machine.
    if environment.local and not (engine and _state_folder().is_dir()):
        return None
    if engine is None:
        raise Failed("there is no Pulumi engine on this machine", "get it: scripts/setup.sh")
    _put_on_path(engine)
    _fix_state()
    return Pulumi(stack=environment.name)


def has_no_stack(environment: Environment) -> bool:
    """Return True for a local environment of which this machine keeps no stack, judged by its files."""
    # The state of a real environment may be anywhere.
    return environment.local and not embedded.LocalAwsPaths.from_environment().keeps(environment.name)


def require_deployed(environment: Environment) -> None:
    """Raise Failed, without an engine or AWS, for a local environment of which nothing is deployed."""
    if has_no_stack(environment):
        raise not_deployed(environment)


def aws_identity(environment: Environment) -> str:
    """Return the identity of the embedded AWS, another one after each reset; empty for a real account."""
    # No account of AWS is ever reset.
    if not environment.local:
        return ""
    return embedded.status(embedded.LocalAwsPaths.from_environment()).identity


def _put_on_path(engine: Engine) -> None:
    os.environ["PATH"] = os.pathsep.join([str(engine.folder), os.environ.get("PATH", "")])


def _fix_state() -> None:
    if folder := locks.state_folder(os.environ):
        locks.fix(folder)


def _state_folder() -> Path:
    return embedded.LocalAwsPaths.from_environment().home / "state"


def require_space(home: Path) -> None:
    """Raise Failed where a rollout would fill the disk half-way: the engine tries for minutes to save its state."""
    existing = next(folder for folder in (home, *home.parents) if folder.exists())
    free = shutil.disk_usage(existing).free
    if free < _NEEDED_BYTES:
        raise Failed(
            f"{existing}: {free / 1e6:.0f} MB free, and local state may need {_NEEDED_BYTES / 1e6:.0f} MB",
            "free some space, or set ESTATE_HOME to a folder on another disk",
        )


def _provider(started: contextlib.ExitStack) -> Callable[[], tuple[Served]]:
    """Return a function that starts the provider, one for all layers, with its first call; `started` ends it."""

    @functools.cache
    def served() -> tuple[Served]:
        from local_aws import provider

        running = provider.start(schema_cache=provider.schema_cache())
        started.callback(running.stop)
        address = {"PULUMI_DEBUG_PROVIDERS": f"aws:{running.port}"}
        return (Served(port=running.port, variables=address, load=running.load),)

    return served


def _start_embedded_aws() -> None:
    """Start the embedded AWS, and put the provider where the engine looks for it."""
    from estate_tool.console.progress import say, shown
    from estate_tool.setup.environments import ensure_local_aws
    from local_aws import provider, server

    local = embedded.LocalAwsPaths.from_environment()
    require_space(local.home)
    with shown() as show:

        def interpreter() -> Path:
            """Return the interpreter to start it with; set-up shows a moving line of its own."""
            python = ensure_local_aws()
            show("starting the embedded AWS")
            return python

        server.up(local, say, interpreter)
    _state_folder().mkdir(mode=0o700, parents=True, exist_ok=True)
    provider.install(local.home / "pulumi", Path(sys.executable))
