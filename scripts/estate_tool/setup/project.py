"""Version of the project: as `--version` shows it, and `make release VERSION=1.2.0`.

A release dates the changelog, sets the version, commits and tags. Nothing is pushed.
"""

from __future__ import annotations

import datetime as dt
import importlib.metadata
import platform
import re
import subprocess
import tomllib
from pathlib import Path

from estate_tool.console.progress import say
from estate_tool.core import paths
from estate_tool.core.errors import Failed, UsageError

PROJECT = paths.ROOT / "pyproject.toml"
_VERSION = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)")
_FILES = ("CHANGELOG.md", "pyproject.toml")
_UNRELEASED = "## Unreleased\n"


def tool() -> str:
    """Return the project's version."""
    return str(tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]["version"])


def commit() -> str:
    """Return the checkout's commit, and whether files differ from it; "unknown" where git can't tell."""
    try:
        head = _git(paths.ROOT, "rev-parse", "--short=12", "HEAD", timeout=20)
        changed = _git(paths.ROOT, "status", "--porcelain", "--untracked-files=no", timeout=20)
    except Failed:
        return "unknown"
    return head + (", changed" if changed else "")


def lines() -> list[str]:
    """Return what `estate --version` prints."""
    from estate_tool.setup.engine import find_engine

    engine = find_engine()
    sdk = [f"{name} {importlib.metadata.version(name)}" for name in ("pulumi", "pulumi-aws")]
    found = f"engine {engine.version} ({engine.source})" if engine else "engine not there yet (scripts/setup.sh)"
    return [f"estate {tool()} (commit {commit()})", ", ".join([found, *sdk, f"Python {platform.python_version()}"])]


def release(version: str, root: Path = paths.ROOT, today: dt.date | None = None) -> None:
    """Make the release; raise UsageError, with nothing changed, for a version that can't be one."""
    changelog, project = (root / name for name in _FILES)
    before, _, after = changelog.read_text(encoding="utf-8").partition(_UNRELEASED)
    next_heading = re.search(r"^## ", after, flags=re.M)
    end = next_heading.start() if next_heading else len(after)
    news, older = after[:end], after[end:]
    current = re.search(r'(?m)^version = "([^"]+)"$', project.read_text(encoding="utf-8"))
    if current is None:
        raise Failed(f"{project} names no version")
    _check(version, current[1], news, root)
    day = (today or dt.datetime.now(tz=dt.UTC).date()).isoformat()
    changelog.write_text(f"{before}{_UNRELEASED}\n## {version} · {day}\n\n{news.strip()}\n\n{older}".rstrip() + "\n")
    text = project.read_text(encoding="utf-8")
    project.write_text(text.replace(current[0], f'version = "{version}"', 1), encoding="utf-8")
    _git(root, "add", *_FILES)
    _git(root, "commit", "--quiet", "--message", f"Release {version}")
    _git(root, "tag", "--annotate", f"v{version}", "--cleanup=verbatim", "--message", f"{version}\n\n{news.strip()}\n")
    say(f"v{version} is made; nothing is pushed\n  → git push --follow-tags")


def _check(version: str, current: str, news: str, root: Path) -> None:
    if not _VERSION.fullmatch(version):
        raise UsageError(f"{version!r} is no version", "three numbers with dots: make release VERSION=1.2.0")
    tags = _git(root, "tag", "--list", "v*").split()
    if f"v{version}" in tags or (tags and _numbers(version) <= max(_numbers(tag[1:]) for tag in tags)):
        raise UsageError(f"{version} is not above what is released: {', '.join(tags)}", f"pyproject.toml has {current}")
    if not news.strip():
        raise UsageError("CHANGELOG.md has nothing under Unreleased", "write there what users notice")
    if changed := _git(root, "status", "--porcelain"):
        raise UsageError(f"not all is committed:\n{changed}", "commit it, or put it aside with git stash -u")


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")) if _VERSION.fullmatch(version) else (0,)


def _git(root: Path, *arguments: str, timeout: float | None = None) -> str:
    try:
        done = subprocess.run(
            ["git", "-C", str(root), *arguments],
            capture_output=True, text=True, check=False, timeout=timeout, stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Failed(f"git {arguments[0]} failed: {error}", "install git, or run it by hand to see more") from error
    if done.returncode:
        raise Failed(
            f"git {arguments[0]} failed: {done.stderr.strip()}", "fix it; git status shows what is left to undo"
        )
    return done.stdout.strip()
