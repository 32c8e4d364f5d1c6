"""The GitHub workflows: what they run exists, what they use is pinned, and they may do little."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
PINNED = re.compile(r"uses: [\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$")
every_workflow = pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)


def _steps(path: Path) -> list[dict[str, Any]]:
    jobs = yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"]
    return [step for job in jobs.values() for step in job["steps"]]


def test_there_is_one_to_check_one_to_preview_and_one_to_roll_out() -> None:
    assert [path.stem for path in WORKFLOWS] == ["check", "preview", "rollout"]


@every_workflow
def test_every_action_is_pinned_by_its_commit_and_says_its_version(path: Path) -> None:
    uses = [line.strip("- ") for line in path.read_text(encoding="utf-8").splitlines() if "uses:" in line]
    assert uses
    assert [line for line in uses if not PINNED.match(line)] == []


@every_workflow
def test_a_workflow_may_read_the_code_and_at_most_ask_for_an_identity(path: Path) -> None:
    allowed = yaml.safe_load(path.read_text(encoding="utf-8"))["permissions"]
    needs_identity = any("configure-aws-credentials" in step.get("uses", "") for step in _steps(path))
    assert allowed == {"contents": "read"} | ({"id-token": "write"} if needs_identity else {})
    assert [step["with"] for step in _steps(path) if "actions/checkout@" in step.get("uses", "")] == [
        {"persist-credentials": False}
    ]


@every_workflow
def test_what_a_workflow_runs_is_a_script_of_this_checkout(path: Path) -> None:
    commands = [step["run"] for step in _steps(path) if "run" in step]
    assert commands
    for command in commands:
        program = ROOT / command.split()[0]
        assert program.is_file(), command
        assert program.stat().st_mode & 0o100, command
        # A value from an event in a script would be run as part of it.
        assert "${{" not in command


@pytest.mark.skipif(shutil.which("actionlint") is None, reason="there is no actionlint on this machine")
def test_actionlint_finds_nothing() -> None:
    done = subprocess.run(["actionlint", *map(str, WORKFLOWS)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")
