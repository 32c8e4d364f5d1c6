"""Older code does not roll newer code back."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from estate_tool.core.errors import UsageError
from estate_tool.engine import provenance
from estate_tool.engine.checkpoint import Record, StackState
from estate_tool.engine.provenance import Provenance

if TYPE_CHECKING:
    from pathlib import Path


def git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=ann", "-c", "user.email=ann@example.org", "-c", "commit.gpgsign=false"]
    done = subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def commit(folder: Path, text: str) -> str:
    (folder / "file").write_text(text)
    git(folder, "add", ".")
    git(folder, "commit", "-m", text)
    return git(folder, "rev-parse", "HEAD")


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    folder = tmp_path / "clone"
    folder.mkdir()
    git(folder, "init")
    commit(folder, "one")
    return folder


def deployed(origin: Provenance | None) -> dict[str, StackState]:
    return {"data": StackState(deployment={}, record=Record(origin=origin)), "compute": StackState(deployment={})}


def refuse(clone: Path, origin: Provenance | None) -> None:
    provenance.refuse_older(deployed(origin), provenance.current(clone), "dev", clone)


def test_the_code_at_hand_is_reported_with_what_is_not_committed(clone: Path) -> None:
    own = provenance.current(clone)
    assert (own.commit, own.clean) == (git(clone, "rev-parse", "HEAD"), True)
    assert own.who
    (clone / "new").touch()
    assert not provenance.current(clone).clean


def test_a_record_holds_where_the_code_came_from_within_what_a_tag_may_be(clone: Path) -> None:
    own = provenance.current(clone)
    record = Record(inputs="i" * 48, state="s" * 48, aws="a" * 36, origin=own)
    kept = Record.parse(str(record))
    assert kept is not None
    assert (kept, kept.origin) == (record, own)
    assert len(str(record)) <= 256
    assert Record.parse("2 a b c d") is None


def test_the_same_and_newer_code_are_rolled_out(clone: Path) -> None:
    first = provenance.current(clone)
    refuse(clone, first)
    refuse(clone, None)
    refuse(clone, Provenance())
    commit(clone, "two")
    refuse(clone, first)
    second = provenance.current(clone)
    git(clone, "checkout", "HEAD~1")
    with pytest.raises(UsageError):
        refuse(clone, second)


@pytest.mark.parametrize("how", ["older", "diverged"])
def test_code_without_the_commit_that_is_rolled_out_is_refused(clone: Path, how: str) -> None:
    commit(clone, "two")
    newer = provenance.current(clone)
    git(clone, "checkout", "HEAD~1")
    if how == "diverged":
        commit(clone, "three")
    with pytest.raises(UsageError) as refused:
        refuse(clone, newer)
    assert f"layer data of dev was rolled out from commit {newer.commit[:12]}" in refused.value.message
    assert newer.who in refused.value.message
    assert "--older" in refused.value.hint


def test_a_commit_that_is_not_known_here_is_to_be_fetched(clone: Path) -> None:
    with pytest.raises(UsageError) as refused:
        refuse(clone, Provenance(commit="0123456789" * 4))
    assert "git fetch" in refused.value.hint


def test_a_checkout_without_history_rolls_out_only_where_nothing_is_known(clone: Path, tmp_path: Path) -> None:
    known = provenance.current(clone)
    bare = tmp_path / "bare"
    bare.mkdir()
    assert provenance.current(bare).commit == ""
    with pytest.raises(UsageError, match="has no history"):
        provenance.refuse_older(deployed(known), provenance.current(bare), "dev", bare)
