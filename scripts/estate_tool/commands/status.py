"""`estate status`: is the environment well? Layers, alarms, queues, streams, provisioned concurrency and drift.

Reads only. Needed rights beside those of the backend: cloudwatch:DescribeAlarms and GetMetricData; sqs:GetQueueUrl and
GetQueueAttributes; lambda:GetProvisionedConcurrencyConfig. A part that AWS refuses is named, the rest is shown.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from typing import TYPE_CHECKING, Any

from estate_tool.commands import arguments
from estate_tool.console import output
from estate_tool.console.progress import console_on, shown
from estate_tool.core import environment
from estate_tool.core.aws_errors import reaching
from estate_tool.core.errors import EstateError
from estate_tool.core.text import unfiltered

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from estate_tool.core.environment import Environment
    from estate_tool.engine.checkpoint import StackState

_TOPIC, _SUBSCRIPTION = "aws:sns/topic:Topic", "aws:sns/topicSubscription:TopicSubscription"

HELP = "is it well? layers, alarms, queues, dead letters, lag, provisioned concurrency, drift"
EXAMPLES = (
    ("estate status", "the local environment"),
    ("estate status dev --watch", "dev, again every 5 seconds until Ctrl-C"),
    ("estate status dev --outputs", "also what the layers export"),
    ("estate status dev --json", "everything, for scripts; `well` sums it up"),
)
_SECONDS = 5.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """ENV and the form of the answer."""
    arguments.environment(parser)
    parser.add_argument("--outputs", action="store_true", help="show the layers' outputs, too; --json always has them")
    parser.add_argument(
        "--watch", nargs="?", type=arguments.seconds(1, 3600), const=_SECONDS, metavar="S",
        help=f"show it again every S seconds ({_SECONDS:g}) until Ctrl-C; with --json an object a line",
    )  # fmt: skip
    arguments.json_flag(parser)


def run(args: argparse.Namespace) -> int:
    """Read the state of each layer's stack and the health of the resources in it; change nothing."""
    target = environment.resolve(args.environment)
    if args.watch:
        return _watch(target, args)
    with shown(f"reading environment {target.name}"):
        report = _report(target)
    output.print_result(report, _lines(report, args), as_json=args.json)
    return 0


def _watch(target: Environment, args: argparse.Namespace) -> int:
    """Show the status again and again: in place on a terminal, one below the other elsewhere."""
    console = console_on(unfiltered(sys.stdout))
    while True:
        report = _report(target)
        if args.json:
            print(json.dumps(report), flush=True)
        else:
            if console.is_terminal:
                console.clear()
            output.show([*_lines(report, args), ""])
        time.sleep(args.watch)


def _lines(report: Mapping[str, Any], args: argparse.Namespace) -> Iterator[str]:
    from estate_tool.rollout import status_lines

    return status_lines.lines(report, outputs=args.outputs)


def _report(target: Environment) -> dict[str, Any]:
    """Return the status in the shape that `--json` promises (docs/schemas/status.schema.json)."""
    from estate_tool.drift import record
    from estate_tool.engine import backend
    from estate_tool.rollout import health, lock, session, status_lines

    pulumi = session.reader(target)
    states = pulumi.states() if pulumi else {}
    if pulumi:
        backend.refuse_former_names(pulumi, states)
    layers = _layers(states)
    holder = next((held for state in states.values() if (held := lock.Holder.parse(state.lease))), None)
    found = _health(target, [resource for state in states.values() for resource in state.resources])
    problems = [f"layer {one['layer']} is not deployed" for one in layers if not one["deployed"]]
    if found:
        problems += health.problems(found)
    drift = record.last(target.name)
    if drift and drift["unexpected"]:
        problems.append(f"AWS differs from what was rolled out: scripts/estate drift {target.name}")
    return {
        "environment": target.name, "well": not problems, "problems": problems, "layers": layers,
        "held_by": holder and holder.to_dict(),
        "topics_without_subscriber": [topic for state in states.values() for topic in _unheard(state.resources)],
        **(found or {**dict.fromkeys(health.PARTS), "unknown": {}}),
        # The console shows nothing of the embedded AWS.
        "drift": drift, "links": {} if target.local else status_lines.links(target),
    }  # fmt: skip


def _health(target: Environment, resources: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """Return the health of the deployed resources; None without any."""
    from estate_tool.rollout import health

    if not any(str(one["type"]).startswith("aws:") for one in resources):
        return None
    try:
        with reaching(target):
            return health.read(target.client, resources)
    except EstateError as error:
        # The layers are worth showing all the same.
        return {**dict.fromkeys(health.PARTS), "unknown": dict.fromkeys(health.PARTS, error.message)}


def _layers(states: Mapping[str, StackState]) -> list[dict[str, Any]]:
    from estate_tool.engine import provenance
    from estate_tool.engine.checkpoint import StackState
    from foundation.layers import LAYER_NAMES

    origins = provenance.last(states)
    found = {layer: states.get(layer, StackState(deployment={})) for layer in LAYER_NAMES}
    return [
        {
            "layer": layer, "deployed": state.resource_count > 0, "resources": state.resource_count,
            "outputs": state.outputs, "rolled_out": origins[layer].to_dict() if layer in origins else None,
        }
        for layer, state in found.items()
    ]  # fmt: skip


def _unheard(resources: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the names of topics without a subscription in the same layer."""
    subscribed = {entry.get("inputs", {}).get("topic") for entry in resources if entry["type"] == _SUBSCRIPTION}
    topics = [entry["outputs"] for entry in resources if entry["type"] == _TOPIC and entry.get("outputs")]
    return [str(topic["name"]) for topic in topics if topic.get("arn") not in subscribed]
