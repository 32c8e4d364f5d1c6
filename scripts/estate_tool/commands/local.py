"""`estate local`: the embedded AWS of this checkout."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from estate_tool.errors import UsageError
from local_aws import server

if TYPE_CHECKING:
    from collections.abc import Callable

HELP = "start, stop and look at the embedded AWS"
_ACTIONS = {
    "up": "start it, or leave it running",
    "down": "stop it; its state is kept",
    "reset": "forget all that exists in it, and Pulumi's state of it",
    "status": "whether it runs, where, and what exists in it",
    "env": 'print variables for: eval "$(scripts/estate local env)"',
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the actions and their flags."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    for name, text in _ACTIONS.items():
        action = actions.add_parser(name, help=text, description=text)
        action.add_argument("--json", action="store_true", help="the result as JSON on stdout")
        if name == "reset":
            action.add_argument("--yes", action="store_true", help="do not ask")


def run(args: argparse.Namespace) -> int:
    """Do what the command line says; the exit code."""
    place = server.Place.from_environment()
    actions: dict[str, Callable[[server.Place, argparse.Namespace], int]] = {
        "up": _up, "down": _down, "reset": _reset, "status": _status, "env": _env,
    }  # fmt: skip
    return actions[args.action](place, args)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _interpreter() -> Path:
    from estate_tool.setup import environments
    from estate_tool.setup.report import Report

    return environments.ensure_local_aws(Report())


def _up(place: server.Place, args: argparse.Namespace) -> int:
    already = server.status(place).answering
    endpoints = server.up(place, _say, _interpreter)
    if args.json:
        print(json.dumps(asdict(endpoints) | {"started": not already}))
    else:
        print(f"embedded AWS: {'already running' if already else 'running'} at {endpoints.aws}")
    return 0


def _down(place: server.Place, args: argparse.Namespace) -> int:
    stopped = server.down(place, _say)
    if args.json:
        print(json.dumps({"stopped": stopped}))
    else:
        print("embedded AWS: stopped, its state is kept" if stopped else "embedded AWS: was not running")
    return 0


def _reset(place: server.Place, args: argparse.Namespace) -> int:
    if not args.yes:
        _confirm(place)
    server.reset(place, _say)
    if args.json:
        print(json.dumps({"reset": True}))
    else:
        print("embedded AWS: forgotten, with Pulumi's state of it; scripts/deploy_all.sh builds it anew")
    return 0


def _confirm(place: server.Place) -> None:
    if not sys.stdin.isatty():
        raise UsageError("reset asks before it deletes, and there is nobody to ask", "give --yes")
    _say(f"This deletes all that exists in the embedded AWS ({place.folder})")
    _say(f"and Pulumi's state of every local environment ({place.home / 'state'}). Nothing outside of them is touched.")
    _say("Delete? [y/N] ")
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise UsageError("nothing was deleted")


def _status(place: server.Place, args: argparse.Namespace) -> int:
    found = server.status(place)
    if args.json:
        print(json.dumps(asdict(found)))
        return 0
    if not found.running:
        print(f"embedded AWS: not running{f'; {found.problem}' if found.problem else ''}")
        return 0
    print(f"embedded AWS: running on 127.0.0.1, ports {found.port} and {found.companion_port}, PID {found.pid}")
    print(f"  up for {_duration(found.uptime_seconds or 0)}; state and logs in {place.folder}")
    counts = ", ".join(f"{count} {name}" for name, count in found.resources.items() if count)
    print(f"  holds {counts or 'nothing'}")
    if found.problem:
        print(f"  problem: {found.problem}")
    return 0


def _duration(seconds: float) -> str:
    minutes, _ = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min" if minutes else f"{int(seconds)} s"


def _env(place: server.Place, args: argparse.Namespace) -> int:
    from estate_tool.setup import engine

    variables = server.environment(place, engine.bin_folder())
    if args.json:
        print(json.dumps({"set": variables, "unset": list(server.REMOVED)}))
    else:
        print("\n".join(server.shell_lines(variables)))
    return 0
