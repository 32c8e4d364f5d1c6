"""The GitHub workflows: what they run exists, what they use is pinned, and they may do little."""

import re
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


def _jobs(path: Path) -> dict[str, dict[str, Any]]:
    jobs: dict[str, dict[str, Any]] = yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"]
    return jobs


def test_there_is_one_for_each_task() -> None:
    assert [path.stem for path in WORKFLOWS] == ["check", "drift", "preview", "rollout"]


@every_workflow
def test_every_action_is_pinned_by_its_commit_and_names_its_version(path: Path) -> None:
    uses = [line.strip("- ") for line in path.read_text(encoding="utf-8").splitlines() if "uses:" in line]
    assert uses
    assert [line for line in uses if not PINNED.match(line)] == []


@every_workflow
def test_permissions_stand_at_the_jobs_and_are_few(path: Path) -> None:
    whole = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert whole["permissions"] == {}
    for job in whole["jobs"].values():
        signs_in = any("configure-aws-credentials" in step.get("uses", "") for step in job["steps"])
        comments = any("comment.sh" in step.get("run", "") for step in job["steps"])
        wanted = {"contents": "read"} | ({"id-token": "write"} if signs_in else {})
        assert job["permissions"] == wanted | ({"pull-requests": "write"} if comments else {})
        assert not (signs_in and comments)


@every_workflow
def test_the_checkout_leaves_no_credentials_behind(path: Path) -> None:
    steps = [step for step in _steps(path) if "actions/checkout@" in step.get("uses", "")]
    assert steps
    assert all(step["with"]["persist-credentials"] is False for step in steps)


@every_workflow
def test_a_workflow_runs_scripts_of_this_checkout(path: Path) -> None:
    commands = [step["run"] for step in _steps(path) if "run" in step]
    assert commands
    for command in commands:
        program = ROOT / command.split()[0]
        assert program.is_file(), command
        assert program.stat().st_mode & 0o100, command
        # A value from an event in a script would be run as part of it.
        assert "${{" not in command


@every_workflow
def test_no_job_signs_in_before_the_repository_names_its_environments(path: Path) -> None:
    for job in _jobs(path).values():
        if any("configure-aws-credentials" in step.get("uses", "") for step in job["steps"]):
            assert job["if"].startswith("vars.ESTATE_ENVIRONMENTS && ")
            assert job["strategy"]["matrix"] == {"environment": "${{ fromJSON(vars.ESTATE_ENVIRONMENTS) }}"}
            assert job["environment"].startswith("${{ matrix.environment }}")


@every_workflow
def test_a_commands_report_is_summarised_also_when_it_failed(path: Path) -> None:
    for job in _jobs(path).values():
        reports = {file for step in job["steps"] for file in re.findall(r"> (\S+\.json)", step.get("run", ""))}
        reports |= {
            f'"{file}"' for step in job["steps"] for file in re.findall(r'> "(\S+\.json)"', step.get("run", ""))
        }
        for file in {each.strip('"') for each in reports}:
            summary = [step for step in job["steps"] if step.get("run", "").startswith("scripts/summary.py")]
            assert [step["if"] for step in summary if file in step["run"]] == ["always()"], file


def test_a_rollout_is_of_a_commit_of_main_that_passed_the_checks_one_environment_after_the_other() -> None:
    jobs = _jobs(ROOT / ".github/workflows/rollout.yml")
    assert [step["run"] for step in jobs["check"]["steps"] if "run" in step] == [".ci/run"]
    rollout = jobs["rollout"]
    assert rollout["needs"] == "check"
    assert "github.ref == 'refs/heads/main'" in rollout["if"]
    assert (rollout["strategy"]["max-parallel"], rollout["strategy"]["fail-fast"]) == (1, True)
    assert rollout["concurrency"] == {"group": "rollout-${{ matrix.environment }}", "cancel-in-progress": False}
    assert not [step for job in jobs.values() for step in job["steps"] if "ref" in step.get("with", {})]


def test_the_documentation_shows_the_steps_and_versions_of_the_rollout() -> None:
    page = (ROOT / "docs/permissions-deployer.md").read_text(encoding="utf-8")
    shown = [yaml.safe_load(block) for block in re.findall(r"^```yaml\n(.*?)^```$", page, flags=re.M | re.S)]
    (jobs,) = [each["jobs"] for each in shown if "jobs" in each]
    real = _jobs(ROOT / ".github/workflows/rollout.yml")["rollout"]
    assert jobs["rollout"] == real
    pins = re.findall(r"uses: (\S+@\S+ # v\S+)", page)
    assert pins
    assert set(pins) <= {pin for path in WORKFLOWS for pin in re.findall(r"uses: (\S+@\S+ # v\S+)", path.read_text())}


def test_packages_and_actions_are_looked_after_and_have_owners() -> None:
    updates = yaml.safe_load((ROOT / ".github/dependabot.yml").read_text(encoding="utf-8"))["updates"]
    assert {each["package-ecosystem"] for each in updates} == {"github-actions", "pip", "gomod"}
    folders = [folder for each in updates for folder in each.get("directories", [each.get("directory")])]
    assert [folder for folder in folders if not (ROOT / folder.lstrip("/")).is_dir()] == []
    owned = [line.split()[0] for line in (ROOT / ".github/CODEOWNERS").read_text().splitlines() if line[:1] in "/*"]
    assert "*" in owned
    assert [path for path in owned if path != "*" and not (ROOT / path.strip("/")).exists()] == []
