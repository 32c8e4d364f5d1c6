"""Versions of what is at work here: the tool and its commit, the engine, Pulumi's SDK, Python."""

from __future__ import annotations

import importlib.metadata
import platform
import subprocess
import tomllib

from estate_tool.core import paths

PROJECT = paths.ROOT / "pyproject.toml"


def tool() -> str:
    """Return the project's version."""
    return str(tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]["version"])


def commit() -> str:
    """Return the checkout's commit, and whether files differ from it; "unknown" where git can't tell."""
    head = _git("rev-parse", "--short=12", "HEAD")
    changed = _git("status", "--porcelain", "--untracked-files=no") if head else ""
    return (head or "unknown") + (", changed" if changed else "")


def lines() -> list[str]:
    """Return what `estate --version` prints."""
    from estate_tool.setup.engine import find_engine

    engine = find_engine()
    sdk = [f"{name} {importlib.metadata.version(name)}" for name in ("pulumi", "pulumi-aws")]
    found = f"engine {engine.version} ({engine.source})" if engine else "engine not there yet (scripts/setup.sh)"
    return [f"estate {tool()} (commit {commit()})", ", ".join([found, *sdk, f"Python {platform.python_version()}"])]


def _git(*arguments: str) -> str:
    command = ["git", "-C", str(paths.ROOT), *arguments]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=20, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
