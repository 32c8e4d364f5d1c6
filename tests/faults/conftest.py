"""An embedded AWS that the tests roll out, disturb and tear down in turn, and snapshots of what it holds."""

from __future__ import annotations

import json
import signal
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from foundation.layers import LAYER_NAMES, project
from tests.integration.commands import Commands
from tests.integration.conftest import EmbeddedAws, running
from tests.integration.inventory import listed

if TYPE_CHECKING:
    from collections.abc import Iterator

# A shell makes what it starts in the background deaf to Ctrl-C, and so would be all that tests start.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedAws]:
    """An embedded AWS for this module alone."""
    with running(tmp_path_factory.mktemp("faults")) as aws:
        yield aws


@pytest.fixture(scope="module")
def run(own: EmbeddedAws) -> Commands:
    return Commands.on(own)


@dataclass(frozen=True)
class Snapshot:
    """Resources as the APIs of AWS list them, those of the layers' states by layer, and unfinished operations."""

    listed: Counter[tuple[str, str]]
    states: dict[str, list[str]]
    pending: list[str]


def snapshot(aws: EmbeddedAws) -> Snapshot:
    found = listed(aws.client, "local")
    states, pending = dict[str, list[str]](), []
    for layer in LAYER_NAMES:
        path = aws.paths.home / "state" / ".pulumi" / "stacks" / project(layer) / "local.json"
        if path.exists():
            latest = json.loads(path.read_text())["checkpoint"].get("latest") or {}
            resources = latest.get("resources") or []
            states[layer] = sorted(resource["urn"] for resource in resources)
            pending += [f"{one['type']} {one['resource']['urn']}" for one in latest.get("pending_operations") or []]
            # Recovered from a provider that had died, and not read yet.
            unread = (one["urn"] for one in resources if one["type"].startswith("aws:") and not one.get("outputs"))
            pending += [f"unread {urn}" for urn in unread]
    # The name of a table's stream ends with its time of creation.
    names = Counter((kind, name.partition("/stream/")[0]) for kind, names in found.items() for name in names)
    return Snapshot(names, states, pending)
