"""Rollouts and teardowns while calls to AWS fail: what passes is outlasted, what is permanent stops them at once.

ESTATE_FAULT_ROUNDS is the number of times that the estate is torn down and rolled out (1), ESTATE_SEED repeats a run.
"""

from __future__ import annotations

import contextlib
import os
import random
import time
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from tests.faults import proxy
from tests.faults.sight import Sight, look
from tests.integration.commands import Commands

if TYPE_CHECKING:
    from collections.abc import Iterator
    from subprocess import CompletedProcess

    from tests.integration.conftest import EmbeddedAws

ROUNDS = int(os.environ.get("ESTATE_FAULT_ROUNDS", "1"))
FAILING, LATE = 0.2, 0.05
STOPS_WITHIN = 5.0
TOOL = (".venv/bin/python", "-P", "-m", "tests.faults.proxied")
pytestmark = pytest.mark.timeout(300 + 240 * ROUNDS)


@contextlib.contextmanager
def disturbed(aws: EmbeddedAws, faults: proxy.Faults) -> Iterator[Commands]:
    """Commands whose calls to AWS meet the faults."""
    with proxy.before(aws.place.port, faults) as port:
        mine = {"ESTATE_HOME": str(aws.place.home), "ESTATE_PORT": str(aws.place.port)}
        yield Commands({**os.environ, **mine, "ESTATE_TEST_PROXY": str(port)})


def denied(aws: EmbeddedAws, command: str, action: str) -> CompletedProcess[str]:
    """A command that is not allowed one action; it has stopped in time."""
    faults = proxy.Faults(seed=0, denied=action)
    with disturbed(aws, faults) as run:
        ended = run(*TOOL, command, code=1)
        assert time.monotonic() - faults.denied_at[0] < STOPS_WITHIN
    assert "trying again" not in ended.stderr
    return ended


@pytest.fixture(scope="module")
def whole(own: EmbeddedAws) -> Sight:
    """Result of an undisturbed rollout."""
    Commands.on(own)("scripts/deploy_all.sh", "--skip-preview")
    return look(own)


def test_a_denied_rollout_stops_at_once_and_names_resource_and_action(own: EmbeddedAws) -> None:
    stopped = denied(own, "deploy", "iam:CreateRole").stderr
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
            up = run(*TOOL, "deploy")
            count = (down.stderr + up.stderr).count
            again = f"{count('trying again')} calls and {count('running layer')} layers tried again"
            print(f"seed {faults.seed}: {dict(faults.seen)}, {again}, {time.monotonic() - begun:.1f} s")
            found = look(own)
            assert found.pending == []
            assert found.states == whole.states, up.stderr
            assert found.listed == whole.listed, up.stderr
            assert set(proxy.FAULTS) < set(faults.seen)
