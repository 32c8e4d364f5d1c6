from __future__ import annotations

import asyncio
import errno
import os
import pickle
import time
from typing import TYPE_CHECKING, Any

import pytest

from local_aws.server import snapshot
from tests.support.waiting import expect_soon

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def kept() -> Iterator[int]:
    """A descriptor for the writing child to keep."""
    reader, writer = os.pipe()
    yield reader
    os.close(reader)
    os.close(writer)


class Scoped:
    """A dictionary of ministack's, as far as the state is concerned."""

    def __init__(self) -> None:
        self._data: dict[Any, Any] = {}

    def put(self, key: object, value: object) -> None:
        self._data[key] = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Scoped) and self._data == other._data

    def __hash__(self) -> int:
        raise TypeError("unhashable")


SCOPED = {"Scoped": Scoped}


def no_space() -> dict[str, Any]:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_saved_state_is_loaded(tmp_path: Path) -> None:
    path = tmp_path / "state"
    queues = Scoped()
    queues.put(("account", "region", ("a", "q")), [b"\xff", {1, 2}, "\ud800", 2**70, {"mark": "tuple", "value": []}])
    state = {"sqs": {"queues": queues, "none": None}}

    snapshot.save(path, lambda: state, SCOPED)

    assert snapshot.load(path, SCOPED) == state
    assert list(tmp_path.iterdir()) == [path]
    assert path.stat().st_mode & 0o777 == 0o600


def test_an_object_without_a_format_is_an_error_and_not_text(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="object"):
        snapshot.save(tmp_path / "state", lambda: {"a": object()}, SCOPED)


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_a_state_that_others_may_write_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "state"
    snapshot.save(path, lambda: {"a": 1}, SCOPED)
    path.chmod(mode)

    with pytest.raises(snapshot.Unreadable, match="written by others"):
        snapshot.load(path, SCOPED)


def test_a_state_of_another_user_or_behind_a_link_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "state"
    snapshot.save(path, lambda: {"a": 1}, SCOPED)
    (tmp_path / "link").symlink_to(path)
    with pytest.raises(snapshot.Unreadable, match="regular file"):
        snapshot.load(tmp_path / "link", SCOPED)
    monkeypatch.setattr(os, "geteuid", lambda: path.stat().st_uid + 1)
    with pytest.raises(snapshot.Unreadable, match="another user"):
        snapshot.load(path, SCOPED)


def test_nothing_saved_is_an_empty_state(tmp_path: Path) -> None:
    assert snapshot.load(tmp_path / "state", SCOPED) == {}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"damaged",
        b"[1]\n{}",
        b'{"format": 99, "mark": "m"}\n{}',
        b'{"format": 3}\n{}',
        b"\xff\xfe",
        b'{"format": 3, "mark": "m"}\n{"a":{"m":"os","value":"system"}}',
        b'{"format": 3, "mark": "m"}\n' + b"[" * 9999,
        pickle.dumps({"format": 1, "states": {}}),
    ],
)
def test_a_state_that_is_not_ours_is_refused_with_its_path(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "state"
    path.write_bytes(content)

    with pytest.raises(snapshot.Unreadable, match=str(path)):
        snapshot.load(path, SCOPED)


def test_a_save_that_fails_leaves_the_old_state_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "state"
    snapshot.save(path, lambda: {"a": 1}, SCOPED)

    with pytest.raises(OSError, match="No space left"):
        snapshot.save(path, no_space, SCOPED)

    assert snapshot.load(path, SCOPED) == {"a": 1}
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_is_synced_before_it_replaces_the_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[tuple[str, int]] = []
    sync, replace = os.fsync, type(tmp_path).replace

    def noted_sync(descriptor: int) -> None:
        steps.append(("fsync", os.fstat(descriptor).st_size))
        sync(descriptor)

    def noted_replace(self: Path, target: Path) -> Path:
        steps.append(("replace", self.stat().st_size))
        return replace(self, target)

    monkeypatch.setattr(os, "fsync", noted_sync)
    monkeypatch.setattr(type(tmp_path), "replace", noted_replace)
    snapshot.save(tmp_path / "state", lambda: {"a": "b" * 99_999}, SCOPED)

    size = (tmp_path / "state").stat().st_size
    assert steps == [("fsync", size), ("replace", size)]


def test_an_older_save_never_comes_after_the_last_one(tmp_path: Path, kept: int) -> None:
    path, gate, older = tmp_path / "state", tmp_path / "gate", [True]

    def collect() -> dict[str, Any]:
        expect_soon(lambda: not older[0] or gate.exists(), "the last save", 20)
        return {"a": "older" if older[0] else "last"}

    async def work() -> None:
        keeper = snapshot.Keeper(path, collect, kept, SCOPED)
        running = asyncio.create_task(keeper.run())
        keeper.touch()
        await until(lambda: list(tmp_path.glob(".state.*")))
        older[0] = False
        keeper.save_now()
        assert not keeper.error
        gate.touch()
        # A child that was left alone would now write, and be waited for by the keeper.
        await until(lambda: not list(tmp_path.glob(".state.*")))
        running.cancel()

    asyncio.run(work())
    assert snapshot.load(path, SCOPED) == {"a": "last"}
    assert sorted(tmp_path.iterdir()) == [gate, path]


def test_the_keeper_reports_why_it_could_not_save_and_tries_again(tmp_path: Path, kept: int) -> None:
    path, full = tmp_path / "state", [True]

    async def work() -> str:
        keeper = snapshot.Keeper(path, lambda: no_space() if full[0] else {"a": 1}, kept, SCOPED)
        running = asyncio.create_task(keeper.run())
        keeper.touch()
        await until(lambda: keeper.error)
        error = keeper.error
        full[0] = False
        await until(lambda: not keeper.error)
        running.cancel()
        return error

    assert "No space left" in asyncio.run(work())
    assert snapshot.load(path, SCOPED) == {"a": 1}


async def until(condition: Any) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)
