"""Linters that no Python package brings: built once from their Go modules, which go.sum pins."""

from __future__ import annotations

import hashlib
import shutil
import time
from pathlib import Path

from estate_tool.console.report import Report, duration
from estate_tool.core import paths
from estate_tool.setup import build
from estate_tool.setup.failures import writing
from estate_tool.setup.locking import beside, hold
from estate_tool.setup.processes import run

_MODULE = Path(__file__).parent
_PACKAGE = "github.com/rhysd/actionlint/cmd/actionlint"


def ensure_actionlint(report: Report) -> Path:
    """The linter of GitHub's workflows: the one on PATH, else one in the cache, built when there is none."""
    if on_path := shutil.which("actionlint"):
        return Path(on_path)
    digest = hashlib.sha256((_MODULE / "go.sum").read_bytes()).hexdigest()[:12]
    folder = paths.cache() / "actionlint" / digest
    with hold(paths.cache() / "locks" / f"actionlint-{digest}.lock", "actionlint", report):
        if not (folder / "actionlint").exists():
            _build(folder, report)
    return folder / "actionlint"


def _build(folder: Path, report: Report) -> None:
    began = time.monotonic()
    report.line("set-up: building actionlint from its Go modules, once: half a minute")
    with writing("actionlint", folder.parent), beside(folder) as made:
        work = made / "work"
        (work / "tmp").mkdir(parents=True)
        source = work / "module"
        # A copy: go may write into the folder it builds in, and the checkout may be read-only.
        shutil.copytree(_MODULE, source)
        go, env = build.toolchain(work, report), build.go_environ(work)
        command = [go, "build", "-ldflags", "-s -w", "-o", made / "actionlint", _PACKAGE]
        run(command, doing="set-up: building actionlint", log="actionlint", report=report, env=env, cwd=source)
        shutil.rmtree(work)
        made.rename(folder)
    report.line(f"set-up: actionlint is ready after {duration(time.monotonic() - began)}")
