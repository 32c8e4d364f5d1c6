"""Rollouts and teardowns in an account, killed in their midst, their state in S3: the same command again goes on.

ESTATE_ACCOUNT=1 has the killed teardown run, ESTATE_ACCOUNT=all also twenty kills on each backend, at random moments;
ESTATE_SEED=N repeats the run that printed N.
"""

from __future__ import annotations

import itertools
import os
import random
import re
import signal
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from foundation.layers import LAYER_NAMES
from tests.account.account import ENVIRONMENT
from tests.account.reports import DEPLOY, DESTROY, deploy, destroy
from tests.integration.commands import LONGEST_COMMAND
from tests.support import processes

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.account.account import Account, Checkout

RANDOM_KILLS = 20  # of each backend
# From the first of them that AWS lists to the last.
CREATION_SECONDS = 0.4
# Message of recovery about a resource whose operation was under way.
UNFINISHED = re.compile(r"^ *(\S+): was left unfinished", re.MULTILINE)
pytestmark = [
    pytest.mark.timeout(3600 if os.environ.get("ESTATE_ACCOUNT") else 600),
    pytest.mark.skipif(not processes.HERE, reason=processes.NOT_HERE),
]


@pytest.fixture(scope="module")
def run(bucket_account: Account) -> Checkout:
    """The commands, on an estate with few alarms: the engine writes its whole state to S3 with each of them."""
    made = bucket_account.checkout()
    made.configure(observability__alarmLevel="pages")
    return made


def killed(run: Checkout, script: str, victim: str, moment: Callable[[], bool]) -> tuple[int, str, str]:
    """Run a command on all layers and kill its victim, without a chance to clean up; return code, output, messages."""
    flags = ("--skip-preview",) if script == DEPLOY else ()
    process = run.start(script, ENVIRONMENT, "--yes", "--json", *flags)
    with processes.killed_when(process, victim, signal.SIGKILL, moment) as in_time:
        out, err = process.communicate(timeout=LONGEST_COMMAND)
    assert in_time == [True], f"{script} ended before its {victim} was killed\n{err}"
    assert "Traceback" not in err, err
    return process.returncode, out, err


def some(client: Any, operation: str, key: str) -> Callable[[], bool]:
    """Return a condition: AWS lists any of them."""
    return lambda: bool(getattr(client, operation)().get(key))


def nothing_is_unfinished(run: Checkout) -> None:
    """Fail if a layer's state has a pending operation."""
    for layer in LAYER_NAMES:
        export = ("scripts/estate", "pulumi", "stack", "export", "--stack", ENVIRONMENT, "--cwd", str(run.root / layer))
        assert '"pending_operations"' not in run(*export).stdout


def test_a_provider_killed_while_tables_are_created_forgets_none(bucket_account: Account, run: Checkout) -> None:
    queues = some(bucket_account.aws.client("sqs"), "list_queues", "QueueUrls")
    code, out, text = killed(run, DEPLOY, "provider", queues)
    assert code == 1, text
    assert '"continue": "scripts/deploy_all.sh dev"' in out
    assert "go on with: scripts/deploy_all.sh dev" in text


def test_a_tool_killed_while_functions_are_created_leaves_no_lock(bucket_account: Account, run: Checkout) -> None:
    functions = some(bucket_account.aws.client("lambda"), "list_functions", "Functions")
    code, _, _ = killed(run, DEPLOY, "tool", functions)
    assert code == -signal.SIGKILL
    done = deploy(run, "--skip-preview")
    assert done.results["observability"] == "deployed"
    assert set(bucket_account.listed().values()) == {1}
    nothing_is_unfinished(run)
    assert deploy(run).results == dict.fromkeys(LAYER_NAMES, "unchanged")


@pytest.mark.skipif(not os.environ.get("ESTATE_ACCOUNT"), reason="half a minute; tests/faults kills a teardown, too")
def test_an_engine_killed_in_a_teardown_leaves_nothing_in_the_end(bucket_account: Account, run: Checkout) -> None:
    functions = some(bucket_account.aws.client("lambda"), "list_functions", "Functions")
    code, _, text = killed(run, DESTROY, "engine", lambda: not functions())
    assert code == 1, text
    assert destroy(run).results["foundation"] in ("destroyed", "unchanged")
    assert bucket_account.listed() == Counter()


