"""`estate status`: which layers are deployed and what they hand out."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from estate_tool.commands import arguments
from estate_tool.engine import former_projects
from foundation.layers import LAYER_NAMES

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping, Sequence

    from estate_tool.engine.checkpoint import StackState
    from estate_tool.engine.cli import Pulumi
    from estate_tool.engine.provenance import Provenance

_TOPIC, _SUBSCRIPTION = "aws:sns/topic:Topic", "aws:sns/topicSubscription:TopicSubscription"

HELP = "which layers are deployed, their resources and outputs"
EXAMPLES = (
    ("estate status", "the layers of the local environment"),
    ("estate status dev --json", "the same of dev, for scripts"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """ENV and the form of the answer."""
    arguments.environment(parser)
    arguments.json_flag(parser)


def run(args: argparse.Namespace) -> int:
    """Reads the state of each layer's stack; calls nothing in AWS and changes nothing."""
    from estate_tool.core import environment
    from estate_tool.rollout import lease, session

    target = environment.resolve(args.environment)
    pulumi = session.reader(target)
    states = _states(pulumi) if pulumi else {}
    layers = _layers(states)
    holder = next((held for state in states.values() if (held := lease.Lease.parse(state.lease))), None)
    unheard = [topic for layer in layers for topic in layer.pop("unheard")]
    if args.json:
        told = {"environment": target.name, "layers": layers, "topics_without_subscriber": unheard}
        print(json.dumps({**told, "held_by": holder and holder.as_json()}, indent=2))
        return 0
    print(f"environment {target.name}")
    if holder:
        print(f"  taken by {holder.text}")
    for layer in layers:
        state = f"deployed, {layer['resources']} resources" if layer["deployed"] else "not deployed"
        print(f"  {layer['layer']:<14} {state}")
        if origin := layer["rolled_out"]:
            print(f"      rolled out from {origin['text']}")
        for line in _lines(layer["outputs"]):
            print(f"      {line}")
    for topic in unheard:
        print(f"  → nobody is subscribed to {topic}: set observability:subscriptions")
    if not all(layer["deployed"] for layer in layers):
        print(f"  → roll out what is missing: scripts/deploy_all.sh {target.name}")
    return 0


def _states(pulumi: Pulumi) -> dict[str, StackState]:
    states = pulumi.states()
    former_projects.refuse(pulumi, states)
    return states


def _layers(states: Mapping[str, StackState]) -> list[dict[str, Any]]:
    from estate_tool.engine import provenance

    origins = provenance.last(states)
    resources = {layer: states[layer].resources if layer in states else [] for layer in LAYER_NAMES}
    return [_layer(layer, found, origins.get(layer)) for layer, found in resources.items()]


def _layer(name: str, resources: Sequence[Mapping[str, Any]], origin: Provenance | None = None) -> dict[str, Any]:
    outputs = next((entry.get("outputs") for entry in resources if entry["type"] == "pulumi:pulumi:Stack"), None)
    made = sum(1 for entry in resources if str(entry["type"]).startswith("aws:"))
    known = {"layer": name, "deployed": made > 0, "resources": made, "outputs": outputs or {}}
    return {**known, "rolled_out": origin and origin.as_json(), "unheard": _unheard(resources)}


def _unheard(resources: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the names of topics without a subscription in the same layer."""
    told = {entry.get("inputs", {}).get("topic") for entry in resources if entry["type"] == _SUBSCRIPTION}
    topics = [entry["outputs"] for entry in resources if entry["type"] == _TOPIC and entry.get("outputs")]
    return [str(topic["name"]) for topic in topics if topic.get("arn") not in told]


def _lines(outputs: Mapping[str, Any], prefix: str = "") -> list[str]:
    lines = []
    for key, value in sorted(outputs.items()):
        if isinstance(value, dict):
            lines += _lines(value, f"{prefix}{key}.")
        else:
            lines.append(f"{prefix}{key} = {value}")
    return lines
