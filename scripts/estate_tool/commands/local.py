"""`estate local`: the embedded AWS of this checkout."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from estate_tool.commands import arguments
from estate_tool.console.output import confirm
from estate_tool.console.progress import say
from estate_tool.core.text import counted, span

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from estate_tool.core.embedded import LocalAwsPaths, Status

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

    local = embedded.LocalAwsPaths.from_environment()
    if args.action == "status":
        found = embedded.status(local)
        answer, lines = asdict(found), list(_status_lines(local, found))
    elif args.action == "env":
        answer, lines = _variables(local)
    else:
        answer, lines = _changed(local, args)
    # As they are: paths and variables are there to be copied.
    print(json.dumps(answer) if args.json else "\n".join(lines))
    return 0


def _changed(local: LocalAwsPaths, args: argparse.Namespace) -> tuple[dict[str, Any], list[str]]:
    """Start, stop or empty the embedded AWS; return the answer and its line."""
    from estate_tool.setup.environments import ensure_local_aws
    from local_aws import server

    if args.action == "up":
        started = server.up(local, say, ensure_local_aws)
        text = f"{'running' if started else 'already running'} at {local.endpoint}"
        return {"aws": local.endpoint, "started": started}, [f"embedded AWS: {text}"]
    if args.action == "down":
        stopped = server.down(local, say)
        return {"stopped": stopped}, [f"embedded AWS: {'stopped, its state is kept' if stopped else 'was not running'}"]
    if not args.yes:
        say(f"This stops the embedded AWS, deletes all that exists in it ({local.folder}) and Pulumi's state of")
        say(f"every local environment ({local.home / 'state'}). It touches nothing else.")
        confirm("delete it", "say that you mean it: scripts/estate local reset --yes")
    server.reset(local, say)
    return {"reset": True}, ["embedded AWS: empty and stopped; scripts/deploy_all.sh builds the estate anew"]


def _status_lines(local: LocalAwsPaths, found: Status) -> Iterator[str]:
    if not found.running:
        yield f"embedded AWS: not running{f'; {found.problem}' if found.problem else ''}"
        return
    yield f"embedded AWS: running on 127.0.0.1, port {found.port}, PID {found.pid}"
    yield f"  up for {span(found.uptime_seconds or 0)}; state and logs in {local.folder}"
    counts = ", ".join(counted(count, name.removesuffix("s"), name) for name, count in found.resources.items() if count)
    yield f"  holds {counts or 'nothing'}"
    if found.problem:
        yield f"  problem: {found.problem}"


def _variables(local: LocalAwsPaths) -> tuple[dict[str, Any], list[str]]:
    from estate_tool.core import embedded
    from estate_tool.setup.engine import bin_folder

    variables = embedded.environment(local, bin_folder())
    return {"set": variables, "unset": list(embedded.REMOVED)}, list(embedded.shell_lines(variables))
