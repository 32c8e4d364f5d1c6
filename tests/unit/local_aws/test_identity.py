from __future__ import annotations

import os
import subprocess

from estate_tool.core.embedded.record import start_identity
from tests.support.waiting import expect_soon


def test_a_process_keeps_its_identity_and_no_other_has_it() -> None:
    with subprocess.Popen(["sleep", "30"]) as other:
        mine = start_identity(os.getpid())

        assert mine
        assert mine == start_identity(os.getpid())
        assert start_identity(other.pid) not in (None, mine)
        other.kill()


def test_who_has_ended_has_no_identity_even_before_anyone_asked_for_the_exit_code() -> None:
    zombie = subprocess.Popen(["true"])
    expect_soon(lambda: start_identity(zombie.pid) is None, "the process has ended")
    zombie.wait()
    assert start_identity(zombie.pid) is None


def test_no_process_has_a_number_below_one() -> None:
    assert start_identity(0) is None
    assert start_identity(-1) is None
