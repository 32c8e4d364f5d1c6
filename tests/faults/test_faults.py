"""Rollouts and teardowns while calls to AWS fail, processes are killed or events arrive.

Transient faults are outlasted, permanent ones stop a command at once, the same command again goes on after a kill, and
no event is lost or counted twice. The tests begin in an empty account, and each goes on where the one before left it.
ESTATE_FAULT_ROUNDS is the number of teardowns and rollouts with faults (1), ESTATE_KILLS that of kills (3),
ESTATE_EVENTS that of events (2,000); ESTATE_SEED repeats a run whose seed was printed.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import threading
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from foundation.layers import LAYER_NAMES
from tests.faults import kills, proxy
from tests.faults.conftest import Snapshot, snapshot
from tests.integration.answers import assert_aggregates_are_exact
from tests.integration.commands import LONGEST_COMMAND, Commands
from tests.support import processes
from tests.support.checkouts import copy_checkout

if TYPE_CHECKING:
    from collections.abc import Iterator
    from subprocess import CompletedProcess

    from tests.integration.conftest import EmbeddedAws

ROUNDS = int(os.environ.get("ESTATE_FAULT_ROUNDS", "1"))
KILLS = int(os.environ.get("ESTATE_KILLS", "3"))
FAILING, LATE = 0.2, 0.05
STOPS_WITHIN = 5.0
EVENTS = int(os.environ.get("ESTATE_EVENTS", "2000"))
INVALID = 5
# The events of one stage are sent over so long, or until the next one begins.
SECONDS_PER_STAGE = 5.0
AT_ONCE = 20
TOOL = (".venv/bin/python", "-P", "-m", "tests.faults.proxied")
pytestmark = pytest.mark.timeout(300 + 240 * ROUNDS)
in_proc = pytest.mark.skipif(not processes.HERE, reason=processes.NOT_HERE)


@contextlib.contextmanager
def disturbed(aws: EmbeddedAws, faults: proxy.Faults) -> Iterator[Commands]:
    """Commands whose calls to AWS meet the faults."""
    with proxy.before(aws.paths.port, faults) as port:
        yield Commands({**Commands.on(aws).variables, "ESTATE_TEST_PROXY": str(port)})


def denied(aws: EmbeddedAws, command: tuple[str, ...], action: str) -> CompletedProcess[str]:
    """A command that is not allowed one action; it has stopped in time."""
    faults = proxy.Faults(seed=0, denied=action)
    with disturbed(aws, faults) as run:
        ended = run(*TOOL, *command, code=1)
        assert time.monotonic() - faults.denied_at[0] < STOPS_WITHIN
    assert "trying again" not in ended.stderr
    return ended


def chance() -> int:
    """Return the seed of a test's random choices, and print it."""
    seed = int(os.environ.get("ESTATE_SEED") or random.randrange(10**6))
    print(f"ESTATE_SEED={seed}")
    return seed


@pytest.fixture(scope="module")
def whole(own: EmbeddedAws, run: Commands) -> Snapshot:
    """The whole estate, rolled out without faults."""
    run("scripts/deploy_all.sh", "--skip-preview")
    found = snapshot(own)
    assert found.pending == []
    return found


@pytest.fixture(scope="module")
def transient() -> proxy.Faults:
    """Faults of a share of all calls."""
    return proxy.Faults(chance(), FAILING, LATE)


def test_a_denied_rollout_stops_at_once_and_names_resource_and_action(own: EmbeddedAws) -> None:
    stopped = denied(own, ("deploy", "--skip-preview"), "iam:CreateRole").stderr
    assert "role: AccessDenied: not authorized to perform: iam:CreateRole (operation iam:CreateRole)" in stopped
    assert "go on with: scripts/deploy_all.sh" in stopped
    assert [line.split()[:2] for line in stopped.splitlines() if line.startswith("  data ")] == [["data", "skipped"]]


def test_of_two_rollouts_at_once_the_second_is_refused_or_waits(own: EmbeddedAws, run: Commands) -> None:
    first = run.start("scripts/deploy_layer.sh", "foundation", "--skip-preview")
    assert first.stderr is not None
    assert any(line.startswith("[1/1]") for line in first.stderr)
    refused = run("scripts/destroy_all.sh", code=1)
    assert f"(estate deploy, process {first.pid}) since" in refused.stderr
    assert "nothing was touched" in refused.stderr
    waited = run("scripts/destroy_all.sh", "--wait")
    first.communicate()
    assert first.returncode == 0
    assert "6 deleted" in waited.stderr
    assert snapshot(own).listed == Counter()


