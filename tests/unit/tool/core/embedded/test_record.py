from __future__ import annotations

import os
import subprocess
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from estate_tool.core.embedded import record
from estate_tool.core.embedded.record import start_identity
from tests.support.waiting import expect_soon

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def mine() -> record.Record:
    identity = start_identity(os.getpid())
    assert identity
    return record.Record(pid=os.getpid(), identity=identity, port=4700, started=1.5)


def test_a_record_is_read_as_it_was_written_and_gone_when_removed(tmp_path: Path, mine: record.Record) -> None:
    record.write(tmp_path, mine)
    assert record.read(tmp_path) == mine

    record.remove(tmp_path)
    record.remove(tmp_path)

    assert record.read(tmp_path) is None
    assert list(tmp_path.iterdir()) == []


def test_only_the_process_that_wrote_it_counts_as_alive(mine: record.Record) -> None:
    assert mine.alive
    assert not replace(mine, identity="another boot/17").alive
    assert not replace(mine, ended="the emulator was killed").alive


@pytest.mark.parametrize("text", ["", "{", "[]", '{"pid": 1}', '{"surprise": true}'])
def test_a_file_that_is_no_record_counts_as_none(tmp_path: Path, text: str) -> None:
    (tmp_path / record.NAME).write_text(text)

    assert record.read(tmp_path) is None


def test_a_process_keeps_its_identity_and_no_other_has_it() -> None:
    with subprocess.Popen(["sleep", "30"]) as other:
        mine = start_identity(os.getpid())

        assert mine
        assert mine == start_identity(os.getpid())
        assert start_identity(other.pid) not in (None, mine)
        other.kill()


def test_an_ended_process_has_no_identity_even_as_a_zombie() -> None:
    zombie = subprocess.Popen(["true"])
    expect_soon(lambda: start_identity(zombie.pid) is None, "the process has ended")
    zombie.wait()
    assert start_identity(zombie.pid) is None


def test_no_process_has_a_number_below_one() -> None:
    assert start_identity(0) is None
    assert start_identity(-1) is None
