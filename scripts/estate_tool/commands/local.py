"""`estate local`: the embedded AWS of this checkout."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

from estate_tool.commands import arguments
from estate_tool.console.output import confirm
from estate_tool.core.text import counted, span

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable
    from pathlib import Path

    from estate_tool.core.embedded import LocalAwsPaths

HELP = "start, stop and look at the embedded AWS"
EXAMPLES = (
    ("estate local up", "start it"),
    ('eval "$(estate local env)"', "point the AWS CLI, boto3 and pulumi of this shell at it"),
    ("estate local reset --yes", "forget everything in it"),
)
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
        arguments.json_flag(action)
        if name == "reset":
            action.add_argument("--yes", action="store_true", help="do not ask")


def run(args: argparse.Namespace) -> int:
    """Run the action; return the exit code."""
    from estate_tool.core import embedded

    place = embedded.LocalAwsPaths.from_environment()
    actions: dict[str, Callable[[LocalAwsPaths, argparse.Namespace], int]] = {
        "up": _up, "down": _down, "reset": _reset, "status": _status, "env": _env,
    }  # fmt: skip
    return actions[args.action](place, args)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _interpreter() -> Path:
    from estate_tool.console.progress import Report
    from estate_tool.setup.environments import ensure_local_aws

    return ensure_local_aws(Report())


def _up(place: LocalAwsPaths, args: argparse.Namespace) -> int:
    from local_aws import server

    started = server.up(place, _say, _interpreter)
    if args.json:
        print(json.dumps({"aws": place.endpoint, "started": started}))
    else:
        print(f"embedded AWS: {'running' if started else 'already running'} at {place.endpoint}")
    return 0


def _down(place: LocalAwsPaths, args: argparse.Namespace) -> int:
    from local_aws import server

    stopped = server.down(place, _say)
    if args.json:
        print(json.dumps({"stopped": stopped}))
    else:
        print("embedded AWS: stopped, its state is kept" if stopped else "embedded AWS: was not running")
    return 0


def _reset(place: LocalAwsPaths, args: argparse.Namespace) -> int:
    from local_aws import server

    if not args.yes:
        _say(f"This stops the embedded AWS, deletes all that exists in it ({place.folder}) and Pulumi's state of")
        _say(f"every local environment ({place.home / 'state'}). It touches nothing else.")
        confirm("delete it", "say that you mean it: scripts/estate local reset --yes")
    server.reset(place, _say)
    if args.json:
        print(json.dumps({"reset": True}))
    else:
        print("embedded AWS: empty and stopped; scripts/deploy_all.sh builds the estate anew")
    return 0


def _status(place: LocalAwsPaths, args: argparse.Namespace) -> int:
    from estate_tool.core import embedded

    found = embedded.status(place)
    if args.json:
        print(json.dumps(asdict(found)))
        return 0
    if not found.running:
        print(f"embedded AWS: not running{f'; {found.problem}' if found.problem else ''}")
        return 0
    print(f"embedded AWS: running on 127.0.0.1, port {found.port}, PID {found.pid}")
    print(f"  up for {span(found.uptime_seconds or 0)}; state and logs in {place.folder}")
    counts = ", ".join(counted(count, name.removesuffix("s"), name) for name, count in found.resources.items() if count)
    print(f"  holds {counts or 'nothing'}")
    if found.problem:
        print(f"  problem: {found.problem}")
    return 0


def _env(place: LocalAwsPaths, args: argparse.Namespace) -> int:
    from estate_tool.core import embedded
    from estate_tool.setup.engine import bin_folder

    variables = embedded.environment(place, bin_folder())
    if args.json:
        print(json.dumps({"set": variables, "unset": list(embedded.REMOVED)}))
    else:
        print("\n".join(embedded.shell_lines(variables)))
    return 0
