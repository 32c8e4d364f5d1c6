"""uv, which installs everything else: the one on PATH when it is new enough, else a pinned one in the cache."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

from estate_tool.console.report import Report
from estate_tool.core import paths
from estate_tool.core.errors import Failed
from estate_tool.setup.failures import writing
from estate_tool.setup.locking import beside, hold
from estate_tool.setup.processes import base_python, environ, run

PINS = Path(__file__).parent / "pins"
# `uv venv --relocatable` and `uv pip sync --compile-bytecode` both stand since 0.3; 0.6 is the oldest one tried.
OLDEST = (0, 6, 0)


def version_of(text: str) -> tuple[int, int, int] | None:
    """The first `1.2.3` in `text` (`v1.2.3`, `go1.26`, `uv 0.13.9 (…)`), or None; a missing third part is 0."""
    found = re.search(r"(\d+)\.(\d+)(?:\.(\d+))?", text)
    return (int(found[1]), int(found[2]), int(found[3] or 0)) if found else None


def ask_version(*command: str | Path) -> str:
    """Return the version that `command` prints; empty when it can't be run."""
    try:
        done = subprocess.run(
            [str(part) for part in command],
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
            stdin=subprocess.DEVNULL,
            env=environ(PULUMI_SKIP_UPDATE_CHECK="true", GOTOOLCHAIN="local"),
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def ensure_uv(report: Report) -> Path:
    """The uv to use, installed into the cache when PATH has none that is new enough."""
    on_path = shutil.which("uv")
    if on_path and (version_of(ask_version(on_path, "--version")) or (0, 0, 0)) >= OLDEST:
        return Path(on_path)
    pinned = (PINS / "uv.in").read_text(encoding="utf-8").strip().replace("==", "-")
    tools = paths.cache() / "tools"
    wanted = tools / pinned
    if wanted.exists():
        return wanted
    with hold(paths.cache() / "locks" / "uv.lock", "uv", report), writing("uv", tools):
        if not wanted.exists():
            report.line(f"set-up: installing {pinned} into {tools}")
            _install(wanted, report)
    return wanted


def uv_environ() -> dict[str, str]:
    """The environment for uv: what it downloads stays in our cache, beside the environments it is linked into."""
    return environ(UV_CACHE_DIR=os.environ.get("UV_CACHE_DIR") or str(paths.cache() / "packages"))


def _install(wanted: Path, report: Report) -> None:
    """uv is one program that needs nothing beside it, so the folder it is installed through goes away again."""
    requirements = ["--no-deps", "--require-hashes", "--only-binary", ":all:", "-r", PINS / "uv.txt"]
    with beside(wanted) as aside:
        run(
            [*_pip(aside, report), "install", "--target", aside / "uv", *requirements],
            doing="set-up: installing uv",
            log="uv",
            report=report,
            env=environ(),
        )
        (aside / "uv" / "bin" / "uv").rename(wanted)


def _pip(aside: Path, report: Report) -> list[str | Path]:
    """A pip to call: this Python's own, else one in an environment made for it."""
    python = base_python()
    if ask_version(python, "-m", "pip", "--version"):
        return [python, "-m", "pip"]
    try:
        run(
            [python, "-m", "venv", aside / "venv"],
            doing="set-up: making an environment for pip",
            log="uv",
            report=report,
            env=environ(),
        )
    except Failed as failed:
        raise Failed(
            f"{python} has neither pip nor venv, and there is no uv on PATH",
            "install one of them (on Debian and Ubuntu: the package python3-venv)\n" + failed.hint,
        ) from failed
    return [aside / "venv" / "bin" / "python", "-m", "pip"]
