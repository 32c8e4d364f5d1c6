"""The commands as a user calls them."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING, Any

from estate_tool.core.paths import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.conftest import EmbeddedAws

LONGEST_COMMAND = 600


class Commands:
    """The commands as a user calls them, in an embedded AWS that belongs to these tests."""

    longest: float = LONGEST_COMMAND
    """Seconds that one may take."""

    def __init__(self, variables: dict[str, str], root: Path = ROOT) -> None:
        self.variables = variables
        self.root = root

    @classmethod
    def on(cls, aws: EmbeddedAws, root: Path = ROOT) -> Commands:
        """The commands of a checkout against that embedded AWS, with its folder for their state."""
        return cls({**os.environ, "ESTATE_HOME": str(aws.paths.home), "ESTATE_PORT": str(aws.paths.port)}, root)

    def start(self, *command: str) -> subprocess.Popen[str]:
        """A command under way."""
        return subprocess.Popen(
            [str(self.root / command[0]), *command[1:]], env=self.variables, text=True, cwd="/",
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    def __call__(self, *command: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        """A command that has ended, with the exit code expected of it."""
        process = self.start(*command)
        try:
            out, err = process.communicate(timeout=self.longest)
        finally:
            process.kill()
        assert process.returncode == code, f"{' '.join(command)} ended with {process.returncode}\n{out}\n{err}"
        assert "Traceback" not in err, err
        return subprocess.CompletedProcess(command, process.returncode, out, err)


def layer_results(report: dict[str, Any]) -> dict[str, str]:
    """Results by layer in a report of a rollout or teardown."""
    return {layer["layer"]: layer["result"] for layer in report["layers"]}
