"""Starts and stops of the embedded AWS that are killed at any moment: the same command again works, nothing is lost."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from estate_tool.core import embedded
from tests.integration.cloud import make_queue, received, send
from tests.integration.commands import Commands

if TYPE_CHECKING:
    from tests.integration.conftest import EmbeddedAws

# Kills of each command; ESTATE_KILLS=30 for the long run.
ROUNDS = int(os.environ.get("ESTATE_KILLS", "3"))
# Longer than a start or a stop takes on a quiet machine.
LATEST = 1.5
pytestmark = pytest.mark.timeout(120 + 60 * ROUNDS)


def emulators(aws: EmbeddedAws) -> list[int]:
    listing = subprocess.run(["ps", "-A", "-ww", "-o", "pid=,args="], capture_output=True, text=True, check=True).stdout
    rows = [line.split(None, 1) for line in listing.splitlines()]
    return [int(pid) for pid, args in rows if f"-m local_aws.server {aws.paths.folder} " in args]


def kill_one(aws: EmbeddedAws, command: subprocess.Popen[str], chance: random.Random) -> str:
    """Kill the command or the emulator; the name of the victim."""
    victims = {"command": [command.pid], "emulator": emulators(aws)}
    name = chance.choice([name for name, pids in victims.items() if pids])
    for pid in victims[name]:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return name


@pytest.mark.parametrize("action", ["up", "down"])
def test_a_command_that_was_killed_works_when_it_is_given_again(own_aws: EmbeddedAws, action: str) -> None:
    run, chance = Commands.on(own_aws), random.Random(f"{action} {time.time_ns()}")
    url, _ = make_queue(own_aws)
    send(own_aws, url, ["kept"])
    own_aws.down()
    for round_ in range(ROUNDS):
        if action == "down":
            run("scripts/estate", "local", "up")
        command, after = run.start("scripts/estate", "local", action), chance.uniform(0, LATEST)
        time.sleep(after)  # the moment of the kill is what is tried here
        victim = kill_one(own_aws, command, chance)
        command.communicate(timeout=60)
        where = f"round {round_}: {victim} killed {after:.3f} s after the start of {action}"
        print(where)

        run("scripts/estate", "local", action)

        assert embedded.status(own_aws.paths).answering is (action == "up"), where
        assert not (action == "down" and emulators(own_aws)), where
        own_aws.up()
        assert [message["Body"] for message in received(own_aws, url)] == ["kept"], where
        own_aws.down()
