"""Commands on one layer each that are killed at random moments."""

from __future__ import annotations

import itertools
import signal
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from foundation.layers import LAYER_NAMES
from tests.integration.commands import LONGEST_COMMAND
from tests.support import processes

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator

    from tests.integration.commands import Commands

SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)


@dataclass(frozen=True)
class Kill:
    """A command on one layer, its victim and the moment: after so many lines of progress, and a little."""

    command: tuple[str, ...]
    victim: str
    signal: signal.Signals
    lines: int
    seconds: float


def kills(chance: random.Random, sizes: dict[str, int]) -> Iterator[Kill]:
    """Up through the layers, each but the first twice, down again, and so on: the first few have a teardown, too."""
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
            yield Kill(command, next(victims), how, lines, chance.uniform(0, 0.1 if lines else 1.5))


def interrupted(run: Commands, kill: Kill) -> bool:
    """Run the command and kill its victim at the moment; False if the command ended before."""
    script, layer, *_ = kill.command
    verb = "deploy" if "deploy" in script else "destroy"
    # The tool serves the provider itself; to be killed alone, it has to be the engine's.
    plugged = (".venv/bin/python", "-P", "-m", "tests.faults.plugged", verb, layer)
    process = run.start(*(plugged if kill.victim == "provider" else kill.command))
    assert process.stderr is not None
    assert process.stdout is not None
    seen, killer = 0, None
    for line in process.stderr:
        begun = line.startswith("[1/1]")
        seen += begun or (seen > 0 and line.startswith("      "))
        if killer is None and seen > kill.lines:
            killer = threading.Timer(kill.seconds, processes.kill, (process, kill.victim, kill.signal))
            killer.start()
    process.stdout.close()
    code = process.wait(LONGEST_COMMAND)
    if killer is not None:
        killer.cancel()
        killer.join()
    return code != 0
