"""Reports of rollouts and teardowns in an account: JSON, and the text beside it."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from estate_tool.core.paths import ROOT
from tests.account.account import ENVIRONMENT
from tests.integration.commands import layer_results
from tests.support.schema import breaches

if TYPE_CHECKING:
    from tests.account.account import Checkout

DEPLOY, DESTROY = "scripts/deploy_all.sh", "scripts/destroy_all.sh"


@dataclass(frozen=True)
class Report:
    """The layers of a report by name, all of it, and the text that went with it."""

    whole: dict[str, Any]
    text: str

    @classmethod
    def of(cls, done: subprocess.CompletedProcess[str]) -> Report:
        """The report of a command with --json that has ended; it must be of the shape that is promised."""
        whole = json.loads(done.stdout)
        assert breaches("rollout", whole) == []
        assert whole["environment"] == ENVIRONMENT
        return cls(whole, done.stderr)

    @property
    def results(self) -> dict[str, str]:
        return layer_results(self.whole)

    def layer(self, name: str) -> dict[str, Any]:
        return next(layer for layer in self.whole["layers"] if layer["layer"] == name)

    @property
    def summary(self) -> str:
        """The job summary that the step of the rollout's workflow writes of it."""
        steps = yaml.safe_load((ROOT / ".github/workflows/rollout.yml").read_text())["jobs"]["rollout"]["steps"]
        (step,) = (step for step in steps if "scripts/summary.py" in step.get("run", ""))
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "scripts").symlink_to(ROOT / "scripts")
            (Path(folder) / f"rollout-{ENVIRONMENT}.json").write_text(json.dumps(self.whole))
            summary = Path(folder) / "summary.md"
            variables = {**os.environ, "ENVIRONMENT": ENVIRONMENT, "GITHUB_STEP_SUMMARY": str(summary)}
            subprocess.run(["bash", "-e", "-c", step["run"]], cwd=folder, env=variables, check=True)
            return summary.read_text()

    def total(self, word: str) -> int:
        """Number of resources created, updated, … in all layers."""
        return sum(layer[word] for layer in self.whole["layers"])


def deploy(run: Checkout, *flags: str, code: int = 0) -> Report:
    """Roll all layers out."""
    report = Report.of(run(DEPLOY, ENVIRONMENT, "--yes", "--json", *flags, code=code))
    assert report.whole["ok"] is (code == 0)
    return report


def destroy(run: Checkout, *flags: str, code: int = 0) -> Report:
    """Tear all layers down."""
    report = Report.of(run(DESTROY, ENVIRONMENT, "--yes", "--json", *flags, code=code))
    assert report.whole["ok"] is (code == 0)
    return report
