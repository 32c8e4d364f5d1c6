"""Rollouts and teardowns killed at random moments: running the same command again puts everything right.

ESTATE_KILLS is the number of kills (3), ESTATE_SEED repeats a run whose seed was printed.
"""

from __future__ import annotations

import itertools
import os
import random
import signal
import threading
import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from foundation.layers import LAYER_NAMES
from tests.faults.conftest import look
from tests.integration.commands import LONGEST_COMMAND, Commands
from tests.support import processes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.integration.conftest import EmbeddedAws

KILLS = int(os.environ.get("ESTATE_KILLS", "3"))
SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
# About a quarter of it on a quiet machine.
pytestmark = [
    pytest.mark.timeout(240 + 60 * KILLS),
    pytest.mark.skipif(not processes.HERE, reason=processes.NOT_HERE),
]


@dataclass(frozen=True)
class Step:
    """A command on one layer and the moment it is killed at: after so many lines of progress, and a little."""

    command: tuple[str, ...]
    victim: str
    signal: signal.Signals
    lines: int
    seconds: float


def steps(chance: random.Random, sizes: dict[str, int]) -> Iterator[Step]:
    """Up through the layers, each but the first twice, down again, and so on: a few steps have a teardown, too."""
    up = [("scripts/deploy_layer.sh", layer, "--skip-preview") for layer in LAYER_NAMES]
    down = [("scripts/destroy_layer.sh", layer) for layer in LAYER_NAMES]
    upwards = [step for top in range(1, len(up)) for step in (up[top], down[top], up[top])]
    victims = itertools.cycle(chance.sample(processes.VICTIMS, len(processes.VICTIMS)))
    while True:
        for command in (up[0], *upwards, *reversed(down)):
            # Line 0 is the beginning of the layer; the engine takes a moment until the first resource.
            lines = chance.randrange(sizes[command[1]] - 1)
            # Half of them without any chance to put things in order.
            how = chance.choice((signal.SIGKILL, *SIGNALS))
            yield Step(command, next(victims), how, lines, chance.uniform(0, 0.1 if lines else 1.5))


def interrupted(run: Commands, step: Step) -> bool:
    """Run the step's command and kill its victim at the step's moment; whether that was in time."""
    script, layer, *_ = step.command
    # The tool serves the provider itself; to be killed alone, it has to be the engine's.
    plugged = (
        ".venv/bin/python",
        "-P",
        "-m",
        "tests.faults.plugged",
        "deploy" if "deploy" in script else "destroy",
        layer,
    )
    process = run.start(*(plugged if step.victim == "provider" else step.command))
    assert process.stderr is not None
    assert process.stdout is not None
    seen, killer = 0, None
    for line in process.stderr:
        begun = line.startswith("[1/1]")
        seen += begun or (seen > 0 and line.startswith("      "))
        if killer is None and seen > step.lines:
            killer = threading.Timer(step.seconds, processes.kill, (process, step.victim, step.signal))
            killer.start()
    process.stdout.close()
    code = process.wait(LONGEST_COMMAND)
    if killer is not None:
        killer.cancel()
        killer.join()
    return code != 0


def test_whatever_is_killed_running_it_again_puts_it_right(own: EmbeddedAws) -> None:
    seed = int(os.environ.get("ESTATE_SEED") or random.randrange(10**6))
    print(f"ESTATE_SEED={seed}")
    run = Commands.on(own)
    run("scripts/deploy_all.sh", "--skip-preview")
    whole = look(own)
    run("scripts/destroy_all.sh")
    assert look(own).listed == Counter()

    sizes = {layer: sum("::aws:" in urn or "$aws:" in urn for urn in urns) for layer, urns in whole.states.items()}
    deployed, kills = 0, 0
    for step in steps(random.Random(seed), sizes):
        before = time.monotonic()
        killed = interrupted(run, step)
        kills += killed
        left = look(own).pending
        again = run(*step.command)
        deployed += 1 if "deploy_" in step.command[0] else -1
        print(f"{step}: {'killed' if killed else 'too late'}, {len(left)} pending, {time.monotonic() - before:.1f} s")
        found = look(own)
        summary = f"seed {seed}, {step}, left {left}\n{again.stderr}"
        assert found.pending == [], summary
        assert found.states == {layer: whole.states[layer] for layer in LAYER_NAMES[:deployed]}, summary
        assert found.listed - whole.listed == Counter(), summary
        if deployed in (0, len(LAYER_NAMES)):
            assert found.listed == (whole.listed if deployed else Counter()), summary
        # Some come too late; what they left standing is torn down in peace.
        if kills >= KILLS:
            break
    run("scripts/destroy_all.sh")
    assert look(own).listed == Counter()


def test_of_two_rollouts_at_once_the_second_is_refused_or_waits(own: EmbeddedAws) -> None:
    run = Commands.on(own)
    first = run.start("scripts/deploy_layer.sh", "foundation", "--skip-preview")
    assert first.stderr is not None
    assert any(line.startswith("[1/1]") for line in first.stderr)
    refused = run("scripts/destroy_all.sh", code=1)
    assert f"process {first.pid} (estate deploy) since" in refused.stderr
    assert "nothing was touched" in refused.stderr
    waited = run("scripts/destroy_all.sh", "--wait")
    first.communicate()
    assert first.returncode == 0
    assert "6 deleted" in waited.stderr
    assert look(own).listed == Counter()


def test_ctrl_c_finishes_what_is_in_flight_and_reports_what_is_done(own: EmbeddedAws) -> None:
    run = Commands.on(own)
    process = run.start("scripts/deploy_all.sh", "--skip-preview")
    assert process.stderr is not None
    # The second layer is under way.
    assert any("table-events" in line for line in process.stderr)
    process.send_signal(signal.SIGINT)
    _, text = process.communicate(timeout=LONGEST_COMMAND)
    assert process.returncode == 1, text
    results = [
        line.split()[:2] for line in text.splitlines() if line.startswith("  ") and line.split()[0] in LAYER_NAMES
    ]
    assert results == [
        ["foundation", "deployed"], ["data", "failed"], ["compute", "skipped"], ["observability", "skipped"]
    ]  # fmt: skip
    assert "interrupted; what was in flight has ended" in text
    assert "go on with: scripts/deploy_all.sh" in text
    assert look(own).pending == []
    run("scripts/destroy_all.sh")
    assert look(own).listed == Counter()
