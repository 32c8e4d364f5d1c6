"""A release by one command, and the versions that are at work."""

from __future__ import annotations

import datetime as dt
import re
import subprocess
from typing import TYPE_CHECKING

import pytest

from estate_tool import cli
from estate_tool.core.errors import UsageError
from estate_tool.setup import project

if TYPE_CHECKING:
    from pathlib import Path

CHANGELOG = "# Changelog\n\n## Unreleased\n\n- New: #1 thing\n\n## 0.1.0 · 2026-01-01\n\n- Old\n"


def git(root: Path, *arguments: str) -> str:
    return subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, text=True, check=True).stdout


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{name}_NAME", "Somebody")
        monkeypatch.setenv(f"GIT_{name}_EMAIL", "somebody@example.org")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    (tmp_path / "CHANGELOG.md").write_text(CHANGELOG)
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "estate"\nversion = "0.1.0"\n')
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--quiet", "--message", "first")
    git(tmp_path, "tag", "v0.1.0")
    return tmp_path


def test_a_release_dates_the_changelog_sets_the_version_commits_and_tags(checkout: Path) -> None:
    project.release("0.2.0", checkout, dt.date(2026, 2, 3))
    text = (checkout / "CHANGELOG.md").read_text()
    assert re.findall(r"(?m)^## .*$", text) == ["## Unreleased", "## 0.2.0 · 2026-02-03", "## 0.1.0 · 2026-01-01"]
    assert text.index("0.2.0") < text.index("- New: #1 thing") < text.index("0.1.0")
    assert 'version = "0.2.0"' in (checkout / "pyproject.toml").read_text()
    assert git(checkout, "status", "--porcelain") == ""
    assert git(checkout, "log", "-1", "--format=%s").strip() == "Release 0.2.0"
    assert git(checkout, "rev-parse", "v0.2.0^{commit}") == git(checkout, "rev-parse", "HEAD")
    assert "- New: #1 thing" in git(checkout, "tag", "--list", "v0.2.0", "--format=%(contents)")


@pytest.mark.parametrize("version", ["", "0.2", "v0.2.0", "0.2.0-rc1", "0.1.0", "0.0.9", "00.2.0"])
def test_what_is_no_version_above_the_last_is_refused_and_nothing_changes(checkout: Path, version: str) -> None:
    with pytest.raises(UsageError):
        project.release(version, checkout)
    assert git(checkout, "status", "--porcelain") == ""
    assert git(checkout, "tag").split() == ["v0.1.0"]


def test_a_release_of_what_is_not_committed_or_of_nothing_is_refused(checkout: Path) -> None:
    (checkout / "new.txt").touch()
    with pytest.raises(UsageError, match="not all is committed"):
        project.release("0.2.0", checkout)
    (checkout / "new.txt").unlink()
    project.release("0.2.0", checkout)
    with pytest.raises(UsageError, match="nothing under Unreleased"):
        project.release("0.3.0", checkout)


def test_the_versions_are_of_tool_commit_engine_and_sdk(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["--version"])
    assert ended.value.code == 0
    first, second = capsys.readouterr().out.splitlines()
    assert re.fullmatch(rf"estate {re.escape(project.tool())} \(commit ([0-9a-f]{{12}}|unknown)(, changed)?\)", first)
    assert second.startswith("engine ")
    assert re.search(r"pulumi 3\.\d+\.\d+, pulumi-aws 7\.\d+\.\d+", second)
