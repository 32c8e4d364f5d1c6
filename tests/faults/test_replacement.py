"""Compute is replaced, taken away and brought back while events arrive: none is lost, none counts twice.

ESTATE_EVENTS is the number of events (2,000).
"""

from __future__ import annotations

import json
import os
import shutil
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from estate_tool.core.paths import ROOT
from foundation.layers import LAYER_NAMES
from tests.integration.answers import assert_aggregates_are_exact
from tests.integration.commands import LONGEST_COMMAND, Commands

if TYPE_CHECKING:
    from tests.integration.conftest import EmbeddedAws

EVENTS = int(os.environ.get("ESTATE_EVENTS", "2000"))
INVALID = 5
# What is sent with each of the stages goes out over so long, or until the next one begins.
SECONDS_PER_STAGE = 5.0
AT_ONCE = 20
pytestmark = pytest.mark.timeout(900)


def changed_checkout(folder: Path) -> Path:
    """The checkout with other code of every function, and the same environment."""
    ignored = shutil.ignore_patterns("__pycache__")
    for name in (*LAYER_NAMES, "environments", "lambda_src", "scripts"):
        shutil.copytree(ROOT / name, folder / name, ignore=ignored)
    shutil.copy(ROOT / "requirements.lock", folder)
    (folder / ".venv").symlink_to(ROOT / ".venv")
    with (folder / "lambda_src" / "shared" / "keys.py").open("a") as code:
        code.write("\n# Another version.\n")
    return folder


def commands(aws: EmbeddedAws, root: Path) -> Commands:
    """A checkout's commands, with its own modules before those that the environment names."""
    paths = os.pathsep.join(str(root / name) for name in ("", "scripts", "lambda_src"))
    mine = {"ESTATE_HOME": str(aws.place.home), "ESTATE_PORT": str(aws.place.port), "PYTHONPATH": paths}
    return Commands({**os.environ, **mine}, root)


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


def test_events_are_counted_once_while_compute_is_replaced_destroyed_and_rolled_out(
    own: EmbeddedAws, tmp_path: Path
) -> None:
    run, changed = Commands.on(own), commands(own, changed_checkout(tmp_path / "changed"))
    run("scripts/deploy_all.sh", "--skip-preview")
    events = tmp_path / "events.ndjson"
    wanted = ("--limit", str(EVENTS), "--duplicates", str(EVENTS // 20), "--invalid", str(INVALID), "--shuffle", "1")
    events.write_text(run("scripts/estate", "sample", "flights", *wanted).stdout)
    pipe, stages = tmp_path / "pipe", [threading.Event() for _ in range(3)]
    os.mkfifo(pipe)
    lines = events.read_text().splitlines(keepends=True)
    threading.Thread(target=feed, args=(pipe, lines, stages), daemon=True).start()
    sending = run.start("scripts/estate", "send", str(pipe), "--raw", "--wait", "--json")

    stages[0].set()
    replaced = json.loads(changed("scripts/deploy_layer.sh", "compute", "--json").stdout)
    assert replaced["layers"][0]["updated"] >= 3
    run("scripts/destroy_layer.sh", "observability")
    stages[1].set()
    run("scripts/destroy_layer.sh", "compute")
    stages[2].set()
    changed("scripts/deploy_all.sh")

    answer, diagnostic = sending.communicate(timeout=LONGEST_COMMAND)
    assert sending.returncode == 0, diagnostic
    sent = json.loads(answer)
    assert sent["sent"] == EVENTS + EVENTS // 20 + INVALID
    assert (sent["aggregated"], sent["duplicates"], sent["dead_lettered"]) == (EVENTS, EVENTS // 20, INVALID)
    assert_aggregates_are_exact(run, own, events)
