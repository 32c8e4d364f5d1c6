"""A copy of the checkout that may be edited, on an embedded AWS of its own, and plain `pulumi` beside it."""

from __future__ import annotations

import os
import resource
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from estate_tool.setup.engine import ensure_engine
from foundation.layers import LAYER_NAMES
from tests.integration.commands import Commands
from tests.integration.conftest import EmbeddedAws, running
from tests.support.checkouts import copy_checkout

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


class Checkout(Commands):
    """The commands of a copy; `pulumi` runs the bare engine in a layer's folder."""

    def __init__(self, aws: EmbeddedAws, root: Path) -> None:
        paths = os.pathsep.join(map(str, (root, root / "scripts", root / "lambda_src")))
        folders = (root / ".venv/bin", ensure_engine().folder)
        path = os.pathsep.join((*map(str, folders), os.environ["PATH"]))
        self.aws = aws
        self.variables = {**os.environ, **aws.environment, "PYTHONPATH": paths, "PATH": path}
        super().__init__(self.variables, root)

    def pulumi(self, folder: Path, *arguments: str) -> None:
        """Run it in a folder on the stack `local`; it must succeed."""
        command = ["pulumi", *arguments, "--stack", "local", "--non-interactive"]
        done = subprocess.run(
            command,
            cwd=folder,
            env=self.variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{' '.join(command)} in {folder}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"

    def loop(self, layers: Sequence[str] = LAYER_NAMES) -> None:
        """Loop without the tool: one `pulumi up` after the other."""
        for layer in layers:
            self.pulumi(self.root / layer, "up", "--yes")


@contextmanager
def checkout() -> Iterator[Checkout]:
    """A copy of this checkout, which shares its environment; all of it is gone at the end."""
    with tempfile.TemporaryDirectory() as folder, running(Path(folder, "home")) as aws:
        yield Checkout(aws, copy_checkout(Path(folder, "checkout")))


def largest_child_mb() -> float:
    """Return the largest memory (MB) of this process's children and theirs that have ended."""
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
