"""Origin of a rollout's code: commit, uncommitted changes, user, time and version of the tool."""

from __future__ import annotations

import contextlib
import getpass
import os
import socket
import subprocess
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from estate_tool import __version__
from estate_tool.core.errors import UsageError
from estate_tool.core.paths import ROOT
from estate_tool.core.text import utc_time

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from estate_tool.engine.checkpoint import StackState

_CLEAN, _CHANGED = "clean", "changed"
_NOTHING = "-"
# Beside the digests in a stack's tag, of which Pulumi's service takes 256 characters.
_LONGEST_WHO = 36


@dataclass(frozen=True, kw_only=True)
class Provenance:
    """`commit` is empty for a checkout without history; `clean` is True if nothing in it differed from the commit."""

    commit: str = ""
    clean: bool = True
    when: str = ""
    tool: str = __version__
    who: str = ""

    def __str__(self) -> str:
        """Five words, as a tag holds them."""
        words = (self.commit, _CLEAN if self.clean else _CHANGED, self.when, self.tool, self.who)
        return " ".join("_".join(word.split()) or _NOTHING for word in words)

    @classmethod
    def parse(cls, words: list[str]) -> Provenance:
        """Raise ValueError for another number of words than five."""
        commit, state, when, tool, who = ("" if word == _NOTHING else word for word in words)
        return cls(commit=commit, clean=state == _CLEAN, when=when, tool=tool, who=who)

    @property
    def text(self) -> str:
        """The same for a person."""
        code = f"commit {self.commit[:12]}" if self.commit else "code without history"
        changed = "" if self.clean else ", with changes that are not committed"
        return f"{code}{changed}, by {self.who} at {self.when}, tool {self.tool}"

    def to_dict(self) -> dict[str, Any]:
        """Return the shape that `--json` promises."""
        return {
            "commit": self.commit or None, "clean": self.clean, "when": self.when, "who": self.who, "tool": self.tool,
            "text": self.text,
        }  # fmt: skip


def current(root: Path = ROOT) -> Provenance:
    """Return the origin of the code at hand: commit, user, tool version."""
    commit = _git(root, "rev-parse", "HEAD") if (root / ".git").exists() else None
    clean = commit is not None and _git(root, "status", "--porcelain") == ""
    return Provenance(commit=commit or "", clean=clean, when=utc_time(time.time()), who=user())


def user() -> str:
    """Return who runs this command, and where, as one word."""
    name = os.environ.get("GITHUB_ACTOR", "")
    with contextlib.suppress(KeyError, OSError):  # a user without a name
        name = name or getpass.getuser()
    return "_".join(f"{name or os.getuid()}@{socket.gethostname()}".split())[:_LONGEST_WHO]


def last(states: Mapping[str, StackState]) -> dict[str, Provenance]:
    """Return the layers' last rollouts, of those that are recorded."""
    return {name: state.record.origin for name, state in states.items() if state.record and state.record.origin}


def refuse_older(states: Mapping[str, StackState], own: Provenance, environment: str, root: Path = ROOT) -> None:
    """Raise UsageError where a layer was rolled out from a commit that the code at hand does not contain."""
    for layer, origin in last(states).items():
        if origin.commit in ("", own.commit):
            continue
        reason, hint = _missing(origin.commit, own, root)
        if reason:
            raise UsageError(
                f"layer {layer} of {environment} was rolled out from {origin.text}; {reason}: a rollout might take "
                "newer changes back; nothing was touched",
                f"{hint}\nto roll it out all the same: --older",
            )


def _missing(commit: str, own: Provenance, root: Path) -> tuple[str, str]:
    """Return the reason why the code at hand is not known to contain the commit, and a hint; empty if it does."""
    if not own.commit:
        return "the code at hand has no history", "use a clone of the repository"
    if _git(root, "merge-base", "--is-ancestor", commit, own.commit) is not None:
        return "", ""
    here = f"the code at hand, commit {own.commit[:12]},"
    if _git(root, "cat-file", "-e", f"{commit}^{{commit}}") is None:
        return (
            f"{here} does not know that commit",
            "git fetch, and git pull or merge; of a shallow clone, git fetch --unshallow",
        )
    return f"{here} does not contain it", f"git merge {commit[:12]}, or pull the branch that it is on"


def _git(root: Path, *arguments: str) -> str | None:
    """Return the output of git; None when it fails, or is not there."""
    try:
        asked = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=False)
    except OSError:
        return None
    return asked.stdout.strip() if asked.returncode == 0 else None