class Moments:
    """Random victims and moments: of the whole command, or of the time in which tables or functions are created."""

    def __init__(self, account: Account, chance: random.Random, seconds: dict[str, float]) -> None:
        self._chance = chance
        self._seconds = seconds
        self._creations = itertools.cycle(
            (
                None,
                ("tables", some(account.aws.client("dynamodb"), "list_tables", "TableNames")),
                ("functions", some(account.aws.client("lambda"), "list_functions", "Functions")),
            )
        )
        self._victims: list[str] = []

    def victim(self) -> str:
        """Return the next victim: each of them as often as the others."""
        self._victims = self._victims or self._chance.sample(processes.VICTIMS, len(processes.VICTIMS))
        return self._victims.pop()

    def moment(self, script: str) -> tuple[str, Callable[[], bool]]:
        """Return a description of a moment, and the condition that it has come, from now on."""
        creation = next(self._creations) if script == DEPLOY else None
        kind, begun = creation or ("the command", lambda: True)
        pause = self._chance.uniform(0, CREATION_SECONDS if creation else self._seconds[script])
        since: list[float] = []

        def come() -> bool:
            if not since and begun():
                since.append(time.monotonic())
            return bool(since) and time.monotonic() - since[0] >= pause

        return f"{pause:.1f} s into {kind}", come


def timed(run: Checkout, account: Account) -> tuple[dict[str, float], Counter[tuple[str, str]]]:
    """Time an undisturbed rollout and teardown; return the seconds, and the resources between them."""
    begun = time.monotonic()
    deploy(run)
    rolled_out, whole = time.monotonic(), account.listed()
    destroy(run)
    return {DEPLOY: rolled_out - begun, DESTROY: time.monotonic() - rolled_out}, whole


@pytest.mark.skipif(os.environ.get("ESTATE_ACCOUNT") != "all", reason="takes half an hour: ESTATE_ACCOUNT=all")
@pytest.mark.parametrize("kept", ["account", "bucket_account"])
def test_whatever_is_killed_at_any_moment_the_same_again_goes_on(kept: str, request: pytest.FixtureRequest) -> None:
    seed = int(os.environ.get("ESTATE_SEED") or random.randrange(10**6))
    print(f"ESTATE_SEED={seed}")
    chance, account = random.Random(seed), request.getfixturevalue(kept)
    run = account.checkout()
    seconds, whole = timed(run, account)
    moments = Moments(account, chance, seconds)
    kills, unfinished = 0, Counter[str]()
    for script in itertools.cycle((DEPLOY, DESTROY)):
        victim, (moment, come) = moments.victim(), moments.moment(script)
        process = run.start(script, ENVIRONMENT, "--yes")
        with processes.killed_when(process, victim, signal.SIGKILL, come) as in_time:
            _, text = process.communicate(timeout=LONGEST_COMMAND)
        kills += in_time == [True]
        left = Counter(kind for kind, _ in account.listed())
        summary = f"kill {kills} of {victim}, {moment}, {script}; in time: {in_time}; then in AWS: {dict(left)}"
        print(summary)
        assert "Traceback" not in text, f"{summary}\n{text}"
        report = deploy(run) if script == DEPLOY else destroy(run)
        assert account.listed() == (whole if script == DEPLOY else Counter()), f"{summary}\n{text}\n{report.text}"
        recovered = UNFINISHED.findall(text + report.text)
        print(f"recovered: {recovered}")
        unfinished.update(recovered)
        if script == DEPLOY:
            nothing_is_unfinished(run)
            assert deploy(run).results == dict.fromkeys(LAYER_NAMES, "unchanged"), summary
        elif kills >= RANDOM_KILLS:
            break
    print(f"{kills} kills on {kept}; unfinished when killed, and recovered: {dict(unfinished)}")