def test_ctrl_c_finishes_what_is_in_flight_and_reports_what_is_done(own: EmbeddedAws, run: Commands) -> None:
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
    assert snapshot(own).pending == []


def tear_down(aws: EmbeddedAws, faults: proxy.Faults) -> Snapshot:
    """Tear all down with faults."""
    with disturbed(aws, faults) as run:
        report(faults, run(*TOOL, "destroy").stderr)
    return snapshot(aws)


def roll_out(aws: EmbeddedAws, faults: proxy.Faults) -> Snapshot:
    """Roll all out with faults."""
    with disturbed(aws, faults) as run:
        report(faults, run(*TOOL, "deploy", "--skip-preview").stderr)
    return snapshot(aws)


def report(faults: proxy.Faults, text: str) -> None:
    """Print the messages of a command, and its retries."""
    again = f"{text.count('trying again')} calls and {text.count('running layer')} layers tried again"
    print(f"{text}\nseed {faults.seed}: {dict(faults.seen)}, {again}")


def test_a_teardown_outlasts_transient_faults(own: EmbeddedAws, whole: Snapshot, transient: proxy.Faults) -> None:
    assert whole.listed
    assert tear_down(own, transient).listed == Counter()


@in_proc
@pytest.mark.timeout(240 + 60 * KILLS)  # About a quarter of it with nothing else running.
def test_whatever_is_killed_running_it_again_puts_it_right(own: EmbeddedAws, run: Commands, whole: Snapshot) -> None:
    run("scripts/destroy_all.sh")
    seed = chance()
    sizes = {layer: sum("::aws:" in urn or "$aws:" in urn for urn in urns) for layer, urns in whole.states.items()}
    deployed, in_time = 0, 0
    for kill in kills.kills(random.Random(seed), sizes):
        before = time.monotonic()
        killed = kills.interrupted(run, kill)
        in_time += killed
        left = snapshot(own).pending
        again = run(*kill.command)
        deployed += 1 if "deploy_" in kill.command[0] else -1
        print(f"{kill}: {'killed' if killed else 'too late'}, {len(left)} pending, {time.monotonic() - before:.1f} s")
        found = snapshot(own)
        summary = f"seed {seed}, {kill}, left {left}\n{again.stderr}"
        assert found.pending == [], summary
        assert found.states == {layer: whole.states[layer] for layer in LAYER_NAMES[:deployed]}, summary
        assert found.listed - whole.listed == Counter(), summary
        if deployed in (0, len(LAYER_NAMES)):
            assert found.listed == (whole.listed if deployed else Counter()), summary
        # Some come too late; what they left standing is torn down in peace.
        if in_time >= KILLS:
            break
    run("scripts/destroy_all.sh")
    assert snapshot(own).listed == Counter()


def test_a_rollout_outlasts_transient_faults(own: EmbeddedAws, whole: Snapshot, transient: proxy.Faults) -> None:
    assert roll_out(own, transient) == whole
    assert set(proxy.FAULTS) < set(transient.seen)
    for _ in range(1, ROUNDS):
        assert tear_down(own, transient).listed == Counter()
        assert roll_out(own, transient) == whole


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
    own: EmbeddedAws, run: Commands, tmp_path: Path
) -> None:
    changed = Commands.on(own, changed_checkout(tmp_path / "changed"))
    run("scripts/deploy_all.sh", "--skip-preview")  # Unchanged, unless a test before was left out or failed.
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
    changed("scripts/deploy_layer.sh", "compute", "--skip-preview")

    answer, diagnostic = sending.communicate(timeout=LONGEST_COMMAND)
    assert sending.returncode == 0, diagnostic
    sent = json.loads(answer)
    assert sent["sent"] == EVENTS + EVENTS // 20 + INVALID
    assert (sent["aggregated"], sent["duplicates"], sent["dead_lettered"]) == (EVENTS, EVENTS // 20, INVALID)
    assert_aggregates_are_exact(run, own, events)
