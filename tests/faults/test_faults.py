"""Rollouts and teardowns while calls to AWS fail or events arrive.

Transient faults are outlasted, permanent ones stop a command at once, and no event is lost or counted twice.
ESTATE_FAULT_ROUNDS is the number of times that the estate is torn down and rolled out (1), ESTATE_SEED repeats a run,
ESTATE_EVENTS is the number of events (2,000).
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import threading
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.faults import proxy
from tests.faults.conftest import Sight, look
from tests.integration.answers import assert_aggregates_are_exact
from tests.integration.commands import LONGEST_COMMAND, Commands
from tests.support.checkouts import copy_checkout

if TYPE_CHECKING:
    from collections.abc import Iterator
    from subprocess import CompletedProcess

    from tests.integration.conftest import EmbeddedAws

ROUNDS = int(os.environ.get("ESTATE_FAULT_ROUNDS", "1"))
FAILING, LATE = 0.2, 0.05
STOPS_WITHIN = 5.0
EVENTS = int(os.environ.get("ESTATE_EVENTS", "2000"))
INVALID = 5
# What is sent with each of the stages goes out over so long, or until the next one begins.
SECONDS_PER_STAGE = 5.0
AT_ONCE = 20
TOOL = (".venv/bin/python", "-P", "-m", "tests.faults.proxied")
pytestmark = pytest.mark.timeout(300 + 240 * ROUNDS)


@contextlib.contextmanager
def disturbed(aws: EmbeddedAws, faults: proxy.Faults) -> Iterator[Commands]:
    """Commands whose calls to AWS meet the faults."""
    with proxy.before(aws.paths.port, faults) as port:
        mine = {"ESTATE_HOME": str(aws.paths.home), "ESTATE_PORT": str(aws.paths.port)}
        yield Commands({**os.environ, **mine, "ESTATE_TEST_PROXY": str(port)})


def denied(aws: EmbeddedAws, command: tuple[str, ...], action: str) -> CompletedProcess[str]:
    """A command that is not allowed one action; it has stopped in time."""
    faults = proxy.Faults(seed=0, denied=action)
    with disturbed(aws, faults) as run:
        ended = run(*TOOL, *command, code=1)
        assert time.monotonic() - faults.denied_at[0] < STOPS_WITHIN
    assert "trying again" not in ended.stderr
    return ended


@pytest.fixture(scope="module")
def whole(own: EmbeddedAws) -> Sight:
    """Result of an undisturbed rollout."""
    Commands.on(own)("scripts/deploy_all.sh", "--skip-preview")
    return look(own)


def test_a_denied_rollout_stops_at_once_and_names_resource_and_action(own: EmbeddedAws) -> None:
    stopped = denied(own, ("deploy", "--skip-preview"), "iam:CreateRole").stderr
    assert "role: AccessDenied: not authorized to perform: iam:CreateRole (operation iam:CreateRole)" in stopped
    assert "go on with: scripts/deploy_all.sh" in stopped
    assert [line.split()[:2] for line in stopped.splitlines() if line.startswith("  data ")] == [["data", "skipped"]]


def test_rollouts_and_teardowns_outlast_passing_faults(own: EmbeddedAws, whole: Sight) -> None:
    seed = int(os.environ.get("ESTATE_SEED") or random.randrange(10**6))
    print(f"ESTATE_SEED={seed}")
    for round_ in range(ROUNDS):
        faults = proxy.Faults(seed + round_, FAILING, LATE)
        with disturbed(own, faults) as run:
            begun = time.monotonic()
            down = run(*TOOL, "destroy")
            assert look(own).listed == Counter(), down.stderr
            up = run(*TOOL, "deploy", "--skip-preview")
            count = (down.stderr + up.stderr).count
            again = f"{count('trying again')} calls and {count('running layer')} layers tried again"
            print(f"seed {faults.seed}: {dict(faults.seen)}, {again}, {time.monotonic() - begun:.1f} s")
            found = look(own)
            assert found.pending == []
            assert found.states == whole.states, up.stderr
            assert found.listed == whole.listed, up.stderr
            assert set(proxy.FAULTS) < set(faults.seen)


def changed_checkout(folder: Path) -> Path:
    """The checkout with other code of every function, and the same environment."""
    copy_checkout(folder)
    with (folder / "lambda_src" / "shared" / "keys.py").open("a") as code:
        code.write("\n# Another version.\n")
    return folder


def feed(pipe: Path, lines: list[str], stages: list[threading.Event]) -> None:
    """Lines into a pipe: an equal part of them with each stage that begins."""
    part = -(-len(lines) // len(stages))
    pause = SECONDS_PER_STAGE * AT_ONCE / part
    with pipe.open("w") as stream:
        for number, stage in enumerate(stages):
            stage.wait()
            following = stages[number + 1] if number + 1 < len(stages) else threading.Event()
            for start in range(number * part, min((number + 1) * part, len(lines)), AT_ONCE):
                stream.writelines(lines[start : min(start + AT_ONCE, (number + 1) * part)])
                stream.flush()
                following.wait(pause)


@pytest.mark.timeout(900)
def test_events_are_counted_once_while_compute_is_replaced_destroyed_and_rolled_out(
    own: EmbeddedAws, whole: Sight, tmp_path: Path
) -> None:
    run, changed = Commands.on(own), Commands.on(own, changed_checkout(tmp_path / "changed"))
    run("scripts/deploy_all.sh", "--skip-preview")  # Unchanged, unless an earlier test failed half-way.
    events = tmp_path / "events.ndjson"
    wanted = ("--limit", str(EVENTS), "--duplicates", str(EVENTS // 20), "--invalid", str(INVALID), "--shuffle", "1")
    events.write_text(run("scripts/estate", "sample", "flights", *wanted).stdout)
    pipe, stages = tmp_path / "pipe", [threading.Event() for _ in range(3)]
    os.mkfifo(pipe)
    lines = events.read_text().splitlines(keepends=True)
    threading.Thread(target=feed, args=(pipe, lines, stages), daemon=True).start()
    sending = run.start("scripts/estate", "send", str(pipe), "--raw", "--wait", "--json")

    stages[0].set()
    replaced = json.loads(changed("scripts/deploy_layer.sh", "compute", "--skip-preview", "--json").stdout)
    assert replaced["layers"][0]["updated"] >= 3
    run("scripts/destroy_layer.sh", "observability")
    stages[1].set()
    run("scripts/destroy_layer.sh", "compute")
    stages[2].set()
    changed("scripts/deploy_all.sh", "--skip-preview")

    answer, diagnostic = sending.communicate(timeout=LONGEST_COMMAND)
    assert sending.returncode == 0, diagnostic
    sent = json.loads(answer)
    assert sent["sent"] == EVENTS + EVENTS // 20 + INVALID
    assert (sent["aggregated"], sent["duplicates"], sent["dead_lettered"]) == (EVENTS, EVENTS // 20, INVALID)
    assert_aggregates_are_exact(run, own, events)
